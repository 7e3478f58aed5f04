"""Attention over steps that are spread over the devices of a mesh axis.

Every device keeps its queries; the keys and values go round the ring of devices, one hop a step,
while each device works on those that are with it (Liu et al. 2023, "Ring Attention with Blockwise
Transformers for Near-Infinite Context"). No device ever holds more than its own part and one
visiting part, so its memory falls as 1 / devices. What a query has seen of each part is merged by
the online softmax, and the gradient goes round the ring once more: the keys and values with what
has been added to their gradients so far, until they are at home again.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from seqjax.ops.attention_blocks import Form, choose_blocks, make_terms
from seqjax.ops.attention_dropout import Dropout
from seqjax.ops.blockwise_attention import blockwise_backward, blockwise_forward
from seqjax.ops.plain_attention import HIDDEN
from seqjax.ops.platform import target_platform
from seqjax.ops.positions import Places


def ring_attention(
    query: Float[Array, "batch time heads size"],
    key: Float[Array, "batch steps kv_heads size"],
    value: Float[Array, "batch steps kv_heads value_size"],
    query_places: Places,
    key_places: Places,
    *,
    axis: str,
    causal: bool = False,
    window: int | None = None,
    slopes: Float[Array, " heads"] | None = None,
    dropout: Dropout | None = None,
) -> Float[Array, "batch time heads value_size"]:
    """As `attention`, called inside `jax.shard_map(…, check_vma=False)` over the mesh axis `axis`.

    All arguments are a device's own part: consecutive `time` of the queries and `steps` of the
    keys, in the order of the axis, with places that count from the start of the whole sequence. A
    part that the places show to lie out of sight (a later one under `causal`, one beyond `window`,
    another example) is handed on and not computed.
    """
    terms = make_terms(len(query), query_places, key_places, slopes, dropout)
    blocks = choose_blocks(target_platform(), query.shape, key.shape)
    return _ring(Form(causal, window, blocks), axis, query, key, value, terms)


@partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _ring(form, axis, query, key, value, terms):
    return _ring_forward(form, axis, query, key, value, terms)[0]


def _ring_forward(form, axis, query, key, value, terms):
    def hop(state, _):
        (y, log_sum), visiting = state
        key, value, places = visiting
        seen = blockwise_forward(form, query, key, value, terms._replace(key_places=places))
        return (_merged((y, log_sum), seen), _handed_on(visiting, axis)), None

    nothing = (
        jnp.zeros((*query.shape[:3], value.shape[-1]), jnp.float32),
        jnp.full(query.shape[:3], HIDDEN, jnp.float32),
    )
    start = (nothing, (key, value, terms.key_places))
    ((y, log_sum), _), _ = lax.scan(hop, start, length=lax.axis_size(axis))
    y = y.astype(value.dtype)
    return y, (query, key, value, terms, y, log_sum)


def _ring_backward(form, axis, saved, to_y):
    query, key, value, terms, y, log_sum = saved

    def hop(state, _):
        to_query, visiting = state
        key, value, places, to_key, to_value = visiting
        met = terms._replace(key_places=places)
        added = blockwise_backward(form, query, key, value, met, y, log_sum, to_y)
        visiting = (key, value, places, to_key + added[1], to_value + added[2])
        return (to_query + added[0], _handed_on(visiting, axis)), None

    zeros = [jnp.zeros(array.shape, jnp.float32) for array in (query, key, value)]
    start = (zeros[0], (key, value, terms.key_places, *zeros[1:]))
    (to_query, visiting), _ = lax.scan(hop, start, length=lax.axis_size(axis))
    gradients = (to_query, *visiting[3:])
    return *(g.astype(x.dtype) for g, x in zip(gradients, saved[:3], strict=True)), None


_ring.defvjp(_ring_forward, _ring_backward)


def _handed_on(visiting, axis):
    size = lax.axis_size(axis)
    return lax.ppermute(visiting, axis, [(place, (place + 1) % size) for place in range(size)])


def _merged(first, second):
    """The outputs and logarithms of two parts of the keys, as those of all of them."""
    (y, log_sum), (other_y, other_log_sum) = first, second
    greatest = jnp.maximum(log_sum, other_log_sum)
    share, other_share = jnp.exp(log_sum - greatest), jnp.exp(other_log_sum - greatest)
    total = share + other_share
    y = (share[..., None] * y + other_share[..., None] * other_y) / total[..., None]
    return y, greatest + jnp.log(total)
