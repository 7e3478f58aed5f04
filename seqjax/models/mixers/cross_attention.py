"""Attention of a decoder's steps to the memory that an encoder left."""

from typing import NamedTuple

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float, Int

from seqjax.models.mixers.mixer import zero_masked
from seqjax.models.mixers.multi_head import MultiHead
from seqjax.ops.positions import Places


class Memory(NamedTuple):
    """Keys and values of the memory's steps, which stay the same while a decoder goes on."""

    keys: Float[Array, "batch steps kv_heads size"]
    values: Float[Array, "batch steps kv_heads size"]
    segment: Int[Array, "batch steps"]  # 1 where a step is real, else 0


class CrossAttention(MultiHead):
    """Multi-head attention to `memory` (Vaswani et al. 2017, 3.2.3; Bahdanau et al. 2015).

    The first call is given the memory; later ones find its keys and values in the carry. Heads and
    their size are those of self-attention; positions play no part.
    """

    @property
    def causal(self) -> bool:
        return True

    def init_carry(self, batch_size: int, capacity: int) -> None:
        return None

    @nn.compact
    def __call__(
        self, x, carry=None, *, mask=None, reset=None, memory=None, memory_mask=None, train=False
    ):
        query = self.project("query", self.config.heads, x)
        time = x.shape[1]
        if memory is not None:
            real = jnp.ones(memory.shape[:2], bool) if memory_mask is None else memory_mask
            carry = Memory(
                self.project("key", self.kv_heads, memory),
                self.project("value", self.kv_heads, memory),
                real.astype(jnp.int32),
            )
        y = self.attend(
            query,
            carry.keys,
            carry.values,
            Places(jnp.ones((1, time), jnp.int32), jnp.arange(time)[None]),
            Places(carry.segment, jnp.arange(carry.keys.shape[1])[None]),
            train=train,
        )
        return zero_masked(self.output(y), mask), carry
