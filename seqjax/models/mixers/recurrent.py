"""Mixers over the cells of `seqjax.ops.cells`: Elman RNN, LSTM, GRU."""

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float

from seqjax.models.axes import laid_out, with_axes
from seqjax.models.mixers.mixer import Recurrence, time_major, zero_masked
from seqjax.ops import cells
from seqjax.ops.cell import Cell, State
from seqjax.ops.segmented_recurrence import segmented_recurrence
from seqjax.ops.step_products import product_of_steps

input_init = nn.initializers.glorot_uniform()


def recurrent_init(key: Array, shape: tuple[int, ...], dtype: jax.typing.DTypeLike) -> Array:
    """One orthogonal matrix for each gate, side by side."""
    hidden, gates_hidden = shape
    keys = jax.random.split(key, gates_hidden // hidden)
    orthogonal = nn.initializers.orthogonal()
    return jnp.concatenate([orthogonal(k, (hidden, hidden), dtype) for k in keys], axis=1)


class CellRecurrence(Recurrence):
    """`h_t` of a cell for every step; the input's product is formed for all steps at once.

    In training, `model.recurrent_dropout` multiplies `h_{t-1}` in the recurrent product by one
    mask for all steps of a row (Gal and Ghahramani 2016, equation 7, tied weights).
    """

    @property
    def cell(self) -> Cell:
        """The cell that is repeated over time."""
        raise NotImplementedError

    def init_carry(self, batch_size: int, capacity: int) -> State:
        return (jnp.zeros((batch_size, self.config.width), jnp.float32),) * self.cell.states

    def initial_bias(self, key: Array) -> Float[Array, "gates hidden"]:
        """The bias of the input's product at the start of training."""
        return jnp.zeros((self.cell.gates, self.config.width))

    def recurrent_bias(self) -> Float[Array, " gates_hidden"]:
        """The bias of the recurrent product: none, unless the cell needs it inside a gate."""
        return jnp.zeros(self.cell.gates * self.config.width)

    def recurrent_weight(self) -> Array:
        """The matrix of each gate, `[hidden, gates_hidden]`, or its diagonal, `[gates_hidden]`."""
        kernel = self.param(
            "recurrent_kernel",
            with_axes(recurrent_init, ("recurrent", "recurrent_gates")),
            (self.config.width, self.cell.gates * self.config.width),
            jnp.float32,
        )
        # Whole on every device before time begins, or each step would exchange parts of it.
        return laid_out(kernel.astype(self.config.dtype), None, None)

    def peepholes(self) -> tuple[Float[Array, " hidden"], ...]:
        """The weights through which the cell looks at its own state."""
        return ()

    @nn.compact
    def __call__(
        self, x, carry=None, *, mask=None, reset=None, memory=None, memory_mask=None, train=False
    ):
        dtype = jnp.dtype(self.config.dtype)
        input_kernel = self.param(
            "input_kernel",
            with_axes(input_init, ("embed", "hidden")),
            (x.shape[-1], self.cell.gates * self.config.width),
            jnp.float32,
        )
        bias = self.param(
            "bias",
            with_axes(lambda key: self.initial_bias(key).reshape(-1), ("hidden",)),
        )

        def form_inputs(x: Float[Array, "time batch features"]) -> Float[Array, "time batch gates"]:
            inputs = product_of_steps(x, input_kernel.astype(dtype))
            return laid_out(inputs, None, "batch", None)  # every device walks through all steps

        outputs, carry = segmented_recurrence(
            self.cell,
            time_major(x).astype(dtype),
            form_inputs,
            self.recurrent_weight(),
            self.recurrent_bias(),
            self.init_carry(x.shape[0], 0) if carry is None else carry,
            size=self.config.remat_steps,
            input_bias=bias,
            peepholes=self.peepholes(),
            dropout_mask=self.dropout_mask(x.shape[0]) if train else None,
            mask=time_major(mask),
            reset=time_major(reset),
            method=self.config.nonlinear_recurrence,
        )
        return zero_masked(time_major(outputs).astype(dtype), mask), carry

    def dropout_mask(self, batch_size: int) -> Float[Array, "batch hidden"] | None:
        """Factors 0 or 1/(1 - rate) for `h`, or None where nothing is dropped."""
        rate = self.config.recurrent_dropout
        if rate == 0:
            return None
        shape = (batch_size, self.config.width)
        return jax.random.bernoulli(self.make_rng("dropout"), 1 - rate, shape) / (1 - rate)

    def chrono_bias(self, key: Array) -> Float[Array, " hidden"]:
        """`log u`, u uniform in [1, T - 1]: a gate `σ(log u)` forgets over `u + 1` steps.

        T is `model.chrono_length` (Tallec and Ollivier 2018, equation 16).
        """
        longest = self.config.chrono_length - 1
        return jnp.log(jax.random.uniform(key, (self.config.width,), minval=1, maxval=longest))


class SimpleRNN(CellRecurrence):
    """The Elman RNN with the activation of `model.recurrent_activation`."""

    @property
    def cell(self) -> Cell:
        return cells.elman(self.config.recurrent_activation)


class LSTM(CellRecurrence):
    """Its forget bias starts at 1 (Gers et al. 2000; Jozefowicz et al. 2015), or chrono."""

    @property
    def cell(self) -> Cell:
        return cells.lstm()

    def initial_bias(self, key):
        bias = super().initial_bias(key)
        if not self.config.chrono_length:
            return bias.at[1].set(1.0)
        chrono = self.chrono_bias(key)
        return bias.at[0].set(-chrono).at[1].set(chrono)


class GRU(CellRecurrence):
    """Its candidate has a bias of its own inside the reset gate; its update bias may be chrono."""

    @property
    def cell(self) -> Cell:
        return cells.gru()

    def initial_bias(self, key):
        bias = super().initial_bias(key)
        return bias.at[1].set(self.chrono_bias(key)) if self.config.chrono_length else bias

    def recurrent_bias(self):
        candidate = self.param(
            "recurrent_bias",
            with_axes(nn.initializers.zeros, ("recurrent",)),
            (self.config.width,),
            jnp.float32,
        )
        # Whole before the loop over time, in which it would be gathered at every step.
        return jnp.pad(laid_out(candidate, None), (2 * self.config.width, 0))
