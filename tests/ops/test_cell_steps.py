"""All steps at once: their values, Jacobians and rounding errors."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from seqjax.ops import cells
from seqjax.ops.block_recurrence import DENSE, UNITS
from seqjax.ops.cell_steps import Steps, Weights, evaluate, jacobian, linearise, rounding

TIME, BATCH, HIDDEN = 5, 2, 3
CELLS = {
    "rnn": (cells.elman("tanh"), False),
    "gru": (cells.gru(), False),
    "lstm": (cells.lstm(), False),
    "paragru": (cells.gru(), True),
    "paralstm": (cells.coupled_lstm(), True),
}


def problem(cell, diagonal):
    """Steps with masks and resets, weights, and states before the steps."""
    random = np.random.default_rng(0)

    def normal(*shape):
        return jnp.asarray(random.normal(size=shape), jnp.float32)

    size = cell.gates * HIDDEN
    weight = normal(size) if diagonal else normal(HIDDEN, size)
    peepholes = (normal(HIDDEN), normal(HIDDEN)) if cell is cells.coupled_lstm() else ()
    steps = Steps(
        normal(TIME, BATCH, size),
        jnp.asarray(random.random((TIME, BATCH)) < 0.7),
        jnp.asarray(random.random((TIME, BATCH)) < 0.3),
    )
    keep = 2.0 * jnp.asarray(random.integers(0, 2, (BATCH, HIDDEN)), jnp.float32)
    weights = Weights(weight, normal(size), peepholes, keep)
    return steps, weights, normal(TIME, cell.states, BATCH, HIDDEN)


@pytest.mark.parametrize("name", CELLS)
def test_jacobians_are_those_of_autodiff(name):
    cell, diagonal = CELLS[name]
    steps, weights, before = problem(cell, diagonal)
    after = evaluate(cell, steps, weights, before)
    at = linearise(cell, steps, weights, before)
    np.testing.assert_array_equal(at.after, after)
    # [time, states, batch, hidden] by the same: of one step and row, its own states alone count.
    whole = jax.jit(jax.jacobian(lambda before: evaluate(cell, steps, weights, before)))(before)
    own = np.einsum("tsbhtrbk->tbshrk", whole)
    others = np.abs(whole).sum() - np.abs(own).sum()
    assert abs(others) < 1e-3
    units = jacobian(at, steps, weights, UNITS)
    np.testing.assert_allclose(units, np.einsum("tbshrh->tsrbh", own), rtol=1e-5, atol=1e-6)
    if diagonal:
        np.testing.assert_allclose(np.abs(own).sum(), np.abs(units).sum(), rtol=1e-5)
    else:
        dense = jacobian(at, steps, weights, DENSE)
        size = cell.states * HIDDEN
        own = own.reshape(TIME, BATCH, size, size)
        np.testing.assert_allclose(dense, own, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", CELLS)
def test_rounding_bounds_the_error_of_float32(name):
    """Against float64, and not by more than some tens of times."""
    cell, diagonal = CELLS[name]
    steps, weights, before = problem(cell, diagonal)
    bound = rounding(linearise(cell, steps, weights, before), steps, weights)
    with jax.enable_x64():
        double = jax.tree.map(
            lambda array: jnp.asarray(np.float64(array)) if array.dtype == "float32" else array,
            (steps, weights, before),
        )
        exact = np.asarray(in_float64(cell, *double))
    error = np.abs(exact - np.asarray(evaluate(cell, steps, weights, before)))
    assert np.all(error <= 4 * bound)
    assert np.all(np.moveaxis(bound, 1, -1)[~np.asarray(steps.mask)] == 0)
    assert error.max() > bound.max() / 50


def in_float64(cell, steps, weights, before):
    keep = ~steps.reset[:, None, :, None]
    previous = tuple(jnp.moveaxis(before * keep, 1, 0))
    h = previous[0] * weights.dropout_mask[None]
    if weights.recurrent.ndim == 1:
        product = (h[..., None, :] * weights.recurrent.reshape(1, 1, -1, HIDDEN)).reshape(
            TIME, BATCH, -1
        )
    else:
        product = h @ weights.recurrent
    peepholes = [jnp.broadcast_to(vector, previous[0].shape) for vector in weights.peepholes]
    new = cell.pointwise(steps.inputs, product + weights.bias[None, None], previous, *peepholes)
    mask = steps.mask[..., None]
    return jnp.stack([jnp.where(mask, n, p) for n, p in zip(new, previous, strict=True)], 1)
