"""Nonlinear recurrences over time, evaluated by one `lax.scan` with a gradient of our own.

Whatever can leave the loop does: the inputs' products are there for all steps at once; the backward
loop carries the gradient of the state and nothing else, through derivatives taken for all steps
beforehand, and the gradient of `W` is one product over batch x time after it. Data-parallel devices
therefore exchange that gradient once, not in every step.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

from seqjax.ops.cell import (
    by_gate,
    diagonals,
    dropped,
    masked_pointwise,
    recurrent_product,
    zero_where,
)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def sequential_states(cell, inputs, weights, state, dropout_mask, mask, reset):
    """The states of all steps: a tuple of `[time, batch, hidden]`."""
    weight, bias, peepholes = weights

    def step(previous, slices):
        x, mask_t, reset_t = slices
        previous = zero_where(reset_t, previous)
        product = recurrent_product(dropped(previous[0], dropout_mask), weight, bias)
        new = masked_pointwise(cell, x, product, previous, peepholes, mask_t)
        return new, new

    return lax.scan(step, state, (inputs, mask, reset))[1]


def _forward(cell, inputs, weights, state, dropout_mask, mask, reset):
    states = sequential_states(cell, inputs, weights, state, dropout_mask, mask, reset)
    return states, (inputs, weights, state, dropout_mask, mask, reset, states)


def _backward(cell, saved, gradient):
    inputs, (weight, bias, peepholes), state, dropout_mask, mask, reset, states = saved
    before = jax.tree.map(
        lambda first, after: jnp.concatenate([first[None], after[:-1]]), state, states
    )
    before = zero_where(reset, before)
    seen = dropped(before[0], dropout_mask)
    products = recurrent_product(seen, weight, bias)

    def pullback_of(x, product, previous, mask_t):
        return jax.vjp(
            lambda *arguments: masked_pointwise(cell, *arguments, mask_t),
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
        through_product = dropped(_gradient_of_h(to_product, weight, to_previous[0]), dropout_mask)
        to_previous = (to_previous[0] + through_product, *to_previous[1:])
        return zero_where(reset_t, to_previous), total

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


def _gradient_of_h(to_product, weight, h):
    if weight.ndim == 1:
        return (by_gate(to_product, h) * diagonals(weight, h)).sum(-2)
    return jnp.matmul(to_product.astype(weight.dtype), weight.T, preferred_element_type=jnp.float32)


def _gradient_of_weight(to_products, h, weight):
    if weight.ndim == 1:
        to_weight = (by_gate(to_products, h) * h[..., None, :]).sum((0, 1)).reshape(-1)
        return to_weight.astype(weight.dtype)
    to_weight = jnp.einsum(
        "tbh,tbg->hg",
        h.astype(weight.dtype),
        to_products.astype(weight.dtype),
        preferred_element_type=jnp.float32,
    )
    return to_weight.astype(weight.dtype)


sequential_states.defvjp(_forward, _backward)
