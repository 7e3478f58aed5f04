"""Nonlinear recurrences over time, evaluated by one `lax.scan` with a gradient of our own.

Whatever can leave the loop does: the inputs' products are there for all steps at once; the backward
loop carries the gradient of the state and nothing else, and the gradient of `W` is one product over
batch x time after it. Data-parallel devices therefore exchange that gradient once, not in every
step.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from jax.custom_derivatives import SymbolicZero

from seqjax.ops.cell import (
    by_gate,
    diagonals,
    dropped,
    recurrent_product,
    where_real,
    zero_where,
)
from seqjax.ops.step_products import gradient_of_weight


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def sequential_states(cell, inputs, weights, state, dropout_mask, mask, reset):
    """The states of all steps: a tuple of `[time, batch, hidden]`."""
    return _walk(cell, inputs, weights, state, dropout_mask, mask, reset)[0]


def _forward(cell, *arguments):
    arguments = jax.tree.map(lambda argument: argument.value, arguments)
    inputs, *others = arguments
    states, saved = _walk(cell, *arguments)
    return states, (states, saved, jnp.zeros((), inputs.dtype), *others)


def _walk(cell, inputs, weights, state, dropout_mask, mask, reset):
    """The states of all steps, and what their gradient needs."""
    weight, bias, peepholes = weights

    def step(previous, slices):
        x, mask_t, reset_t = slices
        previous = zero_where(reset_t, previous)
        product = recurrent_product(dropped(previous[0], dropout_mask), weight, bias)
        x = x.astype(jnp.float32)
        new, saved = cell.gradient.step(x, product, previous, *_rows(peepholes, previous))
        new = where_real(mask_t, new, previous)
        return new, (new, saved)

    return lax.scan(step, state, (inputs, mask, reset))[1]


def _backward(cell, residuals, gradient):
    states, saved, like_inputs, weights, state, dropout_mask, mask, reset = residuals
    weight, bias, peepholes = weights
    time, batch, hidden = states[0].shape
    before = jax.tree.map(
        lambda first, after: jnp.concatenate([first[None], after[:-1]]), state, states
    )
    before = zero_where(reset, before)
    # What is zero for all steps is not read in any.
    gradient = [None if isinstance(array, SymbolicZero) else array for array in gradient]

    def gates(t):
        # Each from where it lies: parts of a slice are several times slower on a CPU.
        starts = [(t, 0, place * hidden) for place in range(cell.gradient.saved)]
        return [lax.dynamic_slice(saved, start, (1, batch, hidden))[0] for start in starts]

    def step(carried, t):
        before_t, after_t, gradient_t, mask_t, reset_t = jax.tree.map(
            lambda array: lax.dynamic_index_in_dim(array, t, keepdims=False),
            (before, states, gradient, mask, reset),
        )
        total = tuple(
            carry if given is None else carry + given
            for carry, given in zip(carried, gradient_t, strict=True)
        )
        through = where_real(mask_t, total, jax.tree.map(jnp.zeros_like, total))
        to_x, to_product, to_before, to_peepholes = cell.gradient.pullback(
            gates(t), before_t, after_t, through, *_rows(peepholes, before_t)
        )
        to_h = _gradient_of_h(to_x if to_product is None else to_product, weight, to_before[0])
        to_before = (to_before[0] + dropped(to_h, dropout_mask), *to_before[1:])
        if mask_t is not None:
            to_before = where_real(mask_t, to_before, total)
        return zero_where(reset_t, to_before), (to_x, to_product, to_peepholes)

    zeros = jax.tree.map(jnp.zeros_like, state)
    to_state, (to_inputs, to_products, to_peepholes) = lax.scan(
        step, zeros, jnp.arange(time), reverse=True
    )
    to_products = to_inputs if to_products is None else to_products
    to_weights = (
        _gradient_of_weight(to_products, dropped(before[0], dropout_mask), weight),
        to_products.sum((0, 1)).astype(bias.dtype),
        tuple(steps.sum((0, 1)) for steps in to_peepholes),
    )
    return to_inputs.astype(like_inputs.dtype), to_weights, to_state, None, None, None


def _rows(peepholes, state):
    """The peepholes, one row for each of the batch."""
    return [jnp.broadcast_to(vector, state[0].shape) for vector in peepholes]


def _gradient_of_h(to_product, weight, h):
    if weight.ndim == 1:
        return (by_gate(to_product, h) * diagonals(weight, h)).sum(-2)
    return jnp.matmul(to_product.astype(weight.dtype), weight.T, preferred_element_type=jnp.float32)


def _gradient_of_weight(to_products, h, weight):
    if weight.ndim == 1:
        to_weight = (by_gate(to_products, h) * h[..., None, :]).sum((0, 1)).reshape(-1)
        return to_weight.astype(weight.dtype)
    to_weight = gradient_of_weight(h.astype(weight.dtype), to_products.astype(weight.dtype))
    return to_weight.astype(weight.dtype)


sequential_states.defvjp(_forward, _backward, symbolic_zeros=True)
