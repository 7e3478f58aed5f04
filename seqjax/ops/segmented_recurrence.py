"""Nonlinear recurrences in little memory: every k-th state is kept, all else computed again.

With k near √T a gradient needs O(√T) memory beside the outputs (Chen et al. 2016, "Training deep
nets with sublinear memory cost"), for one more walk through time. The inputs' products are as large
as what a gradient saves, so they too are formed for one segment at a time.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float

from seqjax.ops.cell import Cell, State
from seqjax.ops.recurrence import recurrence


def segmented_recurrence(
    cell: Cell,
    x: Float[Array, "time batch features"],
    form_inputs: Callable[[Float[Array, "_ batch features"]], Float[Array, "_ batch gates_hidden"]],
    weight: Float[Array, "hidden gates_hidden"] | Float[Array, " gates_hidden"],
    bias: Float[Array, " gates_hidden"],
    state: State,
    *,
    size: int,
    mask: Bool[Array, "time batch"] | None = None,
    reset: Bool[Array, "time batch"] | None = None,
    **others: Any,
) -> tuple[Float[Array, "time batch hidden"], State]:
    """`recurrence(cell, form_inputs(x), …)` that keeps every `size`-th state; 0 keeps all."""
    if not 0 < size < len(x):
        inputs = form_inputs(x)
        return recurrence(cell, inputs, weight, bias, state, mask=mask, reset=reset, **others)

    # Inside a loop nothing can be taken for a common subexpression and kept after all.
    @partial(jax.checkpoint, prevent_cse=False)
    def segment(state: State, steps: tuple) -> tuple[State, Float[Array, "_ batch hidden"]]:
        x, mask, reset = steps
        outputs, state = recurrence(
            cell, form_inputs(x), weight, bias, state, mask=mask, reset=reset, **others
        )
        return state, outputs

    steps = x, mask, reset
    whole = len(x) // size * size
    first = jax.tree.map(lambda a: a[:whole].reshape(-1, size, *a.shape[1:]), steps)
    state, outputs = lax.scan(segment, state, first)
    outputs = outputs.reshape(whole, *outputs.shape[2:])
    if whole == len(x):
        return outputs, state
    state, rest = segment(state, jax.tree.map(lambda a: a[whole:], steps))
    return jnp.concatenate([outputs, rest]), state
