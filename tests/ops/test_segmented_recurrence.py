"""Recurrences that keep few states: the same numbers as one that keeps all, in less memory."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from seqjax.ops import cells
from seqjax.ops.segmented_recurrence import segmented_recurrence

CELL = cells.lstm()


def problem(time, batch, hidden, features=5):
    random = np.random.default_rng(0)

    def normal(*shape):
        return jnp.asarray(random.normal(size=shape), jnp.float32)

    weights = normal(features, 4 * hidden), normal(hidden, 4 * hidden) / hidden**0.5
    return normal(time, batch, features), *weights, (normal(batch, hidden), normal(batch, hidden))


def loss(x, into, weight, state, size, mask=None, reset=None):
    outputs, final = segmented_recurrence(
        CELL,
        x,
        lambda x: jnp.einsum("tbf,fg->tbg", x, into),
        weight,
        jnp.zeros(weight.shape[1]),
        state,
        size=size,
        mask=mask,
        reset=reset,
    )
    return jnp.sin(outputs).sum() + sum(jnp.cos(array).sum() for array in final)


@pytest.mark.parametrize("size", [1, 4, 5, 12, 20])
def test_values_and_gradients_do_not_depend_on_what_is_kept(size):
    arguments = problem(12, 2, 3)
    random = np.random.default_rng(1)
    mask, reset = jnp.asarray(random.random((2, 12, 2)) < 0.7)
    of = jax.value_and_grad(loss, argnums=(0, 1, 2, 3))
    ours, kept = (jax.jit(of, static_argnums=4)(*arguments, k, mask, ~reset) for k in (size, 0))
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(kept), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-6, atol=2e-6)


def plain(x, into, weight, state):
    def step(state, x):
        state = CELL.pointwise(x, state[0] @ weight, state)
        return state, state[0]

    final, outputs = lax.scan(step, state, jnp.einsum("tbf,fg->tbg", x, into))
    return jnp.sin(outputs).sum() + sum(jnp.cos(array).sum() for array in final)


def test_a_gradient_takes_an_eighth_of_the_memory_of_plain_autodiff():
    arguments = problem(1024, 2, 16)

    def temporaries(function):
        compiled = jax.jit(jax.grad(function, argnums=(0, 1, 2, 3))).lower(*arguments).compile()
        return compiled.memory_analysis().temp_size_in_bytes

    assert temporaries(partial(loss, size=32)) < temporaries(plain) / 8
