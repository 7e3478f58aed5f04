"""The cells of the nonlinear recurrences, as `recurrence.py` repeats them.

`x` is the input's product `W_x x_t + b_x`, `r` the recurrent product `W_h h_{t-1} + b_h`.
Gates lie side by side in the order that PyTorch and cuDNN use.
"""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array

from seqjax.ops import cell_gradients
from seqjax.ops.cell import Cell, State

ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "tanh": jnp.tanh,
    "sigmoid": jax.nn.sigmoid,
    "relu": jax.nn.relu,
}
# Their derivatives, by what they give.
SLOPES: dict[str, Callable[[Array], Array]] = {
    "tanh": lambda h: 1 - h * h,
    "sigmoid": lambda h: h * (1 - h),
    "relu": lambda h: (h > 0).astype(h.dtype),
}


@functools.cache
def elman(activation: str) -> Cell:
    """`h_t = σ(W_h h_{t-1} + W_x x_t + b_h)` (Elman 1990), σ one of `ACTIVATIONS`."""
    function = ACTIVATIONS[activation]

    def pointwise(x: Array, r: Array, state: State) -> State:
        return (function(x + r),)

    gradient = cell_gradients.of_elman(function, SLOPES[activation])
    return Cell(gates=1, states=1, pointwise=pointwise, by_hand=gradient)


@functools.cache
def lstm() -> Cell:
    """`c_t = σ(f) c_{t-1} + σ(i) tanh(g)`, `h_t = σ(o) tanh(c_t)`; gates i, f, g, o.

    Hochreiter and Schmidhuber 1997 with the forget gate of Gers et al. 2000.
    """

    def pointwise(x: Array, r: Array, state: State) -> State:
        i, f, g, o = jnp.split(x + r, 4, axis=-1)
        c = jax.nn.sigmoid(f) * state[1] + jax.nn.sigmoid(i) * jnp.tanh(g)
        return jax.nn.sigmoid(o) * jnp.tanh(c), c

    return Cell(gates=4, states=2, pointwise=pointwise, by_hand=cell_gradients.of_lstm())


@functools.cache
def gru() -> Cell:
    """`n = tanh(x_n + σ(r) r_n)`, `h_t = (1 - σ(z)) n + σ(z) h_{t-1}`; gates r, z, n.

    Cho et al. 2014, with the reset gate applied after the recurrent product, as cuDNN does.
    """

    def pointwise(x: Array, r: Array, state: State) -> State:
        x_r, x_z, x_n = jnp.split(x, 3, axis=-1)
        r_r, r_z, r_n = jnp.split(r, 3, axis=-1)
        n = jnp.tanh(x_n + jax.nn.sigmoid(x_r + r_r) * r_n)
        z = jax.nn.sigmoid(x_z + r_z)
        return ((1 - z) * n + z * state[0],)

    return Cell(gates=3, states=1, pointwise=pointwise, by_hand=cell_gradients.of_gru())


@functools.cache
def coupled_lstm() -> Cell:
    """`c_t = f c_{t-1} + (1 - f) tanh(g)`, `h_t = o tanh(c_t)`; gates f, g, o, peepholes p, q.

    `f = σ(f_t + p c_{t-1})` and `o = σ(o_t + q c_t)`: the LSTM with coupled input and forget gates
    and peepholes (Greff et al. 2017, section 3).
    """

    def pointwise(x: Array, r: Array, state: State, p: Array, q: Array) -> State:
        f, g, o = jnp.split(x + r, 3, axis=-1)
        f = jax.nn.sigmoid(f + p * state[1])
        c = f * state[1] + (1 - f) * jnp.tanh(g)
        return jax.nn.sigmoid(o + q * c) * jnp.tanh(c), c

    return Cell(gates=3, states=2, pointwise=pointwise)
