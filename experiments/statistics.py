"""What differences between rows are worth: intervals, paired tests, many comparisons at once."""

from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
from jaxtyping import Bool, Float
from scipy import stats

Name = TypeVar("Name", bound=Hashable)

CONFIDENCE = 0.95


class Difference(NamedTuple):
    """Mean of paired differences, the half width of its 95% interval, and a two-sided p value."""

    mean: float
    half_width: float
    p_value: float
    pairs: int


def mean_and_interval(values: Sequence[float]) -> tuple[float, float]:
    """The mean and the half width of its 95% interval over seeds (Student's t)."""
    if len(values) < 2:
        return float(values[0]), float("nan")
    quantile = stats.t.ppf((1 + CONFIDENCE) / 2, len(values) - 1)
    return float(np.mean(values)), float(stats.sem(values) * quantile)


def paired_difference(first: Sequence[float], second: Sequence[float]) -> Difference:
    """`first - second`, pair by pair (the same seed on both sides), by Student's t.

    A p value of 1 where there are fewer than two pairs, which cannot show a difference.
    """
    differences = np.subtract(first, second)
    mean, half_width = mean_and_interval(differences)
    if len(differences) < 2:
        return Difference(mean, half_width, 1.0, len(differences))
    if not differences.std():
        return Difference(mean, half_width, float(mean == 0), len(differences))
    p_value = float(stats.ttest_1samp(differences, 0.0).pvalue)
    return Difference(mean, half_width, p_value, len(differences))


def holm(p_values: Mapping[Name, float]) -> dict[Name, float]:
    """p values adjusted for their number (Holm 1979, Scandinavian Journal of Statistics 6).

    Those below 0.05 may all be called differences: the chance that any is none stays below 5%.
    """
    adjusted, highest = {}, 0.0
    order = sorted(p_values, key=lambda name: p_values[name])
    for place, name in enumerate(order):
        highest = max(highest, min(1.0, (len(order) - place) * p_values[name]))
        adjusted[name] = highest
    return {name: adjusted[name] for name in p_values}


def shown_mean(values: Sequence[float], digits: int) -> str:
    """The mean with half of its interval, where there is more than one value."""
    mean, half = mean_and_interval(values)
    return f"{mean:.{digits}f}" + (f" ± {half:.{digits}f}" if len(values) > 1 else "")


def shown_p(p_value: float) -> str:
    """A p value as readers expect it."""
    return "< 0.001" if p_value < 0.001 else f"{p_value:.3f}"


def bootstrap_interval(
    correct: Bool[np.ndarray, "seeds examples"],
    groups: Sequence[Hashable] | None = None,
    *,
    resamples: int = 2_000,
    seed: int = 0,
) -> tuple[float, float]:
    """The 95% percentile interval of an accuracy when test examples are drawn anew.

    Whole groups are drawn where examples of one group resemble each other (a film's reviews). The
    accuracy is the mean over seeds: what is left is what the choice of test examples adds.
    """
    share = np.asarray(correct, float).mean(axis=0)
    numbers = np.arange(len(share)) if groups is None else np.unique(groups, return_inverse=True)[1]
    sums, sizes = np.bincount(numbers, share), np.bincount(numbers)
    return _percentiles(sums, sizes, resamples, seed)


def _percentiles(
    sums: Float[np.ndarray, " groups"],
    sizes: Float[np.ndarray, " groups"],
    resamples: int,
    seed: int,
) -> tuple[float, float]:
    drawn = np.random.default_rng(seed).integers(len(sums), size=(resamples, len(sums)))
    means = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high)
