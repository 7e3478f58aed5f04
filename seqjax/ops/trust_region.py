"""Newton steps that stay near where they start: the ELK method of Gonzalez et al. 2024.

Over a whole trajectory, an undamped step multiplies Jacobians taken at a guess, and where they
grow it leaves the region in which they mean anything. The damped step (arXiv 2407.19115) is that of
Levenberg and Marquardt,

    argmin_v  Σ_t |v_t - J_t v_{t-1} - b_t|² + damping · Σ_t |v_t|² ,

which is the mean of a Kalman smoother: dynamics with unit noise, in which every step is observed to
be zero with noise of variance 1/damping. Filter and smoother are parallel prefixes (Särkkä and
García-Fernández 2021).
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from seqjax.ops.block_recurrence import Matrices, Structure, Vectors, later


class Element(NamedTuple):
    """What some steps tell: `p(v_after | v_before) = N(A v_before + b, C)`, and as information on
    `v_before`, the mean `J⁻¹ η` and the covariance `J⁻¹`. Vectors are matrices of one column."""

    A: Matrices
    b: Matrices
    C: Matrices
    eta: Matrices
    J: Matrices


def damped_solve(
    structure: Structure, jacobian: Matrices, b: Vectors, damping: Float[Array, ""]
) -> Vectors:
    """The `v` that minimises the sum above, from `v_0 = 0`; `damping=0` is `structure.solve`."""
    states, gain = b.shape[1], damping / (1 + damping)
    u = structure.columns(b)
    F_transposed = structure.transpose(jacobian)
    one = structure.identity(jacobian)
    elements = Element(
        A=(1 - gain) * jacobian,
        b=(1 - gain) * u,
        C=(1 - gain) * jnp.broadcast_to(one, jacobian.shape),
        eta=-gain * structure.product(F_transposed, u),
        J=gain * structure.product(F_transposed, jacobian),
    )

    def compose(first, second):
        A, transpose, product = second.A, structure.transpose, structure.product
        middle = structure.inverse(one + product(first.C, second.J))
        through = product(A, middle)
        back = product(transpose(first.A), transpose(middle))
        return Element(
            A=product(through, first.A),
            b=product(through, first.b + product(first.C, second.eta)) + second.b,
            C=product(product(through, first.C), transpose(A)) + second.C,
            eta=product(back, second.eta - product(second.J, first.b)) + first.eta,
            J=product(product(back, second.J), first.A) + first.J,
        )

    filtered = lax.associative_scan(compose, elements)
    return _smoothed(structure, filtered, later(jacobian), later(u), states)


def _smoothed(structure, filtered, F, u, states):
    """The means given all steps: `v_t = E_t v_{t+1} + g_t`, with F and u those of the next step."""
    product, F_transposed = structure.product, structure.transpose(F)
    CF = product(filtered.C, F_transposed)
    E = product(CF, structure.inverse(structure.identity(F) + product(F, CF)))
    g = filtered.b - product(E, product(F, filtered.b) + u)
    return structure.solve(E, structure.vectors(g, states), reverse=True)
