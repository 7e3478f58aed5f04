"""What is measured on a GPU: for each question, its contenders and how they are held to agree."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.experimental import rnn

from seqjax.ops import cells
from seqjax.ops.linear_recurrence import METHODS, linear_recurrence
from seqjax.ops.newton import Newton
from seqjax.ops.parallel_recurrence import parallel_recurrence
from seqjax.ops.recurrence import recurrence


class Contest(NamedTuple):
    """Functions of the same arguments, the first of which is what the others are compared with.

    Each gives a pair: what all must agree on to `tolerance`, relative to its largest entry, and
    further numbers to report.
    """

    question: str
    sizes: dict[str, int]
    arguments: tuple[Any, ...]
    contenders: dict[str, Callable[..., tuple[Any, dict[str, Array]]]]
    tolerance: float = 1e-4
    bytes: int = 0  # that each has to move, at the least


def contests(quick: bool) -> list[Contest]:
    """All of them; `quick` ones are small enough for any machine."""
    if quick:
        return [
            long_gru(time=64, batch=2, width=8),
            diagonal_cells(time=64, batch=2, width=8),
            lstm(time=16, batch=2, width=8),
            bandwidth(time=64, batch=2, width=8),
        ]
    return [
        long_gru(time=10_000, batch=16, width=64),
        diagonal_cells(time=4096, batch=8, width=256),
        lstm(time=512, batch=32, width=512),
        bandwidth(time=4096, batch=32, width=1024),
    ]


def long_gru(*, time: int, batch: int, width: int) -> Contest:
    """Is Newton's method at least 20 times as fast as one loop?"""
    cell = cells.gru()
    contenders = {
        "sequential": partial(_forward, recurrence, cell, method="sequential"),
        "newton, dense": partial(_newton, cell, Newton(jacobian="dense")),
        "newton, diagonal": partial(_newton, cell, Newton(jacobian="diagonal")),
    }
    return Contest(
        "GRU, forward: parallel at least 20 times as fast as the loop",
        {"time": time, "batch": batch, "width": width},
        _problem(cell, time, batch, width),
        contenders,
    )


def diagonal_cells(*, time: int, batch: int, width: int) -> Contest:
    """Does a cell with diagonal matrices take at most 2 ms?"""
    cell = cells.gru()
    inputs, _, bias, state = _problem(cell, time, batch, width)
    weight = _normal(7, cell.gates * width) / width**0.5
    return Contest(
        "ParaGRU, forward: at most 2 ms",
        {"time": time, "batch": batch, "width": width},
        (inputs, weight, bias, state),
        {
            "sequential": partial(_forward, recurrence, cell, method="sequential"),
            "newton": partial(_newton, cell, Newton()),
        },
    )


def lstm(*, time: int, batch: int, width: int) -> Contest:
    """Is one layer, value and gradient, as fast as cuDNN's?"""
    size = 4 * width
    x, input_weight = _normal(0, time, batch, width), _normal(1, width, size) / width**0.5
    weight, bias = _normal(2, width, size) / width**0.5, _normal(3, size)
    state = jnp.zeros((batch, width))
    return Contest(
        "LSTM, value and gradient: at most cuDNN's time",
        {"time": time, "batch": batch, "width": width},
        (x, input_weight, weight, bias, state),
        {
            "sequential": _with_gradient(_lstm_sequential),
            "cudnn": _with_gradient(_lstm_cudnn),
        },
        tolerance=1e-2,  # cuDNN's sums are its own
    )


def bandwidth(*, time: int, batch: int, width: int) -> Contest:
    """Does a linear recurrence reach 60% of the memory's bandwidth?"""
    a = jax.nn.sigmoid(3 + _normal(0, time, batch, width))
    b = _normal(1, time, batch, width)

    def states(method, a, b):
        return linear_recurrence(a, b, jnp.zeros_like(b[0]), method=method)[0], {}

    return Contest(
        "linear recurrence, forward: at least 60% of the memory's bandwidth",
        {"time": time, "batch": batch, "width": width},
        (a, b),
        {method: partial(states, method) for method in METHODS if method != "auto"},
        bytes=3 * a.size * a.dtype.itemsize,  # two are read and one is written
    )


def copy_of(a: Array, b: Array) -> tuple[Array, dict[str, Array]]:
    """As many bytes moved as a linear recurrence has to, by what can do nothing else."""
    return a + b, {}


def _normal(seed: int, *shape: int) -> Array:
    return jax.random.normal(jax.random.key(seed), shape)


def _problem(cell, time, batch, width):
    size = cell.gates * width
    weight, bias = _normal(4, width, size) / width**0.5, _normal(5, size)
    return _normal(3, time, batch, size), weight, bias, (jnp.zeros((batch, width)),) * cell.states


def _forward(function, cell, inputs, weight, bias, state, **options):
    return function(cell, inputs, weight, bias, state, **options)[0], {}


def _newton(cell, newton, inputs, weight, bias, state):
    outputs, _, certificate = parallel_recurrence(cell, inputs, weight, bias, state, newton=newton)
    return outputs, {
        "iterations": certificate.iterations,
        "certified": certificate.certified.all(),
        "estimate": certificate.error.max(),
    }


def _with_gradient(function):
    def loss(*arguments):
        outputs = function(*arguments)
        return jnp.sin(outputs).sum(), outputs

    def value_and_gradient(*arguments):
        (_, outputs), gradients = jax.value_and_grad(loss, argnums=(0, 1, 2, 3), has_aux=True)(
            *arguments
        )
        return (outputs, gradients), {}

    return value_and_gradient


def _lstm_sequential(x, input_weight, weight, bias, state):
    inputs = jnp.einsum("tbf,fg->tbg", x, input_weight)
    return recurrence(cells.lstm(), inputs, weight, bias, (state, state), method="sequential")[0]


def _lstm_cudnn(x, input_weight, weight, bias, state):
    """The gates lie in the same order; the weights are transposed and packed."""
    time, batch, width = x.shape
    packed = jnp.concatenate(
        [input_weight.T.reshape(-1), weight.T.reshape(-1), bias, jnp.zeros_like(bias)]
    )
    sequences = x.swapaxes(0, 1), state[None], state[None]
    lengths, layer = jnp.full(batch, time, jnp.int32), (width, width, 1)
    if jax.default_backend() == "gpu":
        outputs, _, _ = rnn.lstm(*sequences, packed, lengths, *layer, 0.0, False, "highest")
    else:  # JAX's own reference for it
        parts = rnn.unpack_lstm_weights(packed, *layer, False)
        outputs, _, _ = rnn.lstm_ref(*sequences, *parts, lengths, *layer, 0.0, False)
    return outputs.swapaxes(0, 1)
