"""The operations that can be evaluated in several ways, alone: value and gradient.

Their times make the table from which `auto` is chosen (`seqjax.ops.measured`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.sharding import PartitionSpec

from seqjax.benchmarking.programs import Program, data_mesh
from seqjax.models.config import CHOICES
from seqjax.ops.linear_recurrence import linear_recurrence
from seqjax.ops.matrix_recurrence import gated_delta_rule, gated_linear_attention

HEADS = 4  # of the matrix recurrences
TIME_MAJOR, ROWS, WHOLE = PartitionSpec(None, "data"), PartitionSpec("data"), PartitionSpec()


class Operation(NamedTuple):
    """Arguments of a batch, time and width, where they lie, and what is computed from them."""

    methods: tuple[str, ...]
    arguments: Callable[[int, int, int], tuple[Any, ...]]
    layouts: tuple[PartitionSpec, ...]
    outputs: Callable[..., Array]  # of the method and the arguments


def _normal(seed: int, *shape: int) -> Array:
    return jax.random.normal(jax.random.key(seed), shape)


def _linear_arguments(batch: int, time: int, width: int) -> tuple[Array, ...]:
    shape = time, batch, width
    return jax.nn.sigmoid(3 + _normal(0, *shape)), _normal(1, *shape), _normal(2, batch, width)


def _linear(method: str, a: Array, b: Array, state: Array) -> Array:
    return linear_recurrence(a, b, state, method=method)[0]


def _matrix_arguments(batch: int, time: int, width: int) -> tuple[Array, ...]:
    keys = batch, time, HEADS, min(width, 64)
    query, key = (_normal(seed, *keys) for seed in (0, 1))
    key = key / jnp.linalg.norm(key, axis=-1, keepdims=True)
    value = _normal(2, batch, time, HEADS, width // HEADS)
    log_decay = jax.nn.log_sigmoid(3 + _normal(3, batch, time, HEADS))
    return query, key, value, log_decay, jnp.zeros((batch, HEADS, keys[-1], width // HEADS))


def _linear_attention(method: str, *arguments: Array) -> Array:
    return gated_linear_attention(*arguments, method=method)[0]


def _delta_rule(method: str, query, key, value, log_decay, state) -> Array:
    beta = jnp.exp(log_decay)
    return gated_delta_rule(query, key, value, log_decay, beta, state, method=method)[0]


def _methods(field: str) -> tuple[str, ...]:
    return tuple(method for method in CHOICES[field] if method != "auto")


LINEAR = "linear_recurrence"
OPERATIONS = {
    "linear_recurrence": Operation(
        _methods(LINEAR), _linear_arguments, (TIME_MAJOR, TIME_MAJOR, ROWS), _linear
    ),
    "gated_linear_attention": Operation(
        _methods(LINEAR), _matrix_arguments, (ROWS,) * 5, _linear_attention
    ),
    "gated_delta_rule": Operation(_methods(LINEAR), _matrix_arguments, (ROWS,) * 5, _delta_rule),
}


@dataclass(frozen=True)
class OperationCell:
    """One operation, evaluated in one way."""

    operation: str
    length: int
    batch: int
    width: int
    method: str

    @property
    def shape(self) -> tuple[str, int, int, int]:
        """What is measured in the same rounds."""
        return self.operation, self.length, self.batch, self.width

    @property
    def kind(self) -> dict[str, str]:
        """What cells share that differ in size alone."""
        return {"operation": self.operation, "method": self.method}

    def program(self, devices: list[jax.Device]) -> Program:
        """The value of a loss and its gradient by all arguments."""
        operation = OPERATIONS[self.operation]

        def loss(*arguments: Any) -> Array:
            return jnp.square(operation.outputs(self.method, *arguments)).mean()

        return Program(
            jax.value_and_grad(loss, argnums=tuple(range(len(operation.layouts)))),
            partial(operation.arguments, self.batch, self.length, self.width),
            data_mesh(self.batch, devices),
            operation.layouts,
        )
