"""When the recurrence in parallel over time is believed, and what it starts from.

That it equals the sequential one is held to by `tests/experiments/test_certificates.py`.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from seqjax.ops import cells
from seqjax.ops.cell_steps import Steps, Weights, evaluate
from seqjax.ops.newton import Newton
from seqjax.ops.parallel_recurrence import parallel_recurrence
from seqjax.ops.recurrence import recurrence

BATCH = 2


def problem(cell, *, time, hidden, gain=1.0, scale=1.0):
    """Inputs, weight, bias and state."""
    random = np.random.default_rng(0)

    def normal(*shape):
        return jnp.asarray(random.normal(size=shape), jnp.float32)

    size = cell.gates * hidden
    weight = gain * normal(hidden, size) / hidden**0.5
    state = tuple(normal(BATCH, hidden) for _ in range(cell.states))
    return scale * normal(time, BATCH, size), weight, jnp.zeros(size), state


def test_a_chaotic_recurrence_falls_back_whatever_its_residual_is():
    """States that begin a rounding error beside the start solve every step, and end far away."""
    cell = cells.elman("tanh")
    inputs, weight, bias, state = problem(cell, time=256, hidden=32, gain=2.0, scale=0)
    in_a_loop = jax.jit(functools.partial(recurrence, cell))
    expected = in_a_loop(inputs, weight, bias, state)
    beside, _ = in_a_loop(inputs, weight, bias, jax.tree.map(lambda h: h * (1 + 1e-6), state))
    assert np.abs(beside - expected[0]).max() > 0.1
    before = jnp.concatenate([state[0][None], beside[:-1]])[:, None]
    steps, weights = Steps(inputs, None, None), Weights(weight, bias, (), None)
    assert np.abs(evaluate(cell, steps, weights, before)[:, 0] - beside).max() < 2e-5

    outputs, final, certificate = jax.jit(
        functools.partial(parallel_recurrence, cell, newton=Newton(iterations=300))
    )(inputs, weight, bias, state, guess=(beside,))
    assert np.all(certificate.residual < 2e-6)
    assert not np.any(certificate.certified)
    assert np.all(certificate.error > 1e-3)
    np.testing.assert_array_equal(outputs, expected[0])
    np.testing.assert_array_equal(final[0], expected[1][0])


def test_a_warm_start_takes_fewer_iterations():
    arguments = problem(cells.gru(), time=20, hidden=4)
    run = jax.jit(functools.partial(parallel_recurrence, cells.gru(), *arguments))
    outputs, _, cold = run()
    again, _, warm = run(guess=(outputs,))
    assert np.all(cold.certified) and np.all(warm.certified)
    assert warm.iterations < cold.iterations
    np.testing.assert_allclose(again, outputs, rtol=1e-6, atol=1e-6)
    # Any start leads to the solution.
    far, _, _ = run(guess=(100 * jnp.ones_like(outputs),))
    np.testing.assert_allclose(far, outputs, rtol=1e-5, atol=1e-6)
