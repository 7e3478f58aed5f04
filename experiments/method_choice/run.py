"""Is what `auto` stands for near the best method? `python -m experiments.method_choice.run`.

`--table` measures the methods of the linear recurrences, value and gradient, on a grid of batches,
times and widths, and writes this platform's part of `seqjax/ops/measured.json`. Without it they are
measured anew on points between those of the grid, and the method that the table chooses there is
compared with the fastest one.
"""

import itertools
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jax
from absl import flags
from absl.flags import FlagValues
from rich.console import Console

from experiments.sweep import read_lines
from seqjax.benchmarking import atlas
from seqjax.benchmarking.operations import OPERATIONS, OperationCell
from seqjax.benchmarking.results import Results, circumstances
from seqjax.command_line import run_command
from seqjax.distributed.cores import own_cores
from seqjax.ops import measured

RESULTS = Path(__file__).with_name("results.jsonl")
MEASURED = Path(measured.__file__).with_name("measured.json")
GRID = {"batch": (1, 16), "length": (64, 512, 4096), "width": (32, 256)}
BETWEEN = {"batch": (4,), "length": (180, 1448), "width": (92,)}
PATIENCE = atlas.Patience(rounds=5, cell_seconds=30.0)


def define_flags(values: FlagValues) -> None:
    """The flags of this command."""
    flags.DEFINE_bool("table", False, "make the table instead of testing it", flag_values=values)


def main(values: FlagValues) -> None:
    """Measures what is missing in `results.jsonl`; writes the table, or prints the comparison."""
    jax.config.update("jax_enable_compilation_cache", False)
    jax.config.update("jax_num_cpu_devices", own_cores())  # as many as a run has
    rows = atlas.measure(
        cells(GRID if values.table else BETWEEN),
        Results(RESULTS, circumstances()),
        PATIENCE,
        Console(stderr=True),
    )
    if values.table:
        write_table(rows)
    else:
        print("\n".join(table(RESULTS)))


def cells(sizes: dict[str, Sequence[int]]) -> list[OperationCell]:
    """Every method of every operation at every point, the small ones first."""
    points = itertools.product(sizes["length"], sizes["batch"], sizes["width"])
    return [
        OperationCell(name, length, batch, width, method)
        for length, batch, width in sorted(points, key=lambda point: point[0] * point[1] * point[2])
        for name, operation in OPERATIONS.items()
        for method in operation.methods
    ]


def write_table(rows: Sequence[dict[str, Any]]) -> None:
    """Replaces the operations of these rows in the platform's part of the table."""
    device = rows[0]["device"]
    kept = json.loads(MEASURED.read_text())
    part = kept.setdefault(device["platform"], {"operations": {}})
    part |= {"device": device, "versions": rows[0]["versions"]}
    for name, points in by_point(rows).items():
        part["operations"][name] = [
            {"batch": batch, "time": time, "width": width, "milliseconds": times}
            for (batch, time, width), times in points.items()
        ]
    MEASURED.write_text(json.dumps(kept, indent=1) + "\n")


def by_point(rows: Sequence[dict[str, Any]]) -> dict[str, dict[measured.Point, dict[str, float]]]:
    """The milliseconds of each method by operation and point; one that was skipped is absent."""
    found: dict[str, dict[measured.Point, dict[str, float]]] = {}
    for row in rows:
        point = row["batch"], row["length"], row["width"]
        times = found.setdefault(row["operation"], {}).setdefault(point, {})
        if "milliseconds" in row:
            times[row["method"]] = row["milliseconds"]
    return found


def table(results: Path) -> Iterator[str]:
    """The comparison at the points between, as Markdown."""
    rows = read_lines(results)
    between = [row for row in rows if row["length"] in BETWEEN["length"]]
    yield "| operation | batch | time | width | `auto` | its ms | fastest | its ms | ratio |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for name, points in by_point(between).items():
        for (batch, time, width), times in points.items():
            platform = between[0]["device"]["platform"]
            chosen = measured.choose(name, platform, batch=batch, time=time, width=width)
            best = min(times, key=times.get)
            yield (
                f"| `{name}` | {batch} | {time} | {width} | {chosen} | {times[chosen]:.2f} "
                f"| {best} | {times[best]:.2f} | {times[chosen] / times[best]:.2f} |"
            )


if __name__ == "__main__":
    run_command(define_flags, main)
