"""Beam search against brute force, and against greedy search."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqjax.data.tokenizers import PADDING
from seqjax.tasks.beam_search import beam_search, worth
from seqjax.tasks.decoding import extend, greedy, start

END, VOCABULARY, COUNT, ROWS = 1, 5, 4, 16
WRITABLE = np.array([-np.inf, 0, 0, 0, 0], np.float32)  # never PADDING


def drawn(seed, rows, peaked):
    """Logits for each row, number of the token, and token before it."""
    shape = (rows, COUNT + 1, VOCABULARY, VOCABULARY)
    table = peaked * np.random.default_rng(seed).normal(size=shape) + WRITABLE
    return jnp.asarray(table, jnp.float32)


def step_of(table):
    def step(tokens, carry):
        row, number = carry
        return table[row, number, tokens], (row, number + 1)

    return step


def search(step, rows, beams, length_penalty):
    each = jnp.repeat(jnp.arange(rows), beams)
    logits, carry = step(jnp.zeros_like(each), (each, jnp.zeros_like(each)))

    def reorder(carry, chosen):
        return jax.tree.map(lambda array: array[chosen], carry)

    return beam_search(
        step, reorder, logits, carry, beams, COUNT, end=END, length_penalty=length_penalty
    )


def log_p_of(log_p, text):
    """The sum over a text's tokens up to its END."""
    total, before = 0.0, 0
    for number, token in enumerate(text):
        if token == PADDING:
            break
        total, before = total + log_p[number, before, token], token
    return total


def worth_of(log_p, text, length_penalty):
    return worth(log_p_of(log_p, text), np.count_nonzero(text), length_penalty)


def every_text():
    for length in range(1, COUNT + 1):
        for text in itertools.product(range(2, VOCABULARY), repeat=length - 1):
            yield [*text, END] + [PADDING] * (COUNT - length)
    yield from map(list, itertools.product(range(2, VOCABULARY), repeat=COUNT))


@functools.partial(jax.jit, static_argnums=1)
def searched(table, beams, length_penalty):
    """The texts, what they are worth, and those of a greedy search."""
    step, rows = step_of(table), len(table)
    texts, worths = search(step, rows, beams, length_penalty)
    state = start(*step(jnp.zeros(rows, jnp.int32), (jnp.arange(rows), jnp.zeros(rows, int))))
    return texts, worths, extend(step, greedy, state, COUNT, end=END)[0]


@pytest.mark.parametrize("length_penalty", [0.0, 0.6])
def test_enough_beams_find_the_best_text_of_all(length_penalty):
    table = drawn(0, 3, peaked=2.0)
    log_p = np.asarray(jax.nn.log_softmax(table))
    # As many as there are texts of which none has ended; no search is over before the last token.
    texts, worths, _ = searched(table, 3**COUNT, length_penalty)
    for row in range(3):
        best = max(every_text(), key=lambda text: worth_of(log_p[row], text, length_penalty))
        assert texts[row].tolist() == best
        assert worths[row] == pytest.approx(worth_of(log_p[row], best, length_penalty), rel=1e-5)


@given(
    seed=st.integers(0, 2**32 - 1),
    peaked=st.sampled_from([0.3, 1.0, 4.0]),
    length_penalty=st.sampled_from([0.0, 0.6, 2.0]),
)
def test_one_beam_is_greedy_and_more_are_never_worse(seed, peaked, length_penalty):
    table = drawn(seed, ROWS, peaked)
    log_p = np.asarray(jax.nn.log_softmax(table))
    one, _, greedily = map(np.asarray, searched(table, 1, length_penalty))
    np.testing.assert_array_equal(one, greedily)
    several, worths, _ = map(np.asarray, searched(table, 3, length_penalty))
    for row in range(ROWS):
        found = worth_of(log_p[row], several[row], length_penalty)
        assert worths[row] == pytest.approx(found, rel=1e-4, abs=1e-5)
        assert found >= worth_of(log_p[row], greedily[row], length_penalty) - 1e-5


def test_more_beams_find_more_than_greedy_search():
    table = drawn(1, ROWS, peaked=1.0)
    log_p = np.asarray(jax.nn.log_softmax(table))
    several, _, greedily = map(np.asarray, searched(table, 3, 0.0))
    sums = [sum(map(log_p_of, log_p, texts)) for texts in (several, greedily)]
    assert sums[0] > sums[1] + 1


def test_a_length_penalty_prefers_longer_texts():
    table = drawn(2, ROWS, peaked=1.0)
    lengths = [np.count_nonzero(searched(table, 3, penalty)[0]) for penalty in (0.0, 2.0)]
    assert lengths[1] > lengths[0]


def test_rows_change_no_others():
    table = drawn(3, ROWS, peaked=2.0)
    others = table.at[::2].set(drawn(4, ROWS // 2, peaked=1.0))
    texts, changed = (np.asarray(searched(each, 3, 0.6)[0]) for each in (table, others))
    np.testing.assert_array_equal(texts[1::2], changed[1::2])
    assert (texts[::2] != changed[::2]).any()
