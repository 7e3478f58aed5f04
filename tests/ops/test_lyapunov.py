"""The largest Lyapunov exponent where it is known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from seqjax.ops import cells
from seqjax.ops.cell import Cell
from seqjax.ops.lyapunov import largest_lyapunov_exponent


def exponent(cell, inputs, weight, state, **options):
    function = jax.jit(lambda *arrays: largest_lyapunov_exponent(cell, *arrays, **options))
    bias = jnp.zeros(inputs.shape[-1])
    return np.asarray(function(jnp.asarray(inputs, jnp.float32), weight, bias, state))


def test_of_the_logistic_map_is_log_2():
    """`x -> 4 x (1 - x)` doubles differences on average (Ott 2002, section 2.4)."""
    logistic = Cell(
        gates=1, states=1, pointwise=lambda x, r, state: (x * state[0] * (1 - state[0]),)
    )
    start = jnp.asarray([[0.3], [0.1]])
    found = exponent(logistic, np.full((20_000, 2, 1), 4.0), jnp.zeros(1), (start,))
    np.testing.assert_allclose(found, np.log(2), atol=0.01)


def test_of_a_linear_recurrence_is_the_log_of_its_spectral_radius():
    """A ReLU RNN with positive weights and states is linear."""
    weight = np.array([[0.2, 0.7, 0.1], [0.4, 0.1, 0.3], [0.3, 0.2, 0.6]])
    radius = np.abs(np.linalg.eigvals(weight)).max()
    inputs, start = np.full((100, 2, 3), 0.1), (jnp.ones((2, 3)),)
    found = exponent(
        cells.elman("relu"), inputs, jnp.asarray(weight, jnp.float32), start, transient=20
    )
    np.testing.assert_allclose(found, np.log(radius), atol=1e-5)


@pytest.mark.parametrize(("gain", "sign"), [(0.5, -1), (3.0, 1)])
def test_of_a_random_network_changes_its_sign_with_the_gain(gain, sign):
    """Without input, a large tanh network is chaotic above gain 1 (Sompolinsky et al. 1988)."""
    random = np.random.default_rng(0)
    hidden = 64
    weight = jnp.asarray(gain * random.normal(size=(hidden, hidden)) / hidden**0.5, jnp.float32)
    start = (jnp.asarray(random.normal(size=(2, hidden)), jnp.float32),)
    found = exponent(cells.elman("tanh"), np.zeros((400, 2, hidden)), weight, start, transient=100)
    assert np.all(sign * found > 0.05)


def test_of_a_state_that_forgets_everything_is_finite():
    found = exponent(cells.elman("relu"), np.full((5, 1, 2), -9.0), jnp.eye(2), (jnp.ones((1, 2)),))
    assert np.all(np.isfinite(found))
    assert np.all(found < -1)
