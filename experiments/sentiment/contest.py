"""Models of equal size on one corpus: their table, with intervals over seeds and over examples."""

from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from experiments.details import unpacked
from experiments.statistics import (
    Difference,
    bootstrap_interval,
    examples_half_width,
    holm,
    paired_difference,
    shown_mean,
    shown_p,
)
from experiments.sweep import shared_seeds
from experiments.tuning import Tuned

BASELINE = "bag"  # knows no order, so that the difference is what order is worth


class Entry(NamedTuple):
    """A model of which some seeds have run: test accuracies in points, and what they are worth."""

    rows: list[dict]
    accuracies: list[float]
    interval: tuple[float, float]  # over the choice of test examples
    difference: Difference | None  # to the baseline, over seeds and over test examples
    adjusted_p: float


def entries(
    models: Mapping[str, Tuned], results: Path, groups: Sequence[Hashable] | None
) -> dict[str, Entry]:
    """By model; `groups` tells which test examples belong together.

    p values are corrected for the number of all models, those that have not run among them.
    """
    rows = {name: found for name, model in models.items() if (found := model.rows(results))}
    base, differences = rows.get(BASELINE, []), {}
    for name in rows.keys() - {BASELINE}:
        if difference := accuracy_difference(rows[name], base, groups):
            differences[name] = difference
    adjusted = holm(
        {
            name: differences[name].p_value if name in differences else 1.0
            for name in models
            if name != BASELINE
        }
    )
    return {
        name: Entry(
            found,
            list(by_seed(found).values()),
            examples_interval(found, groups),
            differences.get(name),
            adjusted.get(name, 1.0),
        )
        for name, found in rows.items()
    }


def accuracy_difference(
    rows: Sequence[dict], base: Sequence[dict], groups: Sequence[Hashable] | None
) -> Difference | None:
    """In points, over the seeds that both sides have and over test examples; None of one seed."""
    pairs = shared_seeds(rows, base)
    if len(pairs) < 2:
        return None
    sides = list(zip(*pairs, strict=True))
    return paired_difference(
        *(list(by_seed(side).values()) for side in sides),
        of_examples=100 * examples_half_width(*map(_scores, sides), groups),
    )


def behind_line(
    rows: Sequence[Mapping], correct: str, groups: Sequence[Hashable] | None
) -> Difference:
    """By how many points a line is ahead, over seeds and over test examples (see `packed`)."""
    line, accuracies = unpacked(correct).astype(float), list(by_seed(rows).values())
    return paired_difference(
        [100 * line.mean()] * len(accuracies),
        accuracies,
        of_examples=100 * examples_half_width(line, _scores(rows), groups),
    )


def examples_interval(
    rows: Sequence[Mapping], groups: Sequence[Hashable] | None
) -> tuple[float, float]:
    """Of the accuracy, a mean over seeds, when test examples are drawn anew."""
    return bootstrap_interval(_scores(rows), groups)


def _scores(rows: Sequence[Mapping]) -> Float[np.ndarray, " examples"]:
    """How often each test example was right, as a mean over seeds."""
    return np.mean([unpacked(row["test_correct"]) for row in rows], axis=0)


def by_seed(rows: Sequence[Mapping]) -> dict[int, float]:
    """The test accuracy of each seed, in points."""
    return {row["summary"]["seed"]: 100 * row["summary"]["test"]["accuracy"] for row in rows}


def lines_of(found: Mapping[str, Entry], lines: Mapping[str, float]) -> list[str]:
    """Markdown: the models, then what they are to be compared with."""
    table = [
        "| model | learning rate | parameters (outside tables) | seeds | test accuracy, % "
        f"| over test examples | minus `{BASELINE}` | p (Holm) | minutes a run |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, entry in found.items():
        summary, optimizer = entry.rows[0]["summary"], entry.rows[0]["config"]["optimizer"]
        low, high = (100 * end for end in entry.interval)
        apart = ["", ""]
        if entry.difference:
            mean, half, *_ = entry.difference
            apart = [f"{mean:+.1f} ± {half:.1f}", shown_p(entry.adjusted_p)]
        minutes = np.median([row["summary"]["wall_seconds"] for row in entry.rows]) / 60
        cells = [
            f"`{name}`",
            f"{optimizer['learning_rate']:g}",
            f"{summary['parameters']:,} ({summary['parameters_outside_embedding']:,})",
            str(len(entry.rows)),
            shown_mean(entry.accuracies, 1),
            f"{low:.1f}–{high:.1f}",
            *apart,
            f"{minutes:.1f}",
        ]
        table.append(f"| {' | '.join(cells)} |")
    table += [f"| {line} | | | | {100 * value:.1f} | | | | |" for line, value in lines.items()]
    return table
