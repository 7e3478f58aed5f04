"""The state-space block of Mamba-2 (Dao and Gu 2024, arXiv 2405.21060, section 7)."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float

from seqjax.models.axes import with_axes
from seqjax.models.linear import make_linear
from seqjax.models.mixers.mixer import Recurrence, zero_masked
from seqjax.models.mixers.over_time import over_time
from seqjax.models.mixers.short_convolution import ShortConvolution, Window, empty_window
from seqjax.models.mixers.step_decay import StepDecay
from seqjax.ops.matrix_recurrence import gated_linear_attention


class MatrixCarry(NamedTuple):
    """The state of each head, from keys to values, and the last inputs of the convolution."""

    state: Float[Array, "batch heads key value"]
    window: Window


class SSD(Recurrence):
    """`S_t = α_t S_{t-1} + B_t (Δ_t u_t)ᵀ`, `y_t = S_tᵀ C_t + D u_t` (equation 2), in each head.

    u (`model.inner_size`, dealt out to `model.heads`), B and C (`model.state_size`, for all heads)
    are `SiLU(conv(W x))`; Δ and α come from `StepDecay`. The output is
    `W_o RMSNorm(y ⊙ SiLU(W_g x))`.
    """

    def init_carry(self, batch_size: int, capacity: int) -> MatrixCarry:
        config = self.config
        shape = (batch_size, config.heads, config.state_size, config.inner_size // config.heads)
        return MatrixCarry(
            state=jnp.zeros(shape, jnp.float32),
            window=empty_window(config, batch_size, config.inner_size + 2 * config.state_size),
        )

    @nn.compact
    def __call__(
        self, x, carry=None, *, mask=None, reset=None, memory=None, memory_mask=None, train=False
    ):
        config, inner, size = self.config, self.config.inner_size, self.config.state_size
        carry = self.init_carry(x.shape[0], 0) if carry is None else carry
        gate = make_linear(config, "gate", inner, ("embed", "inner"), bias=False)(x)
        inputs = jnp.concatenate(
            [
                make_linear(config, "value", inner, ("embed", "inner"), bias=False)(x),
                make_linear(config, "key_query", 2 * size, ("embed", "state"), bias=False)(x),
            ],
            axis=-1,
        )
        inputs, window = ShortConvolution(config, "side_by_side", name="convolution")(
            inputs, carry.window, mask, reset
        )
        value, key, query = jnp.split(jax.nn.silu(inputs), [inner, inner + size], axis=-1)
        value = value.reshape(*x.shape[:2], config.heads, -1).astype(jnp.float32)

        step, log_decay = StepDecay(config, name="decay")(x)
        for_all, of_heads = ("batch", "time", None, None), ("batch", "time", "heads", None)
        of_state = ("batch", "heads", None, None)
        y, state = over_time(
            gated_linear_attention,
            (
                query[:, :, None],
                key[:, :, None],
                step[..., None] * value,
                log_decay,
                carry.state,
            ),
            (for_all, for_all, of_heads, of_heads[:3], of_state),
            (of_heads, of_state),
            mask=mask,
            reset=reset,
            method=config.matrix_recurrence,
        )
        skip = self.param(
            "skip",
            with_axes(nn.initializers.ones, ("heads",)),
            (config.heads,),
            jnp.float32,
        )
        y = (y + skip[None, None, :, None] * value).reshape(gate.shape)
        y = nn.RMSNorm(
            epsilon=config.norm_epsilon,
            dtype=config.dtype,
            scale_init=with_axes(nn.initializers.ones, ("inner",)),
            name="output_norm",
        )(y * jax.nn.silu(gate.astype(jnp.float32)))
        y = make_linear(config, "output", config.width, ("inner", "embed"), bias=False)(y)
        return zero_masked(y, mask), MatrixCarry(state, window)
