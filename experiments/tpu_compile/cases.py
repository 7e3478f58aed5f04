"""What is compiled for a TPU: each operation in each of its methods, in value and gradient.

An operation is added as a function from sizes to cases, and one line in `cases`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from seqjax.ops import attention, attention_kernel, cells, linear_recurrence, matrix_recurrence
from seqjax.ops.newton import DENSE_STATES, Newton
from seqjax.ops.parallel_recurrence import parallel_recurrence
from seqjax.ops.positions import Places
from seqjax.ops.recurrence import recurrence


@dataclass(frozen=True)
class Sizes:
    """The sizes of every case's arrays."""

    batch: int
    time: int
    width: int
    heads: int
    head: int  # the size of a head's keys and values


SMALL = Sizes(batch=2, time=40, width=130, heads=2, head=16)
LARGE = Sizes(batch=8, time=4096, width=1024, heads=8, head=128)
FULL_CELLS = {"rnn": cells.elman("tanh"), "gru": cells.gru(), "lstm": cells.lstm()}
DIAGONAL_CELLS = {"paragru": cells.gru(), "paralstm": cells.coupled_lstm()}


@dataclass(frozen=True)
class Case:
    """A function of arrays whose value and gradient are compiled together."""

    name: str
    function: Callable[..., Any]
    arrays: tuple[jax.ShapeDtypeStruct, ...]

    def compiled(self, device: jax.Device) -> jax.stages.Compiled:
        """The program for a device, which may be described and not there."""

        def loss(arrays):
            results = jax.tree.leaves(self.function(*arrays))
            return sum(jnp.square(jnp.abs(x)).astype(jnp.float32).sum() for x in results)

        mesh = jax.make_mesh((1,), ("data",), devices=[device], axis_types=(AxisType.Auto,))
        place = NamedSharding(mesh, PartitionSpec())
        compute = jax.jit(jax.value_and_grad(loss), in_shardings=place, out_shardings=place)
        with jax.set_mesh(mesh):  # which tells operations the platform that they are compiled for
            return compute.lower(self.arrays).compile()


def cases(sizes: Sizes) -> list[Case]:
    """Every case there is."""
    return [
        *sequential_recurrences(sizes),
        *newton_recurrences(sizes),
        *linear_recurrences(sizes),
        *matrix_recurrences(sizes),
        *attentions(sizes),
    ]


def sequential_recurrences(sizes: Sizes) -> Iterator[Case]:
    """One loop over time."""
    for word in FULL_CELLS | DIAGONAL_CELLS:
        yield _recurrence("sequential", word, sizes, None)


def newton_recurrences(sizes: Sizes) -> Iterator[Case]:
    """Newton's method with each kind of Jacobian, damped and in chunks.

    Not in the largest sizes: of 4,096 steps and 1,024 units it took nine minutes to compile.
    """
    sizes = replace(sizes, time=min(sizes.time, 512), width=min(sizes.width, 256))
    diagonal = Newton(jacobian="diagonal")
    dense = Newton(jacobian="dense", chunk_size=max(1, sizes.time // 4))
    for word, cell in FULL_CELLS.items():
        small = replace(sizes, width=min(sizes.width, DENSE_STATES // cell.states))
        for kind, newton, of in (
            ("diagonal", diagonal, sizes),
            ("damped", replace(diagonal, damping=1.0), sizes),
            ("dense", dense, small),
        ):
            yield _recurrence(f"newton_{kind}", word, of, newton)
    for word in DIAGONAL_CELLS:
        yield _recurrence("newton", word, sizes, Newton())


def _recurrence(method, word, sizes, newton):
    cell = (FULL_CELLS | DIAGONAL_CELLS)[word]
    gates = (cell.gates * sizes.width,)
    weight = gates if word in DIAGONAL_CELLS else (sizes.width, *gates)
    shapes = [(sizes.time, sizes.batch, *gates), weight, gates]
    shapes += [(sizes.batch, sizes.width)] * cell.states
    if cell is cells.coupled_lstm():
        shapes += [(sizes.width,)] * 2  # peepholes
    arrays = tuple(jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes)
    return Case(f"nonlinear_recurrence-{method}-{word}", partial(_recur, cell, newton), arrays)


def _recur(cell, newton, inputs, weight, bias, *rest):
    state, peepholes = rest[: cell.states], rest[cell.states :]
    arrays = inputs, weight, bias, state
    if newton is None:
        return recurrence(cell, *arrays, peepholes=peepholes, method="sequential")
    return parallel_recurrence(cell, *arrays, peepholes=peepholes, newton=newton)[:2]


def linear_recurrences(sizes: Sizes) -> Iterator[Case]:
    """`h_t = a_t ⊙ h_{t-1} + b_t`, real and complex."""
    steps = sizes.time, sizes.batch, sizes.width
    for dtype in (jnp.float32, jnp.complex64):
        arrays = [jax.ShapeDtypeStruct(shape, dtype) for shape in (steps, steps, steps[1:])]
        for method in _methods(linear_recurrence):
            run = partial(linear_recurrence.linear_recurrence, method=method)
            yield Case(f"linear_recurrence-{method}-{jnp.dtype(dtype)}", run, tuple(arrays))


def matrix_recurrences(sizes: Sizes) -> Iterator[Case]:
    """The gated rules, with products in float32 and in bfloat16."""
    gates = sizes.batch, sizes.time, sizes.heads
    steps = *gates, sizes.head
    state = sizes.batch, sizes.heads, sizes.head, sizes.head
    for rule, numbers in (
        (matrix_recurrence.gated_linear_attention, 1),
        (matrix_recurrence.gated_delta_rule, 2),
    ):
        for method in _methods(matrix_recurrence):
            for dtype in (jnp.float32, jnp.bfloat16):
                arrays = [jax.ShapeDtypeStruct(steps, dtype)] * 3
                arrays += [jax.ShapeDtypeStruct(gates, jnp.float32)] * numbers
                arrays += [jax.ShapeDtypeStruct(state, jnp.float32)]
                yield Case(
                    f"{rule.__name__}-{method}-{jnp.dtype(dtype)}",
                    partial(rule, method=method),
                    tuple(arrays),
                )


def attentions(sizes: Sizes) -> Iterator[Case]:
    """Attention within a window, of packed examples; the kernel in sizes that it serves."""
    for method in _methods(attention):
        unit = attention_kernel.LANES if method == "kernel" else 1
        time, head = (-(-size // unit) * unit for size in (sizes.time, sizes.head))
        for dtype in (jnp.float32, jnp.bfloat16):
            steps = jax.ShapeDtypeStruct((sizes.batch, time, sizes.heads, head), dtype)
            run = partial(_attend, method)
            yield Case(f"attention-{method}-{jnp.dtype(dtype)}", run, (steps,) * 3)


def _attend(method, query, key, value):
    batch, time = query.shape[:2]
    position = jnp.broadcast_to(jnp.arange(time), (batch, time))
    places = Places(1 + (position >= time // 3), position)
    return attention.attention(
        query,
        key,
        value,
        places,
        places,
        causal=True,
        window=time // 2,
        arrangement="packed",
        method=method,
    )


def _methods(operation: ModuleType) -> list[str]:
    """The methods themselves: `auto` stands for one of them."""
    return [method for method in operation.METHODS if method != "auto"]
