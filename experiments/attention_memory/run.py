"""What the gradient of attention holds at once: `python -m experiments.attention_memory.run`.

Temporaries of the compiled gradient, as the compiler says, of causal attention in its plain form
and in blocks (`model.attention`). Nothing is run.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import jax
import jax.numpy as jnp
from absl.flags import FlagValues
from jax import Array

from experiments.sweep import read_lines
from seqjax.benchmarking.results import circumstances
from seqjax.command_line import run_command
from seqjax.ops.attention import attention
from seqjax.ops.positions import Places

RESULTS = Path(__file__).with_name("results.jsonl")
LENGTHS = (512, 2048, 8192)
METHODS = ("plain", "blockwise")
BATCH, HEADS, HEAD = 8, 4, 16


def define_flags(values: FlagValues) -> None:
    """This command has none."""


def main(values: FlagValues) -> None:
    """Writes the rows anew, and prints the table."""
    rows = [
        {
            "method": method,
            "time": time,
            "batch": BATCH,
            "heads": HEADS,
            "head": HEAD,
            "temporary_bytes": temporaries(method, time),
            **circumstances(),
        }
        for time in LENGTHS
        for method in METHODS
    ]
    RESULTS.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    print("\n".join(table(RESULTS)))


def temporaries(method: str, time: int) -> int:
    """The bytes of the gradient by queries, keys and values."""

    def scalar(query: Array, key: Array, value: Array) -> Array:
        position = jnp.broadcast_to(jnp.arange(time), (BATCH, time))
        places = Places(jnp.ones_like(position), position)
        return jnp.sin(
            attention(query, key, value, places, places, causal=True, method=method)
        ).sum()

    steps = jax.ShapeDtypeStruct((BATCH, time, HEADS, HEAD), jnp.float32)
    compiled = jax.jit(jax.grad(scalar, argnums=(0, 1, 2))).lower(steps, steps, steps).compile()
    return compiled.memory_analysis().temp_size_in_bytes


def table(results: Path) -> Iterator[str]:
    """MiB by length, and the share of the plain form's."""
    found = {(row["method"], row["time"]): row["temporary_bytes"] for row in read_lines(results)}
    yield "| steps | plain | in blocks | of plain |"
    yield "|---|---|---|---|"
    for time in LENGTHS:
        plain, blocks = (found[method, time] for method in METHODS)
        yield (
            f"| {time:,} | {plain / 2**20:,.1f} MiB | {blocks / 2**20:,.1f} MiB "
            f"| {blocks / plain:.4f} |"
        )


if __name__ == "__main__":
    run_command(define_flags, main)
