"""Models as pure functions of plain trees: Flax is imported below this line and nowhere else.

    params, axes = init(config, key)
    logits, carry = apply(config, params, tokens)

`axes` mirrors `params` with a tuple of logical axis names for every array. A context of
`logical_rules`, in which a step is traced, says which mesh axis each name is laid out along.
An encoder-decoder is applied by `encode` and `decode` (`encoder_decoder.py`).
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import lru_cache

import jax
from flax import linen as nn
from jaxtyping import Array

from seqjax.errors import UserError
from seqjax.models import encoder_decoder, model
from seqjax.models.config import ModelConfig
from seqjax.models.encoder_decoder import (
    Encoded,
    EncoderDecoderConfig,
    decode,
    encode,
    start_decoding,
)
from seqjax.models.model import LogicalAxes, Params, apply, init_carry, take_rows

__all__ = [
    "Encoded",
    "EncoderDecoderConfig",
    "LogicalAxes",
    "ModelConfig",
    "Params",
    "abstract",
    "apply",
    "count_parameters",
    "decode",
    "encode",
    "init",
    "init_carry",
    "logical_rules",
    "stacks",
    "start_decoding",
    "take_rows",
]

NO_DEVICES = jax.sharding.AbstractMesh(
    (), (), abstract_device=jax.sharding.AbstractDevice("cpu", None, "cpu")
)


def init(config: ModelConfig | EncoderDecoderConfig, key: Array) -> tuple[Params, LogicalAxes]:
    """Fresh float32 parameters and the names of their axes."""
    if isinstance(config, EncoderDecoderConfig):
        return encoder_decoder.init(config, key)
    if config.cross_attention:
        raise UserError(
            "model.cross_attention=True looks at an encoder's steps, and this model has no "
            "encoder: set it to False."
        )
    return model.init(config, key)


@lru_cache(maxsize=1024)
def abstract(config: ModelConfig | EncoderDecoderConfig) -> tuple[Params, LogicalAxes]:
    """What `init` would give, with shapes and dtypes in the place of arrays: allocates nothing.

    Shapes are those of any platform. Asking for this machine's would look for its devices, and a
    configuration is read before the hosts of a run have found each other.
    """
    found = []

    def shapes():
        params, axes = init(config, jax.random.key(0))
        found.append(axes)
        return params

    with jax.sharding.use_abstract_mesh(NO_DEVICES):
        return jax.eval_shape(shapes), found[0]


def logical_rules(rules: Sequence[tuple[str, tuple[str, ...]]]) -> AbstractContextManager:
    """The context in which steps are traced: each logical axis name with its mesh axes."""
    return nn.logical_axis_rules(rules)


def stacks(config: ModelConfig | EncoderDecoderConfig) -> tuple[ModelConfig, ...]:
    """The stacks that a model consists of: itself, or encoder and decoder."""
    if isinstance(config, EncoderDecoderConfig):
        return config.encoder, config.decoder
    return (config,)


def count_parameters(config: ModelConfig | EncoderDecoderConfig) -> tuple[int, int]:
    """All parameters, and those outside the tables whose size the data decides.

    The embedding table (rows for the vocabulary) and the output layer (columns for the outputs)
    would otherwise hide how much of a model is its mixers.
    """
    shapes, axes = abstract(config)
    sizes = jax.tree.leaves(jax.tree.map(lambda shape: shape.size, shapes))
    names = jax.tree.leaves(axes, is_leaf=lambda leaf: isinstance(leaf, tuple))
    outside = [
        size
        for size, axis_names in zip(sizes, names, strict=True)
        if not {"vocabulary", "outputs"} & set(axis_names)
    ]
    return sum(sizes), sum(outside)
