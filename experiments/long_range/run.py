"""Who remembers how far: `python -m experiments.long_range.run`.

Models of two blocks with 100,000 parameters outside their tables learn probes of short sequences
and are tested on longer ones. Every mixer gets the same tuning: three learning rates, the best of
the validation split repeated where a probe has more seeds than one.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

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
FIVE = ("rnn", "lstm", "rglru", "transformer", "hybrid")


class Probe(NamedTuple):
    """A file of `configs/`, what is asked, and settings that keep a cell short on two cores."""

    config: str
    metric: str = "accuracy"
    settings: Mapping[str, Any] = MappingProxyType({})
    seeds: int = 3
    mixers: tuple[str, ...] = MIXERS


def short(
    config: str, metric: str = "accuracy", mixers: tuple[str, ...] = FIVE, **settings: Any
) -> Probe:
    """A probe of which one seed of a few mixers has to do, in half of the usual batches."""
    return Probe(config, metric, {"train__batch_size": 32, **settings}, seeds=1, mixers=mixers)


PROBES = {
    "parity": Probe("parity"),
    "induction": Probe("induction"),
    "permutations of A5": Probe(
        "permutations",
        settings={
            "train__steps": 4 * STEPS,
            "train__evaluate_every": STEPS,
            "data__train_rows": 100_000,
            "data__buckets": 1,
            "data__probe__group": "A5",
            "data__probe__max_length": 6,
            "data__beyond__group": "A5",
            "data__beyond__min_length": 7,
            "data__beyond__max_length": 12,
        },
    ),
    "permutations of S5": Probe("permutations", seeds=1),
    "mqar": short("mqar", mixers=(*FIVE, "gated_deltanet", "attention")),
    "copy": short(
        "copy",
        data__probe__delay=20,
        data__probe__memorized=5,
        data__beyond__delay=40,
        data__beyond__memorized=5,
    ),
    "selective copy": short("selective_copy"),
    "adding": short("adding", "loss", data__probe__length=100, data__beyond__length=200),
    "bracket arithmetic": short("bracket_arithmetic"),
    "listops": short("listops"),
}


def models() -> dict[tuple[str, str], Tuned]:
    """What is tuned, by probe and mixer."""
    found = {}
    for name, probe in PROBES.items():
        for mixer in probe.mixers:
            cell = Cell(f"configs/{probe.config}.py:{mixer}", details=("test_by_length",))
            cell = cell.where(train__steps=STEPS, train__evaluate_every=STEPS // 4)
            sign = -1 if probe.metric == "loss" else 1
            tuned = Tuned(cell.where(**probe.settings), probe.metric, sign, probe.seeds)
            found[name, mixer] = tuned
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
        "| probe | mixer | learning rate | steps | seeds | valid | test, longer | minutes a run |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for (probe, mixer), model in models().items():
        rows = model.rows(results)
        if not rows:
            continue
        cells, digits = [], 5 if model.metric == "loss" else 3
        for split in ("valid", "test"):
            cells.append(shown_range([row["summary"][split][model.metric] for row in rows], digits))
        rate = rows[0]["config"]["optimizer"]["learning_rate"]
        summaries = [row["summary"] for row in rows]
        minutes = np.median([summary["wall_seconds"] for summary in summaries]) / 60
        lines.append(
            f"| {probe} ({model.metric}) | `{mixer}` | {rate:g} | {summaries[0]['steps']:,} "
            f"| {len(rows)} | {cells[0]} | {cells[1]} | {minutes:.1f} |"
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
