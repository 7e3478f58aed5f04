"""Matrix states: every method against the equations, and its gradient against each other's."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqjax.ops import matrix_recurrence
from seqjax.ops.matrix_recurrence import gated_delta_rule, gated_linear_attention, resolve_method

METHODS = ("sequential", "chunked", "associative")
RULES = {"attention": gated_linear_attention, "delta": gated_delta_rule}
BATCH, HEADS, KEY, VALUE = 2, 2, 3, 4


@pytest.fixture(autouse=True)
def _short_chunks(monkeypatch):
    monkeypatch.setattr(matrix_recurrence, "CHUNK_SIZE", 4)


def by_definition(rule, query, key, value, log_decay, *beta_and_state, mask, reset):
    """The equations, for one row and one head at a time, in float64."""
    *beta, first = (np.float64(array) for array in beta_and_state)
    query, key, value, log_decay = map(np.float64, (query, key, value, log_decay))
    y, last = np.zeros_like(value), np.zeros_like(first)
    for row, head in np.ndindex(first.shape[:2]):
        S = first[row, head]
        for t in range(value.shape[1]):
            at = row, t, head
            if reset[row, t]:
                S = np.zeros_like(S)
            if not mask[row, t]:
                continue
            k, v, alpha = key[at], value[at], np.exp(log_decay[at])
            if rule == "attention":
                S = alpha * S + np.outer(k, v)
            else:
                strength = beta[0][at]
                erase = np.eye(len(k)) - strength * np.outer(k, k)
                S = alpha * erase @ S + strength * np.outer(k, v)
            y[at] = S.T @ query[at]
        last[row, head] = S
    return y, last


def problem(rule, time, seed, strongest=2.0):
    """Random arrays; keys of length 1, decays up to `exp(-strongest)` and β up to 2."""
    random = np.random.default_rng(seed)

    def normal(*shape):
        return random.normal(size=shape).astype("float32")

    key = normal(BATCH, time, HEADS, KEY)
    key /= np.linalg.norm(key, axis=-1, keepdims=True)
    arguments = [normal(BATCH, time, HEADS, KEY), key, normal(BATCH, time, HEADS, VALUE)]
    arguments.append(-strongest * random.random((BATCH, time, HEADS), "float32"))
    if rule == "delta":
        arguments.append(2 * random.random((BATCH, time, HEADS), "float32"))
    return [*arguments, normal(BATCH, HEADS, KEY, VALUE)]


def loss(rule, method, arguments, mask, reset):
    y, state = RULES[rule](*arguments, mask=mask, reset=reset, method=method)
    y = jnp.where(mask[..., None, None], y, 0)
    return jnp.sin(2 * y).sum() + jnp.sin(state).sum(), (y, state)


value_and_gradient = jax.jit(
    jax.value_and_grad(loss, argnums=2, has_aux=True), static_argnums=(0, 1)
)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("time", [1, 11])
@settings(max_examples=5, derandomize=True, deadline=None)
@given(masked=st.floats(0, 1), packed=st.floats(0, 1), seed=st.integers(0, 999))
def test_methods_equal_the_equations_and_each_other(rule, time, masked, packed, seed):
    random = np.random.default_rng(seed)
    mask = random.random((BATCH, time)) >= masked
    reset = random.random((BATCH, time)) < packed
    arguments = problem(rule, time, seed)
    expected = by_definition(rule, *arguments, mask=mask, reset=reset)
    gradients = []
    for method in METHODS:
        (_, found), gradient = value_and_gradient(rule, method, arguments, mask, reset)
        for a, b in zip(found, expected, strict=True):
            assert a.dtype == jnp.float32
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)
        gradients.append(gradient)
    for gradient in gradients[1:]:
        for a, b in zip(gradient, gradients[0], strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5 * max(1, np.abs(b).max()))


def test_one_query_and_key_may_serve_all_heads():
    query, key, value, log_decay, state = map(jnp.asarray, problem("attention", 6, 0))
    shared = query[:, :, :1], key[:, :, :1]
    repeated = [jnp.repeat(array, HEADS, axis=2) for array in shared]
    for method in ("sequential", "chunked"):
        run = jax.jit(functools.partial(gated_linear_attention, method=method))
        for a, b in zip(
            run(*shared, value, log_decay, state),
            run(*repeated, value, log_decay, state),
            strict=True,
        ):
            np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("strongest", [0.0, 10.0, 1e4])
def test_extreme_decays_keep_their_precision(strongest, monkeypatch):
    """Late in a long chunk of strong decays, weak ones must not drown in the sums before them."""
    monkeypatch.setattr(matrix_recurrence, "CHUNK_SIZE", 64)
    arguments = problem("delta", 100, 0, strongest)
    arguments[3][:, 40:] /= 100
    every = np.ones((BATCH, 100), bool)
    reset = ~every
    reset[:, 15] = True
    expected, _ = by_definition("delta", *arguments, mask=every, reset=reset)
    (_, (y, _)), gradient = value_and_gradient("delta", "chunked", arguments, every, reset)
    np.testing.assert_allclose(y, expected, atol=1e-6 * np.abs(expected).max())
    assert all(np.all(np.isfinite(array)) for array in gradient)


@pytest.mark.parametrize("method", METHODS)
def test_reflections_of_one_key_flip_a_state_for_hundreds_of_steps(method, monkeypatch):
    """β = 2 without decay: the eigenvalue -1, where powers of the chunk's system would overflow."""
    monkeypatch.setattr(matrix_recurrence, "CHUNK_SIZE", 64)
    time = 300
    key = jnp.broadcast_to(jnp.array([1.0, 0.0, 0.0]), (1, time, 1, KEY))
    zeros = jnp.zeros((1, time, 1))
    state = jnp.ones((1, 1, KEY, 1))
    run = jax.jit(functools.partial(gated_delta_rule, method=method))
    y, state = run(key, key, zeros[..., None], zeros, zeros + 2, state)
    np.testing.assert_allclose(y[0, :, 0, 0], -((-1.0) ** np.arange(time)), atol=1e-4)
    np.testing.assert_allclose(state[0, 0, :, 0], [1, 1, 1], atol=1e-4)


@pytest.mark.parametrize("rule", RULES)
def test_bfloat16_products_keep_a_float32_state(rule):
    arguments = problem(rule, 11, 0)
    low = [jnp.asarray(array, jnp.bfloat16) for array in arguments[:3]]
    every = np.ones((BATCH, 11), bool)
    expected = by_definition(rule, *arguments, mask=every, reset=~every)
    run = jax.jit(functools.partial(RULES[rule], method="chunked"))
    for a, b in zip(run(*low, *map(jnp.asarray, arguments[3:])), expected, strict=True):
        assert a.dtype == jnp.float32
        np.testing.assert_allclose(a, b, atol=0.05 * np.abs(b).max())


def test_auto_takes_products_of_matrices_where_nothing_was_measured():
    resolve = functools.partial(
        resolve_method, operation="gated_delta_rule", platform="none", batch=8, width=32
    )
    assert resolve("auto", time=1) == "sequential"
    assert resolve("auto", time=2) == "chunked"
    assert resolve("associative", time=1) == "associative"
