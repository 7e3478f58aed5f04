"""Damped Newton steps against the least-squares problem that they solve."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from seqjax.ops.block_recurrence import DENSE, UNITS
from seqjax.ops.trust_region import damped_solve

TIME, BATCH, HIDDEN = 6, 2, 3


def least_squares(J, b, damping):
    """`argmin Σ |v_t - J_t v_{t-1} - b_t|² + damping Σ |v_t|²` for one row, as one system."""
    time, size = b.shape
    A = np.eye(time * size)
    for t in range(1, time):
        A[t * size : (t + 1) * size, (t - 1) * size : t * size] = -J[t]
    normal = A.T @ A + damping * np.eye(time * size)
    return np.linalg.solve(normal, A.T @ b.reshape(-1)).reshape(time, size)


@pytest.mark.parametrize("damping", [0.0, 0.3, 10.0])
@pytest.mark.parametrize("structure", [UNITS, DENSE], ids=["units", "dense"])
def test_is_the_minimum(structure, damping):
    random = np.random.default_rng(0)
    states = 2
    rows = (states, states, BATCH, HIDDEN) if structure is UNITS else (BATCH, 6, 6)
    J = jnp.asarray(random.normal(size=(TIME, *rows)), jnp.float32)
    b = jnp.asarray(random.normal(size=(TIME, states, BATCH, HIDDEN)), jnp.float32)
    found = np.asarray(
        jax.jit(damped_solve, static_argnums=0)(structure, J, b, jnp.asarray(damping))
    )
    for row in range(BATCH):
        if structure is DENSE:
            flat = b[:, :, row].reshape(TIME, -1)
            expected = least_squares(J[:, row], flat, damping).reshape(TIME, states, HIDDEN)
        else:
            units = [
                least_squares(J[..., row, unit], b[:, :, row, unit], damping)
                for unit in range(HIDDEN)
            ]
            expected = np.stack(units, axis=-1)
        np.testing.assert_allclose(found[:, :, row], expected, rtol=1e-3, atol=1e-3)
