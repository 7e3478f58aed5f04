"""The gradients that are written out against autodiff of the equations, one step at a time."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from seqjax.ops import cells

CELLS = {
    **{f"rnn_{name}": cells.elman(name) for name in cells.ACTIVATIONS},
    "lstm": cells.lstm(),
    "gru": cells.gru(),
    "coupled_lstm": cells.coupled_lstm(),  # which has none, and two peepholes
}


@pytest.mark.parametrize("name", CELLS)
def test_a_step_and_its_gradient_are_those_of_the_equations(name):
    cell = CELLS[name]
    random = np.random.default_rng(0)

    def normal(*shape):
        return jnp.asarray(random.normal(size=shape), jnp.float32)

    x, product = normal(6, 3 * cell.gates), normal(6, 3 * cell.gates)
    state = tuple(normal(6, 3) for _ in range(cell.states))
    peepholes = (normal(6, 3), normal(6, 3)) if name == "coupled_lstm" else ()
    gradient = tuple(normal(6, 3) for _ in range(cell.states))

    new, saved = cell.gradient.step(x, product, state, *peepholes)
    expected, pull = jax.vjp(cell.pointwise, x, product, state, *peepholes)
    assert saved.shape == (6, 3 * cell.gradient.saved)
    for ours, theirs in zip(new, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)

    parts = [saved[:, 3 * k : 3 * k + 3] for k in range(cell.gradient.saved)]
    to_x, to_product, to_state, to_peepholes = cell.gradient.pullback(
        parts, state, new, gradient, *peepholes
    )
    ours = (to_x, to_x if to_product is None else to_product, to_state, *to_peepholes)
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(pull(gradient)), strict=True):
        np.testing.assert_allclose(a, b, atol=2e-6)
