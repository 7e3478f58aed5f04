"""A row's queries and keys cut into blocks, and what a pair of blocks has in common."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from seqjax.ops.attention_dropout import Dropout
from seqjax.ops.plain_attention import HIDDEN
from seqjax.ops.positions import Places
from seqjax.ops.visibility import Reach, block_reach, distances, visible


class Blocks(NamedTuple):
    """How much is worked on at a time."""

    rows: int  # of the batch, with all their heads
    queries: int
    keys: int


class Form(NamedTuple):
    """What is known of the attention when it is compiled."""

    causal: bool
    window: int | None
    blocks: Blocks


class Terms(NamedTuple):
    """What the weights depend on beside the queries and the keys."""

    query_places: Places  # of every row
    key_places: Places
    slopes: Float[Array, " heads"] | None
    dropout: Dropout | None


def make_terms(
    batch: int,
    query_places: Places,
    key_places: Places,
    slopes: Float[Array, " heads"] | None,
    dropout: Dropout | None,
) -> Terms:
    """Terms with places for every row of the batch; the slopes have no gradient."""
    query_places, key_places = jax.tree.map(
        lambda array: jnp.broadcast_to(array, (batch, array.shape[1])), (query_places, key_places)
    )
    slopes = None if slopes is None else lax.stop_gradient(slopes)
    return Terms(query_places, key_places, slopes, dropout)


def choose_blocks(platform: str, query_shape: tuple, key_shape: tuple) -> Blocks:
    """Sizes that suit a platform.

    On a CPU the scores of all heads of a row, or of several rows where they are short, take half a
    megabyte, which a core's second-level cache holds. Elsewhere blocks are as large as the units
    that multiply matrices want them, and as many rows are worked on together as fit 256 MiB.
    """
    batch, time, heads, _ = query_shape
    scores, longest = (2**17, 256) if platform == "cpu" else (2**26, 512)
    keys = _even_part(key_shape[1], longest)
    queries = _even_part(time, max(scores // (heads * keys), 16) if platform == "cpu" else longest)
    rows = max(scores // (heads * queries * keys), 1)
    return Blocks(max(n for n in range(1, min(rows, batch) + 1) if batch % n == 0), queries, keys)


def _even_part(size, most):
    """The size of equal parts of at most `most`, in multiples of 8 where there are several."""
    parts = -(-size // most)
    return size if parts == 1 else -(-size // (8 * parts)) * 8


def reach_of(form: Form, terms: Terms) -> Reach:
    """Which pairs of blocks are looked at."""
    query_blocks = _cut_places(terms.query_places, form.blocks.queries)
    key_blocks = _cut_places(terms.key_places, form.blocks.keys)
    return block_reach(query_blocks, key_blocks, form.causal, form.window)


def blocks_in_turn(form: Form, time: int) -> float:
    """How many blocks of keys a block of queries goes through, on average over a whole example."""
    places = Places(jnp.ones((1, time), jnp.int32), jnp.arange(time, dtype=jnp.int32)[None])
    reach = reach_of(form, make_terms(1, places, places, slopes=None, dropout=None))
    return float((reach.stop - reach.first).mean())


def cut_queries(
    x: Float[Array, "time heads size"], size: int, kv_heads: int
) -> Float[Array, "blocks kv_heads group_x_queries size"]:
    """Blocks of `size` queries; heads that share a head of keys lie behind one another in them."""
    x = _cut(x, size, axis=0).reshape(-1, size, kv_heads, x.shape[1] // kv_heads, x.shape[2])
    return x.transpose(0, 2, 3, 1, 4).reshape(len(x), kv_heads, -1, x.shape[-1])


def join_queries(
    blocks: Float[Array, "blocks kv_heads group_x_queries size"], size: int, time: int
) -> Float[Array, "time heads size"]:
    """What `cut_queries` has cut."""
    x = blocks.reshape(*blocks.shape[:2], -1, size, blocks.shape[-1]).transpose(0, 3, 1, 2, 4)
    return x.reshape(len(blocks) * size, -1, blocks.shape[-1])[:time]


def cut_keys(
    x: Float[Array, "steps kv_heads size"], size: int
) -> Float[Array, "blocks kv_heads keys size"]:
    """Blocks of `size` keys or values."""
    return _cut(x, size, axis=0).swapaxes(1, 2)


def join_keys(
    blocks: Float[Array, "blocks kv_heads keys size"], steps: int
) -> Float[Array, "steps kv_heads size"]:
    """What `cut_keys` has cut."""
    x = blocks.swapaxes(1, 2)
    return x.reshape(-1, *x.shape[2:])[:steps]


class Pairs:
    """Pairs of a block of queries and one of keys, of one row, by their numbers."""

    def __init__(self, form: Form, terms: Terms, reach: Reach) -> None:
        self.form, self.terms, self.reach = form, terms, reach
        self.query_places = _cut_places(terms.query_places, form.blocks.queries)
        self.key_places = _cut_places(terms.key_places, form.blocks.keys)

    def logits(
        self,
        number: Int[Array, ""],
        other: Int[Array, ""],
        query: Float[Array, "kv_heads group_x_queries size"],
        key: Float[Array, "kv_heads keys size"],
    ) -> Float[Array, "kv_heads group_x_queries keys"]:
        """The logits of a pair, `HIDDEN` where a key is not seen."""
        places = self._places(number, other)
        group = query.shape[1] // self.form.blocks.queries

        def masked(scores):
            seen = visible(*places, self.form.causal, self.form.window)
            return jnp.where(jnp.tile(seen, (group, 1))[None], scores, HIDDEN)

        scores = product(query, key, 2, 2)
        scores = lax.cond(self.reach.whole[number, other], lambda scores: scores, masked, scores)
        logits = scores * query.shape[-1] ** -0.5
        if self.terms.slopes is None:
            return logits
        slopes = self.terms.slopes.reshape(-1, group, 1, 1)
        return logits - (slopes * jnp.abs(distances(*places))[None, None]).reshape(logits.shape)

    def dropped(
        self,
        weights: Float[Array, "kv_heads group_x_queries keys"],
        number: Int[Array, ""],
        other: Int[Array, ""],
    ) -> Float[Array, "kv_heads group_x_queries keys"]:
        """The weights of a pair times the factors of the dropout."""
        if self.terms.dropout is None:
            return weights
        factors = self.terms.dropout.factors(*self._places(number, other))
        return weights * factors.reshape(weights.shape)

    def _places(self, number, other):
        query_places = jax.tree.map(lambda array: array[number], self.query_places)
        return query_places, jax.tree.map(lambda array: array[other], self.key_places)


def product(
    a: Float[Array, "kv_heads _ _"],
    b: Float[Array, "kv_heads _ _"],
    contracted_a: int,
    contracted_b: int,
) -> Float[Array, "kv_heads _ _"]:
    """A product of matrices for each head, in float32."""
    contracted = ((contracted_a,), (contracted_b,))
    return lax.dot_general(a, b, (contracted, ((0,), (0,))), preferred_element_type=jnp.float32)


def _cut_places(places: Places, size: int) -> Places:
    """`[…, blocks, size]`; what fills the last block up is not real."""
    return jax.tree.map(lambda array: _cut(array, size, axis=array.ndim - 1), places)


def _cut(x, size, axis):
    """Blocks of `size` along an axis, the last one filled up with zeros."""
    missing = -x.shape[axis] % size
    if missing:
        x = jnp.pad(x, [(0, missing if each == axis else 0) for each in range(x.ndim)])
    return x.reshape(*x.shape[:axis], -1, size, *x.shape[axis + 1 :])
