"""Griffin's recurrent block around the real-gated linear recurrent unit (De et al. 2024).

arXiv 2402.19427, section 2.3 (the block) and 2.4 (the RG-LRU).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float

from seqjax.models.axes import laid_out, with_axes
from seqjax.models.linear import make_linear
from seqjax.models.mixers.mixer import Recurrence, time_major, zero_masked
from seqjax.models.mixers.over_time import over_time
from seqjax.models.mixers.short_convolution import ShortConvolution, Window, empty_window
from seqjax.ops.linear_recurrence import linear_recurrence

SHARPNESS = 8.0  # c of equation 3
SLOWEST, FASTEST = 0.999, 0.9  # σ(Λ)^c starts between these


class GriffinCarry(NamedTuple):
    """The state of the recurrence, and the last inputs of the convolution."""

    state: Float[Array, "batch inner"]
    window: Window


class RGLRU(Recurrence):
    """`W_o (GeLU(W_g x) ⊙ RG-LRU(conv(W_i x)))`, both branches of size `model.inner_size`.

    The RG-LRU of an input u (equations 1 to 4):
    `r_t = σ(W_a u_t + b_a)`, `i_t = σ(W_u u_t + b_u)`, `a_t = σ(Λ)^{c r_t}`,
    `h_t = a_t ⊙ h_{t-1} + √(1 - a_t²) ⊙ (i_t ⊙ u_t)`, with `model.heads` diagonal blocks in W_a and
    W_u.
    """

    def init_carry(self, batch_size: int, capacity: int) -> GriffinCarry:
        inner = self.config.inner_size
        return GriffinCarry(
            state=jnp.zeros((batch_size, inner), jnp.float32),
            window=empty_window(self.config, batch_size, inner),
        )

    @nn.compact
    def __call__(
        self, x, carry=None, *, mask=None, reset=None, memory=None, memory_mask=None, train=False
    ):
        config, inner = self.config, self.config.inner_size
        carry = self.init_carry(x.shape[0], 0) if carry is None else carry
        gate = make_linear(config, "gate", inner, ("embed", "inner"))(x)
        inputs = make_linear(config, "input", inner, ("embed", "inner"))(x)
        gate, inputs = (laid_out(part, "batch", "time", "inner") for part in (gate, inputs))
        inputs, window = ShortConvolution(config, name="convolution")(
            inputs, carry.window, mask, reset
        )

        recurrence_gate = jax.nn.sigmoid(self.blocks("recurrence_gate", inputs))
        input_gate = jax.nn.sigmoid(self.blocks("input_gate", inputs))
        decay = self.param("decay", with_axes(decay_init, ("inner",)), (inner,), jnp.float32)
        log_a = -SHARPNESS * recurrence_gate * jax.nn.softplus(-decay)[None, None]
        # The bound keeps the square root's derivative finite where a gate is closed.
        kept = jnp.sqrt(jnp.maximum(-jnp.expm1(2 * log_a), 1e-12))
        steps, of_state = ("time", "batch", "inner"), ("batch", "inner")
        states, state = over_time(
            linear_recurrence,
            (
                time_major(jnp.exp(log_a)),
                time_major(kept * input_gate * inputs.astype(jnp.float32)),
                carry.state,
            ),
            (steps, steps, of_state),
            (steps, of_state),
            mask=time_major(mask),
            reset=time_major(reset),
            method=config.linear_recurrence,
        )
        y = jax.nn.gelu(gate, approximate=False) * time_major(states).astype(config.dtype)
        y = make_linear(config, "output", config.width, ("inner", "embed"))(y)
        return zero_masked(y, mask), GriffinCarry(state, window)

    def blocks(
        self, name: str, x: Float[Array, "batch time inner"]
    ) -> Float[Array, "batch time inner"]:
        """`W x + b`, float32, with a block of W for each head."""
        heads = self.config.heads
        kernel = self.param(
            f"{name}_kernel",
            with_axes(nn.initializers.lecun_normal(batch_axis=0), ("heads", "head_in", "head_out")),
            (heads, x.shape[-1] // heads, x.shape[-1] // heads),
            jnp.float32,
        )
        bias = self.param(
            f"{name}_bias",
            with_axes(nn.initializers.zeros, ("inner",)),
            (x.shape[-1],),
            jnp.float32,
        )
        of_heads = x.reshape(*x.shape[:2], heads, -1)
        y = jnp.einsum("bthi,hio->btho", of_heads, kernel.astype(x.dtype)).reshape(x.shape)
        return y.astype(jnp.float32) + bias[None, None]


def decay_init(
    key: Array, shape: tuple[int, ...], dtype: jax.typing.DTypeLike
) -> Float[Array, " inner"]:
    """Λ such that `σ(Λ)^c` is uniform between the two bounds."""
    log_a = jnp.log(jax.random.uniform(key, shape, dtype, FASTEST, SLOWEST)) / SHARPNESS
    return log_a - jnp.log(-jnp.expm1(log_a))
