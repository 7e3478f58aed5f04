"""The size of `∂h_T/∂h_t`: how much of a change at one step is left at the last one."""

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from seqjax import models
from seqjax.models import ModelConfig, Params


def norms_by_distance(
    config: ModelConfig, params: Params, tokens: Int[Array, "batch time"]
) -> Float[np.ndarray, " time"]:
    """Frobenius norms of `∂h_T/∂h_t` at distances `T - t` from 0, over the root of the width.

    `h_t` is the vector that enters the block at step t, `h_T` the one that leaves it at the last:
    a definition that holds for attention as for recurrences. An identity has norm 1. The geometric
    mean over the sequences, exact (one reverse pass for each feature of `h_T`).
    """
    block = dict(params)
    table = block.pop("frontend")["embedding"]["embedding"]
    block.pop("head")
    return np.asarray(_compiled(config)(block, table[tokens]))[::-1]


@lru_cache(maxsize=1)
def _compiled(config: ModelConfig) -> Callable[[Params, Array], Array]:
    """The norms by step, of any parameters of the block alone."""
    frames = replace(
        config,
        vocabulary_size=0,
        input_size=config.width,
        embedding_size=0,
        outputs=0,
        pool="none",
    )

    def norms(params: Params, h: Float[Array, "batch time width"]) -> Float[Array, " time"]:
        def last(h: Float[Array, "time width"]) -> Float[Array, " width"]:
            return models.apply(frames, params, h[None])[0][0, -1]

        jacobians = jax.vmap(jax.jacrev(last))(h)
        squares = jnp.sum(jnp.square(jacobians), axis=(1, 3)) / config.width
        tiny = jnp.finfo(jnp.float32).tiny
        return jnp.exp(jnp.log(jnp.maximum(squares, tiny)).mean(axis=0) / 2)

    return jax.jit(norms)
