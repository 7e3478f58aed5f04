"""Trees against a recursive reader, and their lengths against the exact distribution."""

import statistics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from seqjax.data.probes import PROBES, generate
from seqjax.errors import UserError

OPERATORS = {
    "[MIN": min,
    "[MAX": max,
    "[MED": lambda digits: int(statistics.median(digits)),
    "[SM": lambda digits: sum(digits) % 10,
}


def evaluated(tokens: list[str], depth: int, max_depth: int, max_arguments: int) -> int:
    """The value of the tree at the front of the tokens, which it takes off."""
    first = tokens.pop(0)
    if first.isdigit():
        return int(first)
    assert depth < max_depth
    arguments = []
    while tokens[0] != "]":
        arguments.append(evaluated(tokens, depth + 1, max_depth, max_arguments))
    tokens.pop(0)
    assert 2 <= len(arguments) <= max_arguments
    return OPERATORS[first](arguments)


@settings(deadline=None)
@given(
    seed=st.integers(0, 10**6),
    least=st.sampled_from([1, 4, 10]),
    most=st.integers(16, 60),
    max_depth=st.integers(3, 12),
    max_arguments=st.integers(4, 9),
)
def test_the_label_is_the_value_of_the_tree(seed, least, most, max_depth, max_arguments):
    probe = PROBES["listops"](least, most, max_depth, max_arguments)
    split = generate(probe, seed, "train", 4)
    for row in range(4):
        tokens = [probe.vocabulary[token] for token in split.columns["tokens"][row]]
        assert least <= len(tokens) <= most
        value = evaluated(tokens, 1, max_depth, max_arguments)
        assert tokens == []  # one tree and no more
        assert split.columns["label"][row] == value


def length_chances(depth: int, max_depth: int, max_arguments: int, longest: int) -> np.ndarray:
    """Probability of each length of a tree whose root has this depth, up to `longest`."""
    chances = np.zeros(longest + 1)
    chances[1] = 1 if depth == max_depth else 3 / 4
    if depth < max_depth:
        argument = length_chances(depth + 1, max_depth, max_arguments, longest)
        arguments = argument
        for _ in range(2, max_arguments + 1):
            arguments = np.convolve(arguments, argument)[: longest + 1]
            chances[2:] += arguments[:-2] / 4 / (max_arguments - 1)
    return chances


@pytest.mark.parametrize("least, most", [(1, 16), (4, 16), (9, 20)])
def test_lengths_have_the_exact_distribution(least, most):
    rows = 10_000
    split = generate(PROBES["listops"](least, most, 4, 5), 0, "train", rows)
    chances = length_chances(1, 4, 5, most)[least:]
    observed = np.bincount(split.columns["tokens"].lengths, minlength=most + 1)[least:]
    possible = chances > 0
    assert not observed[~possible].any()
    expected = rows * chances[possible] / chances.sum()
    assert chisquare(observed[possible], expected).pvalue > 1e-3


def test_operators_and_digits_are_equally_likely():
    tokens = generate(PROBES["listops"](4, 40), 0, "train", 2_000).columns["tokens"].values
    counts = np.bincount(tokens)
    assert chisquare(counts[:10]).pvalue > 1e-3
    assert chisquare(counts[10:14]).pvalue > 1e-3
    assert counts[14] == counts[10:14].sum()


def test_a_range_of_lengths_without_trees_is_refused_in_one_sentence():
    with pytest.raises(UserError) as error:
        generate(PROBES["listops"](2, 3), 0, "train", 5)
    assert str(error.value) == (
        "data.probe.min_length=2 to data.probe.max_length=3 holds next to none of the trees of "
        "data.probe.max_depth=20 and data.probe.max_arguments=5: widen the range, or "
        "allow deeper or wider trees."
    )
