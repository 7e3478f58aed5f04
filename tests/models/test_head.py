"""Pooling and the output layer."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from seqjax import models
from seqjax.models import ModelConfig
from seqjax.models.head import pool

POOLED = ["last", "mean", "max"]
BARE = ModelConfig(input_size=3, embedding_size=0, pattern=())
X = np.random.default_rng(0).normal(size=(2, 6, 3)).astype("float32")
MASK = np.array([[1, 1, 0, 1, 0, 0], [0, 1, 1, 1, 1, 1]], bool)


def pooled(how: str, x=X, carry=None, mask=MASK, reset=None):
    given = [None if array is None else jnp.asarray(array) for array in (mask, reset)]
    return pool(replace(BARE, pool=how), jnp.asarray(x), carry, *given)


def test_last_is_the_last_real_step():
    np.testing.assert_array_equal(pooled("last")[0], [X[0, 3], X[1, 5]])


def test_mean_is_over_real_steps():
    found, _ = pooled("mean")
    np.testing.assert_allclose(found, [X[0, [0, 1, 3]].mean(0), X[1, 1:].mean(0)], rtol=1e-5)


def test_max_is_over_real_steps_and_so_is_its_gradient():
    found, _ = pooled("max")
    np.testing.assert_array_equal(found, [X[0, [0, 1, 3]].max(0), X[1, 1:].max(0)])
    gradient = jax.grad(lambda x: pooled("max", x)[0].sum())(jnp.asarray(X))
    highest = np.where(MASK[..., None], X, -np.inf)
    np.testing.assert_array_equal(gradient, highest == highest.max(1, keepdims=True))


@pytest.mark.parametrize("how", POOLED)
def test_a_row_without_a_real_step_gives_zeros(how):
    found, _ = pooled(how, mask=np.zeros((2, 6), bool))
    np.testing.assert_array_equal(found, np.zeros((2, 3)))


@pytest.mark.parametrize("how", POOLED)
@pytest.mark.parametrize("sizes", [[6], [2, 3, 1], [1] * 6])
def test_chunks_pool_what_has_come_so_far(how, sizes):
    carry, start = None, 0
    for size in sizes:
        chunk = slice(start, start + size)
        found, carry = pooled(how, X[:, chunk], carry, MASK[:, chunk])
        start += size
        expected, _ = pooled(how, X[:, :start], None, MASK[:, :start])
        np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("how", POOLED)
@pytest.mark.parametrize("sizes", [[6], [2, 3, 1], [3, 3]])
def test_a_reset_begins_a_new_example(how, sizes):
    reset = np.array([[0, 0, 0, 1, 0, 0], [0, 1, 0, 1, 0, 0]], bool)
    expected, _ = pooled(how, X[:, 3:], None, MASK[:, 3:])
    carry, start = None, 0
    for size in sizes:
        chunk = slice(start, start + size)
        found, carry = pooled(how, X[:, chunk], carry, MASK[:, chunk], reset[:, chunk])
        start += size
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_a_reset_to_an_example_without_real_steps_forgets_the_old_one():
    reset = np.array([[0, 0, 0, 0, 1, 0], [0] * 6], bool)
    found, _ = pooled("last", reset=reset)
    np.testing.assert_array_equal(found, [np.zeros(3), X[1, 5]])


def test_both_directions_end_at_their_own_ends():
    config = replace(BARE, pool="last", bidirectional=True)
    x = np.random.default_rng(0).normal(size=(2, 6, 4)).astype("float32")
    found, _ = pool(config, jnp.asarray(x), None, jnp.asarray(MASK), None)
    forward = [x[0, 3, :2], x[1, 5, :2]]
    backward = [x[0, 0, 2:], x[1, 1, 2:]]
    np.testing.assert_array_equal(found, np.concatenate([forward, backward], axis=1))


@pytest.mark.parametrize("how", [*POOLED, "none"])
def test_logits_are_linear_in_the_pooled_vector(how):
    config = replace(BARE, pool=how, outputs=2)
    kernel = np.random.default_rng(1).normal(size=(3, 2)).astype("float32")
    params = {"head": {"logits": {"kernel": jnp.asarray(kernel), "bias": jnp.array([1.0, 2.0])}}}
    found, _ = models.apply(config, params, jnp.asarray(X), mask=jnp.asarray(MASK))
    before = X if how == "none" else pooled(how)[0]
    np.testing.assert_allclose(found, np.asarray(before) @ kernel + [1, 2], rtol=1e-5)


def test_tied_logits_come_from_the_embedding_table():
    config = ModelConfig(
        vocabulary_size=7,
        outputs=7,
        embedding_size=4,
        pattern=("rnn",),
        width=4,
        pool="none",
        tie_embeddings=True,
    )
    params, axes = models.init(config, jax.random.key(0))
    assert set(params) == set(axes) == {"frontend", "segment_0"}
    tokens = jnp.array([[1, 2, 6]])
    logits, _ = models.apply(config, params, tokens)
    steps, _ = models.apply(replace(config, outputs=0, tie_embeddings=False), params, tokens)
    table = params["frontend"]["embedding"]["embedding"]
    np.testing.assert_allclose(logits, steps @ table.T, rtol=1e-5)
    assert logits.shape == (1, 3, 7)
