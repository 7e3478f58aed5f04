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
    """A step that keeps what its gradient needs, and that gradient.

    `step(x, product, state, *peepholes) -> (state, kept, beside)` computes what the cell's
    `pointwise` does. `kept` has the shape of `x` and takes its place, or is None where `x` stays;
    `beside` is a further array of gates side by side, or None.

    `pullback(kept, beside, before, after, gradient, *peepholes) -> (to_x, to_beside, to_before,
    to_peepholes)` is given the gates of both one by one, and the states before and after the step.
    The gradient of `product` is that of `x` but for the last columns, which are `to_beside`, of the
    shape of `beside`. A pullback that `reads_input` is given all that came in as `x`.
    """

    step: Callable[..., tuple[State, Array | None, Array | None]]
    pullback: Callable[..., tuple[Array, Array | None, State, tuple[Array, ...]]]
    reads_input: bool = False


def derived(pointwise: Callable[..., State]) -> CellGradient:
    """The gradient of any cell: what comes in stays, and the step is computed again."""

    def step(x: Array, product: Array, state: State, *peepholes: Array):
        return pointwise(x, product, state, *peepholes), None, product

    def pullback(
        kept: Gates, beside: Gates, before: State, after: State, gradient: State, *peepholes: Array
    ):
        x, product = side_by_side(kept), side_by_side(beside)
        _, pull = jax.vjp(pointwise, x, product, before, *peepholes)
        to_x, to_product, to_before, *to_peepholes = pull(gradient)
        return to_x, to_product, to_before, tuple(to_peepholes)

    return CellGradient(step, pullback, reads_input=True)


def of_elman(function: Callable[[Array], Array], slope: Callable[[Array], Array]) -> CellGradient:
    """`slope` is the derivative of `function` as a function of what it gives, `h`."""

    def step(x: Array, product: Array, state: State):
        return (function(x + product),), None, None

    def pullback(kept: Gates, beside: Gates, before: State, after: State, gradient: State):
        return gradient[0] * slope(after[0]), None, (jnp.zeros_like(before[0]),), ()

    return CellGradient(step, pullback)


def of_lstm() -> CellGradient:
    """Keeps the gates i, f, g, o."""

    def step(x: Array, product: Array, state: State):
        z = x + product
        # Half of what goes into a sigmoid, all of what goes into the tanh of g.
        gate = jnp.arange(4).repeat(z.shape[-1] // 4)
        scale = jnp.where(gate == 2, 1.0, 0.5).reshape((1,) * (z.ndim - 1) + (-1,))
        kept = scale * jnp.tanh(scale * z) + (1 - scale)
        i, f, g, o = jnp.split(kept, 4, axis=-1)
        c = f * state[1] + i * g
        return (o * jnp.tanh(c), c), kept, None

    def pullback(kept: Gates, beside: Gates, before: State, after: State, gradient: State):
        i, f, g, o = kept
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

    return CellGradient(step, pullback)


def of_gru() -> CellGradient:
    """Keeps the gates r, z, n, and beside them the product inside the reset gate."""

    def step(x: Array, product: Array, state: State):
        hidden = state[0].shape[-1]
        both = 0.5 * jnp.tanh(0.5 * (x + product)[..., : 2 * hidden]) + 0.5
        r, z = jnp.split(both, 2, axis=-1)
        product = product[..., 2 * hidden :]
        n = jnp.tanh(x[..., 2 * hidden :] + r * product)
        return (n + z * (state[0] - n),), side_by_side([both, n]), product

    def pullback(kept: Gates, beside: Gates, before: State, after: State, gradient: State):
        r, z, n = kept
        (product,), (to_h,) = beside, gradient
        to_n = to_h * (1 - z) * (1 - n * n)
        to_z = to_h * (before[0] - n) * z * (1 - z)
        to_r = to_n * product * r * (1 - r)
        return side_by_side([to_r, to_z, to_n]), to_n * r, (to_h * z,), ()

    return CellGradient(step, pullback)


def side_by_side(arrays: list[Float[Array, "*batch _"]]) -> Float[Array, "*batch all_hidden"]:
    """The arrays on their last axis."""
    return jnp.concatenate(arrays, axis=-1)
