"""minGRU and minLSTM: gates that look at the input alone (Feng et al. 2024, arXiv 2410.01201).

These are the paper's forms without logarithms (its sections 3.1 and 3.2). Each new state is a mean
of the old one and a candidate, weighted by gates between 0 and 1 that never divide by a product of
decays, so no length overflows.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float

from seqjax.models.linear import make_linear
from seqjax.models.mixers.mixer import Recurrence, time_major, zero_masked
from seqjax.models.mixers.over_time import over_time
from seqjax.ops.linear_recurrence import linear_recurrence


class Minimal(Recurrence):
    """`h_t = a_t ⊙ h_{t-1} + b_t`, both from `gates` linear maps of the input."""

    @property
    def gates(self) -> int:
        """The number of linear maps, the candidate's included."""
        raise NotImplementedError

    def coefficients(
        self, gates: Float[Array, "time batch gates_width"]
    ) -> tuple[Float[Array, "time batch width"], Float[Array, "time batch width"]]:
        """`a` and `b` from the linear maps, side by side."""
        raise NotImplementedError

    def init_carry(self, batch_size: int, capacity: int) -> Float[Array, "batch width"]:
        return jnp.zeros((batch_size, self.config.width), jnp.float32)

    @nn.compact
    def __call__(
        self, x, carry=None, *, mask=None, reset=None, memory=None, memory_mask=None, train=False
    ):
        config = self.config
        gates = make_linear(config, "gates", self.gates * config.width, ("embed", "hidden"))(x)
        a, b = self.coefficients(time_major(gates).astype(jnp.float32))
        steps, of_state = ("time", "batch", "hidden"), ("batch", "hidden")
        states, carry = over_time(
            linear_recurrence,
            (a, b, self.init_carry(x.shape[0], 0) if carry is None else carry),
            (steps, steps, of_state),
            (steps, of_state),
            mask=time_major(mask),
            reset=time_major(reset),
            method=config.linear_recurrence,
        )
        return zero_masked(time_major(states).astype(config.dtype), mask), carry


class MinGRU(Minimal):
    """`h_t = (1 - z) h_{t-1} + z h̃`, `z = σ(W_z x_t + b_z)`, `h̃ = W_h x_t + b_h`; section 3.1."""

    @property
    def gates(self) -> int:
        return 2

    def coefficients(self, gates):
        z, candidate = jnp.split(gates, 2, axis=-1)
        return jax.nn.sigmoid(-z), jax.nn.sigmoid(z) * candidate


class MinLSTM(Minimal):
    """`h_t = f' h_{t-1} + i' h̃`, `f' = f / (f + i)`, `i' = i / (f + i)`; section 3.2.

    `f = σ(W_f x_t + b_f)`, `i = σ(W_i x_t + b_i)`, `h̃ = W_h x_t + b_h`.
    """

    @property
    def gates(self) -> int:
        return 3

    def coefficients(self, gates):
        f, i, candidate = jnp.split(gates, 3, axis=-1)
        # f / (f + i) where both may underflow.
        odds = jax.nn.log_sigmoid(f) - jax.nn.log_sigmoid(i)
        return jax.nn.sigmoid(odds), jax.nn.sigmoid(-odds) * candidate
