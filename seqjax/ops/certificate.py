"""How far a trajectory may be from the one that the sequential loop computes in float32.

A small residual proves nothing where errors grow: two float32 evaluations of a chaotic recurrence
differ wholly, whatever is left of `s_t - f_t(s_{t-1})`. What counts is where rounding at every step
leads to. To first order that is the linear recurrence `e_t = J_t e_{t-1} + r_t` for the rounding
`r_t` of each step, and one further solve of the linearised equations tells it:

- where each unit sees its own state alone, `|J_t|` in the place of `J_t` and the bound of `r_t`
  give a bound of `e_t`;
- else `r_t` is drawn at random, independent signs times its bound, several times at once: their
  responses tell the size of `e_t` as a sample tells a variance.

The same solve takes the remaining residual to its correction, which is applied.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from seqjax.ops.block_recurrence import UNITS, AtOneStep, Structure, Vectors, earlier
from seqjax.ops.cell import Cell
from seqjax.ops.cell_steps import Steps, Weights, rounding
from seqjax.ops.chunks import in_chunks, joined, steps_in_chunks
from seqjax.ops.linearised import is_exact, linear_system
from seqjax.ops.newton import Newton, relative_size, solve

# Roundings of every number in a step, of the two evaluations together: for a bound, and for the
# root mean square of samples, which one more sample of a single number may well exceed. On its way
# through a step a number is rounded about four times: in products, sums and functions of a gate.
BOUND_ROUNDINGS = 8.0
SAMPLE_ROUNDINGS = 4.0
SAMPLES = 16


class Certificate(NamedTuple):
    """What is known of the states, for each row of the batch; relative to the largest state."""

    residual: Float[Array, " batch"]  # left by Newton's method, before the last correction
    error: Float[Array, " batch"]  # estimated distance from the sequential result
    certified: Bool[Array, " batch"]  # whether the estimate is within the tolerance
    iterations: Int[Array, ""]  # linear recurrences that were solved one after the other


def certified_states(
    cell: Cell,
    newton: Newton,
    steps: Steps,
    weights: Weights,
    start: AtOneStep,
    guess: Vectors,
) -> tuple[Vectors, Certificate]:
    """The states after each step by Newton's method, chunk after chunk, and what they are worth."""
    time = len(guess)
    structure = newton.structure(weights, cell.states)
    size = newton.chunk(structure, guess)

    def chunk(carry, slices):
        start, deviations = carry
        key, steps, guess = slices
        states, passes = solve(cell, newton, steps, weights, start, guess)
        before = earlier(states, start)
        at, system = linear_system(cell, steps, weights, before, structure)
        residual = at.after - states
        rounded = rounding(at, steps, weights)
        correction, deviations, further = _further_solve(system, residual, rounded, deviations, key)
        error = jnp.abs(correction) + jnp.sqrt((deviations**2).mean(0))
        states = states + correction
        return (states[-1], deviations[:, -1]), (states, residual, error, passes + further)

    samples = 1 if _bounds_itself(structure, weights) else SAMPLES
    carry = start, jnp.zeros((samples, *start.shape))
    keys = jax.random.split(jax.random.key(0), -(-time // size))
    chunks = keys, steps_in_chunks(steps, size), in_chunks(guess, size)
    _, (*found, iterations) = lax.scan(chunk, carry, chunks)
    states, residual, error = joined(found, time)
    # The last state is a result of its own.
    relative = jnp.maximum(relative_size(error, states), relative_size(error[-1:], states[-1:]))
    # What overflowed on the way is as far off as can be.
    relative = jnp.where(jnp.isnan(relative), jnp.inf, relative)
    certificate = Certificate(
        residual=relative_size(residual, states),
        error=relative,
        certified=relative <= newton.tolerance,
        iterations=iterations.sum(),
    )
    return states, certificate


def _bounds_itself(structure: Structure, weights: Weights) -> bool:
    """Whether absolute values of the matrices bound how errors grow, and not by far too much."""
    return structure is UNITS and is_exact(structure, weights)


def _further_solve(system, residual, rounded, at_start, key):
    """The correction for a residual, and where roundings and the deviations at the start lead."""
    if len(at_start) == 1:
        (correction,), further = system.forward(residual[None])
        bounding = system._replace(matrices=jnp.abs(system.matrices))
        right = bounding.from_start(at_start[0], BOUND_ROUNDINGS * rounded)
        return correction, bounding.forward(right[None])[0], further
    signs = jax.random.rademacher(key, (len(at_start), *rounded.shape), rounded.dtype)
    right = jax.vmap(system.from_start)(at_start, SAMPLE_ROUNDINGS * rounded[None] * signs)
    found, further = system.forward(jnp.concatenate([residual[None], right]))
    return found[0], found[1:], further
