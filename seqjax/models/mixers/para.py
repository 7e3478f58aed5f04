"""A GRU and an LSTM whose units look at no other unit's state.

Their recurrent matrices are diagonal, and so is the Jacobian of one state by the one before, which
lets Newton's method evaluate all steps at once (Danieli et al. 2025, "ParaRNN", equation 3.1).
"""

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float

from seqjax.models.axes import with_axes
from seqjax.models.mixers.recurrent import CellRecurrence
from seqjax.ops import cells
from seqjax.ops.cell import Cell


class Para(CellRecurrence):
    """A cell with diagonal recurrent matrices."""

    def recurrent_weight(self) -> Float[Array, " gates_hidden"]:
        return self.diagonals("recurrent_kernel", self.cell.gates).reshape(-1)

    def diagonals(self, name: str, count: int) -> Float[Array, "count hidden"]:
        """`count` weights for each unit, of the standard deviation of small matrices."""
        return self.param(
            name,
            with_axes(
                nn.initializers.normal(2 / (5 * self.config.width) ** 0.5), ("gates", "hidden")
            ),
            (count, self.config.width),
            jnp.float32,
        )


class ParaGRU(Para):
    """`h_t = (1 - z) h_{t-1} + z tanh(W_h x_t + a_h r h_{t-1} + b_h)`, equation 3.1a.

    `z = σ(W_z x_t + a_z h_{t-1} + b_z)`, and r likewise. This is the GRU cell with `-z` for z: with
    diagonal matrices it is the same to reset before the product or after it.
    """

    @property
    def cell(self) -> Cell:
        return cells.gru()

    def initial_bias(self, key):
        bias = super().initial_bias(key)
        return bias.at[1].set(self.chrono_bias(key)) if self.config.chrono_length else bias


class ParaLSTM(Para):
    """`c_t = f c_{t-1} + (1 - f) tanh(W_c x_t + a_c h_{t-1} + b_c)`, `h_t = o tanh(c_t)`.

    `f = σ(W_f x_t + a_f h_{t-1} + p c_{t-1} + b_f)`, `o = σ(W_o x_t + a_o h_{t-1} + q c_t + b_o)`,
    equation 3.1b: coupled gates and peepholes. The forget bias starts at 1, or chrono.
    """

    @property
    def cell(self) -> Cell:
        return cells.coupled_lstm()

    def initial_bias(self, key):
        forget = self.chrono_bias(key) if self.config.chrono_length else 1.0
        return super().initial_bias(key).at[0].set(forget)

    def peepholes(self):
        forget, output = self.diagonals("peepholes", 2)
        return forget, output
