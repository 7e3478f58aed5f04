"""Plans the pod-sized models for slices of TPUs: `python -m experiments.plans.run`.

Needs the TPU compiler, no TPU (`pip install 'jax[tpu]'`), and some minutes a plan. Plans that are
in `results.jsonl` are not made again; `--only` picks some by the name of their model or slice.
"""

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from absl import flags
from absl.flags import FlagValues

from experiments.sweep import ROOT, append_row, read_lines
from seqjax.command_line import run_command
from seqjax.errors import UserError

RESULTS = Path(__file__).with_name("results.jsonl")
STATUS_DOES_NOT_FIT = 3


@dataclass(frozen=True)
class Planned:
    """A model of `configs/lm_pod.py`, a slice, and the tokens of which the hours are told."""

    preset: str
    topology: str
    tokens: float
    search: bool = False

    @property
    def flags(self) -> list[str]:
        """What `python -m seqjax.plan` is given."""
        found = ["--config", f"configs/lm_pod.py:{self.preset}", "--topology", self.topology]
        return [*found, "--tokens", f"{self.tokens:g}", *["--search"] * self.search]


# Twenty tokens a parameter each (Hoffmann et al. 2022).
PLANS = [
    Planned("transformer", "v5p:4x4x4", 4e9),
    Planned("hybrid", "v5p:4x4x4", 4e9),
    Planned("lstm", "v5p:4x4x4", 4e9),
    Planned("transformer,size=7b", "v5e:2x2", 14e10),
    Planned("transformer,size=7b", "v5e:8x8", 14e10),
    Planned("transformer,size=7b", "v5e:8x8", 14e10, search=True),
]


def define_flags(values: FlagValues) -> None:
    """The flags of this command."""
    flags.DEFINE_string("only", "", "a pattern that the plan's flags must have", flag_values=values)


def main(values: FlagValues) -> None:
    """Makes the plans that are missing and prints the table."""
    done = {" ".join(row["flags"]) for row in read_lines(RESULTS)}
    for planned in PLANS:
        spelled = " ".join(planned.flags)
        if spelled in done or not re.search(values.only, spelled):
            continue
        append_row(make_plan(planned.flags), RESULTS)
    print("\n".join(table(RESULTS)))


def make_plan(flags: Sequence[str]) -> dict[str, Any]:
    """The row of the plan of some flags, made by a process of its own."""
    command = [sys.executable, "-m", "seqjax.plan", *flags, "--json"]
    ended = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if ended.returncode not in (0, STATUS_DOES_NOT_FIT):
        raise UserError(f"{' '.join(command[1:])} ended with status {ended.returncode}.")
    return {"flags": list(flags), "status": ended.returncode} | json.loads(ended.stdout)


def table(results: Path) -> list[str]:
    """One line a plan, in the order of `PLANS`."""
    by_flags = {" ".join(row["flags"]): row for row in read_lines(results)}
    lines = [
        "| model | slice, mesh | GiB a chip | step | of it exchange | utilisation | tokens/s | "
        "hours for 20 tokens a parameter |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for planned in PLANS:
        if row := by_flags.get(" ".join(planned.flags)):
            lines.append(f"| {' | '.join(_shown(planned, row))} |")
    return lines


def _shown(planned: Planned, row: dict[str, Any]) -> list[str]:
    model = f"`{planned.preset}`"
    if not row["fits"]:
        needed = f"{row['memory_per_chip'] / 2**30:.1f}: does not fit"
        return [model, f"`{planned.topology}`", needed, "", "", "", "", ""]
    mesh = " ".join(f"{axis}={size}" for axis, size in row["mesh"].items() if size > 1)
    return [
        model,
        f"`{planned.topology}`, {mesh}{' (found by `--search`)' if planned.search else ''}",
        f"{row['memory_per_chip'] / 2**30:.1f} of {row['memory_of_chip'] / 2**30:.0f}",
        f"{row['step_seconds'] * 1e3:,.0f} ms",
        f"{row['exchange_seconds'] * 1e3:,.0f} ms",
        f"{row['utilisation']:.1%}",
        f"{row['tokens_per_second']:,.0f}",
        f"{row['hours']:,.1f}",
    ]


if __name__ == "__main__":
    run_command(define_flags, main)
