"""A recurrent cell, and one step of it: for one time, or for all times with their states given.

A cell is a pointwise function around the one product that time makes sequential:

    state_t = pointwise(x_t, h_{t-1} W + b, state_{t-1})

where `h` is the first array of the state and `x_t` already holds the input's product. The cells
themselves are in `cells.py`.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from seqjax.ops.cell_gradients import CellGradient, State, derived


class Cell(NamedTuple):
    """A recurrent cell whose state is `states` arrays of the hidden size, the output first.

    `pointwise(x, product, state, *peepholes) -> state` acts on each unit by itself, on arrays of
    any leading shape; `x` and `product` hold `gates` arrays of the hidden size side by side. A
    cell may bring a gradient that is faster than what autodiff makes of `pointwise`.
    """

    gates: int
    states: int
    pointwise: Callable[..., State]
    by_hand: CellGradient | None = None

    @property
    def gradient(self) -> CellGradient:
        """A step that keeps what its gradient needs, and that gradient."""
        return self.by_hand or derived(self.pointwise)


def recurrent_product(
    h: Float[Array, "*batch hidden"],
    weight: Float[Array, "hidden gates_hidden"] | Float[Array, " gates_hidden"],
    bias: Float[Array, " gates_hidden"],
) -> Float[Array, "*batch gates_hidden"]:
    """`h W + b`: the product in the weight's dtype, its sums in float32."""
    if weight.ndim == 1:
        product = h[..., None, :] * diagonals(weight, h)
        product = product.reshape(*h.shape[:-1], -1)
    else:
        product = jnp.matmul(h.astype(weight.dtype), weight, preferred_element_type=jnp.float32)
    return product + jnp.broadcast_to(bias.astype(jnp.float32), product.shape)


def by_gate(
    side_by_side: Float[Array, "*batch gates_hidden"], h: Float[Array, "*batch hidden"]
) -> Float[Array, "*batch gates hidden"]:
    """The gates on an axis of their own."""
    return side_by_side.reshape(*h.shape[:-1], -1, h.shape[-1])


def diagonals(
    weight: Float[Array, " gates_hidden"], h: Float[Array, "*batch hidden"]
) -> Float[Array, "*ones gates hidden"]:
    """The gates' diagonals, with `h`'s leading axes of size 1."""
    return weight.astype(jnp.float32).reshape((1,) * (h.ndim - 1) + (-1, h.shape[-1]))


def dropped(
    h: Float[Array, "*batch hidden"], dropout_mask: Float[Array, "#*rows hidden"] | None
) -> Float[Array, "*batch hidden"]:
    """`h` as the product sees it."""
    return h if dropout_mask is None else h * jnp.broadcast_to(dropout_mask, h.shape)


def masked_pointwise(
    cell: Cell,
    x: Float[Array, "*batch gates_hidden"],
    product: Float[Array, "*batch gates_hidden"],
    previous: State,
    peepholes: tuple[Float[Array, " hidden"], ...],
    mask: Bool[Array, "*batch"] | None,
) -> State:
    """The state after a step; the one before it where `mask` is false."""
    peepholes = [jnp.broadcast_to(vector, previous[0].shape) for vector in peepholes]
    new = cell.pointwise(x.astype(jnp.float32), product, previous, *peepholes)
    return where_real(mask, new, previous)


def where_real(mask: Bool[Array, "*batch"] | None, new: State, previous: State) -> State:
    """The new state where `mask` is true, and elsewhere the one before it."""
    if mask is None:
        return new
    return jax.tree.map(lambda new, old: jnp.where(mask[..., None], new, old), new, previous)


def zero_where(condition: Bool[Array, "*batch"] | None, state: State) -> State:
    """The state with zeros in the rows where the condition is true."""
    if condition is None:
        return state
    return jax.tree.map(lambda array: jnp.where(condition[..., None], 0.0, array), state)
