"""Linear recurrences with matrices, against a loop in NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from seqjax.ops.block_recurrence import DENSE, UNITS, apply

BATCH, HIDDEN = 2, 3


def normal(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def problem(structure, time, states):
    """Matrices, and vectors for the right-hand side."""
    rows = (
        (states, states, BATCH, HIDDEN) if structure is UNITS else (BATCH, *[states * HIDDEN] * 2)
    )
    return 0.5 * normal(time, *rows), normal(time, states, BATCH, HIDDEN, seed=1)


def as_matrices(structure, a):
    """`[time, batch, states · hidden, states · hidden]`."""
    a = np.asarray(a)
    if structure is DENSE:
        return a
    whole = np.einsum("tijbh,hk->tbihjk", a, np.eye(HIDDEN))
    size = a.shape[1] * HIDDEN
    return whole.reshape(len(a), BATCH, size, size)


def loop(matrices, b):
    """All `v_t`."""
    right = np.asarray(b).transpose(0, 2, 1, 3).reshape(len(b), BATCH, -1)
    v, found = np.zeros_like(right[0]), []
    for matrix, added in zip(matrices, right, strict=True):
        v = np.einsum("bij,bj->bi", matrix, v) + added
        found.append(v)
    return np.stack(found).reshape(len(b), BATCH, b.shape[1], HIDDEN).transpose(0, 2, 1, 3)


@pytest.mark.parametrize("structure", [UNITS, DENSE], ids=["units", "dense"])
@pytest.mark.parametrize("states", [1, 2])
@pytest.mark.parametrize("time", [1, 6, 7])
def test_solves_are_those_of_a_loop_in_both_directions(structure, states, time):
    a, b = problem(structure, time, states)
    expected = loop(as_matrices(structure, a), b)
    solve = jax.jit(structure.solve, static_argnames="reverse")
    np.testing.assert_allclose(solve(a, b), expected, rtol=1e-4, atol=1e-5)
    turned = solve(a[::-1], b[::-1], reverse=True)
    np.testing.assert_allclose(turned[::-1], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("structure", [UNITS, DENSE], ids=["units", "dense"])
def test_solves_that_are_mapped_over_twice_are_those_of_a_loop(structure):
    a, b = problem(structure, 512, 2)
    a = a / 2  # so that nothing grows over so many steps
    twice = jax.jit(jax.vmap(jax.vmap(structure.solve, in_axes=(None, 0))))
    (found,) = twice(a[None], jnp.stack([b, 2 * b])[None])
    expected = loop(as_matrices(structure, a), b)
    for factor, vectors in zip((1, 2), found, strict=True):
        np.testing.assert_allclose(vectors, factor * expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("structure", [UNITS, DENSE], ids=["units", "dense"])
def test_matrices_are_multiplied_transposed_and_inverted(structure):
    a, v = problem(structure, 2, 2)
    transposed = structure.transpose(a)
    whole = as_matrices(structure, a)
    np.testing.assert_array_equal(as_matrices(structure, transposed), whole.swapaxes(-1, -2))
    positive = structure.product(a, transposed)
    np.testing.assert_allclose(
        as_matrices(structure, positive), whole @ whole.swapaxes(-1, -2), rtol=1e-4, atol=1e-5
    )
    matrix = structure.identity(a) + structure.product(positive, structure.product(transposed, a))
    np.testing.assert_allclose(
        as_matrices(structure, structure.inverse(matrix)),
        np.linalg.inv(as_matrices(structure, matrix)),
        rtol=1e-3,
        atol=1e-4,
    )
    # One step of the recurrence from v.
    once = loop(np.stack([0 * whole[0], whole[0]]), np.stack([v[0], 0 * v[0]]))[1]
    np.testing.assert_allclose(apply(structure, a[:1], v[:1])[0], once, rtol=1e-4, atol=1e-5)
