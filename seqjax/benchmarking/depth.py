"""How many operations wait for one another: a fact of a compiled program, not of a machine.

Each form of a recurrence is compiled for the same length and its program is read. Newton's method
repeats a linear recurrence as often as convergence takes, so it is run once, and its loop counts as
often as its certificate says. What a batch costs that is not certified comes on top: the sequential
form's steps.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from rich import box
from rich.console import Console
from rich.table import Table

from seqjax.benchmarking.compiled_program import CompiledProgram
from seqjax.benchmarking.progress import Steps as Progress
from seqjax.benchmarking.results import Results
from seqjax.ops import cells
from seqjax.ops.cell_steps import Steps, Weights, evaluate
from seqjax.ops.certificate import certified_states
from seqjax.ops.linear_recurrence import linear_recurrence
from seqjax.ops.newton import Newton
from seqjax.ops.recurrence import recurrence

LENGTH, CHUNK_SIZE = 10_000, 1_000
COLUMNS = {
    "recurrence": "recurrence",
    "form": "form",
    "iterations": "iterations",
    "loop_steps": "loop steps",
    "arithmetic_depth": "operations in a row",
    "depth": "kernels in a row",
}


@dataclass(frozen=True)
class Form:
    """One way to evaluate a recurrence; `chunk_size` as Newton's method takes it."""

    recurrence: str
    form: str
    length: int = LENGTH
    batch: int = 1
    width: int = 8
    chunk_size: int = 0


CELLS = ("gru", "paragru")  # a dense and a diagonal Jacobian
FORMS = (
    *(Form("linear", method) for method in ("sequential", "associative", "chunked")),
    *(
        Form(cell, form, chunk_size=size)
        for cell in CELLS
        for form, size in (("sequential", 0), ("newton", 0), ("newton in chunks", CHUNK_SIZE))
    ),
)


def measure(
    results: Results, console: Console, forms: Sequence[Form] = FORMS
) -> list[dict[str, Any]]:
    """A row for each form, of its forward pass."""
    missing = [form for form in forms if results.find(asdict(form)) is None]
    with Progress(console, len(forms), len(forms) - len(missing)) as steps:
        for form in missing:
            steps.on(f"{form.recurrence}, {form.form}")
            results.add(asdict(form), **facts(form))
            steps.advance()
    return [results.find(asdict(form)) for form in forms]


def facts(form: Form) -> dict[str, Any]:
    """What the compiled program of a form tells."""
    function, arguments = _linear(form) if form.recurrence == "linear" else _nonlinear(form)
    compiled = jax.jit(function).lower(*arguments).compile()
    certificate, passes = {}, 1
    if form.form.startswith("newton"):
        _, found = compiled(*arguments)
        chunks = math.ceil(form.length / (form.chunk_size or form.length))
        # Of each chunk's linear recurrences, all but that of the certificate are in the loop.
        passes = math.ceil(int(found.iterations) / chunks) - 1
        certificate = {
            "iterations": int(found.iterations),
            "certified": bool(found.certified.all()),
        }
    program = CompiledProgram(compiled.as_text(), unknown_trips=passes)
    return certificate | {
        "loop_steps": program.loop_steps,
        "arithmetic_depth": program.arithmetic_depth,
        "depth": program.depth,
        "loops_of_unknown_length": program.unknown_loops,
    }


def show(console: Console, rows: Sequence[dict[str, Any]]) -> None:
    """The rows as a table."""
    table = Table(title=f"Sequential steps at length {rows[0]['length']:,}", box=box.SIMPLE)
    for name, heading in COLUMNS.items():
        table.add_column(heading, justify="left" if name in ("recurrence", "form") else "right")
    for row in rows:
        shown = (row.get(name, "") for name in COLUMNS)
        table.add_row(*(each if isinstance(each, str) else f"{each:,}" for each in shown))
    console.print(table)


def _normal(seed: int, *shape: int) -> Array:
    return jax.random.normal(jax.random.key(seed), shape)


def _linear(form: Form) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    steps = _normal(0, form.length, form.batch, form.width)
    arguments = jax.nn.sigmoid(steps), steps, steps[0]
    return partial(linear_recurrence, method=form.form), arguments


def _nonlinear(form: Form) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """A GRU with weights of the size that training starts from."""
    cell = cells.gru()
    size = cell.gates * form.width
    inputs, state = _normal(0, form.length, form.batch, size), _normal(1, form.batch, form.width)
    shape = (size,) if form.recurrence == "paragru" else (form.width, size)
    weight, bias = _normal(2, *shape) / form.width**0.5, jnp.zeros(size)
    if form.form == "sequential":
        loop = partial(recurrence, cell, method="sequential")
        return loop, (inputs, weight, bias, (state,))
    return partial(_newton, cell, Newton(chunk_size=form.chunk_size)), (inputs, weight, bias, state)


def _newton(cell, newton, inputs, weight, bias, state):
    """What `parallel_recurrence` computes where it is certified."""
    steps, weights = Steps(inputs, None, None), Weights(weight, bias, (), None)
    guess = evaluate(cell, steps, weights, jnp.zeros((len(inputs), 1, *state.shape)))
    return certified_states(cell, newton, steps, weights, state[None], guess)
