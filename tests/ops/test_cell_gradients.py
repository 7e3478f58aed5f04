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

    new, kept, beside = cell.gradient.step(x, product, state, *peepholes)
    expected, pull = jax.vjp(cell.pointwise, x, product, state, *peepholes)
    kept = x if kept is None else kept
    assert kept.shape == x.shape
    for ours, theirs in zip(new, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)

    to_x, to_beside, to_state, to_peepholes = cell.gradient.pullback(
        _gates(kept), _gates(beside), state, new, gradient, *peepholes
    )
    same = x.shape[-1] - (0 if beside is None else beside.shape[-1])
    to_product = [to_x[:, :same], *([] if beside is None else [to_beside])]
    ours = (to_x, jnp.concatenate(to_product, axis=-1), to_state, *to_peepholes)
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(pull(gradient)), strict=True):
        np.testing.assert_allclose(a, b, atol=2e-6)


def _gates(array):
    return [] if array is None else jnp.split(array, array.shape[-1] // 3, axis=-1)
