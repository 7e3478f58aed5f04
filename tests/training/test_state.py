"""The train step against numbers that were kept, and against NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from seqjax.data.facts import DataFacts, SplitFacts
from seqjax.models import ModelConfig
from seqjax.training.config import Config, OptimizerConfig, TrainConfig
from seqjax.training.setup import Setup
from seqjax.training.state import all_finite
from seqjax.training.sums import means_of, to_host

BATCH, TIME, WORDS, SIZE = 6, 5, 12, 4
SIZES = {"embedding_size": SIZE, "width": 4, "feed_forward_size": 8, "heads": 2}
MODELS = {
    "bag": ModelConfig(pattern=(), pool="mean", **SIZES),
    "rnn": ModelConfig(pattern=("rnn",), **SIZES),
    "transformer": ModelConfig(
        pattern=("attention",),
        embedding_scale="sqrt",
        positions="sinusoidal",
        norm="post",
        residual=True,
        feed_forward="two_layer",
        causal=False,
        pool="mean",
        **SIZES,
    ),
}
FACTS = DataFacts(
    "files",
    "",
    ("no", "yes"),
    WORDS,
    {"tokens": (TIME,)},
    {"train": SplitFacts(BATCH, (3, 3), TIME, TIME, 0.0, 0.0)},
    (),
)


def make_setup(word, optimizer=None, **train):
    train = TrainConfig(batch_size=BATCH, steps=10, **train)
    config = Config(
        "test", word, model=MODELS[word], optimizer=optimizer or OptimizerConfig(), train=train
    )
    return Setup(config, FACTS, jax.devices()[:1])


def batch(step=0):
    chance = np.random.default_rng(step)
    return {
        "tokens": chance.integers(1, WORDS, (BATCH, TIME), np.int32),
        "tokens_length": chance.integers(1, TIME + 1, BATCH, np.int32),
        "label": chance.integers(0, 2, BATCH, np.int32),
        "weight": np.array([1, 1, 1, 1, 1, 0], np.float32),
    }


def take_steps(setup, state, count):
    with setup.context():
        step = setup.train_step()
        for number in range(count):
            state, packed = step(state, batch(number), setup.hyperparameters())
    return state, means_of(to_host(packed))


def test_configurations_that_differ_in_their_learning_rate_share_a_program():
    def lowered(rate):
        setup = make_setup("rnn", OptimizerConfig(learning_rate=rate, schedule="cosine"))
        with setup.context():
            state = setup.abstract_state()
            return setup.train_step().lower(state, batch(), setup.hyperparameters())

    assert lowered(0.1).as_text() == lowered(0.3).as_text()


# One step from seed 0: metrics, and the last two numbers of some parameters. What changes these
# has changed initial values, a model or training itself, which is to be meant.
GOLDEN = {
    "rnn": {
        "loss": 0.6928032,
        "accuracy": 0.4,
        "grad_norm": 0.8219029,
        "frontend/embedding/embedding": [-0.1651446, -0.8096635],
        "segment_0/block_0/rnn/input_kernel": [-0.1266946, 0.4528867],
        "segment_0/block_0/rnn/recurrent_kernel": [0.6475704, 0.3851714],
        "segment_0/block_0/rnn/bias": [-0.1297871, -0.01180899],
        "head/logits/bias": [-0.2463451],
    },
    "transformer": {
        "loss": 0.5957937,
        "accuracy": 0.6,
        "grad_norm": 2.474113,
        "frontend/embedding/embedding": [-0.1180292, -0.8145770],
        "segment_0/block_0/attention/key/bias": [0.0, 0.0],
        "segment_0/block_0/attention/query/bias": [-0.03481986, 0.003771916],
        "segment_0/block_0/attention/output/kernel": [0.5447169, 0.2286923],
        "segment_0/block_0/mixer_norm/scale": [1.0860357, 0.9687490],
        "segment_0/block_0/feed_forward/inner/kernel": [-0.7340851, 0.1014977],
        "head/logits/bias": [-0.2195853],
    },
}


@pytest.mark.parametrize("word", GOLDEN)
def test_one_step_gives_the_numbers_it_always_gave(word):
    setup = make_setup(word, OptimizerConfig(name="sgd", learning_rate=0.5))
    state, metrics = take_steps(setup, setup.first_state(), 1)
    found = metrics | {
        jax.tree_util.keystr(path, simple=True, separator="/"): np.ravel(array)[-2:].tolist()
        for path, array in jax.tree.leaves_with_path(state.params)
    }
    for name, expected in GOLDEN[word].items():
        np.testing.assert_allclose(found[name], expected, rtol=2e-6, atol=2e-7, err_msg=name)
    assert int(state.step) == 1


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def bag_loss_and_gradient(params, rows, smoothing):
    """The mean of embeddings into one logit, its cross-entropy and its gradient, in NumPy."""
    table, kernel, bias = params
    real = (np.arange(TIME) < rows["tokens_length"][:, None]) / rows["tokens_length"][:, None]
    pooled = np.einsum("bt,btd->bd", real, table[rows["tokens"]])
    logit = pooled @ kernel[:, 0] + bias[0]
    target = rows["label"] * (1 - smoothing) + smoothing / 2
    weight = rows["weight"] / rows["weight"].sum()
    share = sigmoid(logit)
    loss = -(weight * (target * np.log(share) + (1 - target) * np.log(1 - share))).sum()
    error = weight * (share - target)
    d_table = np.zeros_like(table)
    np.add.at(d_table, rows["tokens"], np.einsum("b,bt,d->btd", error, real, kernel[:, 0]))
    accuracy = (weight * ((logit > 0) == rows["label"])).sum()
    return loss, accuracy, [d_table, (pooled.T @ error)[:, None], error.sum(keepdims=True)]


def updates(config, gradient, params, memory, step):
    """What the rule adds to the parameters at a step that counts from 1."""
    rate = config.learning_rate
    if config.clip_norm:
        norm = np.sqrt(sum((g**2).sum() for g in gradient))
        gradient = [g * min(1, config.clip_norm / norm) for g in gradient]
    if config.name == "sgd":
        memory[0] = [config.momentum * m + g for m, g in zip(memory[0], gradient, strict=True)]
        return [-rate * m for m in memory[0]]
    first, second = config.beta1, config.beta2
    memory[0] = [first * m + (1 - first) * g for m, g in zip(memory[0], gradient, strict=True)]
    memory[1] = [second * v + (1 - second) * g**2 for v, g in zip(memory[1], gradient, strict=True)]
    found = []
    for place, (m, v) in enumerate(zip(*memory, strict=True)):
        mean, square = m / (1 - first**step), v / (1 - second**step)
        decay = config.weight_decay * params[place] if place == 1 else 0  # the kernel alone
        found.append(-rate * (mean / (np.sqrt(square) + config.epsilon) + decay))
    return found


@pytest.mark.parametrize(
    "optimizer",
    [
        OptimizerConfig(name="sgd", learning_rate=0.5),
        OptimizerConfig(name="sgd", learning_rate=0.5, momentum=0.9, clip_norm=0.05),
        OptimizerConfig(learning_rate=0.01, beta1=0.8, beta2=0.95, epsilon=1e-6),
        OptimizerConfig(name="adamw", learning_rate=0.01, weight_decay=0.3, clip_norm=1e-3),
    ],
    ids=["sgd", "momentum and clipping", "adam", "adamw and clipping"],
)
def test_three_steps_of_the_bag_are_those_of_numpy(optimizer):
    smoothing = 0.1
    setup = make_setup("bag", optimizer, label_smoothing=smoothing)
    state = setup.first_state()
    names = [("frontend", "embedding", "embedding"), ("head", "logits", "kernel")]
    names.append(("head", "logits", "bias"))

    def arrays(tree):
        assert len(jax.tree.leaves(tree)) == len(names)
        return [np.asarray(tree[a][b][c], np.float64) for a, b, c in names]

    params = arrays(state.params)
    memory = [[np.zeros_like(p) for p in params] for _ in range(2)]
    for step in range(3):
        loss, accuracy, gradient = bag_loss_and_gradient(params, batch(step), smoothing)
        added = updates(optimizer, gradient, params, memory, step + 1)
        params = [p + u for p, u in zip(params, added, strict=True)]
    state, metrics = take_steps(setup, state, 3)
    norm = np.sqrt(sum((g**2).sum() for g in gradient))
    expected = {"loss": loss, "accuracy": accuracy, "grad_norm": norm}
    assert metrics.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(metrics[name], value, rtol=1e-5, err_msg=name)
    for found, wanted in zip(arrays(state.params), params, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_all_finite(value):
    tree = {"a": jnp.zeros((2, 3)), "b": (jnp.ones(4), jnp.zeros((), jnp.int32))}
    assert all_finite(tree)
    assert not all_finite(tree | {"b": (jnp.ones(4).at[3].set(value), jnp.zeros((), jnp.int32))})


def test_a_warmup_that_outlasts_the_run_is_told():
    def notes(steps):
        return make_setup("bag", OptimizerConfig(warmup_steps=steps)).notes

    assert notes(9) == []
    (note,) = notes(10)
    assert "optimizer.warmup_steps=10" in note and "10 steps" in note
