"""Nonlinear recurrences in parallel over time, by Newton's method over the whole trajectory.

The states of all steps solve `s_t = f_t(s_{t-1})` together. Newton's method (DEER: Lim et al. 2024,
arXiv 2309.12252) linearises every step at a guess of the states and solves

    v_t = J_t v_{t-1} + f_t(s_{t-1}) - s_t ,    v_0 = 0 ,    s <- s + v ,

a linear recurrence, which a parallel prefix evaluates in O(log T) sequential steps. Each pass makes
at least one more step exact, and near the solution the error squares from pass to pass. With only
the units' own parts of J (quasi-DEER of Gonzalez et al. 2024, arXiv 2407.19115), passes are cheap
and more in number.
"""

from dataclasses import dataclass

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from seqjax.ops.block_recurrence import (
    DENSE,
    UNITS,
    AtOneStep,
    Structure,
    Vectors,
    earlier,
)
from seqjax.ops.cell import Cell
from seqjax.ops.cell_steps import Steps, Weights
from seqjax.ops.linearised import is_exact, linear_system
from seqjax.ops.trust_region import damped_solve

# A state of so many numbers, or fewer, is worth all of its Jacobian's products.
DENSE_STATES = 64
DENSE_BYTES = 2**31  # of the Jacobians that are held at a time
LARGEST = 1e15  # of a state: products of two, and their sums, are finite
TINY = 1e-30  # below it, all sizes count as zero


@dataclass(frozen=True)
class Newton:
    """How a trajectory is solved for, and when the result counts."""

    jacobian: str = "auto"  # dense, diagonal (each unit's own states), or auto: by the state's size
    damping: float = 0.0  # of the trust region, in units of the largest residual; 0: none
    tolerance: float = 1e-5  # largest estimated error, relative, of a result that counts
    iterations: int = 32  # at most, for each chunk
    chunk_size: int = 0  # steps that are solved for together; 0: as many as memory allows

    def structure(self, weights: Weights, states: int) -> Structure:
        """Which matrices stand for the Jacobians of a cell with so many state arrays."""
        if weights.recurrent.ndim == 1 or self.jacobian == "diagonal":
            return UNITS
        small = states * len(weights.recurrent) <= DENSE_STATES
        return DENSE if small or self.jacobian == "dense" else UNITS

    def chunk(self, structure: Structure, states: Vectors) -> int:
        """How many of the steps are solved for together."""
        time, arrays, batch, hidden = states.shape
        size = self.chunk_size or time
        if structure is DENSE and not self.chunk_size:
            size = max(1, DENSE_BYTES // (4 * batch * (arrays * hidden) ** 2))
        return min(size, time)


DEFAULT = Newton()


def solve(
    cell: Cell,
    newton: Newton,
    steps: Steps,
    weights: Weights,
    start: AtOneStep,
    guess: Vectors,
) -> tuple[Vectors, Int[Array, ""]]:
    """States near the solution, and the passes from `guess` to them.

    They end where no row's states moved far enough to matter after the correction that follows.
    """
    structure = newton.structure(weights, cell.states)
    # Quadratic convergence has only rounding left behind a small move; linear convergence has not.
    enough = newton.tolerance * (10 if is_exact(structure, weights) else 0.1)

    def moves(carry):
        _, iterations, moved = carry
        return (iterations < newton.iterations) & (moved > enough).any()

    def iterate(carry):
        states, iterations, _ = carry
        before = earlier(states, start)
        at, system = linear_system(cell, steps, weights, before, structure)
        residual = at.after - states
        if newton.damping:
            damping = newton.damping * jnp.abs(residual).max()
            move = damped_solve(structure, system.matrices, residual, damping)
        else:
            move = structure.solve(system.matrices, residual)
        # Where products of Jacobians overflow, one more step is gained all the same.
        move = jnp.where(jnp.abs(move) < LARGEST, move, residual)
        states = states + move
        return states, iterations + 1, relative_size(move, states)

    unsolved = jnp.full(guess.shape[2], jnp.inf)
    states, iterations, _ = lax.while_loop(moves, iterate, (guess, 0, unsolved))
    return states, iterations


def relative_size(part: Vectors, whole: Vectors) -> Float[Array, " batch"]:
    """The largest entry of `part` beside that of `whole`, for the worst state of each row."""
    scale = jnp.maximum(jnp.abs(whole).max((0, 3)), TINY)
    return (jnp.abs(part).max((0, 3)) / scale).max(0)
