"""Attention with all its weights at once: the memory of O(time x steps)."""

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from seqjax.ops.attention_dropout import Dropout
from seqjax.ops.positions import Places
from seqjax.ops.visibility import distances, visible

# Finite, so that a query that sees nothing has gradients of zero and not of NaN.
HIDDEN = -1e30


def plain_attention(
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
) -> Float[Array, "batch time heads value_size"]:
    """As `attention`, whose arguments these are."""
    batch, time, heads, size = query.shape
    steps, kv_heads = key.shape[1:3]
    grouped = (kv_heads, heads // kv_heads)
    query = query.reshape(batch, time, *grouped, size)
    logits = jnp.einsum("btkgd,bskd->bkgts", query, key, preferred_element_type=jnp.float32)
    logits = logits * size**-0.5
    if slopes is not None:
        slopes = lax.stop_gradient(slopes).reshape(1, *grouped, 1, 1)
        logits = logits - slopes * jnp.abs(distances(query_places, key_places))[:, None, None]
    seen = visible(query_places, key_places, causal, window)[:, None, None]
    logits = jnp.where(seen, logits, HIDDEN)
    weights = jnp.exp(logits - logits.max(axis=-1, keepdims=True)) * seen
    weights = weights / jnp.maximum(weights.sum(axis=-1, keepdims=True), 1e-30)
    if dropout is not None:
        factors = dropout.factors(query_places, key_places)
        weights = weights * factors.reshape(batch, *grouped, time, steps)
    y = jnp.einsum("bkgts,bskd->btkgd", weights.astype(value.dtype), value)
    return y.reshape(batch, time, heads, value.shape[-1])
