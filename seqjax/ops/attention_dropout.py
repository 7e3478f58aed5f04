"""Dropout of attention weights, as a function of each weight's place alone."""

from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.random import threefry2x32_p
from jaxtyping import Array, Float

from seqjax.ops.positions import Places

_SPREAD = 0x9E3779B9  # 2^32 over the golden ratio: segments begin far apart in the counter


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Dropout:
    """Which weights are dropped: however the work is cut into parts, it is the same ones."""

    keys: Any  # UInt32[Array, "*batch heads 2"], or what JAX puts in its place in a tree
    rate: float = field(metadata={"static": True})

    @classmethod
    def from_key(cls, key: Array, rate: float, batch: int, heads: int) -> "Dropout":
        """A dropout of each row and head by itself."""
        return cls(jax.random.bits(key, (batch, heads, 2), jnp.uint32), rate)

    def factors(
        self, query_places: Places, key_places: Places
    ) -> Float[Array, "*batch heads time steps"]:
        """0 or `1 / (1 - rate)` for the weights of these queries and keys.

        The bits are those of Threefry (Salmon et al. 2011), whose counter holds the two positions
        and the segment, which a query shares with what it sees.
        """
        counter = (
            query_places.position[..., :, None],
            (key_places.position + key_places.segment * jnp.uint32(_SPREAD))[..., None, :],
        )
        counter = [array[..., None, :, :].astype(jnp.uint32) for array in counter]
        key = [self.keys[..., None, None, part] for part in range(2)]
        bits, _ = threefry2x32_p.bind(*jnp.broadcast_arrays(*key, *counter))
        kept = bits >= jnp.uint32(round(self.rate * 2**32))
        return jnp.where(kept, 1 / (1 - self.rate), 0.0)
