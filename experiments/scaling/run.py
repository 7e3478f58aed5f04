"""What more parameters, tokens and context are worth: `python -m experiments.scaling.run`.

Language models of the characters of tiny Shakespeare. One series changes the parameters outside the
tables at the same number of training steps, another the steps at the same parameters. Every mixer
is tuned alike, three learning rates at 30,000 parameters, and keeps the best one throughout.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from absl.flags import FlagValues

from experiments.command import define_scalable_flags, run_stages
from experiments.statistics import shown_mean
from experiments.sweep import Cell, rows_of
from experiments.tuning import Tuned
from seqjax.command_line import run_command

RESULTS = Path(__file__).with_name("results.jsonl")
MIXERS = ("rnn", "lstm", "rglru", "transformer", "hybrid")
SIZES = (10_000, 30_000, 100_000, 300_000)  # parameters outside the tables
STEPS = (200, 400, 800, 1_600)
MIDDLE, USUAL = 30_000, 800  # the size and the steps of the other series
SEEDS = 3  # of the middle size at the usual steps
METRIC = "nats_per_character"
BATCH, LENGTH = 16, 256  # sequences of a batch, and their tokens
PLACES = (1, 16, 32, 64, 128, 256)  # where the groups of positions end


def cell(mixer: str, size: int, steps: int) -> Cell:
    """The run of a model of a size, its learning rate not yet chosen."""
    details = ("valid_by_position",) if size == SIZES[-1] else ()
    return Cell(f"configs/char_lm.py:{mixer},size={size}", details=details).where(
        data__source="files",
        data__train="data/tinyshakespeare/input.txt.gz",
        data__length=LENGTH,
        train__batch_size=BATCH,
        train__steps=steps,
        train__evaluate_every=steps // 4,
    )


def tuned(mixer: str) -> Tuned:
    """What decides the learning rate of a mixer."""
    return Tuned(cell(mixer, MIDDLE, USUAL), METRIC, sign=-1, seeds=SEEDS)


def by_size(mixer: str, results: Path) -> dict[int, list[dict[str, Any]]]:
    """The rows of the sizes that have run: the seeds of the middle one, else the first seed."""
    found = {size: tuned(mixer).lend(cell(mixer, size, USUAL), results) for size in SIZES}
    found[MIDDLE] = tuned(mixer).repeats(results)
    return _ran(found, results)


def by_steps(mixer: str, results: Path) -> dict[int, list[dict[str, Any]]]:
    """The rows of the numbers of steps that have run, alike."""
    found = {steps: tuned(mixer).lend(cell(mixer, MIDDLE, steps), results) for steps in STEPS}
    found[USUAL] = tuned(mixer).repeats(results)
    return _ran(found, results)


def _ran(cells: Mapping[int, Sequence[Cell]], results: Path) -> dict[int, list[dict[str, Any]]]:
    rows = {place: rows_of(group, results) for place, group in cells.items()}
    return {place: group for place, group in rows.items() if group}


def losses(rows: Sequence[Mapping[str, Any]]) -> list[float]:
    """Nats per character on the validation split, of the best checkpoint."""
    return [row["summary"]["valid"][METRIC] for row in rows]


def exponent(groups: Mapping[int, Sequence[Mapping[str, Any]]]) -> float:
    """The power of parameters, or steps, with which the mean loss falls in the measured range.

    The a of `loss = c x^-a`, by least squares on logarithms.
    """
    means = [np.mean(losses(rows)) for rows in groups.values()]
    return -float(np.polyfit(np.log(list(groups)), np.log(means), 1)[0])


def by_place(row: Mapping[str, Any]) -> list[float]:
    """The loss in nats per token by groups of positions, each up to one of `PLACES`."""
    found = row["valid_by_position"]
    loss, count = np.array(found["loss"]), np.array(found["count"])
    starts = (0, *PLACES[:-1])
    spans = [slice(start, end) for start, end in zip(starts, PLACES, strict=True)]
    return [float(np.average(loss[span], weights=count[span])) for span in spans]


def table(results: Path) -> Sequence[str]:
    """The lines of Markdown of the README: by parameters and by steps, then by position."""
    return [
        f"| mixer | learning rate | {' | '.join(f'{size:,}' for size in SIZES)} | exponent "
        f"| {' | '.join(f'{steps:,} steps' for steps in STEPS)} | exponent |",
        "|---|---|" + "---|" * (len(SIZES) + len(STEPS) + 2),
        *_by_parameters_and_steps(results),
        "",
        f"| mixer | {' | '.join(_spans())} |",
        "|---|" + "---|" * len(PLACES),
        *_by_position(results),
    ]


def _by_parameters_and_steps(results: Path) -> Iterator[str]:
    for mixer in MIXERS:
        rate = tuned(mixer).rate(results)
        if rate is None:
            continue
        cells = [f"`{mixer}`", f"{rate:g}"]
        for places, groups in (
            (SIZES, by_size(mixer, results)),
            (STEPS, by_steps(mixer, results)),
        ):
            cells += [shown_mean(losses(groups[at]), 3) if at in groups else "" for at in places]
            cells.append(f"{exponent(groups):.3f}" if len(groups) > 2 else "")
        yield f"| {' | '.join(cells)} |"


def _by_position(results: Path) -> Iterator[str]:
    for mixer in MIXERS:
        for row in by_size(mixer, results).get(SIZES[-1], ()):
            yield f"| `{mixer}` | {' | '.join(f'{loss:.3f}' for loss in by_place(row))} |"


def _spans() -> Iterator[str]:
    """The groups of positions, counted from 1."""
    start = 1
    for end in PLACES:
        yield f"{start}–{end}" if end > start else f"{end}"
        start = end + 1


def main(values: FlagValues) -> None:
    """Runs what is missing, then prints the table."""

    def trials(results: Path) -> list[Cell]:
        return [trial for mixer in MIXERS for trial in tuned(mixer).trials()]

    def series(results: Path) -> list[Cell]:
        shapes = [(MIDDLE, steps) for steps in STEPS] + [(size, USUAL) for size in SIZES]
        return [
            found
            for size, steps in shapes
            for mixer in MIXERS
            for found in tuned(mixer).lend(cell(mixer, size, steps), results)
        ]

    def repeats(results: Path) -> list[Cell]:
        return [repeat for mixer in MIXERS for repeat in tuned(mixer).repeats(results)]

    run_stages(values, (trials, series, repeats), RESULTS, table)


if __name__ == "__main__":
    run_command(define_scalable_flags, main)
