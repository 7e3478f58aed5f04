"""The short causal convolution in front of many linear recurrences, feature by feature."""

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float

from seqjax.ops.sharded_recurrence import of_last_piece


def short_convolution(
    x: Float[Array, "batch time features"],
    kernel: Float[Array, "taps features"],
    window: Float[Array, "batch earlier features"],
    *,
    mask: Bool[Array, "batch time"] | None = None,
    reset: Bool[Array, "batch time"] | None = None,
    axis: str | None = None,
) -> tuple[Float[Array, "batch time features"], Float[Array, "batch earlier features"]]:
    """`y_t = Σ_j kernel_j ⊙ x_{t-j}` over the real steps of an example, and the window after them.

    `window` holds the `taps - 1` last real inputs of earlier chunks, oldest first, and zeros where
    the example had none. A step where `mask` is false never enters it (its `y` means nothing); a
    step where `reset` is true and those after it see nothing before it. Sums are float32. Inside
    `jax.shard_map`, `axis` names the mesh axis over which time is spread; `window` is the one
    before the first device's steps and the returned one that after the last's, on every device.
    """
    if axis is None:
        return _convolve(x, kernel, window, mask, reset)
    start = _start_of_piece(x, kernel, window, mask, reset, axis)
    y, window = _convolve(x, kernel, start, mask, reset)
    return y, of_last_piece(window, axis=axis)


def _start_of_piece(x, kernel, window, mask, reset, axis):
    """The window before this device's steps.

    From the steps of each device come the window that they leave by themselves, how many of them it
    holds, and whether they forget what was before.
    """
    _, own = _convolve(x, kernel, jnp.zeros_like(window), mask, reset)
    real = jnp.ones(x.shape[:2], bool) if mask is None else mask
    forgets = jnp.zeros(x.shape[0], bool)
    if reset is not None:
        real &= jnp.cumsum(reset[:, ::-1], axis=1)[:, ::-1] - reset == 0
        forgets = reset.any(axis=1)
    earlier = window.shape[1]
    held = jnp.minimum(real.sum(axis=1), earlier)

    def follow(window, piece):
        own, held, forgets = piece
        place = jnp.arange(earlier)[None] + held[:, None]
        moved = jnp.take_along_axis(window, jnp.minimum(place, earlier - 1)[..., None], axis=1)
        stays = (place < earlier) & ~forgets[:, None]
        return jnp.where(stays[..., None], moved, own), window

    pieces = lax.all_gather((own, held, forgets), axis)
    _, starts = lax.scan(follow, lax.pcast(window, axis, to="varying"), pieces)
    return lax.dynamic_index_in_dim(starts, lax.axis_index(axis), keepdims=False)


def _convolve(x, kernel, window, mask, reset):
    batch, time, _ = x.shape
    earlier = window.shape[1]
    segment = jnp.zeros((batch, time), jnp.int32)
    if reset is not None:
        segment = jnp.cumsum(reset, axis=1, dtype=jnp.int32)
    last_segment = segment[:, -1:]
    if mask is not None:
        # Real steps move to the front, so that the steps before each are the real ones.
        order = jnp.argsort(~mask, axis=1, stable=True)
        x = jnp.take_along_axis(x, order[..., None], axis=1)
        segment = jnp.take_along_axis(segment, order, axis=1)

    inputs = jnp.concatenate([window.astype(x.dtype), x], axis=1)
    segments = jnp.pad(segment, ((0, 0), (earlier, 0)))
    y = jnp.zeros(x.shape, jnp.float32)
    for delay, weight in enumerate(kernel):
        past = slice(earlier - delay, earlier - delay + time)
        seen = jnp.where((segments[:, past] == segment)[..., None], inputs[:, past], 0)
        y = y + weight[None, None] * seen

    if mask is None:
        inputs, segments = inputs[:, time:], segments[:, time:]
    else:
        real = mask.astype(jnp.int32)
        y = jnp.take_along_axis(y, (jnp.cumsum(real, axis=1) - real)[..., None], axis=1)
        newest = real.sum(axis=1, keepdims=True) + jnp.arange(earlier)[None]
        inputs = jnp.take_along_axis(inputs, newest[..., None], axis=1)
        segments = jnp.take_along_axis(segments, newest, axis=1)
    window = jnp.where((segments == last_segment)[..., None], inputs, 0)
    return y.astype(x.dtype), window.astype(jnp.float32)
