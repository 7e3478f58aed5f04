"""Nonlinear recurrences over time: the outputs of a cell that is repeated."""

import jax
from jaxtyping import Array, Bool, Float

from seqjax.ops.cell import Cell, State
from seqjax.ops.sequential_recurrence import sequential_states


def recurrence(
    cell: Cell,
    inputs: Float[Array, "time batch gates_hidden"],
    weight: Float[Array, "hidden gates_hidden"] | Float[Array, " gates_hidden"],
    bias: Float[Array, " gates_hidden"],
    state: State,
    *,
    peepholes: tuple[Float[Array, " hidden"], ...] = (),
    dropout_mask: Float[Array, "batch hidden"] | None = None,
    mask: Bool[Array, "time batch"] | None = None,
    reset: Bool[Array, "time batch"] | None = None,
) -> tuple[Float[Array, "time batch hidden"], State]:
    """The outputs `h_1 … h_T` and the final state, started from `state`.

    A step where `mask` is false leaves the state unchanged; a step where `reset` is true starts
    from zeros. States and pointwise functions are float32; the recurrent product takes `weight`'s
    dtype and accumulates in float32. A `weight` without its first axis is the diagonals of the
    gates' matrices. `peepholes` are further weights of each unit, for cells that look at their own
    state. `dropout_mask` multiplies `h` in the recurrent product, alike at every step.
    """
    weights = (weight, bias, peepholes)
    states = sequential_states(cell, inputs, weights, state, dropout_mask, mask, reset)
    return states[0], jax.tree.map(lambda array: array[-1], states)
