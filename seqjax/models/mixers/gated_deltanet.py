"""Gated DeltaNet (Yang et al. 2025, arXiv 2412.06464) with eigenvalues down to -1.

Section 3.4 is the block; Grazzi et al. 2025 (arXiv 2411.12537) double β, without which a linear
recurrence cannot tell odd from even.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float

from seqjax.models.axes import with_axes
from seqjax.models.linear import make_linear
from seqjax.models.mixers.mixer import Recurrence, zero_masked
from seqjax.models.mixers.over_time import over_time
from seqjax.models.mixers.short_convolution import ShortConvolution, empty_window
from seqjax.models.mixers.state_space import MatrixCarry
from seqjax.models.mixers.step_decay import StepDecay
from seqjax.ops.matrix_recurrence import gated_delta_rule


class GatedDeltaNet(Recurrence):
    """`S_t = α_t (I - β_t k_t k_tᵀ) S_{t-1} + β_t k_t v_tᵀ`, `y_t = S_tᵀ q_t` (equation 10).

    In each of `model.heads`, q and k (`model.state_size` a head) and v (`model.inner_size` over all
    heads) are `SiLU(conv(W x))`, q and k scaled to length 1; `β_t = 2 σ(W x_t)`, and α comes from
    `StepDecay`. The output is `W_o (RMSNorm(y) ⊙ SiLU(W_g x))`, normalised head by head.
    """

    def init_carry(self, batch_size: int, capacity: int) -> MatrixCarry:
        config = self.config
        shape = (batch_size, config.heads, config.state_size, config.inner_size // config.heads)
        features = 2 * config.heads * config.state_size + config.inner_size
        return MatrixCarry(
            state=jnp.zeros(shape, jnp.float32),
            window=empty_window(config, batch_size, features),
        )

    @nn.compact
    def __call__(
        self, x, carry=None, *, mask=None, reset=None, memory=None, memory_mask=None, train=False
    ):
        config, inner, heads = self.config, self.config.inner_size, self.config.heads
        keys = heads * config.state_size
        carry = self.init_carry(x.shape[0], 0) if carry is None else carry
        gate = make_linear(config, "gate", inner, ("embed", "inner"), bias=False)(x)
        inputs = jnp.concatenate(
            [
                make_linear(config, name, size, ("embed", "inner"), bias=False)(x)
                for name, size in (("query", keys), ("key", keys), ("value", inner))
            ],
            axis=-1,
        )
        inputs, window = ShortConvolution(config, "side_by_side", name="convolution")(
            inputs, carry.window, mask, reset
        )
        query, key, value = (
            array.reshape(*x.shape[:2], heads, -1)
            for array in jnp.split(jax.nn.silu(inputs), [keys, 2 * keys], axis=-1)
        )
        beta = make_linear(config, "beta", heads, ("embed", "heads"), bias=False)(x)
        _, log_decay = StepDecay(config, name="decay")(x)
        of_heads, of_state = ("batch", "time", "heads", None), ("batch", "heads", None, None)
        y, state = over_time(
            gated_delta_rule,
            (
                unit_length(query),
                unit_length(key),
                value,
                log_decay,
                2 * jax.nn.sigmoid(beta.astype(jnp.float32)),
                carry.state,
            ),
            (of_heads, of_heads, of_heads, of_heads[:3], of_heads[:3], of_state),
            (of_heads, of_state),
            mask=mask,
            reset=reset,
            method=config.matrix_recurrence,
        )
        y = nn.RMSNorm(
            epsilon=config.norm_epsilon,
            dtype=config.dtype,
            scale_init=with_axes(nn.initializers.ones, ("head",)),
            name="output_norm",
        )(y)
        y = y.reshape(gate.shape) * jax.nn.silu(gate)
        y = make_linear(config, "output", config.width, ("inner", "embed"), bias=False)(y)
        return zero_masked(y, mask), MatrixCarry(state, window)


def unit_length(
    x: Float[Array, "batch time heads size"],
) -> Float[Array, "batch time heads size"]:
    """`x / |x|`, and zeros for zeros."""
    square = jnp.square(x.astype(jnp.float32)).sum(axis=-1, keepdims=True)
    return x * jax.lax.rsqrt(square + 1e-6).astype(x.dtype)
