"""From the last block's steps to logits: one for a sequence, or one for every step."""

from typing import NamedTuple

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Bool, Float, Int

from seqjax.models.axes import laid_out
from seqjax.models.config import ModelConfig
from seqjax.models.linear import make_linear


class Pooled(NamedTuple):
    """What a pooled head remembers of earlier chunks."""

    value: Float[Array, "batch width"]  # the last real step so far, the sum or the highest of all
    count: Int[Array, " batch"]  # real steps so far


class Head(nn.Module):
    """Pools over real steps as `model.pool` says, then `y = W_y h + b_y`, or `E h` where tied."""

    config: ModelConfig

    @nn.compact
    def __call__(
        self,
        x: Float[Array, "batch time width"],
        carry: Pooled | None,
        mask: Bool[Array, "batch time"] | None,
        reset: Bool[Array, "batch time"] | None,
        table: Float[Array, "outputs width"] | None,
    ) -> tuple[Array, Pooled | None]:
        """Float32 logits, or the steps where `model.outputs` is 0; `table` is E where tied."""
        config = self.config
        if config.pool != "none":
            x, carry = pool(config, x, carry, mask, reset)
        if table is not None:
            x = jnp.einsum("...w,ow->...o", x.astype(config.dtype), table.astype(config.dtype))
        elif config.outputs:
            x = make_linear(config, "logits", config.outputs, ("embed", outputs_axis(config)))(x)
        if config.pool == "none" and outputs_axis(config) == "vocabulary":
            x = laid_out(x, "batch", "time", "vocabulary")
        return x.astype(jnp.float32), carry


def outputs_axis(config: ModelConfig) -> str:
    """The axis of the outputs; a language model's are laid out as its tokens are."""
    return "vocabulary" if config.outputs == config.vocabulary_size else "outputs"


def pool(
    config: ModelConfig,
    x: Float[Array, "batch time width"],
    carry: Pooled | None,
    mask: Bool[Array, "batch time"] | None,
    reset: Bool[Array, "batch time"] | None,
) -> tuple[Float[Array, "batch width"], Pooled]:
    """The pooled vector of each row's newest example, and the memory for the next chunk.

    Zeros where the example has no real step yet.
    """
    x = x.astype(jnp.float32)
    real = jnp.ones(x.shape[:2], bool) if mask is None else mask
    if carry is None:
        carry = Pooled(jnp.zeros_like(x[:, 0]), jnp.zeros(x.shape[0], jnp.int32))
    if reset is not None:
        real &= jnp.cumsum(reset[:, ::-1], axis=1)[:, ::-1] - reset == 0
        goes_on = ~reset.any(axis=1)
        carry = Pooled(carry.value * goes_on[:, None], carry.count * goes_on)
    count = carry.count + real.sum(axis=1)
    if config.pool == "mean":
        total = carry.value + jnp.where(real[..., None], x, 0).sum(axis=1)
        return total / jnp.maximum(count, 1)[:, None], Pooled(total, count)
    if config.pool == "max":
        so_far = jnp.where(carry.count[:, None] > 0, carry.value, -jnp.inf)
        highest = jnp.maximum(so_far, jnp.where(real[..., None], x, -jnp.inf).max(axis=1))
        highest = jnp.where(count[:, None] > 0, highest, 0)
        return highest, Pooled(highest, count)
    last = pick(x, real.shape[1] - 1 - jnp.argmax(real[:, ::-1], axis=1))
    if config.bidirectional:
        forward, _ = jnp.split(last, 2, axis=-1)
        _, backward = jnp.split(pick(x, jnp.argmax(real, axis=1)), 2, axis=-1)
        last = jnp.concatenate([forward, backward], axis=-1)
    last = jnp.where(real.any(axis=1)[:, None], last, carry.value)
    return last, Pooled(last, count)


def pick(
    x: Float[Array, "batch time width"], step: Int[Array, " batch"]
) -> Float[Array, "batch width"]:
    """One step of each row."""
    return jnp.take_along_axis(x, step[:, None, None], axis=1)[:, 0]
