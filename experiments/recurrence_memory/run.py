"""What the gradient of an LSTM holds at once: `python -m experiments.recurrence_memory.run`.

Temporaries of the compiled gradient, as the compiler says: plain autodiff of a loop over time, our
gradient with all states kept, and with every k-th state kept (`model.remat_steps`).
"""

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
from absl.flags import FlagValues
from jax import Array, lax

from experiments.sweep import read_lines
from seqjax.benchmarking.results import circumstances
from seqjax.command_line import run_command
from seqjax.ops import cells
from seqjax.ops.segmented_recurrence import segmented_recurrence

RESULTS = Path(__file__).with_name("results.jsonl")
TIME, BATCH, FEATURES, HIDDEN = 4096, 8, 64, 128
KEPT_EVERY = (0, 16, 64, 256)
CELL = cells.lstm()


def define_flags(values: FlagValues) -> None:
    """This command has none."""


def main(values: FlagValues) -> None:
    """Writes the rows anew, and prints the table."""
    forms = {"plain": plain} | {f"{k}": partial(ours, size=k) for k in KEPT_EVERY}
    rows = [
        {
            "form": name,
            "loss": loss,
            "time": TIME,
            "batch": BATCH,
            "hidden": HIDDEN,
            "temporary_bytes": temporaries(form, loss),
            **circumstances(),
        }
        for loss in ("all outputs", "final state")
        for name, form in forms.items()
    ]
    RESULTS.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    print("\n".join(table(RESULTS)))


def plain(x: Array, into: Array, weight: Array) -> tuple[Array, Array]:
    """The outputs and the final `h`, by the definition."""

    def step(state: tuple[Array, Array], x: Array) -> tuple[tuple[Array, Array], Array]:
        state = CELL.pointwise(x, state[0] @ weight, state)
        return state, state[0]

    start = (jnp.zeros((BATCH, HIDDEN)),) * 2
    state, outputs = lax.scan(step, start, jnp.einsum("tbf,fg->tbg", x, into))
    return outputs, state[0]


def ours(x: Array, into: Array, weight: Array, *, size: int) -> tuple[Array, Array]:
    """The same, with every `size`-th state kept."""
    outputs, state = segmented_recurrence(
        CELL,
        x,
        lambda steps: jnp.einsum("tbf,fg->tbg", steps, into),
        weight,
        jnp.zeros(4 * HIDDEN),
        (jnp.zeros((BATCH, HIDDEN)),) * 2,
        size=size,
    )
    return outputs, state[0]


def temporaries(form: Callable[..., tuple[Array, Array]], loss: str) -> int:
    """The bytes of the gradient by the inputs and both matrices."""

    def scalar(*arguments: Array) -> Array:
        outputs, final = form(*arguments)
        return jnp.sin(outputs if loss == "all outputs" else final).sum()

    shapes = (TIME, BATCH, FEATURES), (FEATURES, 4 * HIDDEN), (HIDDEN, 4 * HIDDEN)
    arguments = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes]
    compiled = jax.jit(jax.grad(scalar, argnums=(0, 1, 2))).lower(*arguments).compile()
    return compiled.memory_analysis().temp_size_in_bytes


def table(results: Path) -> Iterator[str]:
    """MiB, and the share of plain autodiff's."""
    rows = read_lines(results)
    yield "| loss on | kept | MiB | of plain |"
    yield "|---|---|---|---|"
    for row in rows:
        (all_of_it,) = (r for r in rows if (r["form"], r["loss"]) == ("plain", row["loss"]))
        kept = {"plain": "plain autodiff", "0": "all states, our gradient"}
        yield (
            f"| {row['loss']} | {kept.get(row['form'], 'every ' + row['form'] + 'th state')} "
            f"| {row['temporary_bytes'] / 2**20:.1f} "
            f"| {row['temporary_bytes'] / all_of_it['temporary_bytes']:.3f} |"
        )


if __name__ == "__main__":
    run_command(define_flags, main)
