"""Attention a block of queries and a block of keys at a time: the memory of O(time).

The online softmax (Milakov and Gimelshein 2018, algorithm 3) goes through the key blocks that a
query block can see and keeps a running maximum, a running sum and the weighted values; nothing of
size time x steps exists at any moment. The backward pass forms the weights of a block again from
the logarithm of the sum, as FlashAttention does (Dao et al. 2022, algorithm 4). With
`P = exp(S - log_sum)` and `δ = Σ_d y ⊙ ∂L/∂y`:

    ∂L/∂V = Pᵀ ∂L/∂y,   dS = P ⊙ (∂L/∂y Vᵀ - δ),   ∂L/∂Q = dS K / √d,   ∂L/∂K = dSᵀ Q / √d.

On a CPU a block of scores stays in a core's cache, and every product is one of whole matrices whose
large factor is not transposed.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from seqjax.ops.attention_blocks import (
    Blocks,
    Form,
    Pairs,
    Terms,
    choose_blocks,
    cut_keys,
    cut_queries,
    join_keys,
    join_queries,
    make_terms,
    product,
    reach_of,
)
from seqjax.ops.attention_dropout import Dropout
from seqjax.ops.plain_attention import HIDDEN
from seqjax.ops.platform import target_platform
from seqjax.ops.positions import Places

_LEAST = -1e20  # the running maximum before the first key, above `HIDDEN`


def blockwise_attention(
    query: Float[Array, "batch time heads size"],
    key: Float[Array, "batch steps kv_heads size"],
    value: Float[Array, "batch steps kv_heads value_size"],
    query_places: Places,
    key_places: Places,
    *,
    causal: bool = False,
    window: int | None = None,
    slopes: Float[Array, " heads"] | None = None,
    dropout: Dropout | None = None,
    blocks: Blocks | None = None,
) -> Float[Array, "batch time heads value_size"]:
    """As `attention`, whose arguments these are; `blocks` overrides the platform's sizes.

    Key blocks that no query of a block sees, because of `causal`, `window` or the places, are
    skipped; a block that is seen as a whole is not masked.
    """
    blocks = blocks or choose_blocks(target_platform(), query.shape, key.shape)
    terms = make_terms(len(query), query_places, key_places, slopes, dropout)
    return _attention(Form(causal, window, blocks), query, key, value, terms)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _attention(form, query, key, value, terms):
    return blockwise_forward(form, query, key, value, terms)[0].astype(value.dtype)


def _attention_forward(form, query, key, value, terms):
    y, log_sum = blockwise_forward(form, query, key, value, terms)
    y = y.astype(value.dtype)
    return y, (query, key, value, terms, y, log_sum)


def _attention_backward(form, saved, to_y):
    gradients = blockwise_backward(form, *saved, to_y)
    return *(g.astype(x.dtype) for g, x in zip(gradients, saved[:3], strict=True)), None


_attention.defvjp(_attention_forward, _attention_backward)


def blockwise_forward(
    form: Form,
    query: Float[Array, "batch time heads size"],
    key: Float[Array, "batch steps kv_heads size"],
    value: Float[Array, "batch steps kv_heads value_size"],
    terms: Terms,
) -> tuple[Float[Array, "batch time heads value_size"], Float[Array, "batch time heads"]]:
    """The outputs, float32, and the logarithm of the sum of each query's exponentials.

    A query that sees nothing has zeros, and `HIDDEN` as its logarithm.
    """
    reach = reach_of(form, terms)

    def of_row(terms, query, key, value):
        pairs = Pairs(form, terms, reach)
        keys, values = (cut_keys(x, form.blocks.keys) for x in (key, value))

        def of_queries(slices):
            number, query = slices

            def add_keys(other, state):
                y, greatest, total = state
                logits = pairs.logits(number, other, query, keys[other])
                new = jnp.maximum(greatest, logits.max(axis=-1, keepdims=True))
                weights, shrunk = jnp.exp(logits - new), jnp.exp(greatest - new)
                total = shrunk * total + weights.sum(axis=-1, keepdims=True)
                weights = pairs.dropped(weights, number, other).astype(value.dtype)
                return shrunk * y + product(weights, values[other], 2, 1), new, total

            zeros = jnp.zeros((*query.shape[:2], 1))
            start = jnp.zeros((*query.shape[:2], value.shape[-1])), zeros + _LEAST, zeros
            y, greatest, total = lax.fori_loop(
                reach.first[number], reach.stop[number], add_keys, start
            )
            log_sum = jnp.where(total > 0, greatest + jnp.log(total), HIDDEN)
            return y / jnp.maximum(total, 1e-30), log_sum

        blocks = cut_queries(query, form.blocks.queries, key.shape[1])
        y, log_sum = lax.map(of_queries, (jnp.arange(len(blocks)), blocks))
        y, log_sum = (join_queries(x, form.blocks.queries, len(query)) for x in (y, log_sum))
        return y, log_sum[..., 0]

    return _row_by_row(of_row, form, terms, query, key, value)


def blockwise_backward(
    form: Form,
    query: Float[Array, "batch time heads size"],
    key: Float[Array, "batch steps kv_heads size"],
    value: Float[Array, "batch steps kv_heads value_size"],
    terms: Terms,
    y: Float[Array, "batch time heads value_size"],
    log_sum: Float[Array, "batch time heads"],
    to_y: Float[Array, "batch time heads value_size"],
) -> tuple[
    Float[Array, "batch time heads size"],
    Float[Array, "batch steps kv_heads size"],
    Float[Array, "batch steps kv_heads value_size"],
]:
    """The gradients by query, key and value, float32.

    `y` and `log_sum` are those of all keys that a query sees, of which these may be a part.
    """
    reach = reach_of(form, terms)
    # Any finite logarithm leaves the weights of a query that sees nothing at zero.
    log_sum = jnp.where(log_sum > HIDDEN / 2, log_sum, 0)
    delta = (y.astype(jnp.float32) * to_y.astype(jnp.float32)).sum(axis=-1)

    def of_row(terms, query, key, value, to_y, log_sum, delta):
        pairs = Pairs(form, terms, reach)
        keys, values = (cut_keys(x, form.blocks.keys) for x in (key, value))

        def of_queries(to_keys_and_values, slices):
            number, query, to_y, log_sum, delta = slices

            def add_keys(other, gradients):
                to_query, to_keys, to_values = gradients
                logits = pairs.logits(number, other, query, keys[other])
                weights = jnp.exp(logits - log_sum)
                dropped = pairs.dropped(weights, number, other).astype(to_y.dtype)
                to_weights = product(to_y, values[other], 2, 2)
                to_weights = pairs.dropped(to_weights, number, other)
                to_logits = (weights * (to_weights - delta)).astype(query.dtype)
                return (
                    to_query + product(to_logits, keys[other], 2, 1),
                    to_keys.at[other].add(product(query, to_logits, 1, 1)),
                    to_values.at[other].add(product(to_y, dropped, 1, 1)),
                )

            start = jnp.zeros(query.shape, jnp.float32), *to_keys_and_values
            to_query, *to_keys_and_values = lax.fori_loop(
                reach.first[number], reach.stop[number], add_keys, start
            )
            return tuple(to_keys_and_values), to_query

        by_query = (query, to_y, log_sum[..., None], delta[..., None])
        blocks = [cut_queries(x, form.blocks.queries, key.shape[1]) for x in by_query]
        zeros = tuple(jnp.zeros(x.mT.shape, jnp.float32) for x in (keys, values))
        (to_key, to_value), to_query = lax.scan(
            of_queries, zeros, (jnp.arange(len(blocks[0])), *blocks)
        )
        scale = query.shape[-1] ** -0.5
        return (
            join_queries(to_query, form.blocks.queries, len(query)) * scale,
            join_keys(to_key.mT, len(key)) * scale,
            join_keys(to_value.mT, len(key)),
        )

    return _row_by_row(of_row, form, terms, query, key, value, to_y, log_sum, delta)


def _row_by_row(function: Any, form: Form, terms: Terms, *arrays: Array) -> Any:
    """`function(terms, *arrays)` of every row of the batch, `form.blocks.rows` at a time."""

    def of_row(row):
        query_places, key_places, dropout, arrays = row
        return function(Terms(query_places, key_places, terms.slopes, dropout), *arrays)

    rows = (terms.query_places, terms.key_places, terms.dropout, arrays)
    return lax.map(of_row, rows, batch_size=form.blocks.rows)
