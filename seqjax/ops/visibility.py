"""Which keys a query sees: key by key, and block by block, so that whole blocks can be skipped."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Int

from seqjax.ops.positions import Places

_NEVER = jnp.iinfo(jnp.int32).max


def visible(
    query_places: Places, key_places: Places, causal: bool, window: int | None
) -> Bool[Array, "*batch time steps"]:
    """Whether a query sees a key: a real step of its own example.

    With `causal` no later step, with `window` none that is `window` steps away or more.
    """
    seen = query_places.segment[..., :, None] == key_places.segment[..., None, :]
    seen &= (key_places.segment > 0)[..., None, :]
    distance = distances(query_places, key_places)
    if causal:
        seen &= distance >= 0
    if window is not None:
        seen &= jnp.abs(distance) < window
    return seen


def distances(query_places: Places, key_places: Places) -> Int[Array, "*batch time steps"]:
    """How many steps each key lies before each query."""
    return query_places.position[..., :, None] - key_places.position[..., None, :]


class Reach(NamedTuple):
    """The key blocks that each query block has to look at."""

    first: Int[Array, " query_blocks"]
    stop: Int[Array, " query_blocks"]  # one past the last; `first` where there is none to look at
    whole: Bool[Array, "query_blocks key_blocks"]  # every query of the block sees every key


def block_reach(
    query_blocks: Places, key_blocks: Places, causal: bool, window: int | None
) -> Reach:
    """What blocks of queries see of blocks of keys, from the ends of each block.

    The places are `[batch, blocks, size]`; a block is looked at if any row of the batch needs it.
    Steps are ordered by (segment, position), in which all that a query sees lies together: a key
    block whose last step lies too far before the first query, or whose first step lies too far
    after the last query, is not looked at.
    """
    first_query, last_query = (_across(end, -1) for end in _ends(query_blocks))
    first_key, last_key = (_across(end, -2) for end in _ends(key_blocks))

    before = last_key.segment < first_query.segment
    after = first_key.segment > last_query.segment
    if window is not None:
        near = first_query.position - last_key.position < window
        before |= (last_key.segment == first_query.segment) & ~near
    ahead = 1 if causal else window
    if ahead is not None:
        near = first_key.position - last_query.position < ahead
        after |= (first_key.segment == last_query.segment) & ~near
    some = (~(before | after)).any(axis=0)

    whole = (query_blocks.segment > 0).all(axis=-1)[:, :, None]
    whole &= (key_blocks.segment > 0).all(axis=-1)[:, None]
    for end in (last_query, first_key, last_key):
        whole &= end.segment == first_query.segment
    if causal:
        whole &= first_query.position >= last_key.position
    if window is not None:
        whole &= last_query.position - first_key.position < window
        whole &= last_key.position - first_query.position < window

    first = some.argmax(axis=-1)
    stop = jnp.where(some.any(axis=-1), some.shape[-1] - some[:, ::-1].argmax(axis=-1), first)
    return Reach(first, stop, whole.all(axis=0))


def _ends(blocks: Places) -> tuple[Places, Places]:
    """The first and the last real step of each block; where none is real, after and before all."""
    real = blocks.segment > 0
    first = jnp.where(real, blocks.segment, _NEVER).min(axis=-1)
    last = blocks.segment.max(axis=-1)
    in_first, in_last = (blocks.segment == end[..., None] for end in (first, last))
    return (
        Places(first, jnp.where(in_first, blocks.position, _NEVER).min(axis=-1)),
        Places(last, jnp.where(in_last, blocks.position, -1).max(axis=-1)),
    )


def _across(places: Places, axis: int) -> Places:
    return jax.tree.map(lambda array: jnp.expand_dims(array, axis), places)
