"""One stack as pure functions of plain trees."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Bool, Float, Int

from seqjax.models.block import BlockCarry, Context
from seqjax.models.config import ModelConfig
from seqjax.models.frontend import Inputs
from seqjax.models.head import Pooled
from seqjax.models.mixers import make_mixer
from seqjax.models.stack import Stack, StackCarry, output_size, segments

Params = dict[str, Any]
LogicalAxes = dict[str, Any]


def init(config: ModelConfig, key: Array, memory_size: int = 0) -> tuple[Params, LogicalAxes]:
    """Fresh float32 parameters and the names of their axes.

    `memory_size` is the size of the vectors that cross-attention looks at, where there is any.
    """
    memory = jnp.zeros((1, 1, memory_size)) if memory_size else None
    context = Context(None, None, memory, None)
    stack = Stack(config)
    boxed = stack.init(key, empty_step(config, 1), None, context, train=False).get("params", {})
    axes = jax.tree.map(
        lambda box: tuple(box.names),
        boxed,
        is_leaf=lambda box: isinstance(box, nn.LogicallyPartitioned),
    )
    return nn.unbox(boxed), axes


def apply(
    config: ModelConfig,
    params: Params,
    inputs: Inputs,
    carry: StackCarry | None = None,
    *,
    mask: Bool[Array, "batch time"] | None = None,
    reset: Bool[Array, "batch time"] | None = None,
    memory: Float[Array, "batch steps features"] | None = None,
    memory_mask: Bool[Array, "batch steps"] | None = None,
    dropout_key: Array | None = None,
) -> tuple[Array, StackCarry]:
    """Logits and the carry after `inputs`; with a `dropout_key` in training mode.

    `mask` is true where a step is real, `reset` where a new packed example begins. A decoder is
    given `memory` in its first call, and finds it in the carry afterwards.
    """
    return Stack(config).apply(
        {"params": params},
        inputs,
        carry,
        Context(mask, reset, memory, memory_mask),
        train=dropout_key is not None,
        rngs=None if dropout_key is None else {"dropout": dropout_key},
    )


def init_carry(config: ModelConfig, batch_size: int, capacity: int) -> StackCarry:
    """The carry of no history, with room for `capacity` steps where a mixer keeps them all."""
    carries = []
    for unit, repeats in segments(config):
        carry = tuple(
            BlockCarry(make_mixer(mixer, config).init_carry(batch_size, capacity)) for mixer in unit
        )
        if repeats > 1:
            carry = jax.tree.map(lambda *copies: jnp.stack(copies), *[carry] * repeats)
        carries.append(carry)
    pooled = None
    if config.pool != "none":
        zeros = jnp.zeros((batch_size, output_size(config)))
        pooled = Pooled(zeros, jnp.zeros(batch_size, jnp.int32))
    return StackCarry(jnp.zeros(batch_size, jnp.int32), tuple(carries), pooled)


def take_rows(
    config: ModelConfig, carry: StackCarry, rows: Int[Array, " taken"], *, memory: bool = True
) -> StackCarry:
    """The carry of these rows of the batch, in this order; a row may be taken several times.

    Without `memory`, what cross-attention looks at stays as it is: beams of one source share it.
    """

    def taken(tree: Any, axis: int) -> Any:
        return jax.tree.map(lambda array: jnp.take(array, rows, axis=axis), tree)

    found = []
    for (_, repeats), blocks in zip(segments(config), carry.segments, strict=True):
        axis = 1 if repeats > 1 else 0  # behind that of the depth
        found.append(
            tuple(
                BlockCarry(
                    taken(block.mixer, axis),
                    taken(block.memory, axis) if memory else block.memory,
                )
                for block in blocks
            )
        )
    return StackCarry(taken(carry.position, 0), tuple(found), taken(carry.pooled, 0))


def empty_step(config: ModelConfig, batch_size: int) -> Inputs:
    """One step of input without content, of the kind that the config takes."""
    if config.vocabulary_size:
        return jnp.zeros((batch_size, 1), jnp.int32)
    return jnp.zeros((batch_size, 1, config.input_size))
