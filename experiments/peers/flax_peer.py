"""The article's train step as a plain Flax program: `nn.RNN` over Flax's cells, optax, one `jit`.

Started by `python -m seqjax.benchmark --article --peers`, in a process of its own.
"""

from functools import partial
from typing import Any

import flax
import jax
import jax.numpy as jnp
import optax
from flax import linen as nn

from experiments.peers.batch import make_batch, sinusoidal
from seqjax.benchmarking.conversation import answer_requests

CELLS = {"rnn": nn.SimpleCell, "lstm": nn.OptimizedLSTMCell, "gru": nn.GRUCell}


class Recurrent(nn.Module):
    """Embedding, one recurrent layer, a logit from its last state."""

    settings: dict[str, Any]

    @nn.compact
    def __call__(self, tokens):
        settings = self.settings
        x = nn.Embed(settings["vocabulary_size"], settings["embedding_size"])(tokens)
        x = nn.RNN(CELLS[settings["model"]](settings["width"]))(x)
        return nn.Dense(1)(x[:, -1])[:, 0]


class Transformer(nn.Module):
    """Embedding and positions, post-norm ReLU blocks, a logit from the mean over steps."""

    settings: dict[str, Any]

    @nn.compact
    def __call__(self, tokens):
        settings = self.settings
        size = settings["embedding_size"]
        x = nn.Embed(settings["vocabulary_size"], size)(tokens) * size**0.5
        x = x + sinusoidal(settings["time"], size)
        for _ in range(settings["layers"]):
            x = nn.LayerNorm()(x + nn.MultiHeadDotProductAttention(settings["heads"])(x))
            inner = nn.relu(nn.Dense(settings["feed_forward_size"])(x))
            x = nn.LayerNorm()(x + nn.Dense(size)(inner))
        return nn.Dense(1)(x.mean(1))[:, 0]


def prepare(settings: dict[str, Any]):
    """The compiled step and its state, which every step consumes."""
    kind = Transformer if settings["model"] == "transformer" else Recurrent
    model = kind(settings)
    tokens, labels = map(jnp.asarray, make_batch(settings))
    params = jax.jit(model.init)(jax.random.key(0), tokens)
    optimizer = optax.adam(1e-3)

    @partial(jax.jit, donate_argnums=(0, 1))
    def train_step(params, state):
        def loss_of(params):
            logits = model.apply(params, tokens)
            return optax.sigmoid_binary_cross_entropy(logits, labels).mean()

        loss, gradient = jax.value_and_grad(loss_of)(params)
        updates, state = optimizer.update(gradient, state)
        return optax.apply_updates(params, updates), state, loss

    train = [params, optimizer.init(params)]

    def step() -> float:
        *train[:], loss = jax.block_until_ready(train_step(*train))
        return float(loss)

    return {
        "losses": [step() for _ in range(settings["warm_up"])],
        "parameters": sum(array.size for array in jax.tree.leaves(params_shapes(model, tokens))),
        "versions": {"flax": flax.__version__, "jax": jax.__version__},
    }, step


def params_shapes(model: nn.Module, tokens: jax.Array) -> Any:
    """The parameters without their numbers."""
    return jax.eval_shape(model.init, jax.random.key(0), tokens)


if __name__ == "__main__":
    answer_requests(prepare)
