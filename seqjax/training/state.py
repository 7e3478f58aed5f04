"""The state of a run and the pure steps that change it."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax.sharding import Mesh
from jaxtyping import Array, Bool, Float, Int, UInt

from seqjax import models
from seqjax.distributed.config import MeshConfig
from seqjax.distributed.shardings import parameter_shardings, replicated
from seqjax.models import Params
from seqjax.tasks.metrics import Mean, Means
from seqjax.tasks.task import AnyModelConfig, Batch, Task
from seqjax.training.sums import Packed, pack


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class TrainState:
    """All that a training step changes."""

    step: Int[Array, ""]
    params: Params
    optimizer: Any


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Hyperparameters:
    """What a step is told as it runs: configurations that differ in this alone share a program."""

    seed: UInt[Array, ""]
    learning_rate: Float[Array, ""]


def init_state(
    model: AnyModelConfig, optimizer: optax.GradientTransformation, seed: Int[Array, ""]
) -> TrainState:
    """Fresh parameters and optimizer state."""
    params, _ = models.init(model, jax.random.key(seed))
    return TrainState(jnp.zeros((), jnp.int32), params, optimizer.init(params))


def abstract_state(model: AnyModelConfig, optimizer: optax.GradientTransformation) -> TrainState:
    """What `init_state` would give, with shapes and dtypes in the place of arrays."""
    shapes, _ = models.abstract(model)
    step = jax.ShapeDtypeStruct((), jnp.int32)
    return TrainState(step, shapes, jax.eval_shape(optimizer.init, shapes))


def state_shardings(
    mesh: Mesh, config: MeshConfig, model: AnyModelConfig, optimizer: optax.GradientTransformation
) -> TrainState:
    """The sharding of every array of the state: the optimizer's follow their parameters'."""
    _, logical_axes = models.abstract(model)
    shapes = abstract_state(model, optimizer)
    params = parameter_shardings(mesh, config, shapes.params, logical_axes)
    whole = replicated(mesh)
    return TrainState(
        step=whole,
        params=params,
        optimizer=optax.tree.map_params(
            optimizer,
            lambda _, sharding: sharding,
            shapes.optimizer,
            params,
            transform_non_params=lambda _: whole,
        ),
    )


def born_sharded(
    shardings: TrainState, model: AnyModelConfig, optimizer: optax.GradientTransformation, seed: int
) -> TrainState:
    """The initial state, each device making its own part."""
    make = jax.jit(
        partial(init_state, model, optimizer),
        out_shardings=shardings,
        compiler_options=quick_to_compile(shardings.step.mesh),
    )
    return make(jnp.asarray(seed, jnp.uint32))


def quick_to_compile(mesh: Mesh) -> dict[str, int]:
    """Compiler options for what runs once: on a CPU its machine code need not be fast."""
    return {"xla_backend_optimization_level": 0} if mesh.devices.flat[0].platform == "cpu" else {}


def train_step(
    state: TrainState,
    batch: Batch,
    hyperparameters: Hyperparameters,
    *,
    task: Task,
    model: AnyModelConfig,
    optimizer: optax.GradientTransformationExtraArgs,
    accumulate: int,
    label_smoothing: float,
) -> tuple[TrainState, Packed]:
    """One update by the gradient of the batch's mean loss, and the metrics before it.

    The batch is worked through in `accumulate` parts; their sums are divided once, so the update
    is that of the whole batch. `grad_norm` is the gradient's global norm before any clipping.
    """
    key = jax.random.fold_in(jax.random.key(hyperparameters.seed), state.step)

    def gradient_of(part: Batch, part_key: Array) -> tuple[Params, Means]:
        def total_loss(params):
            means = task.means(
                model, params, part, dropout_key=part_key, label_smoothing=label_smoothing
            )
            return means["loss"].total, means

        return jax.grad(total_loss, has_aux=True)(state.params)

    if accumulate == 1:
        gradient, means = gradient_of(batch, key)
    else:
        # Strided parts, so that every device keeps working on rows it already holds.
        parts = jax.tree.map(
            lambda rows: rows.reshape(-1, accumulate, *rows.shape[1:]).swapaxes(0, 1), batch
        )
        keys = jax.random.split(key, accumulate)
        first = jax.tree.map(lambda rows: rows[0], (parts, keys))
        zeros = jax.tree.map(
            lambda array: jnp.zeros(array.shape, array.dtype), jax.eval_shape(gradient_of, *first)
        )
        (gradient, means), _ = jax.lax.scan(
            lambda sums, part: (jax.tree.map(jnp.add, sums, gradient_of(*part)), None),
            zeros,
            (parts, keys),
        )

    gradient = jax.tree.map(lambda g: g / jnp.maximum(means["loss"].count, 1.0), gradient)
    updates, optimizer_state = optimizer.update(
        gradient, state.optimizer, state.params, learning_rate=hyperparameters.learning_rate
    )
    params = optax.apply_updates(state.params, updates)
    means["grad_norm"] = Mean(optax.tree.norm(gradient), jnp.ones(()))
    return TrainState(state.step + 1, params, optimizer_state), pack(means)


def evaluate_step(params: Params, batch: Batch, *, task: Task, model: AnyModelConfig) -> Packed:
    """The metrics of one batch."""
    return pack(task.means(model, params, batch))


@jax.jit
def all_finite(tree: Any) -> Bool[Array, ""]:
    """Whether no array of the tree holds an infinity or a NaN."""
    return jnp.stack([jnp.isfinite(array).all() for array in jax.tree.leaves(tree)]).all()
