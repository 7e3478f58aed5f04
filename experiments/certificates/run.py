"""Holds certificates to the sequential loop: `python -m experiments.certificates.run`.

Draws random recurrences, a quarter of them chaotic, evaluates each in both ways in value and
gradient, prints a table, and replaces `results.jsonl` (a row a case) and `summary.json` beside it.
Ends with status 1 where a case is neither certified and close nor the sequential one.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from absl import flags
from absl.flags import FlagValues
from rich import box
from rich.console import Console
from rich.progress import track
from rich.table import Table

from experiments.certificates.cases import Setting, compared, holds
from seqjax.benchmarking.results import circumstances
from seqjax.command_line import run_command
from seqjax.ops.newton import Newton

RESULTS = Path(__file__).with_name("results.jsonl")
SUMMARY = Path(__file__).with_name("summary.json")
# Every cell, and every way in which Newton's method is to be had.
SETTINGS = {
    "rnn": Setting("rnn", time=100, width=16),
    "gru": Setting("gru", time=100, width=16),
    "lstm": Setting("lstm", time=100, width=16),
    "paragru": Setting("paragru", time=200, width=16),
    "paralstm": Setting("paralstm", time=200, width=16),
    "rnn, chunks": Setting("rnn", time=60, width=8, newton=Newton(chunk_size=16)),
    "gru, damped": Setting("gru", time=60, width=8, newton=Newton(damping=1.0)),
    "lstm, diagonal": Setting("lstm", time=60, width=8, newton=Newton(jacobian="diagonal")),
    "paragru, chunks": Setting("paragru", time=60, width=8, newton=Newton(chunk_size=16)),
    "paralstm, damped": Setting("paralstm", time=60, width=8, newton=Newton(damping=1.0)),
}


def define_flags(values: FlagValues) -> None:
    """The flags of this command."""
    flags.DEFINE_integer("cases", 1000, "in all, shared out evenly", 40, flag_values=values)
    flags.DEFINE_integer("seed", 0, "of the cases", flag_values=values)


def main(values: FlagValues) -> None:
    """Measures, prints and writes."""
    console, rows = Console(stderr=True), []
    for number, (name, setting) in enumerate(track(SETTINGS.items(), "settings", console=console)):
        seed = values.seed * len(SETTINGS) + number
        found = compared(setting, values.cases // len(SETTINGS), seed)
        rows += [{"setting": name, **row} for row in found]
    summary = {
        "all": summarised(rows),
        **{name: summarised([r for r in rows if r["setting"] == name]) for name in SETTINGS},
    }
    show(Console(), summary)
    RESULTS.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    SUMMARY.write_text(json.dumps({**summary, **circumstances()}, indent=1) + "\n")
    sys.exit(not all(map(holds, rows)))


def summarised(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Counts and largest errors."""
    values = [row for row in rows if not row["value_is_sequential"]]
    gradients = [row for row in rows if not row["gradient_is_sequential"]]
    return {
        "cases": len(rows),
        "chaotic": sum(row["exponent"] > 0 for row in rows),
        "hold": sum(map(holds, rows)),
        "certified": sum(row["certified"] for row in rows),
        "certified_and_chaotic": sum(row["certified"] and row["exponent"] > 0 for row in rows),
        "share_fallen_back": sum(not row["certified"] for row in rows) / len(rows),
        "gradients_that_are_sequential": sum(row["gradient_is_sequential"] for row in rows),
        "largest_value_error": max((row["value_error"] for row in values), default=0.0),
        "largest_gradient_error": max((row["gradient_error"] for row in gradients), default=0.0),
        "most_iterations_certified": max(
            (row["iterations"] for row in rows if row["certified"]), default=0
        ),
    }


def show(console: Console, summary: dict[str, dict[str, Any]]) -> None:
    """A line for each setting, all of them together first."""
    table = Table(box=box.SIMPLE)
    table.add_column("setting")
    for name in next(iter(summary.values())):
        table.add_column(name.replace("_", " "), justify="right")
    for setting, figures in summary.items():
        table.add_row(setting, *(f"{figure:.3g}" for figure in figures.values()))
    console.print(table)


if __name__ == "__main__":
    run_command(define_flags, main)
