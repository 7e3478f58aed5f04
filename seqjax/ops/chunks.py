"""Sequences as chunks of equal length, time first."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from seqjax.ops.cell_steps import Steps


def steps_in_chunks(steps: Steps, size: int) -> Steps:
    """Every array as `[chunks, size, …]`, filled up by steps that leave the state unchanged."""
    time, batch, _ = steps.inputs.shape
    if time % size and steps.mask is None:
        steps = steps._replace(mask=jnp.ones((time, batch), bool))
    return in_chunks(steps, size)


def in_chunks(tree: Any, size: int) -> Any:
    """Every array `[time, …]` of a tree as `[chunks, size, …]`, filled up by zeros."""

    def split(array: Array) -> Array:
        filling = [(0, -len(array) % size)] + [(0, 0)] * (array.ndim - 1)
        return jnp.pad(array, filling).reshape(-1, size, *array.shape[1:])

    return jax.tree.map(split, tree)


def joined(tree: Any, time: int) -> Any:
    """Every array `[chunks, size, …]` of a tree as `[time, …]`."""
    return jax.tree.map(lambda array: array.reshape(-1, *array.shape[2:])[:time], tree)
