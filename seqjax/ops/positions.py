"""Where a step stands in its example, and what the models make of it."""

from typing import Literal, NamedTuple

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int


class Places(NamedTuple):
    """Where the steps of a row stand, when several examples may be packed into it."""

    segment: Int[Array, "#batch time"]  # the number of the step's example; 0 where it is not real
    position: Int[Array, "#batch time"]  # real steps before it in its example


# What is known when a program is compiled. `whole`: query i and key i are the same step, all real
# steps of one example; `packed`: of several, each a stretch of indices, with gaps only where no
# distance matters; `any`: only the places tell.
Arrangement = Literal["any", "packed", "whole"]


def step_places(
    segment: Int[Array, " batch"],
    position: Int[Array, " batch"],
    time: int,
    mask: Bool[Array, "batch time"] | None = None,
    reset: Bool[Array, "batch time"] | None = None,
) -> tuple[Places, Int[Array, " batch"], Int[Array, " batch"]]:
    """The places of a chunk's steps, and the segment and position of the step after it.

    `segment` (from 1) and `position` are those that the chunk's first step has if it is no reset.
    """
    segments = jnp.broadcast_to(segment[:, None], (segment.shape[0], time))
    if reset is not None:
        segments = segments + jnp.cumsum(reset, axis=1, dtype=jnp.int32)
    next_segment = segments[:, -1]
    if mask is not None:
        segments = jnp.where(mask, segments, 0)
    positions, next_position = step_positions(position, time, mask, reset)
    return Places(segments, positions), next_segment, next_position


def step_positions(
    start: Int[Array, " batch"],
    time: int,
    mask: Bool[Array, "batch time"] | None = None,
    reset: Bool[Array, "batch time"] | None = None,
) -> tuple[Int[Array, "batch time"], Int[Array, " batch"]]:
    """The number of real steps before each step in its own example, and that after the last one.

    `start` counts the steps of earlier chunks. Masked steps do not count; a reset counts from zero.
    """
    if mask is None and reset is None:
        return start[:, None] + jnp.arange(time)[None], start + time
    batch = start.shape[0]
    real = jnp.ones((batch, time), jnp.int32) if mask is None else mask.astype(jnp.int32)
    before = start[:, None] + jnp.cumsum(real, axis=1) - real
    if reset is not None:
        at_reset = lax.cummax(jnp.where(reset, before, 0), axis=1)
        before = before - at_reset
    return before, before[:, -1] + real[:, -1]


def sinusoidal(positions: Int[Array, "batch time"], size: int) -> Float[Array, "batch time size"]:
    """`PE(p, 2i) = sin(p / 10000^{2i/d})`, `PE(p, 2i+1) = cos(…)` (Vaswani et al. 2017, 3.5)."""
    frequencies = 10_000.0 ** (-2.0 * (jnp.arange(size) // 2) / size)
    angles = positions[..., None] * frequencies[None, None]
    return jnp.where(jnp.arange(size)[None, None] % 2 == 0, jnp.sin(angles), jnp.cos(angles))


def rotary(
    x: Float[Array, "batch time heads size"], positions: Int[Array, "#batch time"]
) -> Float[Array, "batch time heads size"]:
    """Queries or keys turned by their position: RoPE (Su et al. 2021, section 3.2.2, equation 34).

    Feature pair `(i, i + size/2)` at position p turns by `p / 10000^{2i/size}`, so that the
    product of a query and a key depends on the difference of their positions alone.
    """
    half = x.shape[-1] // 2
    frequencies = 10_000.0 ** (-jnp.arange(half) / half)
    angles = positions[..., None, None] * frequencies[None, None, None]
    cos = jnp.tile(jnp.cos(angles), 2)
    sin = jnp.concatenate([-jnp.sin(angles), jnp.sin(angles)], axis=-1)
    # The other of each pair, exact as a product, which a TPU makes faster than it moves features.
    swap = jnp.roll(jnp.eye(2 * half, dtype=x.dtype), half, axis=1)
    other = jnp.einsum("bthd,de->bthe", x, swap, precision="highest")
    return (x.astype(jnp.float32) * cos + other.astype(jnp.float32) * sin).astype(x.dtype)


def alibi_slopes(heads: int) -> Float[Array, " heads"]:
    """The geometric sequence that starts at `2^{-8/n}`, its own ratio (Press et al. 2022, 3)."""
    return 2.0 ** (-8.0 * jnp.arange(1, heads + 1) / heads)
