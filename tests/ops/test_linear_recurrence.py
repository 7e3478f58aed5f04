"""The diagonal linear recurrence: every method against the definition, in value and gradient."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqjax.ops.linear_recurrence import linear_recurrence, resolve_method

METHODS = ("sequential", "associative", "chunked")
BATCH, WIDTH = 2, 3


def definition(a, b, state, mask, reset):
    """`h_t = a_t h_{t-1} + b_t`, one step after the other, with JAX's own gradient."""

    def step(h, slices):
        a_t, b_t, mask_t, reset_t = slices
        h = jnp.where(reset_t[:, None], 0, h)
        h = jnp.where(mask_t[:, None], a_t * h + b_t, h)
        return h, h

    last, states = jax.lax.scan(step, jnp.asarray(state), (a, b, mask, reset))
    return states, last


def loss(method, arguments, mask, reset):
    """A real number in which every state counts in its own way."""
    if method == "definition":
        states, last = definition(*arguments, mask, reset)
    else:
        states, last = linear_recurrence(*arguments, mask=mask, reset=reset, method=method)
    weights = jnp.cos(jnp.arange(states.size)).reshape(states.shape)
    value = (weights * jnp.sin(states.real) + jnp.cos(weights + states.imag)).sum()
    return value + jnp.sin(2 * last.real).sum(), (states, last)


value_and_gradient = jax.jit(jax.value_and_grad(loss, argnums=1, has_aux=True), static_argnums=0)


def problem(dtype, time, seed):
    """Random decays inside the unit circle, inputs and a first state."""
    random = np.random.default_rng(seed)

    def normal(*shape):
        parts = random.normal(size=(2, *shape))
        return (parts[0] + 1j * parts[1] if dtype == "complex64" else parts[0]).astype(dtype)

    a = normal(time, BATCH, WIDTH)
    return a / np.maximum(np.abs(a), 1), normal(time, BATCH, WIDTH), normal(BATCH, WIDTH)


@pytest.mark.parametrize("dtype", ["float32", "complex64"])
@pytest.mark.parametrize("time", [1, 4, 11, 70])
@settings(max_examples=5, derandomize=True, deadline=None)
@given(masked=st.floats(0, 1), packed=st.floats(0, 1), seed=st.integers(0, 999))
def test_methods_equal_the_definition(dtype, time, masked, packed, seed):
    random = np.random.default_rng(seed)
    mask = random.random((time, BATCH)) >= masked
    reset = random.random((time, BATCH)) < packed
    arguments = problem(dtype, time, seed)
    expected = value_and_gradient("definition", arguments, mask, reset)
    for method in METHODS:
        found = value_and_gradient(method, arguments, mask, reset)
        for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5 * np.abs(b).max())


def test_without_mask_and_reset_every_step_counts():
    arguments = problem("float32", 6, 0)
    every = np.ones((6, BATCH), bool)
    expected, _ = definition(*arguments, every, ~every)
    for method in (*METHODS, "auto"):
        states, last = linear_recurrence(*map(jnp.asarray, arguments), method=method)
        np.testing.assert_allclose(states, expected, rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(last, states[-1])


def test_real_decays_serve_a_complex_state():
    a = jnp.asarray(problem("float32", 5, 0)[0])
    _, b, state = map(jnp.asarray, problem("complex64", 5, 1))
    run = functools.partial(linear_recurrence, method="sequential")
    found = jax.grad(lambda a: jnp.abs(run(a, b, state)[0]).sum())(a)
    assert found.dtype == jnp.float32
    np.testing.assert_array_equal(run(a, b, state)[0], run(a.astype("complex64"), b, state)[0])


@pytest.mark.parametrize("method", METHODS)
def test_long_sequences_and_extreme_decays_stay_finite_and_right(method):
    time = 20_000
    decays = np.array([0.0, 1e-30, 1 - 1e-7, 1.0, -1.0], "float32")
    a = jnp.broadcast_to(decays, (time, 1, len(decays)))
    run = jax.jit(
        jax.value_and_grad(
            lambda a: (lambda states, last: (last.sum(), states))(
                *linear_recurrence(a, jnp.ones_like(a), jnp.zeros_like(a[0]), method=method)
            ),
            has_aux=True,
        )
    )
    (_, states), gradient = run(a)
    powers = np.float64(decays) ** np.arange(time)[:, None]
    np.testing.assert_allclose(states[:, 0], np.cumsum(powers, axis=0), rtol=2e-3, atol=1e-6)
    assert np.all(np.isfinite(gradient))


def test_auto_takes_parallel_steps_on_an_accelerator_where_nothing_was_measured():
    resolve = functools.partial(resolve_method, batch=8, time=64, width=32)
    assert resolve("auto", "none") == "associative"
    assert resolve("auto", "none", time=1) == "sequential"
    assert resolve("chunked", "cpu") == "chunked"
