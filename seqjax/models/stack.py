"""The stack: frontend, blocks, head. The mixers in its pattern are all that tells models apart."""

from typing import NamedTuple

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Int

from seqjax.errors import UserError
from seqjax.models.axes import laid_out
from seqjax.models.block import BlockCarry, Context
from seqjax.models.config import ModelConfig
from seqjax.models.frontend import Frontend, Inputs
from seqjax.models.head import Head, Pooled
from seqjax.models.linear import make_linear
from seqjax.models.mixers import make_mixer
from seqjax.models.norm import make_norm
from seqjax.models.remat import rematerialized
from seqjax.ops.positions import step_positions


class StackCarry(NamedTuple):
    """All that a stack remembers of earlier chunks."""

    position: Int[Array, " batch"]  # real steps so far in the current example
    segments: tuple[tuple[BlockCarry, ...], ...]  # of the blocks of every segment
    pooled: Pooled | None


class Stack(nn.Module):
    """A whole model of `config`."""

    config: ModelConfig

    @nn.compact
    def __call__(
        self,
        inputs: Inputs,
        carry: StackCarry | None,
        context: Context,
        *,
        train: bool,
    ) -> tuple[Array, StackCarry]:
        """Float32 logits, `[batch, outputs]` or, where nothing is pooled, for every step."""
        config, mask, reset = self.config, context.mask, context.reset
        self.check_reach(inputs.shape[1], reset)
        start = jnp.zeros(inputs.shape[0], jnp.int32) if carry is None else carry.position
        positions, position = step_positions(start, inputs.shape[1], mask, reset)
        frontend = Frontend(config, name="frontend")
        x = frontend(inputs, positions, train=train)
        if config.residual and config.pattern and config.embedded_size != config.width:
            x = make_linear(config, "to_width", config.width, ("features", "embed"))(x)
        x = laid_out(x, "batch", "time", "activation")

        carries = []
        for number, (unit, repeats) in enumerate(segments(config)):
            before = None if carry is None else carry.segments[number]
            module = repeated(repeats, config.unroll_depth) if repeats > 1 else Unit
            x, after = module(config, unit, name=f"segment_{number}")(x, before, context, train)
            carries.append(after)
        if config.final_norm:
            x = make_norm(config, name="final_norm")(x)
        pooled = None if carry is None else carry.pooled
        table = frontend.embedding.embedding if config.tie_embeddings else None
        logits, pooled = Head(config, name="head")(x, pooled, mask, reset, table)
        return logits, StackCarry(position, tuple(carries), pooled)

    def check_reach(self, time: int, reset: Array | None) -> None:
        """More steps than learned positions are an error, save where examples are packed."""
        config = self.config
        if config.positions == "learned" and reset is None and time > config.max_positions:
            raise UserError(
                f"model.max_positions={config.max_positions} learned positions do not reach over "
                f"a sequence of {time} steps: raise it, or shorten the sequences."
            )


class Unit(nn.Module):
    """The blocks of one period of the pattern."""

    config: ModelConfig
    mixers: tuple[str, ...]

    @nn.compact
    def __call__(
        self, x: Array, carry: tuple[BlockCarry, ...] | None, context: Context, train: bool
    ) -> tuple[Array, tuple[BlockCarry, ...]]:
        carries = []
        for number, mixer in enumerate(self.mixers):
            before = None if carry is None else carry[number]
            block = rematerialized(self.config)(self.config, mixer, name=f"block_{number}")
            x, after = block(x, before, context, train)
            carries.append(after)
        return x, tuple(carries)


def repeated(repeats: int, unroll: bool) -> type[Unit]:
    """`Unit`, scanned over depth: parameters and carries have a leading axis of `repeats`."""
    return nn.scan(
        Unit,
        variable_axes={"params": 0},
        split_rngs={"params": True, "dropout": True},
        in_axes=(0, nn.broadcast, nn.broadcast),
        length=repeats,
        unroll=repeats if unroll else 1,
        metadata_params={nn.PARTITION_NAME: "layers"},
    )


def segments(config: ModelConfig) -> tuple[tuple[tuple[str, ...], int], ...]:
    """The pattern as units and how often each repeats: what is scanned over depth.

    The first block stands alone where its input has another size than its output; the rest is
    the shortest period that spells it, and the part of a period that is left over.
    """
    pattern, found = config.pattern, []
    widens = pattern and config.embedded_size != make_mixer(pattern[0], config).output_size
    if widens and not config.residual:
        found.append((pattern[:1], 1))
        pattern = pattern[1:]
    if not pattern:
        return tuple(found)
    period = next(
        size
        for size in range(1, len(pattern) + 1)
        if all(mixer == pattern[place % size] for place, mixer in enumerate(pattern))
    )
    repeats, left_over = divmod(len(pattern), period)
    found.append((pattern[:period], repeats))
    if left_over:
        found.append((pattern[-left_over:], 1))
    return tuple(found)


def output_size(config: ModelConfig) -> int:
    """The size of the vectors that the last block gives."""
    if not config.pattern:
        return config.embedded_size
    return make_mixer(config.pattern[-1], config).output_size
