"""Attention by the kernel for TPUs that JAX ships: no logits outside of a chip's vector memory.

"Splash" attention is FlashAttention (Dao et al. 2022) that skips the blocks which a mask hides as a
whole. It knows sequences whose queries are the steps of its keys; everything else is for the other
ways in `seqjax.ops.attention`.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax.ad_checkpoint import checkpoint_name
from jaxtyping import Array, Float, Int

LANES = 128  # of the vector unit: the kernel wants lengths and head sizes in multiples of it
LARGEST_BLOCK = 512
KEPT = "attention_kernel"  # what a remat policy may keep: all that goes in and out


def serves(platform: str, time: int, head_size: int) -> bool:
    """Whether the kernel runs there, on sequences of `time` steps and heads of that size."""
    return platform == "tpu" and time % LANES == 0 and head_size % LANES == 0


def kernel_attention(
    query: Float[Array, "batch time heads size"],
    key: Float[Array, "batch time kv_heads size"],
    value: Float[Array, "batch time kv_heads value_size"],
    segment: Int[Array, "batch time"] | None = None,
    *,
    causal: bool = False,
    window: int | None = None,
    interpret: bool = False,
) -> Float[Array, "batch time heads value_size"]:
    """`softmax(Q Kᵀ / √d) V`, softmax in float32, of each step to the steps of its own segment.

    With `causal` to no later one, with `window` to none that is `window` steps away or more. What
    segment 0 gives is of no meaning. `interpret` runs on any platform, slowly.
    """
    from jax.experimental.pallas.ops.tpu.splash_attention import SegmentIds

    time, heads, size = query.shape[1:]
    kernel = _make_kernel(time, heads, causal, window, interpret)
    query = (query.astype(jnp.float32) * size**-0.5).astype(query.dtype)
    segments = None if segment is None else SegmentIds(segment, segment)
    axes = (0, 0, 0, None if segments is None else 0)
    heads_first = (x.swapaxes(1, 2) for x in (query, key, value))
    y = jax.vmap(kernel, axes)(*(checkpoint_name(x, KEPT) for x in heads_first), segments)
    return y.swapaxes(1, 2)


def _make_kernel(time, heads, causal, window, interpret):
    from jax.experimental.pallas.ops.tpu import splash_attention as splash

    return splash.make_splash_mha(
        splash.MultiHeadMask([_mask(time, causal, window)] * heads),
        block_sizes=_block_sizes(time),
        head_shards=1,
        q_seq_shards=1,
        residual_checkpoint_name=KEPT,
        interpret=interpret,
    )


def _mask(time: int, causal: bool, window: int | None):
    from jax.experimental.pallas.ops.tpu import splash_attention as splash

    shape = (time, time)
    if window is not None:
        return splash.LocalMask(shape, (window - 1, 0 if causal else window - 1), 0)
    return splash.CausalMask(shape) if causal else splash.FullMask(shape)


def _block_sizes(time):
    from jax.experimental.pallas.ops.tpu import splash_attention as splash

    size = int(np.gcd(time, LARGEST_BLOCK))
    return splash.BlockSizes(
        block_q=size,
        block_kv=size,
        block_q_dkv=size,
        block_kv_dkv=time if time <= 2048 else size,
        block_kv_dkv_compute=size,
        use_fused_bwd_kernel=True,
    )
