"""Self-attention over all steps or over a window, with a key-value cache for streaming."""

from typing import Any, NamedTuple

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float, Int

from seqjax.errors import UserError
from seqjax.models.mixers.mixer import zero_masked
from seqjax.models.mixers.multi_head import MultiHead
from seqjax.ops.positions import Arrangement, Places, alibi_slopes, rotary, step_places


class Cache(NamedTuple):
    """Keys and values of real steps, the newest `capacity` of them; a masked step never enters."""

    keys: Float[Array, "batch capacity kv_heads size"]
    values: Float[Array, "batch capacity kv_heads size"]
    places: Places  # of each entry; segment 0 where none was written yet
    length: Int[Array, " batch"]  # steps ever written: the next one goes to length % capacity
    segment: Int[Array, " batch"]  # that the next step has if it is no reset
    position: Int[Array, " batch"]


class Attention(MultiHead):
    """Multi-head attention of every step to its own sequence (Vaswani et al. 2017, 3.2.2).

    `model.positions` may turn queries and keys (rotary) or lower the logits (alibi).
    """

    @property
    def causal(self) -> bool:
        return self.config.causal

    @property
    def window(self) -> int | None:
        """The number of steps that each query sees, itself included; None: all."""
        return None

    def init_carry(self, batch_size: int, capacity: int) -> Cache:
        if not self.config.causal:
            raise UserError(
                "model.causal=False lets attention see later steps and cannot stream: "
                "set it to True."
            )
        shape = (batch_size, capacity, self.kv_heads, self.head_size)
        return Cache(
            keys=jnp.zeros(shape, self.config.dtype),
            values=jnp.zeros(shape, self.config.dtype),
            places=Places(*jnp.zeros((2, batch_size, capacity), jnp.int32)),
            length=jnp.zeros(batch_size, jnp.int32),
            segment=jnp.ones(batch_size, jnp.int32),
            position=jnp.zeros(batch_size, jnp.int32),
        )

    @nn.compact
    def __call__(
        self, x, carry=None, *, mask=None, reset=None, memory=None, memory_mask=None, train=False
    ):
        query = self.project("query", self.config.heads, x)
        key = self.project("key", self.kv_heads, x)
        value = self.project("value", self.kv_heads, x)

        batch, time = x.shape[:2]
        if carry is None:
            rows = 1 if mask is None and reset is None else batch
            segment, position = jnp.ones(rows, jnp.int32), jnp.zeros(rows, jnp.int32)
        else:
            segment, position = carry.segment, carry.position
        places, segment, position = step_places(segment, position, time, mask, reset)
        if self.config.positions == "rotary":
            query, key = rotary(query, places.position), rotary(key, places.position)

        key_places, arrangement = places, self.arrangement(carry, mask, reset)
        if carry is not None:
            after = write(carry, key, value, places)._replace(segment=segment, position=position)
            key, value, key_places = self.recall(carry, key, value, places, after)
            carry = after
        y = self.attend(
            query,
            key,
            value,
            places,
            key_places,
            train=train,
            causal=self.config.causal,
            window=self.window,
            slopes=alibi_slopes(self.config.heads) if self.config.positions == "alibi" else None,
            arrangement=arrangement,
        )
        return zero_masked(self.output(y), mask), carry

    def arrangement(self, carry: Cache | None, mask: Any, reset: Any) -> Arrangement:
        """What is known of the places of the steps and of what they look at."""
        if carry is not None or (mask is not None and self.window is not None):
            return "any"  # a window counts real steps alone
        return "whole" if mask is None and reset is None else "packed"

    def recall(
        self, before: Cache, key: Array, value: Array, places: Places, after: Cache
    ) -> tuple[Array, Array, Places]:
        """The keys, values and places that a chunk's queries look at, their own among them.

        Where a row has had more steps than the cache holds, all its values are NaN from then on:
        what the oldest entries said is gone, and no answer without them is the right one.
        """
        full = after.length > after.values.shape[1]
        return after.keys, jnp.where(full[:, None, None, None], jnp.nan, after.values), after.places


class LocalAttention(Attention):
    """Attention within `model.window` steps (Beltagy et al. 2020); its cache is a ring buffer."""

    @property
    def window(self) -> int:
        return self.config.window

    def init_carry(self, batch_size, capacity):
        return super().init_carry(batch_size, self.window)

    def recall(self, before, key, value, places, after):
        # The chunk's late steps may have overwritten what its early ones still look at.
        def join(old, new):
            return jnp.concatenate([old, new.astype(old.dtype)], axis=1)

        places = Places(*map(join, before.places, places))
        return join(before.keys, key), join(before.values, value), places


def write(
    cache: Cache,
    key: Float[Array, "batch time kv_heads size"],
    value: Float[Array, "batch time kv_heads size"],
    places: Places,
) -> Cache:
    """The cache with the real steps written over its oldest entries, and its length."""
    real = (places.segment > 0).astype(jnp.int32)
    index = cache.length[:, None] + jnp.cumsum(real, axis=1) - real
    length = cache.length + real.sum(axis=1)
    capacity = cache.keys.shape[1]
    # One step a slot: in which order a scatter writes is not defined.
    kept = (real > 0) & (index >= length[:, None] - capacity)
    slots = jnp.where(kept, index % capacity, capacity)
    rows = jnp.arange(key.shape[0])[:, None]

    def put(entries, new):
        return entries.at[rows, slots].set(new.astype(entries.dtype), mode="drop")

    return cache._replace(
        keys=put(cache.keys, key),
        values=put(cache.values, value),
        places=Places(*map(put, cache.places, places)),
        length=length,
    )
