"""What differences between rows are worth: intervals, paired tests, many comparisons at once."""

from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
from jaxtyping import Float
from scipy import stats

Name = TypeVar("Name", bound=Hashable)

CONFIDENCE = 0.95
SIGNIFICANT = 0.05  # a p value below it is a difference
ROUNDING = 1e-9  # what is left of equal differences


class Difference(NamedTuple):
    """Mean of paired differences, the half width of its 95% interval, and a two-sided p value."""

    mean: float
    half_width: float
    p_value: float
    pairs: int

    def half_width_among(self, comparisons: int) -> float:
        """Half of an interval as wide as all of several comparisons need to hold (Bonferroni)."""
        tails = (1 - CONFIDENCE) / 2 / np.array([1, comparisons])
        usual, wider = stats.t.isf(tails, self.pairs - 1)
        return float(self.half_width * wider / usual)


def mean_and_interval(values: Sequence[float]) -> tuple[float, float]:
    """The mean and the half width of its 95% interval over seeds (Student's t)."""
    if len(values) < 2:
        return float(values[0]), float("nan")
    quantile = stats.t.ppf((1 + CONFIDENCE) / 2, len(values) - 1)
    return float(np.mean(values)), float(stats.sem(values) * quantile)


def paired_difference(
    first: Sequence[float], second: Sequence[float], *, of_examples: float = 0.0
) -> Difference:
    """`first - second`, pair by pair (the same seed on both sides), by Student's t.

    `of_examples` is the half width that the choice of test examples adds (`examples_half_width`):
    the two are added as standard errors of independent causes are, by their squares. Fewer than
    three pairs show no difference (a p value of 1), nor does a spread of nothing at all.
    """
    differences = np.subtract(first, second)
    mean, of_seeds = mean_and_interval(differences)
    pairs, half_width = len(differences), float(np.hypot(of_seeds, of_examples))
    if pairs < 3 or half_width < ROUNDING:
        return Difference(mean, half_width, 1.0, pairs)
    standard_error = half_width / stats.t.ppf((1 + CONFIDENCE) / 2, pairs - 1)
    p_value = 2 * float(stats.t.sf(abs(mean) / standard_error, pairs - 1))
    return Difference(mean, half_width, p_value, pairs)


def holm(p_values: Mapping[Name, float]) -> dict[Name, float]:
    """p values adjusted for their number (Holm 1979, Scandinavian Journal of Statistics 6).

    Those below `SIGNIFICANT` may all be called differences: the chance that any is none stays below
    it.
    """
    adjusted, highest = {}, 0.0
    order = sorted(p_values, key=lambda name: p_values[name])
    for place, name in enumerate(order):
        highest = max(highest, min(1.0, (len(order) - place) * p_values[name]))
        adjusted[name] = highest
    return {name: adjusted[name] for name in p_values}


def corrected(differences: Mapping[Name, Difference]) -> dict[Name, Difference]:
    """The same with intervals as wide (Bonferroni) and p values as high (Holm) as they need."""
    adjusted = holm({name: each.p_value for name, each in differences.items()})
    return {
        name: each._replace(
            half_width=each.half_width_among(len(differences)), p_value=adjusted[name]
        )
        for name, each in differences.items()
    }


def shown_mean(values: Sequence[float], digits: int) -> str:
    """The mean with half of its interval, where there is more than one value."""
    mean, half = mean_and_interval(values)
    return f"{mean:.{digits}f}" + (f" ± {half:.{digits}f}" if len(values) > 1 else "")


def shown_range(values: Sequence[float], digits: int) -> str:
    """The mean, with the least and the greatest of several: for what is learned all or nothing."""
    mean = f"{np.mean(values):.{digits}f}"
    if len(values) < 2:
        return mean
    return f"{mean} ({min(values):.{digits}f}–{max(values):.{digits}f})"


def shown_p(p_value: float) -> str:
    """A p value as readers expect it."""
    return "< 0.001" if p_value < 0.001 else f"{p_value:.3f}"


def bootstrap_interval(
    scores: Float[np.ndarray, " examples"],
    groups: Sequence[Hashable] | None = None,
    *,
    resamples: int = 2_000,
    seed: int = 0,
) -> tuple[float, float]:
    """The 95% percentile interval of a mean over test examples when these are drawn anew.

    Whole groups are drawn where examples of one group resemble each other (a film's reviews). A
    score is what an example adds to an accuracy, as a mean over seeds: what is left is what the
    choice of test examples adds.
    """
    numbers = (
        np.arange(len(scores)) if groups is None else np.unique(groups, return_inverse=True)[1]
    )
    sums, sizes = np.bincount(numbers, scores), np.bincount(numbers)
    generator = np.random.default_rng(seed)
    means = []
    for _ in range(resamples):
        drawn = generator.integers(len(sums), size=len(sums))
        means.append(sums[drawn].sum() / sizes[drawn].sum())
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high)


def examples_half_width(
    first: Float[np.ndarray, " examples"],
    second: Float[np.ndarray, " examples"],
    groups: Sequence[Hashable] | None = None,
    *,
    resamples: int = 2_000,
) -> float:
    """Half of the bootstrapped interval of the difference of two scores on the same examples."""
    low, high = bootstrap_interval(np.subtract(first, second), groups, resamples=resamples)
    return (high - low) / 2
