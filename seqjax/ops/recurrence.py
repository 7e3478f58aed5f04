"""Nonlinear recurrences over time, evaluated by one `lax.scan` with a gradient of our own.

A cell is a pointwise function around the one product that time makes sequential:

    state_t = pointwise(x_t, h_{t-1} W + b, state_{t-1})

where `h` is the first array of the state and `x_t` already holds the input's product, formed for
all steps at once. Whatever can leave the loop does: the backward loop carries the gradient of the
state and nothing else, through derivatives taken for all steps beforehand, and the gradient of `W`
is one product over batch x time after it. Data-parallel devices therefore exchange that gradient
once, not in every step. The cells themselves are in `cells.py`.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float

State = tuple[Float[Array, "*batch hidden"], ...]


class Cell(NamedTuple):
    """A recurrent cell whose state is `states` arrays of the hidden size, the output first.

    `pointwise(x, product, state, *peepholes) -> state` acts on each unit by itself, on arrays of
    any leading shape; `x` and `product` hold `gates` arrays of the hidden size side by side.
    """

    gates: int
    states: int
    pointwise: Callable[..., State]


def recurrence(
    cell: Cell,
    inputs: Float[Array, "time batch gates_hidden"],
    weight: Float[Array, "hidden gates_hidden"] | Float[Array, " gates_hidden"],
    bias: Float[Array, " gates_hidden"],
    state: State,
    *,
    peepholes: tuple[Float[Array, " hidden"], ...] = (),
    dropout_mask: Float[Array, "batch hidden"] | None = None,
    mask: Bool[Array, "time batch"] | None = None,
    reset: Bool[Array, "time batch"] | None = None,
) -> tuple[Float[Array, "time batch hidden"], State]:
    """The outputs `h_1 … h_T` and the final state, started from `state`.

    A step where `mask` is false leaves the state unchanged; a step where `reset` is true starts
    from zeros. States and pointwise functions are float32; the recurrent product takes `weight`'s
    dtype and accumulates in float32. A `weight` without its first axis is the diagonals of the
    gates' matrices. `peepholes` are further weights of each unit, for cells that look at their own
    state. `dropout_mask` multiplies `h` in the recurrent product, alike at every step.
    """
    weights = (weight, bias, peepholes)
    states = _evaluate(cell, inputs, weights, state, dropout_mask, mask, reset)
    return states[0], jax.tree.map(lambda array: array[-1], states)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _evaluate(cell, inputs, weights, state, dropout_mask, mask, reset):
    """The states of all steps: a tuple of `[time, batch, hidden]`."""
    weight, bias, peepholes = weights

    def step(previous, slices):
        x, mask_t, reset_t = slices
        previous = _zero_where(reset_t, previous)
        product = _recurrent_product(_dropped(previous[0], dropout_mask), weight, bias)
        new = _masked_pointwise(cell, x, product, previous, peepholes, mask_t)
        return new, new

    return lax.scan(step, state, (inputs, mask, reset))[1]


def _evaluate_forward(cell, inputs, weights, state, dropout_mask, mask, reset):
    states = _evaluate(cell, inputs, weights, state, dropout_mask, mask, reset)
    return states, (inputs, weights, state, dropout_mask, mask, reset, states)


def _evaluate_backward(cell, saved, gradient):
    inputs, (weight, bias, peepholes), state, dropout_mask, mask, reset, states = saved
    before = jax.tree.map(
        lambda first, after: jnp.concatenate([first[None], after[:-1]]), state, states
    )
    before = _zero_where(reset, before)
    seen = _dropped(before[0], dropout_mask)
    products = _recurrent_product(seen, weight, bias)

    def pullback_of(x, product, previous, mask_t):
        return jax.vjp(
            lambda *arguments: _masked_pointwise(cell, *arguments, mask_t),
            x,
            product,
            previous,
            peepholes,
        )[1]

    pullbacks = jax.vmap(pullback_of)(inputs, products, before, mask)

    def step(carried, slices):
        pullback, gradient_t, reset_t = slices
        total = jax.tree.map(jnp.add, carried, gradient_t)
        _, to_product, to_previous, _ = pullback(total)
        through_product = _dropped(_gradient_of_h(to_product, weight, to_previous[0]), dropout_mask)
        to_previous = (to_previous[0] + through_product, *to_previous[1:])
        return _zero_where(reset_t, to_previous), total

    zeros = jax.tree.map(jnp.zeros_like, state)
    to_state, totals = lax.scan(step, zeros, (pullbacks, gradient, reset), reverse=True)
    to_inputs, to_products, _, to_peepholes = jax.vmap(lambda pullback, total: pullback(total))(
        pullbacks, totals
    )
    to_weights = (
        _gradient_of_weight(to_products, seen, weight),
        to_products.sum((0, 1)).astype(bias.dtype),
        jax.tree.map(lambda steps: steps.sum(0), to_peepholes),
    )
    return to_inputs, to_weights, to_state, None, None, None


def _recurrent_product(h, weight, bias):
    if weight.ndim == 1:
        product = h[..., None, :] * _diagonals(weight, h)
        product = product.reshape(*h.shape[:-1], -1)
    else:
        product = jnp.matmul(h.astype(weight.dtype), weight, preferred_element_type=jnp.float32)
    return product + jnp.broadcast_to(bias.astype(jnp.float32), product.shape)


def _gradient_of_h(to_product, weight, h):
    if weight.ndim == 1:
        return (_gates(to_product, h) * _diagonals(weight, h)).sum(-2)
    return jnp.matmul(to_product.astype(weight.dtype), weight.T, preferred_element_type=jnp.float32)


def _gradient_of_weight(to_products, h, weight):
    if weight.ndim == 1:
        to_weight = (_gates(to_products, h) * h[..., None, :]).sum((0, 1)).reshape(-1)
        return to_weight.astype(weight.dtype)
    to_weight = jnp.einsum(
        "tbh,tbg->hg",
        h.astype(weight.dtype),
        to_products.astype(weight.dtype),
        preferred_element_type=jnp.float32,
    )
    return to_weight.astype(weight.dtype)


def _gates(side_by_side, h):
    """The gates on an axis of their own."""
    return side_by_side.reshape(*h.shape[:-1], -1, h.shape[-1])


def _diagonals(weight, h):
    """The gates' diagonals, with `h`'s leading axes of size 1."""
    return weight.astype(jnp.float32).reshape((1,) * (h.ndim - 1) + (-1, h.shape[-1]))


def _dropped(h, dropout_mask):
    return h if dropout_mask is None else h * jnp.broadcast_to(dropout_mask, h.shape)


def _masked_pointwise(cell, x, product, previous, peepholes, mask):
    peepholes = [jnp.broadcast_to(vector, previous[0].shape) for vector in peepholes]
    new = cell.pointwise(x.astype(jnp.float32), product, previous, *peepholes)
    if mask is None:
        return new
    return jax.tree.map(lambda new, old: jnp.where(mask[..., None], new, old), new, previous)


def _zero_where(condition, state):
    if condition is None:
        return state
    return jax.tree.map(lambda array: jnp.where(condition[..., None], 0.0, array), state)


_evaluate.defvjp(_evaluate_forward, _evaluate_backward)
