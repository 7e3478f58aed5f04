"""What is trained: one block of a mixer says, after the last step, which token came first."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int

from seqjax import models
from seqjax.models import ModelConfig, Params

VALUES = 8  # tokens that the first one is drawn from; the others are drawn from as many more
WIDTH = 32
RATES = {"adam": (1e-3, 3e-3, 1e-2), "sgd": (1e-1, 3e-1, 1.0)}
ASKED = 512  # sequences that an accuracy is measured on


@dataclass(frozen=True)
class Setting:
    """A mixer, what is around it, and how it is trained."""

    mixer: str
    length: int = 64
    normalised: bool = False  # behind each step
    recurrent_gain: float = 1.0  # that the first recurrent weights are multiplied by
    optimizer: str = "adam"
    clip_norm: float = 0.0
    steps: int = 600
    batch: int = 32

    def model(self) -> ModelConfig:
        """One block between an embedding and the logits of the first token."""
        return ModelConfig(
            vocabulary_size=2 * VALUES,
            outputs=VALUES,
            embedding_size=WIDTH,
            width=WIDTH,
            inner_size=WIDTH,
            state_size=8,
            pattern=(self.mixer,),
            norm="post" if self.normalised else "none",
            pool="last",
        )

    def params(self, seed: int) -> Params:
        """The first parameters."""
        params, _ = models.init(self.model(), jax.random.key(seed))

        def scaled(path, leaf):
            return leaf * self.recurrent_gain if "recurrent" in jax.tree_util.keystr(path) else leaf

        return jax.tree_util.tree_map_with_path(scaled, params)

    def examples(
        self, key: Array, count: int
    ) -> tuple[Int[Array, "count length"], Int[Array, " count"]]:
        """Sequences, and the token that each begins with."""
        first, others = jax.random.split(key)
        answer = jax.random.randint(first, (count,), 0, VALUES)
        noise = jax.random.randint(others, (count, self.length - 1), VALUES, 2 * VALUES)
        return jnp.concatenate([answer[:, None], noise], axis=1), answer


class Trained(NamedTuple):
    """What is left of a training run; the accuracies are NaN where parameters became so."""

    params: Params
    valid: float
    test: float
    gradient_norms: Float[np.ndarray, " steps"]  # over all parameters, before clipping


def train(setting: Setting, seed: int, rate: float) -> Trained:
    """Trains a setting from a seed with a learning rate."""
    optimizer, step, accuracy = compiled(setting)
    params = setting.params(seed)
    state = optimizer.init(params)
    state[1].hyperparams["learning_rate"] = jnp.asarray(rate)
    streams = jax.random.split(jax.random.fold_in(jax.random.key(1), seed), 3)
    norms = []
    for number in range(setting.steps):
        key = jax.random.fold_in(streams[0], number)
        params, state, norm = step(params, state, key)
        norms.append(norm)
    valid, test = (float(accuracy(params, stream)) for stream in streams[1:])
    return Trained(params, valid, test, np.array(norms))


@lru_cache(maxsize=1)
def compiled(setting: Setting) -> tuple[optax.GradientTransformation, Callable, Callable]:
    """The optimizer, a step of it, and the accuracy, for any seed and learning rate."""
    config = setting.model()
    rule = optax.inject_hyperparams(getattr(optax, setting.optimizer))(learning_rate=0.0)
    clip = optax.clip_by_global_norm(setting.clip_norm or float("inf"))
    optimizer = optax.chain(clip, rule)

    def loss(params: Params, key: Array) -> Array:
        tokens, answer = setting.examples(key, setting.batch)
        logits, _ = models.apply(config, params, tokens)
        return optax.softmax_cross_entropy_with_integer_labels(logits, answer).mean()

    @partial(jax.jit, donate_argnums=(0, 1))
    def step(params: Params, state: optax.OptState, key: Array):
        gradient = jax.grad(loss)(params, key)
        updates, state = optimizer.update(gradient, state)
        return optax.apply_updates(params, updates), state, optax.tree.norm(gradient)

    @jax.jit
    def accuracy(params: Params, key: Array) -> Float[Array, ""]:
        tokens, answer = setting.examples(key, ASKED)
        logits, _ = models.apply(config, params, tokens)
        finite = jnp.isfinite(logits).all()
        return jnp.where(finite, jnp.mean(logits.argmax(-1) == answer), jnp.nan)

    return optimizer, step, accuracy
