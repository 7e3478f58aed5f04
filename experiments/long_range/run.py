"""Who remembers how far: `python -m experiments.long_range.run`.

Models of two blocks with 100,000 parameters outside their tables learn probes of short sequences
and are tested on longer ones. Every mixer gets the same tuning: three learning rates, the best of
the validation split repeated with more seeds.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from absl import flags
from absl.flags import FlagValues

from experiments import command
from experiments.statistics import shown_range
from experiments.sweep import Cell
from experiments.tuning import Tuned, stages
from seqjax.command_line import run_command

RESULTS = Path(__file__).with_name("results.jsonl")
STEPS = 1_000
MIXERS = ("rnn", "lstm", "rglru", "gated_deltanet", "transformer", "gru", "hybrid")
# What is asked of each probe, and settings that keep a cell short on two cores.
PROBES = {
    "parity": ("accuracy", {}),
    "induction": ("accuracy", {}),
    "mqar": ("accuracy", {}),
    "adding": ("loss", {"data__probe__length": 100, "data__beyond__length": 200}),
    "permutations": ("accuracy", {}),
    "copy": ("accuracy", {"data__probe__delay": 50, "data__beyond__delay": 100}),
}


def models() -> dict[tuple[str, str], Tuned]:
    """What is tuned, by probe and mixer."""
    found = {}
    for probe, (metric, settings) in PROBES.items():
        for mixer in MIXERS:
            cell = Cell(f"configs/{probe}.py:{mixer}", details=("test_by_length",)).where(
                train__steps=STEPS, train__evaluate_every=STEPS // 4, **settings
            )
            sign = -1 if metric == "loss" else 1
            found[probe, mixer] = Tuned(cell, metric, sign)
    return found


def accuracy(probe: str, mixer: str, split: str, results: Path) -> tuple[float, tuple[str, ...]]:
    """The mean over seeds of a probe's metric, and the ids of its rows."""
    model = models()[probe, mixer]
    rows = model.rows(results)
    values = [row["summary"][split][model.metric] for row in rows]
    return float(np.mean(values)), tuple(row["id"] for row in rows)


def table(results: Path) -> Sequence[str]:
    """The lines of Markdown of the README."""
    lines = [
        "| probe | mixer | learning rate | seeds | valid | test, longer |",
        "|---|---|---|---|---|---|",
    ]
    for (probe, mixer), model in models().items():
        rows = model.rows(results)
        if not rows:
            continue
        cells = []
        for split in ("valid", "test"):
            cells.append(shown_range([row["summary"][split][model.metric] for row in rows], 3))
        rate = rows[0]["config"]["optimizer"]["learning_rate"]
        lines.append(
            f"| {probe} ({model.metric}) | `{mixer}` | {rate:g} | {len(rows)} "
            f"| {cells[0]} | {cells[1]} |"
        )
    return lines


def define_flags(values: FlagValues) -> None:
    """The flags of this command."""
    command.define_scalable_flags(values)
    flags.DEFINE_multi_enum(
        "probe", list(PROBES), list(PROBES), "only this probe (may be repeated)", flag_values=values
    )


def main(values: FlagValues) -> None:
    """Runs what is missing, then prints the table."""
    chosen = [model for (probe, _), model in models().items() if probe in values.probe]
    command.run_stages(values, stages(chosen), RESULTS, table)


if __name__ == "__main__":
    run_command(define_flags, main)
