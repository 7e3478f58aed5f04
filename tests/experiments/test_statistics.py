"""Intervals and corrected comparisons, against what statistics says of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from experiments.details import packed, unpacked
from experiments.statistics import (
    bootstrap_interval,
    corrected,
    examples_half_width,
    holm,
    mean_and_interval,
    paired_difference,
)

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=8)


def test_the_interval_holds_the_mean_nineteen_times_in_twenty():
    draws = np.random.default_rng(0).normal(3.0, 2.0, (4_000, 5))
    found = np.array([mean_and_interval(row) for row in draws])
    covered = np.abs(found[:, 0] - 3.0) <= found[:, 1]
    assert abs(covered.mean() - 0.95) < 0.015


def test_a_paired_difference_is_that_of_the_paired_t_test():
    first, second = np.random.default_rng(1).normal(size=(2, 6))
    found = paired_difference(first, second)
    expected = stats.ttest_rel(first, second)
    low, high = expected.confidence_interval()
    assert found.p_value == pytest.approx(expected.pvalue)
    assert found.mean - found.half_width == pytest.approx(low)
    assert found.mean + found.half_width == pytest.approx(high)


def test_intervals_of_several_comparisons_leave_out_zero_where_bonferroni_s_p_values_do():
    first, second = np.random.default_rng(1).normal(0.6, 1.0, (2, 8)) * [[1], [0]]
    found = paired_difference(first, second)
    assert found.half_width_among(1) == pytest.approx(found.half_width)
    for comparisons in range(1, 50):
        excluded = abs(found.mean) > found.half_width_among(comparisons)
        assert excluded == (comparisons * found.p_value < 0.05)
    assert not excluded and found.p_value < 0.05


def test_corrected_differences_keep_their_means_and_are_less_certain():
    draws = np.random.default_rng(2).normal(size=(3, 2, 6))
    alone = {name: paired_difference(*pair) for name, pair in enumerate(draws)}
    adjusted = holm({name: each.p_value for name, each in alone.items()})
    for name, each in corrected(alone).items():
        assert (each.mean, each.pairs) == (alone[name].mean, alone[name].pairs)
        assert each.half_width == alone[name].half_width_among(3) > alone[name].half_width
        assert each.p_value == adjusted[name] >= alone[name].p_value


def test_two_pairs_or_equal_differences_show_nothing():
    assert paired_difference([1.0], [0.0]).p_value == 1.0
    assert paired_difference([1.0, 2.0], [0.0, 1.1]).p_value == 1.0
    assert paired_difference([0.1, 0.2, 0.3], [0.0, 0.1, 0.2]).p_value == 1.0


def test_what_the_choice_of_examples_adds_widens_an_interval_and_is_covered():
    """Seeds and examples both vary: the interval holds the true difference as often as it says."""
    generator = np.random.default_rng(4)
    held = []
    for _ in range(400):
        of_examples = generator.normal(0.0, 1.0, 200)  # what each example adds, for every seed
        seeds = generator.normal(0.0, 0.05, 5)
        scores = 0.3 + of_examples
        half_width = examples_half_width(scores, np.zeros(200), resamples=200)
        found = paired_difference(scores.mean() + seeds, np.zeros(5), of_examples=half_width)
        assert found.half_width > half_width
        held.append(abs(found.mean - 0.3) <= found.half_width)
    assert 0.93 < np.mean(held) < 0.995


def test_holm_on_the_numbers_of_a_textbook_case():
    found = holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005})
    assert found == pytest.approx({"a": 0.03, "b": 0.06, "c": 0.06, "d": 0.02})


@given(P_VALUES)
def test_holm_keeps_the_order_and_lies_between_no_correction_and_bonferroni(p_values):
    adjusted = holm(dict(enumerate(p_values)))
    for place, p in enumerate(p_values):
        assert p <= adjusted[place] <= min(1.0, len(p_values) * p) + 1e-12
    by_p = sorted(range(len(p_values)), key=lambda place: p_values[place])
    assert sorted(adjusted.values()) == [adjusted[place] for place in by_p]


def test_a_bootstrap_of_single_examples_is_the_binomial_interval():
    correct = (np.random.default_rng(2).random(900) < 0.7).astype(float)
    low, high = bootstrap_interval(correct)
    half = 1.96 * np.sqrt(correct.mean() * (1 - correct.mean()) / 900)
    assert (high - low) / 2 == pytest.approx(half, rel=0.08)


def test_examples_that_share_a_group_count_as_one():
    answers = (np.random.default_rng(3).random(60) < 0.6).astype(float)
    groups = np.repeat(np.arange(60), 10)
    alone = bootstrap_interval(answers)
    together = bootstrap_interval(np.repeat(answers, 10), groups)
    assert together == pytest.approx(alone, abs=0.02)


@given(st.lists(st.booleans(), min_size=1, max_size=40))
def test_packed_flags_come_back(values):
    assert unpacked(packed(values)).tolist() == values
