"""The recurrence of a cell in parallel over time, never less certain than one step at a time.

Newton's method gives the states (`newton.py`) and a certificate of them (`certificate.py`). A batch
that is not certified is computed by the sequential loop instead, in the same compiled program; so
is the gradient of one whose gradient is not certified (`adjoint.py`).
"""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float

from seqjax.ops.adjoint import certified_gradients
from seqjax.ops.cell import Cell, State
from seqjax.ops.cell_steps import Steps, Weights, evaluate
from seqjax.ops.certificate import Certificate, certified_states
from seqjax.ops.newton import DEFAULT, Newton
from seqjax.ops.sequential_recurrence import sequential_states


def parallel_recurrence(
    cell: Cell,
    inputs: Float[Array, "time batch gates_hidden"],
    weight: Float[Array, "hidden gates_hidden"] | Float[Array, " gates_hidden"],
    bias: Float[Array, " gates_hidden"],
    state: State,
    *,
    newton: Newton = DEFAULT,
    peepholes: tuple[Float[Array, " hidden"], ...] = (),
    dropout_mask: Float[Array, "batch hidden"] | None = None,
    mask: Bool[Array, "time batch"] | None = None,
    reset: Bool[Array, "time batch"] | None = None,
    guess: tuple[Float[Array, "time batch hidden"], ...] | None = None,
) -> tuple[Float[Array, "time batch hidden"], State, Certificate]:
    """As `recurrence.recurrence`, with the certificate behind its results.

    `guess` holds states of all steps to start from, as those of a similar problem; without it,
    Newton's method starts from what every step makes of zeros.
    """
    weights = weight, bias, peepholes
    states, certificate = _states(
        cell, newton, inputs, weights, state, guess, dropout_mask, mask, reset
    )
    return states[0], jax.tree.map(lambda array: array[-1], states), certificate


@partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _states(cell, newton, inputs, weights, state, guess, dropout_mask, mask, reset):
    steps, shared = _float32(inputs, weights, dropout_mask, mask, reset)
    start = jnp.stack(state)
    if guess is None:
        zeros = jnp.zeros((len(inputs), *start.shape))
        guess = evaluate(cell, steps, shared, zeros)
    else:
        guess = jnp.stack(guess, axis=1)
    states, certificate = certified_states(cell, newton, steps, shared, start, guess)
    states = lax.cond(
        certificate.certified.all(),
        lambda: tuple(jnp.moveaxis(states, 1, 0)),
        lambda: _one_by_one(cell, inputs, weights, state, dropout_mask, mask, reset),
    )
    return states, certificate


def _forward(cell, newton, inputs, weights, state, guess, dropout_mask, mask, reset):
    states, certificate = _states(
        cell, newton, inputs, weights, state, guess, dropout_mask, mask, reset
    )
    certified = certificate.certified.all()
    saved = inputs, weights, state, dropout_mask, mask, reset, states, certified
    return (states, certificate), saved


def _backward(cell, newton, saved, gradient):
    inputs, weights, state, dropout_mask, mask, reset, states, certified = saved
    gradient, _ = gradient
    steps, shared = _float32(inputs, weights, dropout_mask, mask, reset)

    def parallel():
        found, errors = certified_gradients(
            cell,
            newton,
            steps,
            shared,
            jnp.stack(state),
            jnp.stack(states, axis=1),
            jnp.stack(gradient, axis=1),
        )
        by = (found.inputs, tuple(found.weights[:3]), tuple(found.start))
        return jax.tree.map(
            lambda g, like: g.astype(like.dtype), by, (inputs, weights, state)
        ), jnp.stack(jax.tree.leaves(errors)).max() <= newton.tolerance

    def nothing():
        return jax.tree.map(jnp.zeros_like, (inputs, weights, state)), jnp.zeros((), bool)

    def one_by_one():
        _, pull = jax.vjp(
            lambda *by: _one_by_one(cell, *by, dropout_mask, mask, reset),
            inputs,
            weights,
            state,
        )
        return pull(gradient)

    found, certain = lax.cond(certified, parallel, nothing)
    found = lax.cond(certain, lambda: found, one_by_one)
    return (*found, None, None, None, None)


def _one_by_one(cell, inputs, weights, *others):
    weight, bias, peepholes = weights
    return sequential_states(cell, inputs, (weight, bias, None, peepholes), *others)


def _float32(inputs, weights, dropout_mask, mask, reset):
    weight, bias, peepholes = jax.tree.map(lambda array: array.astype(jnp.float32), weights)
    steps = Steps(inputs.astype(jnp.float32), mask, reset)
    return steps, Weights(weight, bias, peepholes, dropout_mask)


_states.defvjp(_forward, _backward)
