"""What recurrences reach on a GPU, in under 8 minutes: `python -m experiments.gpu.run`.

First whether all contenders of a contest agree, then their times in interleaved rounds. Prints one
JSON object a contender, and with `--output` adds it to a file. `--quick` takes small sizes, which
try the script on any machine and tell nothing of its speed. Ends with status 1 where contenders
disagree.
"""

import dataclasses
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np
from absl import flags
from absl.flags import FlagValues

from experiments.gpu.contests import Contest, contests, copy_of
from seqjax.benchmarking.results import circumstances
from seqjax.benchmarking.rounds import interleave, turn_of
from seqjax.command_line import run_command
from seqjax.errors import UserError

BUDGET_SECONDS = 450.0  # behind which no further contest begins


def define_flags(values: FlagValues) -> None:
    """The flags of this command."""
    flags.DEFINE_bool("quick", False, "small sizes, on any machine", flag_values=values)
    flags.DEFINE_string("output", None, "add JSON lines to this file", flag_values=values)


def main(values: FlagValues) -> None:
    """Measures one contest after the other."""
    if jax.default_backend() != "gpu" and not values.quick:
        raise UserError("there is no GPU here: add --quick to try the script without one.")
    # A GPU would round products to fewer bits than float32 has.
    jax.config.update("jax_default_matmul_precision", "highest")
    start, agreed = time.monotonic(), True
    for contest in contests(values.quick):
        late = time.monotonic() - start > BUDGET_SECONDS
        for row in [{"question": contest.question, "skipped": "time"}] if late else rows(contest):
            agreed &= row.get("agrees", True)
            line = json.dumps({**row, "quick": values.quick, **circumstances()})
            print(line, flush=True)
            if values.output:
                with Path(values.output).open("a", encoding="utf-8") as file:
                    file.write(line + "\n")
    sys.exit(not agreed)


def rows(contest: Contest) -> Iterator[dict[str, Any]]:
    """One for each contender."""
    functions = dict(contest.contenders)
    if contest.bytes:
        functions["copy"] = copy_of
    compiled, facts = {}, {}
    for name, function in functions.items():
        start = time.perf_counter()
        compiled[name] = jax.jit(function).lower(*contest.arguments).compile()
        facts[name] = {"compile_seconds": time.perf_counter() - start}
    expected, first = None, next(iter(functions))
    for name in contest.contenders:
        found, further = compiled[name](*contest.arguments)
        found = jax.tree.map(np.asarray, found)
        expected = found if expected is None else expected
        error = _relative_error(found, expected)
        facts[name] |= {"error": error, "agrees": error <= contest.tolerance}
        facts[name] |= {key: number.item() for key, number in further.items()}
    timings = interleave(
        {name: turn_of(lambda run=run: run(*contest.arguments)) for name, run in compiled.items()},
        rounds=10,
        turn_seconds=0.2,
        most_seconds=20.0,
    )
    for name, timing in timings.items():
        row = {"question": contest.question, **contest.sizes, "contender": name, **facts[name]}
        row |= dataclasses.asdict(timing)
        row["times_as_fast"] = timings[first].milliseconds / timing.milliseconds
        row["compared_with"] = first
        if contest.bytes:
            row["gigabytes_per_second"] = contest.bytes / timing.milliseconds / 1e6
            row["share_of_copy"] = timings["copy"].milliseconds / timing.milliseconds
        yield row


def _relative_error(found: Any, expected: Any) -> float:
    pairs = zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True)
    return float(max(np.abs(a - b).max() / np.abs(b).max() for a, b in pairs))


if __name__ == "__main__":
    run_command(define_flags, main)
