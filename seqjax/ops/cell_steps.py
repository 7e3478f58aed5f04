"""All steps of a recurrence at once, from guesses of the states before them.

With every state given, the steps of a cell do not wait for each other: their values, derivatives
and rounding errors are products and pointwise functions over batch x time. Products are of full
float32 precision, whatever the dtype of the weights or the habit of the platform: Newton's method
asks for a function that is smooth down to rounding.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from seqjax.ops.block_recurrence import DENSE, DenseMatrices, Structure, UnitMatrices, Vectors
from seqjax.ops.cell import (
    Cell,
    State,
    by_gate,
    dropped,
    masked_pointwise,
    recurrent_product,
    zero_where,
)

ROUNDING = 2.0**-24  # relative error of one float32 operation


class Weights(NamedTuple):
    """What all steps share, float32."""

    recurrent: Float[Array, "hidden gates_hidden"] | Float[Array, " gates_hidden"]
    bias: Float[Array, " gates_hidden"]
    peepholes: tuple[Float[Array, " hidden"], ...]
    dropout_mask: Float[Array, "batch hidden"] | None


class Steps(NamedTuple):
    """What each step is given beside its state."""

    inputs: Float[Array, "time batch gates_hidden"]
    mask: Bool[Array, "time batch"] | None
    reset: Bool[Array, "time batch"] | None


class Linearised(NamedTuple):
    """The pointwise part of all steps at one guess of the states before them."""

    after: Vectors
    by_product: list[Vectors]  # derivative of `after` by the product of each gate
    by_state: list[Vectors]  # and by each state, the products held fixed
    previous: State  # the states before, with resets done


def evaluate(cell: Cell, steps: Steps, weights: Weights, before: Vectors) -> Vectors:
    """The states after each step, from those before it."""
    previous = zero_where(steps.reset, tuple(jnp.moveaxis(before, 1, 0)))
    return _after(cell, steps, weights, _product(weights, previous[0]), previous)


def linearise(cell: Cell, steps: Steps, weights: Weights, before: Vectors) -> Linearised:
    """The states after each step, and their derivatives unit by unit.

    One push of ones for each gate and each state, all from one evaluation of the cell.
    """
    previous = zero_where(steps.reset, tuple(jnp.moveaxis(before, 1, 0)))
    product = _product(weights, previous[0])
    after, push = jax.linearize(
        lambda *moved: _after(cell, steps, weights, *moved), product, previous
    )
    still = jnp.zeros_like(product), jax.tree.map(jnp.zeros_like, previous)
    gates = jnp.repeat(jnp.eye(cell.gates), previous[0].shape[-1], axis=1)
    by_product = [push(jnp.broadcast_to(gate, product.shape), still[1]) for gate in gates]
    by_state = []
    for moving in range(cell.states):
        moved = (*still[1][:moving], jnp.ones_like(previous[0]), *still[1][moving + 1 :])
        by_state.append(push(still[0], moved))
    return Linearised(after, by_product, by_state, previous)


def jacobian(
    at: Linearised, steps: Steps, weights: Weights, structure: Structure
) -> UnitMatrices | DenseMatrices:
    """The derivatives of the states after each step by the states before it.

    `UNITS` leaves out what a unit sees of the others, which is nothing where the recurrent matrices
    are diagonal.
    """
    assemble = _dense_jacobian if structure is DENSE else _unit_jacobian
    return assemble(at, steps, weights)


def rounding(at: Linearised, steps: Steps, weights: Weights) -> Vectors:
    """How far rounding may move the states after each step, taken one step at a time.

    To first order, with every number that a step is made of off by one rounding of its size: the
    terms of the products, the states before the step and those after it.
    """
    h = at.previous[0]
    sizes = jax.tree.map(jnp.abs, weights)
    terms = by_gate(_product(sizes, jnp.abs(h)) + jnp.abs(steps.inputs), h)
    moved = jnp.abs(at.after)
    for gate, derivative in enumerate(at.by_product):
        moved = moved + jnp.abs(derivative) * terms[:, None, :, gate]
    for derivative, state in zip(at.by_state, at.previous, strict=True):
        moved = moved + jnp.abs(derivative * state[:, None])
    if steps.mask is not None:
        moved = jnp.where(steps.mask[:, None, :, None], moved, 0)
    return ROUNDING * moved


def _product(weights, h):
    with jax.default_matmul_precision("highest"):
        return recurrent_product(dropped(h, weights.dropout_mask), weights.recurrent, weights.bias)


def _after(cell, steps, weights, product, previous):
    states = masked_pointwise(cell, steps.inputs, product, previous, weights.peepholes, steps.mask)
    return jnp.stack(states, axis=1)


def _unit_jacobian(at, steps, weights):
    recurrent, hidden = weights.recurrent, at.after.shape[-1]
    if recurrent.ndim == 2:
        recurrent = jnp.diagonal(recurrent.reshape(hidden, -1, hidden), axis1=0, axis2=2)
    diagonals = recurrent.reshape(-1, 1, 1, 1, hidden)
    if weights.dropout_mask is not None:
        diagonals = diagonals * weights.dropout_mask[None, None, None]
    through = sum(
        derivative * diagonal for derivative, diagonal in zip(at.by_product, diagonals, strict=True)
    )
    matrices = jnp.stack([at.by_state[0] + through, *at.by_state[1:]], axis=2)
    if steps.reset is None:
        return matrices
    return jnp.where(steps.reset[:, None, None, :, None], 0, matrices)


def _dense_jacobian(at, steps, weights):
    time, states, batch, hidden = at.after.shape
    # [gates, unit after, unit before]
    recurrent = jnp.moveaxis(weights.recurrent.reshape(hidden, -1, hidden), 0, 2)
    through = sum(
        derivative[..., None] * matrix[None, None, None]
        for derivative, matrix in zip(at.by_product, recurrent, strict=True)
    )
    if weights.dropout_mask is not None:
        through = through * weights.dropout_mask[None, None, :, None]
    identity = jnp.eye(hidden)[None, None, None]
    own = [derivative[..., None] * identity for derivative in at.by_state]
    matrices = jnp.concatenate([own[0] + through, *own[1:]], axis=-1)
    matrices = jnp.moveaxis(matrices, 1, 2).reshape(time, batch, states * hidden, -1)
    if steps.reset is None:
        return matrices
    return jnp.where(steps.reset[..., None, None], 0, matrices)
