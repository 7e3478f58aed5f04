"""Writing tokens: what may be drawn, by which random bits, and where it ends."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from seqjax.data.tokenizers import PADDING
from seqjax.tasks import decoding
from seqjax.tasks.decoding import Sampling, extend, greedy, restrict, start

LOGITS = arrays.arrays(np.float32, (2, 7), elements=st.sampled_from([-3.0, -1.0, 0.0, 0.5, 2.0]))


def allowed(logits: np.ndarray, top_k: int, top_p: float) -> set[int]:
    """The tokens that may be drawn, one after the other from the most probable."""
    ids = sorted(range(len(logits)), key=lambda number: (-logits[number], number))
    ids = ids[: top_k or len(ids)]
    weights = np.exp(logits.astype(np.float64))
    total, share, kept = sum(weights[ids]), 0.0, set()
    for number in ids:
        if share >= top_p - 1e-6:
            break
        kept.add(number)
        share += weights[number] / total
    return kept


# As many as there are tokens, more, and more than 32 bits hold.
TOP_K = st.integers(0, 8) | st.sampled_from([2**31 - 1, 2**31, 3_000_000_000, 2**70])


@given(logits=LOGITS, top_k=TOP_K, top_p=st.sampled_from([0.05, 0.37, 0.71, 0.93, 1]))
def test_what_may_be_drawn_is_its_definition(logits, top_k, top_p):
    found = np.asarray(restrict(jnp.asarray(logits), top_k, top_p))
    for row in range(2):
        kept = np.flatnonzero(np.isfinite(found[row]))
        assert set(kept) == allowed(logits[row], top_k, top_p)
        np.testing.assert_array_equal(found[row][kept], logits[row][kept])


def test_draws_follow_the_shares_of_the_tokens():
    shares = np.array([0.5, 0.3, 0.15, 0.05])
    logits = jnp.asarray(np.log(shares), jnp.float32)[None].repeat(4000, axis=0)
    rows = jnp.arange(4000)

    def drawn(**settings):
        tokens = Sampling(**settings).chooser(0, rows)(logits, jnp.zeros((), jnp.int32))
        return np.bincount(tokens, minlength=4) / 4000

    np.testing.assert_allclose(drawn(), shares, atol=0.03)
    sharper = shares**2 / (shares**2).sum()
    np.testing.assert_allclose(drawn(temperature=0.5), sharper, atol=0.03)
    np.testing.assert_allclose(drawn(top_k=2), [0.625, 0.375, 0, 0], atol=0.03)
    np.testing.assert_allclose(drawn(top_p=0.9), shares * [1, 1, 1, 0] / 0.95, atol=0.03)
    np.testing.assert_array_equal(drawn(temperature=0.0), [1, 0, 0, 0])


def counting_up(limit):
    """A model whose likeliest next token is one more than the last; its carry counts the steps."""

    def step(tokens, carry):
        return jax.nn.one_hot((tokens + 1) % limit, limit), carry + 1

    return step


@pytest.mark.parametrize("at_once", [1, 2, 6])
def test_rows_end_by_themselves(at_once):
    step = counting_up(9)
    tokens = jnp.array([3, 5, 6])
    state = start(*step(tokens, jnp.zeros((), jnp.int32)))
    written = []
    for first in range(0, 6, at_once):
        new, state = extend(step, greedy, state, at_once, end=8, first=first)
        written.append(new)
    found = np.concatenate(written, axis=1)
    assert found.tolist() == [
        [4, 5, 6, 7, 8, PADDING],
        [6, 7, 8, PADDING, PADDING, PADDING],
        [7, 8, PADDING, PADDING, PADDING, PADDING],
    ]
    assert state.done.all()
    assert state.carry == 6  # once all rows had ended, the model was asked no more


def test_what_is_drawn_depends_on_seed_row_and_number_alone():
    logits = jnp.zeros((1, 1000))

    def draw(seed, row, number):
        return int(Sampling().chooser(seed, jnp.array([row]))(logits, jnp.array(number))[0])

    places = [(seed, row, number) for seed in range(2) for row in range(3) for number in range(3)]
    found = [draw(*place) for place in places]
    assert found == [draw(*place) for place in places]
    assert len(set(found)) > 15
    together = Sampling().chooser(1, jnp.array([2, 0]))(logits.repeat(2, axis=0), jnp.array(1))
    assert together.tolist() == [draw(1, 2, 1), draw(1, 0, 1)]
    assert decoding.greedy(jnp.eye(3), jnp.array(0)).tolist() == [0, 1, 2]
