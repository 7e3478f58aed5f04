"""The same tuning for every mixer: three learning rates, chosen on the validation split."""

import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

from experiments.sweep import Cell, read_rows, rows_of

RATES = (1e-3, 3e-3, 1e-2)


class Tuned(NamedTuple):
    """A model that is tried with every learning rate, and repeated with the best one.

    `metric` is the one of the validation split that decides; the greatest is the best where
    `sign` is 1, the least where it is -1.
    """

    cell: Cell
    metric: str
    sign: int = 1
    seeds: int = 3

    def trials(self) -> list[Cell]:
        """The first seed with every learning rate."""
        return [self.cell.where(optimizer__learning_rate=rate, seed=0) for rate in RATES]

    def chosen(self, results: Path) -> Cell | None:
        """The best trial; None while some have not run, and where none came to an end."""
        trials, rows = self.trials(), read_rows(results)
        found = [rows.get(trial.identity, {}) for trial in trials]
        if not all({"summary", "diverged"} & row.keys() for row in found):
            return None
        scores = [self._score(row.get("summary")) for row in found]
        best = max(scores)
        return trials[scores.index(best)] if math.isfinite(best) else None

    def score(self, rows: Sequence[dict]) -> float:
        """How good rows are on the validation split, the greater the better."""
        return fmean(self._score(row["summary"]) for row in rows)

    def _score(self, summary: dict | None) -> float:
        value = math.nan if summary is None else summary["valid"][self.metric]
        return self.sign * value if math.isfinite(value) else -math.inf

    def repeats(self, results: Path) -> list[Cell]:
        """Every seed with the chosen learning rate; none while it is not chosen."""
        best = self.chosen(results)
        return [] if best is None else [best.where(seed=seed) for seed in range(self.seeds)]

    def lend(self, cell: Cell, results: Path) -> list[Cell]:
        """Another cell at the chosen learning rate; none while it is not chosen."""
        rate = self.rate(results)
        return [] if rate is None else [cell.where(optimizer__learning_rate=rate, seed=0)]

    def rate(self, results: Path) -> float | None:
        """The chosen learning rate."""
        best = self.chosen(results)
        return best and dict(best.settings)["optimizer.learning_rate"]

    def rows(self, results: Path) -> list[dict]:
        """The rows of the chosen learning rate."""
        return rows_of(self.repeats(results), results)


def stages(models: Sequence[Tuned]) -> list[Callable[[Path], list[Cell]]]:
    """Tuning, then repeats: all models' first seeds before the second of any."""

    def trials(results: Path) -> list[Cell]:
        return [trial for model in models for trial in model.trials()]

    def repeats(results: Path, *, seed: int) -> list[Cell]:
        return [cell for model in models for cell in model.repeats(results)[seed : seed + 1]]

    most = max(model.seeds for model in models)
    return [trials, *(partial(repeats, seed=seed) for seed in range(most))]
