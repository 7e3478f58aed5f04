"""Gradients through a trajectory that Newton's method found, and what they are worth.

With `g_t` the gradient of the loss by `s_t` directly, that through all later steps as well is
`u_t = g_t + J_{t+1}ᵀ u_{t+1}`: one reversed linear recurrence with the true Jacobians. All other
gradients follow from it for all steps at once, those of the weights as one product over
batch x time.

Whether the sequential loop would give the same is asked of the gradient itself: it is computed once
more around states that are moved as rounding may have moved them, from inputs and weights that are
moved by roundings as well. What changes is what is not known.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from seqjax.ops.block_recurrence import AtOneStep, Vectors, earlier
from seqjax.ops.cell import Cell
from seqjax.ops.cell_steps import ROUNDING, Steps, Weights, evaluate, rounding
from seqjax.ops.chunks import in_chunks, joined, steps_in_chunks
from seqjax.ops.linearised import linear_system
from seqjax.ops.newton import TINY, Newton

# Roundings that every number is moved by, and how often the gradient is computed that way.
ROUNDINGS = 6.0
SAMPLES = 2


class Gradients(NamedTuple):
    """Of the loss, by what the states were made from."""

    inputs: Float[Array, "time batch gates_hidden"]
    weights: Weights
    start: AtOneStep


def adjoint(
    cell: Cell,
    newton: Newton,
    steps: Steps,
    weights: Weights,
    start: AtOneStep,
    states: Vectors,
    gradient: Vectors,
) -> Gradients:
    """The gradients at the states, from the direct one by each state."""
    before = earlier(states, start)
    structure = newton.structure(weights, cell.states)
    size = newton.chunk(structure, states)

    def chunk(from_later, slices):
        steps, before, gradient = slices
        _, system = linear_system(cell, steps, weights, before, structure)
        (total,), _ = system.backward(gradient.at[-1].add(from_later)[None])
        return system.to_start(total), total

    chunks = steps_in_chunks(steps, size), in_chunks(before, size), in_chunks(gradient, size)
    _, totals = lax.scan(chunk, jnp.zeros_like(start), chunks, reverse=True)
    _, pull = jax.vjp(
        lambda inputs, weights, before: evaluate(
            cell, steps._replace(inputs=inputs), weights, before
        ),
        steps.inputs,
        weights,
        before,
    )
    to_inputs, to_weights, to_before = pull(joined(totals, len(states)))
    return Gradients(to_inputs, to_weights._replace(dropout_mask=None), to_before[0])


def certified_gradients(
    cell: Cell,
    newton: Newton,
    steps: Steps,
    weights: Weights,
    start: AtOneStep,
    states: Vectors,
    gradient: Vectors,
) -> tuple[Gradients, Gradients]:
    """The gradients and, in the place of each array, its estimated error, relative to its size."""

    def moved(roundings, key):
        keys = jax.random.split(key, 4)
        moved_by = _deviation(cell, newton, steps, weights, start, states, keys[0])
        inputs, shared, first = (
            _perturbed(k, tree, roundings * ROUNDING)
            for k, tree in zip(keys[1:], (steps.inputs, weights, start), strict=True)
        )
        return adjoint(
            cell,
            newton,
            steps._replace(inputs=inputs),
            shared,
            first,
            states + roundings * moved_by,
            gradient,
        )

    # One after the other: a program of the size of one gradient, and its memory.
    roundings = jnp.asarray([0.0] + [ROUNDINGS] * SAMPLES)
    found = lax.map(
        lambda each: moved(*each), (roundings, jax.random.split(jax.random.key(1), SAMPLES + 1))
    )
    gradients = jax.tree.map(lambda array: array[0], found)
    return gradients, jax.tree.map(_largest_change, found)


def _largest_change(array):
    """The largest difference from the first, beside the largest entry."""
    scale = jnp.maximum(jnp.abs(array[0]).max(), TINY)
    return jnp.abs(array[1:] - array[:1]).max() / scale


def _perturbed(key, tree, relative):
    leaves, structure = jax.tree.flatten(tree)
    keys = jax.random.split(key, len(leaves))
    return structure.unflatten(
        leaf * (1 + relative * jax.random.rademacher(k, leaf.shape, leaf.dtype))
        for k, leaf in zip(keys, leaves, strict=True)
    )


def _deviation(cell, newton, steps, weights, start, states, key):
    """One response of the states to roundings in every step."""
    structure = newton.structure(weights, cell.states)
    size = newton.chunk(structure, states)

    def chunk(moved, slices):
        key, steps, before = slices
        at, system = linear_system(cell, steps, weights, before, structure)
        signs = jax.random.rademacher(key, before.shape, before.dtype)
        right = system.from_start(moved, rounding(at, steps, weights) * signs)
        (deviation,), _ = system.forward(right[None])
        return deviation[-1], deviation

    keys = jax.random.split(key, -(-len(states) // size))
    before = earlier(states, start)
    chunks = keys, steps_in_chunks(steps, size), in_chunks(before, size)
    _, deviations = lax.scan(chunk, jnp.zeros_like(start), chunks)
    return joined(deviations, len(states))
