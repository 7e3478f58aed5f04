"""The linear equations around a trajectory: how a change at one step reaches the others.

Forward in time, `v_t = J_t v_{t-1} + b_t` is what Newton's method solves and how errors spread;
backward, `u_t = J_{t+1}ᵀ u_{t+1} + b_t` is how gradients do. Where the matrices hold all of the
Jacobian, one linear recurrence solves either. Where they hold only the units' own part, they
precondition a short iteration with the true Jacobian, as a product with a vector.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from seqjax.ops.block_recurrence import (
    DENSE,
    AtOneStep,
    Matrices,
    Structure,
    Vectors,
    apply,
    earlier,
    later,
)
from seqjax.ops.cell import Cell
from seqjax.ops.cell_steps import Linearised, Steps, Weights, evaluate, jacobian, linearise

ITERATIONS = 64  # at most, of the preconditioned iteration
REMAINING = 5e-7  # residual beside the solution that ends it: some roundings

Samples = Float[Array, "samples time states batch hidden"]
Product = Callable[[Vectors], Vectors]


class LinearSystem(NamedTuple):
    """The equations around the states of some steps."""

    structure: Structure
    matrices: Matrices
    push: Product | None  # the true J v; None where the matrices give it

    def from_start(self, v: AtOneStep, b: Vectors) -> Vectors:
        """`b` with `J_1 v` in it: the right-hand side for `v` before the first step."""
        if self.push is None:
            return b.at[0].add(apply(self.structure, self.matrices[:1], v[None])[0])
        return b + self.push(earlier(jnp.zeros_like(b), v))

    def to_start(self, u: Vectors) -> AtOneStep:
        """`J_1ᵀ u_1`: what reaches the state before the first step."""
        if self.push is None:
            return apply(self.structure, self.structure.transpose(self.matrices[:1]), u[:1])[0]
        return self.pull(u)[0]

    def pull(self, u: Vectors) -> Vectors:
        """The true `J_tᵀ u_t`, where the matrices do not give it."""
        return jax.linear_transpose(self.push, u)(u)[0]

    def forward(self, b: Samples) -> tuple[Samples, Int[Array, ""]]:
        """`v_t = J_t v_{t-1} + b_t` from zeros, for some b at once; and the recurrences it took.

        A solution that the iteration does not reach is NaN.
        """

        def solve(right):
            return self.structure.solve(self.matrices, right)

        if self.push is None:
            return jax.vmap(solve)(b), jnp.ones((), int)
        return _refined(solve, lambda v: v - self.push(earlier(v)), b)

    def backward(self, b: Samples) -> tuple[Samples, Int[Array, ""]]:
        """`u_t = J_{t+1}ᵀ u_{t+1} + b_t`, from zeros behind the last step; otherwise as above."""
        transposed = self.structure.transpose(self.matrices)

        def solve(right):
            # For J_tᵀ u_t in the place of u_t, so that no matrix moves by a step.
            moved = apply(self.structure, transposed, right)
            return right + later(self.structure.solve(transposed, moved, reverse=True))

        if self.push is None:
            return jax.vmap(solve)(b), jnp.ones((), int)
        return _refined(solve, lambda u: u - later(self.pull(u)), b)


def linear_system(
    cell: Cell, steps: Steps, weights: Weights, before: Vectors, structure: Structure
) -> tuple[Linearised, LinearSystem]:
    """The steps linearised at the states before them, and the equations of that."""
    at = linearise(cell, steps, weights, before)
    push = None
    if not is_exact(structure, weights):
        _, push = jax.linearize(lambda moved: evaluate(cell, steps, weights, moved), before)
    return at, LinearSystem(structure, jacobian(at, steps, weights, structure), push)


def is_exact(structure: Structure, weights: Weights) -> bool:
    """Whether the structure's matrices hold all of the Jacobian."""
    return structure is DENSE or weights.recurrent.ndim == 1


def _refined(solve: Product, product: Product, b: Samples) -> tuple[Samples, Int[Array, ""]]:
    """The v with `product(v) = b`, to rounding, by corrections `solve(b - product(v))`."""
    solve, product = jax.vmap(solve), jax.vmap(product)

    def unsolved(v, remainder):
        return jnp.abs(remainder).max((1, 2, 3, 4)) > REMAINING * jnp.abs(v).max((1, 2, 3, 4))

    def continues(carry):
        v, remainder, count = carry
        return (count < ITERATIONS) & unsolved(v, remainder).any()

    def correct(carry):
        v, remainder, count = carry
        v = v + solve(remainder)
        return v, b - product(v), count + 1

    v, remainder, count = lax.while_loop(continues, correct, (jnp.zeros_like(b), b, 0))
    lost = unsolved(v, remainder)[:, None, None, None, None]
    return jnp.where(lost | ~jnp.isfinite(v), jnp.nan, v), count
