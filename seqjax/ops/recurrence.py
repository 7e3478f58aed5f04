"""Nonlinear recurrences over time: the outputs of a cell that is repeated, in several ways."""

import jax
from jaxtyping import Array, Bool, Float

from seqjax.ops.cell import Cell, State
from seqjax.ops.measured import choose
from seqjax.ops.parallel_recurrence import parallel_recurrence
from seqjax.ops.platform import target_platform
from seqjax.ops.sequential_recurrence import sequential_states

METHODS = ("auto", "sequential", "parallel")


def recurrence(
    cell: Cell,
    inputs: Float[Array, "time batch gates_hidden"],
    weight: Float[Array, "hidden gates_hidden"] | Float[Array, " gates_hidden"],
    bias: Float[Array, " gates_hidden"],
    state: State,
    *,
    input_bias: Float[Array, " gates_hidden"] | None = None,
    peepholes: tuple[Float[Array, " hidden"], ...] = (),
    dropout_mask: Float[Array, "batch hidden"] | None = None,
    mask: Bool[Array, "time batch"] | None = None,
    reset: Bool[Array, "time batch"] | None = None,
    method: str = "auto",
) -> tuple[Float[Array, "time batch hidden"], State]:
    """The outputs `h_1 … h_T` and the final state, started from `state`.

    A step where `mask` is false leaves the state unchanged; a step where `reset` is true starts
    from zeros. States and pointwise functions are float32; the recurrent product takes `weight`'s
    dtype and accumulates in float32. A `weight` without its first axis is the diagonals of the
    gates' matrices. `input_bias` is added to the inputs of every step. `peepholes` are further
    weights of each unit, for cells that look at their own state. `dropout_mask` multiplies `h` in
    the recurrent product, alike at every step. `method`: `sequential` is one loop over time;
    `parallel` solves for all steps together by Newton's method
    and gives the same numbers to 1e-5, certified, or else those of the loop, where the products are
    float32; in bfloat16 the loop rounds `h` at every step, and Newton's method does not. `auto` is
    the faster one as measured.
    """
    time, batch, width = len(inputs), *state[0].shape
    method = resolve_method(method, target_platform(), batch=batch, time=time, width=width)
    if method == "parallel":
        outputs, state, _ = parallel_recurrence(
            cell,
            inputs if input_bias is None else inputs + input_bias[None, None],
            weight,
            bias,
            state,
            peepholes=peepholes,
            dropout_mask=dropout_mask,
            mask=mask,
            reset=reset,
        )
        return outputs, state
    weights = (weight, bias, input_bias, peepholes)
    states = sequential_states(cell, inputs, weights, state, dropout_mask, mask, reset)
    return states[0], jax.tree.map(lambda array: array[-1], states)


def resolve_method(method: str, platform: str, *, batch: int, time: int, width: int) -> str:
    """What `auto` stands for: the faster as measured, one loop where nothing was measured."""
    if time == 1:
        return "sequential"
    if method != "auto":
        return method
    measured = choose("nonlinear_recurrence", platform, batch=batch, time=time, width=width)
    return measured or "sequential"
