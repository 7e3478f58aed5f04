"""Compiles every operation for a TPU, without one: `python -m experiments.tpu_compile.run`.

The real TPU compiler runs on any machine (`pip install 'jax[tpu]'`). A row of `results.jsonl` for
each case: the seconds it took to compile, the compiler's estimate of its time on the chip (loops by
their trip count, kernels as `seqjax.planning.kernels` says), and its temporaries, or why it did not
compile. Cases that have a row are not compiled again.
"""

import json
import re
import sys
import time
from pathlib import Path
from typing import Any

import jax
from absl import flags
from absl.flags import FlagValues

from experiments.sweep import append_row, read_lines
from experiments.tpu_compile.cases import LARGE, SMALL, Case, cases
from seqjax.command_line import run_command
from seqjax.planning import program
from seqjax.planning.kernels import forget_schedules, kernel_cycles
from seqjax.planning.topology import Slice, describe_slice

RESULTS = Path(__file__).with_name("results.jsonl")


def define_flags(values: FlagValues) -> None:
    """The flags of this command."""
    flags.DEFINE_string("topology", "v5e:2x2", "the slice of the chips", flag_values=values)
    flags.DEFINE_string("only", "", "a pattern that the case's name must have", flag_values=values)
    flags.DEFINE_bool(
        "small", False, "the sizes of the test suite; keeps no rows", flag_values=values
    )


def main(values: FlagValues) -> None:
    """Compiles the cases one after the other; ends with status 1 where one did not compile."""
    where = describe_slice(values.topology)
    jax.config.update("jax_enable_compilation_cache", False)
    kept = [] if values.small else read_lines(RESULTS)
    done = {row["case"] for row in kept if row["topology"] == where.name}
    failed = False
    for case in cases(SMALL if values.small else LARGE):
        if case.name in done or not re.search(values.only, case.name):
            continue
        row = {"case": case.name, "topology": where.name} | compiled(case, where)
        failed |= "error" in row
        print(json.dumps(row), flush=True)
        if not values.small:
            append_row(row, RESULTS)
    sys.exit(failed)


def compiled(case: Case, where: Slice) -> dict[str, Any]:
    """What the compiler says of a case, or its error."""
    forget_schedules()
    start = time.perf_counter()
    try:
        executable = case.compiled(where.devices[0])
    except jax.errors.JaxRuntimeError as error:
        return {"error": str(error).splitlines()[0]}
    text = executable.as_text()
    cycles = program.cycles(text) + kernel_cycles(text, where.chip.cores)
    return {
        "compile_seconds": round(time.perf_counter() - start, 2),
        "estimated_ms": round(1e3 * cycles / where.chip.cycles_per_second, 3),
        "temporary_bytes": executable.memory_analysis().temp_size_in_bytes,
    }


def table(results: Path) -> list[str]:
    """One line a case."""
    lines = ["| case | slice | estimate | temporaries | to compile |", "|---|---|---|---|---|"]
    for row in read_lines(results):
        if "error" in row:
            told = [row["error"].partition(" exceeds")[0], "", ""]
        else:
            told = [
                f"{row['estimated_ms']:,.1f} ms",
                f"{row['temporary_bytes'] / 2**20:,.0f} MiB",
                f"{row['compile_seconds']:.0f} s",
            ]
        lines.append(f"| `{row['case']}` | {row['topology']} | {' | '.join(told)} |")
    return lines


if __name__ == "__main__":
    run_command(define_flags, main)
