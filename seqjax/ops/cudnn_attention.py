"""Attention by NVIDIA's cuDNN, through what JAX ships: no weights outside of a GPU's registers."""

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Int

LARGEST_HEAD = 128


def serves(platform: str, head_size: int, dtype: DTypeLike) -> bool:
    """Whether cuDNN attends there, with heads of that size and numbers of that kind."""
    low = jnp.dtype(dtype) in (jnp.bfloat16, jnp.float16)
    return platform == "gpu" and low and head_size <= LARGEST_HEAD and head_size % 8 == 0


def cudnn_attention(
    query: Float[Array, "batch time heads size"],
    key: Float[Array, "batch time kv_heads size"],
    value: Float[Array, "batch time kv_heads size"],
    segment: Int[Array, "batch time"] | None = None,
    *,
    causal: bool = False,
    window: int | None = None,
    implementation: str = "cudnn",
) -> Float[Array, "batch time heads size"]:
    """`softmax(Q Kᵀ / √d) V`, softmax in float32, of each step to the steps of its own segment.

    With `causal` to no later one; with `window`, which needs `causal`, to none that is `window`
    steps away or more. What segment 0 gives is of no meaning. Segments become a mask of time x time
    booleans. `implementation="xla"` computes the same on any platform, for tests.
    """
    mask = None if segment is None else (segment[:, :, None] == segment[:, None])[:, None]
    return jax.nn.dot_product_attention(
        query,
        key,
        value,
        mask=mask,
        is_causal=causal,
        local_window_size=None if window is None else (window - 1, 0),
        implementation=implementation,
    )
