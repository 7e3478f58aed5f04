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
    weight, bias, input_bias, peepholes = weights

    def step(carried, slices):
        previous, kept = carried
        t, mask_t, reset_t = slices
        previous = zero_where(reset_t, previous)
        product = recurrent_product(dropped(previous[0], dropout_mask), weight, bias)
        x = _at(kept, t)
        if input_bias is not None:
            x = x + jnp.broadcast_to(input_bias.astype(jnp.float32), x.shape)
        new, keep, beside = cell.gradient.step(x, product, previous, *_rows(peepholes, previous))
        new = where_real(mask_t, new, previous)
        if keep is not None:
            kept = lax.dynamic_update_index_in_dim(kept, keep, t, 0)
        return (new, kept), (new, beside)

    # What a step keeps takes the place of its input, and later that of its gradient: memory that is
    # not touched again costs more than arithmetic does.
    kept = inputs.astype(jnp.float32)
    if cell.gradient.reads_input and input_bias is not None:
        kept, input_bias = kept + input_bias.astype(jnp.float32)[None, None], None
    (_, kept), (states, beside) = lax.scan(
        step, (state, kept), (jnp.arange(len(inputs)), mask, reset)
    )
    return states, (kept, beside)


def _backward(cell, residuals, gradient):
    states, kept, like_inputs, weights, state, dropout_mask, mask, reset = residuals
    weight, bias, input_bias, peepholes = weights
    hidden = states[0].shape[-1]
    transposed = weight.T  # once, not in every step
    # What is zero for all steps is not read in any.
    gradient = [None if isinstance(array, SymbolicZero) else array for array in gradient]

    def gates_at(kept, t):
        return [_gates_at(array, t, hidden) for array in kept]

    def step(carried, slices):
        carried, kept, gates = carried
        t, mask_t, reset_t = slices
        before_t = tuple(
            jnp.where(t == 0, first, _at(array, jnp.maximum(t - 1, 0)))
            for first, array in zip(state, states, strict=True)
        )
        before_t = zero_where(reset_t, before_t)
        after_t = tuple(_at(array, t) for array in states)
        total = tuple(
            carry if given is None else carry + _at(given, t)
            for carry, given in zip(carried, gradient, strict=True)
        )
        through = where_real(mask_t, total, jax.tree.map(jnp.zeros_like, total))
        to_x, to_beside, to_before, to_peepholes = cell.gradient.pullback(
            *gates,
            before_t,
            after_t,
            through,
            *_rows(peepholes, before_t),
        )
        to_h = _gradient_of_h(_to_product(to_x, to_beside), transposed, to_before[0])
        to_before = (to_before[0] + dropped(to_h, dropout_mask), *to_before[1:])
        if mask_t is not None:
            to_before = where_real(mask_t, to_before, total)
        kept = jax.tree.map(
            lambda array, row: lax.dynamic_update_index_in_dim(array, row, t, 0),
            kept,
            (to_x, to_beside),
        )
        # Those of the step before, read after this one's are gone: XLA would copy all steps in
        # every step where a read might follow the write.
        gates = gates_at(kept, jnp.maximum(t - 1, 0))
        return (zero_where(reset_t, to_before), kept, gates), to_peepholes

    zeros = jax.tree.map(jnp.zeros_like, state)
    time = len(states[0])
    (to_state, (to_inputs, to_beside), _), to_peepholes = lax.scan(
        step,
        (zeros, kept, gates_at(kept, time - 1)),
        (jnp.arange(time), mask, reset),
        reverse=True,
    )
    before = jnp.concatenate([state[0][None], states[0][:-1]])
    (before,) = zero_where(reset, (before,))
    before = dropped(before, dropout_mask)

    def over_steps(total):
        # Of both arrays by themselves: side by side, all steps would be copied.
        return _to_product(total(to_inputs), None if to_beside is None else total(to_beside))

    to_weights = (
        over_steps(lambda to: _gradient_of_weight(to, before, weight)).astype(weight.dtype),
        over_steps(lambda to: to.sum((0, 1))).astype(bias.dtype),
        None if input_bias is None else to_inputs.sum((0, 1)).astype(input_bias.dtype),
        tuple(steps.sum((0, 1)) for steps in to_peepholes),
    )
    return to_inputs.astype(like_inputs.dtype), to_weights, to_state, None, None, None


def _at(array, t):
    return lax.dynamic_index_in_dim(array, t, keepdims=False)


def _gates_at(array, t, hidden):
    """The parts of a step, each from where it lies: parts of a slice are slower on a CPU."""
    if array is None:
        return []
    _, batch, columns = array.shape
    return [
        lax.dynamic_slice(array, (t, 0, start), (1, batch, hidden))[0]
        for start in range(0, columns, hidden)
    ]


def _to_product(to_x, to_beside):
    """The gradient of the recurrent product: that of the input but for its last columns."""
    if to_beside is None:
        return to_x
    same = to_x.shape[-1] - to_beside.shape[-1]
    return jnp.concatenate([to_x[..., :same], to_beside], axis=-1) if same else to_beside


def _rows(peepholes, state):
    """The peepholes, one row for each of the batch."""
    return [jnp.broadcast_to(vector, state[0].shape) for vector in peepholes]


def _gradient_of_h(to_product, transposed, h):
    if transposed.ndim == 1:
        return (by_gate(to_product, h) * diagonals(transposed, h)).sum(-2)
    return jnp.matmul(
        to_product.astype(transposed.dtype), transposed, preferred_element_type=jnp.float32
    )


def _gradient_of_weight(to_products, h, weight):
    if weight.ndim == 1:
        return (by_gate(to_products, h) * h[..., None, :]).sum((0, 1)).reshape(-1)
    return gradient_of_weight(h.astype(weight.dtype), to_products.astype(weight.dtype))


sequential_states.defvjp(_forward, _backward, symbolic_zeros=True)
