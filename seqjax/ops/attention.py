"""Scaled dot-product attention, in several ways that give the same numbers."""

from collections.abc import Callable

import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from seqjax.ops import attention_kernel, cudnn_attention
from seqjax.ops.attention_dropout import Dropout
from seqjax.ops.blockwise_attention import blockwise_attention
from seqjax.ops.plain_attention import plain_attention
from seqjax.ops.platform import target_platform
from seqjax.ops.positions import Arrangement, Places

METHODS = ("auto", "plain", "blockwise", "kernel")

# From how many weights of a head on blocks are faster than all weights at once: measured on a CPU
# (alike up to 32 steps, from 64 on 1.4 times as fast and more), a guess elsewhere.
BLOCKWISE_FROM = {"cpu": 64 * 64, "gpu": 1024 * 1024, "tpu": 1024 * 1024}


def attention(
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
    arrangement: Arrangement = "any",
    method: str = "auto",
) -> Float[Array, "batch time heads value_size"]:
    """`softmax(Q Kᵀ / √d) V` (Vaswani et al. 2017, equation 1), softmax in float32.

    A query sees the real steps of its own example: with `causal` no later one, with `window` none
    that is `window` steps away or more. A query that sees nothing gets zeros. `slopes` are those
    of ALiBi (Press et al. 2022, section 3): `slope x distance` is taken off each logit; they have
    no gradient. `dropout` multiplies the weights. Each key and value head serves `heads / kv_heads`
    neighbouring query heads (Ainslie et al. 2023).

    `method`: `plain` forms all weights at once; `blockwise` goes through blocks of them, with the
    memory of O(time); `kernel` is the one for TPUs or GPUs that JAX ships, which knows no ALiBi, no
    dropout and no places other than those of `arrangement`; what it cannot serve is left to one of
    the others. `auto` picks. A single query has no more weights than keys: they are formed at once.
    """
    platform, time, steps = target_platform(), query.shape[1], key.shape[1]
    kernel = None
    if arrangement != "any" and slopes is None and dropout is None:
        kernel = _kernel(platform, time, query.shape[-1], query.dtype, causal, window)
    if method == "auto":
        method = "kernel" if kernel else _without_kernel(platform, time, steps)
    if method == "kernel" and kernel:
        segment = None
        if arrangement == "packed":
            segment = jnp.broadcast_to(query_places.segment, query.shape[:2])
        y = kernel(query, key, value, segment, causal=causal, window=window)
        return y if segment is None else jnp.where((segment > 0)[..., None, None], y, 0)
    if method == "kernel":
        method = _without_kernel(platform, time, steps)
    blockwise = method == "blockwise" and time > 1
    return (blockwise_attention if blockwise else plain_attention)(
        query,
        key,
        value,
        query_places,
        key_places,
        causal=causal,
        window=window,
        slopes=slopes,
        dropout=dropout,
    )


def resolve_method(platform: str, *, time: int, head_size: int, dtype: DTypeLike) -> str:
    """What `auto` stands for where sequences of `time` steps attend to themselves."""
    if _kernel(platform, time, head_size, dtype):
        return "kernel"
    return _without_kernel(platform, time, time)


def _kernel(
    platform: str,
    time: int,
    head_size: int,
    dtype: DTypeLike,
    causal: bool = True,
    window: int | None = None,
) -> Callable[..., Array] | None:
    """The platform's kernel, where it can be called like that."""
    if attention_kernel.serves(platform, time, head_size):
        return attention_kernel.kernel_attention
    if cudnn_attention.serves(platform, head_size, dtype) and (causal or window is None):
        return cudnn_attention.cudnn_attention
    return None


def _without_kernel(platform: str, time: int, steps: int) -> str:
    return "blockwise" if time * steps >= BLOCKWISE_FROM[platform] else "plain"
