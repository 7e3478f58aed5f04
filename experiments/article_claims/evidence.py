"""The committed rows that verdicts are computed from."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from experiments.statistics import SIGNIFICANT
from experiments.sweep import ROOT, read_rows

# `NOT_SHOWN`: neither the claim nor its contrary can be told from chance.
HOLDS, FAILS, DEPENDS, NOT_SHOWN = "holds", "does not hold", "depends", "not shown"

SMALLEST = 1.0  # points of accuracy that are worth a claim

Row = dict[str, Any]


class Finding(NamedTuple):
    """A verdict, the figure that it rests on, and the ids of the rows that the figure is from."""

    verdict: str
    figure: str
    rows: tuple[str, ...]


@dataclass(frozen=True)
class Evidence:
    """The rows of all experiments: `FOLDER/EXPERIMENT/results.jsonl`, and other files beside it."""

    folder: Path = ROOT / "experiments"

    def results(self, experiment: str, part: str = "results") -> Path:
        """The file of an experiment, or of a part of it."""
        return self.folder / experiment / f"{part}.jsonl"

    def rows(self, experiment: str, part: str = "results") -> dict[str, Row]:
        """The rows of an experiment, or of a part of it, by id."""
        return read_rows(self.results(experiment, part))

    def measured(self, name: str) -> Row:
        """A row of the ledger's own measurements, with its figures."""
        return self.rows("article_claims")[f"article_claims: {name}"]


def holds_if(condition: bool) -> str:
    """The verdict of a claim that is true or not."""
    return HOLDS if condition else FAILS


def holds_if_all(conditions: Iterable[bool]) -> str:
    """The verdict of a claim that depends where it is true of some cases alone."""
    met = list(conditions)
    return HOLDS if all(met) else DEPENDS if any(met) else FAILS


def of_gain(gain: float, half_width: float, p_value: float, smallest: float) -> str:
    """The verdict of a claim that something gains; less than `smallest` is as good as nothing."""
    if p_value < SIGNIFICANT:
        return holds_if(gain > 0)
    return FAILS if gain + half_width < smallest else NOT_SHOWN
