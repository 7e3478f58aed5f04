"""The article's train step in Keras 3 on JAX: Keras layers and optimizer in one `jit`.

The stateless step of Keras' guide to training loops in JAX, which `fit` compiles as well; without
what `fit` does around it. Started by `python -m seqjax.benchmark --article --peers`.
"""

import os

os.environ["KERAS_BACKEND"] = "jax"

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import keras
from keras import layers

from experiments.peers.batch import make_batch, sinusoidal
from seqjax.benchmarking.conversation import answer_requests

LAYERS = {"rnn": layers.SimpleRNN, "lstm": layers.LSTM, "gru": layers.GRU}


def build(settings: dict[str, Any]) -> keras.Model:
    """The article's model, which gives a logit."""
    size = settings["embedding_size"]
    tokens = keras.Input((settings["time"],), dtype="int32")
    x = layers.Embedding(settings["vocabulary_size"], size)(tokens)
    if settings["model"] != "transformer":
        x = LAYERS[settings["model"]](settings["width"])(x)
        return keras.Model(tokens, layers.Dense(1)(x))
    x = x * size**0.5 + sinusoidal(settings["time"], size)
    for _ in range(settings["layers"]):
        attention = layers.MultiHeadAttention(settings["heads"], size // settings["heads"])
        x = layers.LayerNormalization(epsilon=1e-5)(x + attention(x, x))
        inner = layers.Dense(settings["feed_forward_size"], activation="relu")(x)
        x = layers.LayerNormalization(epsilon=1e-5)(x + layers.Dense(size)(inner))
    return keras.Model(tokens, layers.Dense(1)(layers.GlobalAveragePooling1D()(x)))


def prepare(settings: dict[str, Any]):
    """The compiled step and its state, which every step consumes."""
    keras.utils.set_random_seed(0)
    model = build(settings)
    optimizer = keras.optimizers.Adam(1e-3)
    optimizer.build(model.trainable_variables)
    tokens, labels = map(jnp.asarray, make_batch(settings))
    loss_function = keras.losses.BinaryCrossentropy(from_logits=True)

    def loss_of(trainable, fixed):
        logits, fixed = model.stateless_call(trainable, fixed, tokens, training=True)
        return loss_function(labels[:, None], logits), fixed

    @partial(jax.jit, donate_argnums=(0, 1, 2))
    def train_step(trainable, fixed, state):
        (loss, fixed), gradient = jax.value_and_grad(loss_of, has_aux=True)(trainable, fixed)
        trainable, state = optimizer.stateless_apply(state, gradient, trainable)
        return trainable, fixed, state, loss

    train = [
        [jnp.array(variable.value) for variable in variables]
        for variables in (
            model.trainable_variables,
            model.non_trainable_variables,
            optimizer.variables,
        )
    ]

    def step() -> float:
        *train[:], loss = jax.block_until_ready(train_step(*train))
        return float(loss)

    return {
        "losses": [step() for _ in range(settings["warm_up"])],
        "parameters": model.count_params(),
        "versions": {"keras": keras.__version__, "jax": jax.__version__},
    }, step


if __name__ == "__main__":
    answer_requests(prepare)
