"""Where a recurrent train step's time goes: `python -m experiments.peers.profile --model lstm`.

XLA's own trace of some steps of `seqjax_peer`, its operations told apart by where the compiled
program has them: in a loop over time or outside, products of matrices or not. Times are those of
one device, what it waits for another among the exchange. A trace makes a step somewhat slower.
"""

import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import jax
from absl import flags
from absl.flags import FlagValues
from jax.profiler import ProfileData

from experiments.peers.seqjax_peer import compiled
from experiments.sweep import append_row, read_lines
from seqjax.benchmarking.article import Article
from seqjax.benchmarking.results import circumstances
from seqjax.command_line import run_command
from seqjax.planning.program import COLLECTIVES, executed

RESULTS = Path(__file__).with_name("profiles.jsonl")
STEPS = 10
PARTS = ("loop: products", "loop: the rest", "products", "exchange", "the rest")


def define_flags(values: FlagValues) -> None:
    """The flags of this command."""
    flags.DEFINE_enum("model", "rnn", ["rnn", "lstm", "gru"], "the model", flag_values=values)
    flags.DEFINE_integer("length", 256, "steps of a row", flag_values=values)


def main(values: FlagValues) -> None:
    """Traces a model, adds its row and prints all."""
    article = Article(values.model, values.length)
    setup, execute, state, batch, hyperparameters = compiled(asdict(article))
    with setup.context(), tempfile.TemporaryDirectory() as folder:
        for _ in range(STEPS):
            state, _ = jax.block_until_ready(execute(state, batch, hyperparameters))
        with jax.profiler.trace(folder):
            for _ in range(STEPS):
                state, _ = jax.block_until_ready(execute(state, batch, hyperparameters))
        (trace,) = Path(folder).glob("**/*.xplane.pb")
        spent = by_part(ProfileData.from_file(str(trace)), execute.as_text())
    milliseconds = {part: spent[part] / STEPS / setup.mesh.size for part in PARTS}
    row = circumstances() | asdict(article) | {"devices": setup.mesh.size}
    append_row(row | {"milliseconds": milliseconds}, RESULTS)
    print("\n".join(table(RESULTS)))


def by_part(trace: ProfileData, program: str) -> Mapping[str, float]:
    """Milliseconds of all threads by part."""
    parts = parts_of(program)
    spent: Counter[str] = Counter()
    for plane in trace.planes:
        for line in plane.lines:
            for event in line.events:
                if event.name in parts:
                    spent[parts[event.name]] += event.duration_ns / 1e6
    loops = spent.pop("loop", 0.0)
    spent["loop: the rest"] = loops - spent["loop: products"]
    return spent


def parts_of(program: str) -> dict[str, str]:
    """The part that each instruction of a compiled program belongs to.

    A loop is counted whole, and its products once more by themselves; what else is in it is not
    looked at, nor is what belongs to a fusion.
    """
    found = {}
    for instruction, _, loops, fused in executed(program):
        product = instruction.opcode == "dot" or "__ynn_fusion" in instruction.attributes
        if fused or (loops and not product):
            continue
        if loops:
            part = "loop: products"
        elif instruction.opcode == "while":
            part = "loop"
        elif instruction.opcode.removesuffix("-start") in COLLECTIVES:
            part = "exchange"
        else:
            part = "products" if product else "the rest"
        found[instruction.name] = part
    return found


def table(results: Path) -> Sequence[str]:
    """Milliseconds of a step by part: of each model and length, what was traced last."""
    newest: dict[tuple[str, int], dict[str, Any]] = {
        (row["model"], row["time"]): row for row in read_lines(results)
    }
    return [
        f"| model | T | {' | '.join(PARTS)} |",
        f"|---|---|{'---|' * len(PARTS)}",
        *(
            f"| `{model}` | {time} | "
            + " | ".join(f"{row['milliseconds'][part]:.1f}" for part in PARTS)
            + " |"
            for (model, time), row in newest.items()
        ),
    ]


if __name__ == "__main__":
    run_command(define_flags, main)
