"""Holds certificates to the sequential loop: `python -m experiments.certificates.run`.

Draws random recurrences, a quarter of them chaotic, evaluates each in both ways in value and
gradient, prints a table, and replaces `results.jsonl`, a row a case, beside it.
Ends with status 1 where a case is neither certified and close nor the sequential one.
"""

import json
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from absl import flags
from absl.flags import FlagValues
from rich.console import Console
from rich.progress import track

from experiments.certificates.cases import Setting, compared, holds
from experiments.sweep import read_lines
from seqjax.benchmarking.results import circumstances
from seqjax.command_line import run_command
from seqjax.errors import UserError, did_you_mean
from seqjax.ops.newton import Newton

RESULTS = Path(__file__).with_name("results.jsonl")
# Every cell, and every way in which Newton's method is to be had.
SETTINGS = {
    "rnn": Setting("rnn", time=100, width=16),
    "gru": Setting("gru", time=100, width=16),
    "lstm": Setting("lstm", time=100, width=16),
    "paragru": Setting("paragru", time=200, width=16),
    "paralstm": Setting("paralstm", time=200, width=16),
    "rnn in chunks": Setting("rnn", time=60, width=8, newton=Newton(chunk_size=16)),
    "gru damped": Setting("gru", time=60, width=8, newton=Newton(damping=1.0)),
    "lstm diagonal": Setting("lstm", time=60, width=8, newton=Newton(jacobian="diagonal")),
    "paragru in chunks": Setting("paragru", time=60, width=8, newton=Newton(chunk_size=16)),
    "paralstm damped": Setting("paralstm", time=60, width=8, newton=Newton(damping=1.0)),
}


def define_flags(values: FlagValues) -> None:
    """The flags of this command."""
    flags.DEFINE_integer("cases", 1000, "in all, shared out evenly", 40, flag_values=values)
    flags.DEFINE_integer("seed", 0, "of the cases", flag_values=values)
    flags.DEFINE_list("only", None, "measure these settings, and keep the rest", flag_values=values)


def main(values: FlagValues) -> None:
    """Measures, prints and writes."""
    chosen = values.only or list(SETTINGS)
    for name in chosen:
        if name not in SETTINGS:
            raise UserError(f"--only has no {name!r}: {did_you_mean(name, SETTINGS)}")
    kept = [row for row in read_lines(RESULTS) if row["setting"] not in chosen]
    count, rows = values.cases // len(SETTINGS), []
    for name in track(chosen, "settings", console=Console(stderr=True)):
        seed = values.seed * len(SETTINGS) + list(SETTINGS).index(name)
        rows += [
            {"setting": name, **row, **circumstances()}
            for row in compared(SETTINGS[name], count, seed)
        ]
    rows += kept
    found = {name: [row for row in rows if row["setting"] == name] for name in SETTINGS}
    RESULTS.write_text("".join(f"{json.dumps(row)}\n" for some in found.values() for row in some))
    print("\n".join(table(RESULTS)))
    sys.exit(not all(map(holds, rows)))


def table(results: Path) -> list[str]:
    """A line of Markdown for each setting, and one for all of them."""
    rows = read_lines(results)
    groups = {name: [row for row in rows if row["setting"] == name] for name in SETTINGS}
    lines = [
        "| setting | cases | chaotic | as promised | fell back: values | gradients | largest error "
        "of a certified value | of a gradient | iterations, median |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, some in {**groups, "all": rows}.items():
        if some:
            lines.append(f"| {name} | {' | '.join(_figures(some))} |")
    return lines


def _figures(rows: Sequence[dict[str, Any]]) -> list[str]:
    certified = [row for row in rows if row["certified"]]
    parallel = [row for row in certified if not row["gradient_is_sequential"]]
    values = max((row["value_error"] for row in certified), default=0.0)
    gradients = max((row["gradient_error"] for row in parallel), default=0.0)
    iterations = [row["iterations"] for row in certified]
    return [
        str(len(rows)),
        str(sum(row["exponent"] > 0 for row in rows)),
        str(sum(map(holds, rows))),
        f"{1 - len(certified) / len(rows):.0%}",
        f"{1 - len(parallel) / len(rows):.0%}",
        f"{values:.1e}",
        f"{gradients:.1e}",
        f"{statistics.median(iterations):g}" if iterations else "",
    ]


if __name__ == "__main__":
    run_command(define_flags, main)
