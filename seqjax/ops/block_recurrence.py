"""Linear recurrences `v_t = J_t v_{t-1} + b_t` of the states of a cell, by parallel prefix.

The vectors are `[time, states, batch, hidden]`. Their matrices are of one of two structures:
`UNITS`, where each unit sees its own state alone, a matrix of `states × states` for each; and
`DENSE`, one matrix of `states · hidden` rows and columns for each step. What methods need of the
matrices is written once for each structure, so that the methods are written once for both.
"""

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from seqjax.ops.linear_recurrence import linear_recurrence, resolve_method
from seqjax.ops.platform import target_platform

Vectors = Float[Array, "time states batch hidden"]
AtOneStep = Float[Array, "states batch hidden"]
UnitMatrices = Float[Array, "time rows columns batch hidden"]
DenseMatrices = Float[Array, "time batch rows columns"]
Matrices = UnitMatrices | DenseMatrices


class Units:
    """Matrices `[time, states, states, batch, hidden]`."""

    def product(
        self,
        a: Float[Array, "time rows inner batch hidden"],
        b: Float[Array, "time inner columns batch hidden"],
    ) -> UnitMatrices:
        """`A B`, term by term: there are few.

        Inside two `vmap`s, sums of products that are broadcast have eight axes, and some of them
        XLA gets wrong on a CPU (jaxlib 0.10.2).
        """
        return sum(a[:, :, term, None] * b[:, None, term] for term in range(a.shape[2]))

    def transpose(self, a: UnitMatrices) -> Float[Array, "time columns rows batch hidden"]:
        """`Aᵀ`."""
        return a.swapaxes(1, 2)

    def identity(self, a: UnitMatrices) -> Float[Array, "1 rows rows 1 1"]:
        """The unit matrix that `A` can be added to."""
        return jnp.eye(a.shape[1])[None, ..., None, None]

    def inverse(self, a: UnitMatrices) -> UnitMatrices:
        """`A⁻¹`, by elimination without exchange of rows."""
        size = a.shape[1]
        rows = jnp.concatenate([a, jnp.broadcast_to(self.identity(a), a.shape)], axis=2)
        for pivot in range(size):
            row = rows[:, pivot] / rows[:, pivot, pivot, None]
            others = rows - rows[:, :, pivot, None] * row[:, None]
            rows = others.at[:, pivot].set(row)
        return rows[:, :, size:]

    def columns(self, v: Vectors) -> UnitMatrices:
        """Vectors as matrices of one column."""
        return v[:, :, None]

    def vectors(self, columns: UnitMatrices, states: int) -> Vectors:
        """Matrices of one column as vectors."""
        return columns[:, :, 0]

    def solve(self, a: UnitMatrices, b: Vectors, *, reverse: bool = False) -> Vectors:
        """All `v_t`, from zeros before the first step, or behind the last one if `reverse`."""
        if b.shape[1] > 1:
            return _prefix(self, a, b, reverse)
        a, b = a[:, 0, 0], b[:, 0]
        time, batch, width = b.shape
        method = resolve_method("auto", target_platform(), batch=batch, time=time, width=width)
        # Whoever asks for few steps one after the other gets them on a CPU as well.
        method = "associative" if method == "sequential" else method
        if reverse:
            a, b = a[::-1], b[::-1]
        v, _ = linear_recurrence(a, b, jnp.zeros_like(b[0]), method=method)
        return (v[::-1] if reverse else v)[:, None]


class Dense:
    """Matrices `[time, batch, states · hidden, states · hidden]`."""

    def product(
        self, a: Float[Array, "time batch rows inner"], b: Float[Array, "time batch inner columns"]
    ) -> DenseMatrices:
        """`A B`."""
        return jnp.matmul(a, b, precision="highest")

    def transpose(self, a: DenseMatrices) -> Float[Array, "time batch columns rows"]:
        """`Aᵀ`."""
        return a.mT

    def identity(self, a: DenseMatrices) -> Float[Array, "1 1 rows rows"]:
        """The unit matrix that `A` can be added to."""
        return jnp.eye(a.shape[-1])[None, None]

    def inverse(self, a: DenseMatrices) -> DenseMatrices:
        """`A⁻¹`."""
        return jnp.linalg.inv(a)

    def columns(self, v: Vectors) -> DenseMatrices:
        """Vectors as matrices of one column."""
        return jnp.moveaxis(v, 1, 2).reshape(v.shape[0], v.shape[2], -1, 1)

    def vectors(self, columns: DenseMatrices, states: int) -> Vectors:
        """Matrices of one column as vectors."""
        return jnp.moveaxis(columns.reshape(*columns.shape[:2], states, -1), 2, 1)

    def solve(self, a: DenseMatrices, b: Vectors, *, reverse: bool = False) -> Vectors:
        """All `v_t`, from zeros before the first step, or behind the last one if `reverse`."""
        return _prefix(self, a, b, reverse)


Structure = Units | Dense
UNITS, DENSE = Units(), Dense()


def apply(structure: Structure, a: Matrices, v: Vectors) -> Vectors:
    """`A_t v_t`."""
    return structure.vectors(structure.product(a, structure.columns(v)), v.shape[1])


def earlier(v: Vectors, start: AtOneStep | None = None) -> Vectors:
    """What is before each step: `start` (or zeros) before the first, `v` before the others."""
    start = jnp.zeros_like(v[0]) if start is None else start
    return jnp.concatenate([start[None], v[:-1]])


def later(v: Float[Array, "time *step"]) -> Float[Array, "time *step"]:
    """What is behind each step: `v` of the next one, zeros behind the last."""
    return jnp.concatenate([v[1:], jnp.zeros_like(v[:1])])


def _prefix(structure, a, b, reverse):
    def compose(first, second):
        through = structure.product(second[0], first[0])
        return through, second[1] + structure.product(second[0], first[1])

    # Only the vectors are asked for, so the compiler drops the matrices of the way down.
    _, columns = lax.associative_scan(compose, (a, structure.columns(b)), reverse=reverse)
    return structure.vectors(columns, b.shape[1])
