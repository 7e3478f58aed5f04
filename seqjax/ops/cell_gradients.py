"""The gradients of cells' steps: written out where a step would be slow otherwise, or derived.

A step saves for its gradient what costs most to compute, its gates, and so the gradient is a few
products. Gates lie side by side, since one function of a whole array is vectorised where several
functions of its parts are not; the sigmoid is a tanh for the same reason.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

State = tuple[Float[Array, "*batch hidden"], ...]
Gates = list[Float[Array, "*batch hidden"]]


class CellGradient(NamedTuple):
    """A step that saves, and its gradient.

    `step(x, product, state, *peepholes) -> (state, saved)` computes what the cell's `pointwise`
    does; `saved` holds `saved` arrays of the hidden size side by side.
    `pullback(saved, before, after, gradient, *peepholes) -> (to_x, to_product, to_before,
    to_peepholes)` is given these arrays one by one, and the states before and after the step;
    `to_product` is None where it is that of `x`.
    """

    saved: int
    step: Callable[..., tuple[State, Array]]
    pullback: Callable[..., tuple[Array, Array | None, State, tuple[Array, ...]]]


def derived(gates: int, pointwise: Callable[..., State]) -> CellGradient:
    """The gradient of any cell: what comes in is saved, and the step is computed again."""

    def step(x: Array, product: Array, state: State, *peepholes: Array) -> tuple[State, Array]:
        return pointwise(x, product, state, *peepholes), side_by_side([x, product])

    def pullback(saved: Gates, before: State, after: State, gradient: State, *peepholes: Array):
        x, product = side_by_side(saved[:gates]), side_by_side(saved[gates:])
        _, pull = jax.vjp(pointwise, x, product, before, *peepholes)
        to_x, to_product, to_before, *to_peepholes = pull(gradient)
        return to_x, to_product, to_before, tuple(to_peepholes)

    return CellGradient(2 * gates, step, pullback)


def of_elman(function: Callable[[Array], Array], slope: Callable[[Array], Array]) -> CellGradient:
    """`slope` is the derivative of `function` as a function of what it gives, `h`."""

    def step(x: Array, product: Array, state: State) -> tuple[State, Array]:
        return (function(x + product),), x[..., :0]

    def pullback(saved: Gates, before: State, after: State, gradient: State):
        return gradient[0] * slope(after[0]), None, (jnp.zeros_like(before[0]),), ()

    return CellGradient(0, step, pullback)


def of_lstm() -> CellGradient:
    """Saves the gates i, f, g, o."""

    def step(x: Array, product: Array, state: State) -> tuple[State, Array]:
        z = x + product
        # Half of what goes into a sigmoid, all of what goes into the tanh of g.
        gate = jnp.arange(4).repeat(z.shape[-1] // 4)
        scale = jnp.where(gate == 2, 1.0, 0.5).reshape((1,) * (z.ndim - 1) + (-1,))
        saved = scale * jnp.tanh(scale * z) + (1 - scale)
        i, f, g, o = jnp.split(saved, 4, axis=-1)
        c = f * state[1] + i * g
        return (o * jnp.tanh(c), c), saved

    def pullback(saved: Gates, before: State, after: State, gradient: State):
        i, f, g, o = saved
        to_h, to_c = gradient
        tanh_c = jnp.tanh(after[1])
        to_c = to_c + to_h * o * (1 - tanh_c * tanh_c)
        to_x = side_by_side(
            [
                to_c * g * i * (1 - i),
                to_c * before[1] * f * (1 - f),
                to_c * i * (1 - g * g),
                to_h * tanh_c * o * (1 - o),
            ]
        )
        return to_x, None, (jnp.zeros_like(to_h), to_c * f), ()

    return CellGradient(4, step, pullback)


def of_gru() -> CellGradient:
    """Saves the gates r, z, n and the product inside the reset gate."""

    def step(x: Array, product: Array, state: State) -> tuple[State, Array]:
        hidden = state[0].shape[-1]
        both = 0.5 * jnp.tanh(0.5 * (x + product)[..., : 2 * hidden]) + 0.5
        r, z = jnp.split(both, 2, axis=-1)
        product = product[..., 2 * hidden :]
        n = jnp.tanh(x[..., 2 * hidden :] + r * product)
        return (n + z * (state[0] - n),), side_by_side([both, n, product])

    def pullback(saved: Gates, before: State, after: State, gradient: State):
        r, z, n, product = saved
        (to_h,) = gradient
        to_n = to_h * (1 - z) * (1 - n * n)
        to_z = to_h * (before[0] - n) * z * (1 - z)
        to_r = to_n * product * r * (1 - r)
        to_x = side_by_side([to_r, to_z, to_n])
        return to_x, side_by_side([to_r, to_z, to_n * r]), (to_h * z,), ()

    return CellGradient(4, step, pullback)


def side_by_side(arrays: list[Float[Array, "*batch _"]]) -> Float[Array, "*batch all_hidden"]:
    """The arrays on their last axis."""
    return jnp.concatenate(arrays, axis=-1)
