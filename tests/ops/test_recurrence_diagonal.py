"""Diagonal recurrent matrices, peepholes and recurrent dropout, against the dense recurrence."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from seqjax.ops import cells
from seqjax.ops.recurrence import recurrence

TIME, BATCH, HIDDEN = 6, 2, 3
CELLS = {"gru": cells.gru(), "coupled_lstm": cells.coupled_lstm()}


def normal(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def problem(cell):
    """Inputs, diagonals, bias, state and peepholes."""
    return (
        normal(TIME, BATCH, cell.gates * HIDDEN),
        normal(cell.gates * HIDDEN, seed=1),
        normal(cell.gates * HIDDEN, seed=2),
        tuple(normal(cell.states, BATCH, HIDDEN, seed=3)),
        tuple(normal(2, HIDDEN, seed=4)) if cell is CELLS["coupled_lstm"] else (),
    )


def plain(cell, inputs, weight, bias, state, peepholes, keep, mask, reset):
    """The recurrence as a Python loop, with the diagonals as matrices."""
    matrix = jnp.concatenate([jnp.diag(part) for part in jnp.split(weight, cell.gates)], axis=1)
    rows = [jnp.broadcast_to(vector, (BATCH, HIDDEN)) for vector in peepholes]
    outputs = []
    for x, mask_t, reset_t in zip(inputs, mask, reset, strict=True):
        state = tuple(jnp.where(reset_t[:, None], 0, array) for array in state)
        new = cell.pointwise(x, (keep * state[0]) @ matrix + bias[None], state, *rows)
        state = tuple(jnp.where(mask_t[:, None], a, b) for a, b in zip(new, state, strict=True))
        outputs.append(state[0])
    return jnp.stack(outputs), state


def ours(cell, inputs, weight, bias, state, peepholes, keep, mask, reset):
    return recurrence(
        cell,
        inputs,
        weight,
        bias,
        state,
        peepholes=peepholes,
        dropout_mask=keep,
        mask=mask,
        reset=reset,
    )


@pytest.mark.parametrize("name", CELLS)
def test_values_and_gradients_are_those_of_a_plain_loop(name):
    cell = CELLS[name]
    random = np.random.default_rng(0)
    keep = jnp.asarray(2.0 * random.integers(0, 2, (BATCH, HIDDEN)))
    mask = jnp.asarray(random.random((TIME, BATCH)) < 0.7)
    reset = jnp.asarray(random.random((TIME, BATCH)) < 0.3)

    def loss(function, *arguments):
        outputs, state = function(cell, *arguments, keep, mask, reset)
        final = sum(jnp.sin((k + 2) * array).sum() for k, array in enumerate(state))
        return jnp.sin(outputs).sum() + final, (outputs, state)

    found, expected = (
        jax.jit(jax.value_and_grad(loss, argnums=(1, 2, 3, 4, 5), has_aux=True), static_argnums=0)(
            function, *problem(cell)
        )
        for function in (ours, plain)
    )
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


def test_dropout_in_a_dense_product_drops_the_same_units_at_every_step():
    cell = cells.lstm()
    inputs, bias = normal(TIME, BATCH, 4 * HIDDEN), normal(4 * HIDDEN, seed=1)
    weight = normal(HIDDEN, 4 * HIDDEN, seed=2)
    state = tuple(normal(2, BATCH, HIDDEN, seed=3))
    keep = jnp.asarray([[0.0, 2.0, 2.0]] * BATCH)

    def outputs(weight, keep):
        return recurrence(cell, inputs, weight, bias, state, dropout_mask=keep)[0]

    without_rows = weight * keep[0][:, None]
    np.testing.assert_allclose(outputs(weight, keep), outputs(without_rows, None), rtol=1e-5)
    found = jax.grad(lambda weight: jnp.sin(outputs(weight, keep)).sum())(weight)
    expected = jax.grad(lambda weight: jnp.sin(outputs(weight, None)).sum())(without_rows)
    np.testing.assert_allclose(found, expected * keep[0][:, None], rtol=1e-4, atol=1e-6)


def test_coupled_lstm_is_its_equations():
    sigmoid = lambda x: 1 / (1 + np.exp(-x))  # noqa: E731
    x, r = normal(3, BATCH, HIDDEN), normal(3, BATCH, HIDDEN, seed=1)
    h, c = normal(2, BATCH, HIDDEN, seed=2)
    p, q = normal(2, BATCH, HIDDEN, seed=3)
    cell = cells.coupled_lstm()
    found = cell.pointwise(
        jnp.concatenate(list(x), axis=-1), jnp.concatenate(list(r), axis=-1), (h, c), p, q
    )
    f = sigmoid(x[0] + r[0] + p * c)
    new = f * c + (1 - f) * np.tanh(x[1] + r[1])
    np.testing.assert_allclose(found[1], new, rtol=1e-5)
    np.testing.assert_allclose(found[0], sigmoid(x[2] + r[2] + q * new) * np.tanh(new), rtol=1e-5)
    assert cells.coupled_lstm() is cell


@pytest.mark.parametrize("name", CELLS)
def test_an_input_bias_is_added_to_every_input(name):
    cell = CELLS[name]
    inputs, weight, bias, state, peepholes = problem(cell)
    input_bias = normal(cell.gates * HIDDEN, seed=5)

    def gradients(apart):
        def loss(inputs, weight, bias, input_bias, peepholes):
            if not apart:
                inputs, input_bias = inputs + input_bias[None, None], None
            outputs, _ = recurrence(
                cell, inputs, weight, bias, state, input_bias=input_bias, peepholes=peepholes
            )
            return jnp.sin(outputs).sum()

        arguments = inputs, weight, bias, input_bias, peepholes
        return jax.value_and_grad(loss, argnums=(0, 1, 2, 3, 4))(*arguments)

    pairs = zip(*map(jax.tree.leaves, (gradients(True), gradients(False))), strict=True)
    for ours, expected in pairs:
        np.testing.assert_allclose(ours, expected, atol=1e-5)
