"""One device and eight give the same run, however the eight are arranged."""

from dataclasses import replace
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from seqjax import models
from seqjax.data.facts import DataFacts, SplitFacts
from seqjax.distributed.config import MeshConfig
from seqjax.distributed.shardings import batch_sharding, place_batch
from seqjax.errors import UserError
from seqjax.models import ModelConfig
from seqjax.models.mixers import MIXERS
from seqjax.tasks.classification import step_mask
from seqjax.training.config import Config, OptimizerConfig, TrainConfig
from seqjax.training.setup import Setup
from seqjax.training.sums import means_of, to_host

# What is compared does not depend on how well it is compiled, and compiling well takes long.
QUICKLY = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
BATCH, TIME, STEPS = 16, 6, 5
SIZES = {
    "embedding_size": 8,
    "width": 8,
    "feed_forward_size": 8,
    "inner_size": 8,
    "state_size": 4,
    "heads": 2,
}
MODELS = {
    **{
        kind: ModelConfig(pattern=(kind,), window=4 if kind == "local_attention" else 0, **SIZES)
        for kind in MIXERS
    },
    "bag": ModelConfig(pattern=(), pool="mean", **SIZES),
    "transformer": ModelConfig(
        pattern=("attention", "attention"),
        positions="sinusoidal",
        norm="post",
        residual=True,
        feed_forward="two_layer",
        causal=False,
        pool="mean",
        **SIZES,
    ),
}
RULES = {"adam": OptimizerConfig(), "sgd": OptimizerConfig(name="sgd", learning_rate=0.1)}
EIGHT = MeshConfig(data=4, fsdp=2)
SPLIT = SplitFacts(BATCH, (8, 8), TIME, TIME, 0.0, 0.0)
FACTS = DataFacts("files", "", ("no", "yes"), 20, {"tokens": (TIME,)}, {"train": SPLIT}, ())


def make_setup(word, rule, mesh, devices, **train):
    train = TrainConfig(batch_size=BATCH, steps=STEPS, **train)
    config = Config("test", word, model=MODELS[word], optimizer=RULES[rule], train=train, mesh=mesh)
    return Setup(config, FACTS, jax.devices()[:devices])


def batch(step):
    chance = np.random.default_rng(step)
    return {
        "tokens": chance.integers(1, 20, (BATCH, TIME), np.int32),
        "tokens_length": chance.integers(1, TIME + 1, BATCH, np.int32),
        "label": chance.integers(0, 2, BATCH, np.int32),
        "weight": (np.arange(BATCH) < BATCH - 1 - step).astype(np.float32),
    }


@pytest.fixture(scope="module")
def first_states():
    """Returns a function that gives the fresh parameters and state of a model, made once."""
    made = cache(
        lambda word: jax.device_get(make_setup(word, "sgd", MeshConfig(), 1).first_state())
    )

    def first_state(word, rule):
        state = made(word)
        optimizer = make_setup(word, rule, MeshConfig(), 1).optimizer
        return replace(state, optimizer=jax.device_get(optimizer.init(state.params)))

    return first_state


def five_steps(setup, state):
    """The losses of five steps, the parameters after them, and the logits that these give."""
    sharding = batch_sharding(setup.mesh, setup.config.mesh)
    batches = [place_batch(sharding, batch(step), BATCH) for step in range(STEPS)]
    state = jax.device_put(state, setup.shardings)
    losses = []
    with setup.context():
        step = setup.train_step().lower(state, batches[0], jnp.uint32(0)).compile(QUICKLY)
        for rows in batches:
            before = jax.tree.leaves(state)
            state, packed = step(state, rows, jnp.uint32(0))
            losses.append(means_of(to_host(packed))["loss"])
            assert all(array.is_deleted() for array in before)  # each step consumes its state
        laid_out = jax.tree.map(lambda array, to: array.sharding == to, state, setup.shardings)
        assert all(jax.tree.leaves(laid_out))
        apply = jax.jit(
            lambda params, rows: models.apply(
                setup.model, params, rows["tokens"], mask=step_mask(rows)
            )[0]
        )
        logits = apply.lower(state.params, batches[0]).compile(QUICKLY)(state.params, batches[0])
    return np.array(losses), jax.device_get(state.params), np.asarray(logits)


@pytest.fixture(scope="module")
def on_one_device(first_states):
    """Returns a function that gives the five steps of a model on one device, taken once."""

    @cache
    def steps(word, rule):
        return five_steps(make_setup(word, rule, MeshConfig(), 1), first_states(word, rule))

    return steps


def assert_close(found, expected):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=0, atol=1e-5), found, expected)


@pytest.mark.parametrize("word", MODELS)
def test_five_steps_on_eight_devices_are_those_on_one(word, first_states, on_one_device):
    for rule in RULES if word in ("bag", "rnn", "lstm", "transformer") else ("sgd",):
        one = on_one_device(word, rule)
        eight = five_steps(make_setup(word, rule, EIGHT, 8), first_states(word, rule))
        assert np.all(np.diff(one[0]) != 0)
        np.testing.assert_allclose(eight[0], one[0], rtol=0, atol=1e-5)
        if rule == "adam":  # which turns the noise of gradients that are zero into whole steps
            np.testing.assert_allclose(eight[2], one[2], rtol=0, atol=1e-5)
        else:
            assert_close(eight[1], one[1])


@pytest.mark.parametrize(
    ("word", "mesh"),
    [("rnn", MeshConfig(data=8)), ("transformer", MeshConfig(data=2, fsdp=2, tensor=2))],
    ids=["data", "data, fsdp and tensor"],
)
def test_other_meshes(word, mesh, first_states, on_one_device):
    one = on_one_device(word, "sgd")
    eight = five_steps(make_setup(word, "sgd", mesh, 8), first_states(word, "sgd"))
    np.testing.assert_allclose(eight[0], one[0], rtol=0, atol=1e-5)
    assert_close(eight[1], one[1])


def test_parameters_and_optimizer_state_are_spread(first_states):
    setup = make_setup("rnn", "adam", EIGHT, 8)
    state = jax.device_put(first_states("rnn", "adam"), setup.shardings)
    for tree in (state.params, state.optimizer[0].mu, state.optimizer[0].nu):
        table = tree["frontend"]["embedding"]["embedding"]
        assert {shard.data.shape for shard in table.addressable_shards} == {(20, 4)}


def test_a_fresh_state_is_the_same_on_any_mesh(first_states):
    setup = make_setup("rnn", "sgd", EIGHT, 8)
    state = setup.first_state()
    assert_close(state.params, first_states("rnn", "sgd").params)
    laid_out = jax.tree.map(lambda array, to: array.sharding == to, state, setup.shardings)
    assert all(jax.tree.leaves(laid_out))


@pytest.mark.parametrize(("devices", "mesh"), [(1, MeshConfig()), (8, EIGHT)], ids=["one", "eight"])
def test_accumulated_gradients_are_those_of_the_whole_batch(
    devices, mesh, first_states, on_one_device
):
    setup = make_setup("rnn", "sgd", mesh, devices, accumulate=2)
    parts = five_steps(setup, first_states("rnn", "sgd"))
    whole = on_one_device("rnn", "sgd")
    np.testing.assert_allclose(parts[0], whole[0], rtol=0, atol=1e-5)
    assert_close(parts[1], whole[1])


def test_parts_that_cannot_be_dealt_out_are_refused():
    with pytest.raises(UserError, match=r"train.batch_size / train.accumulate=4"):
        make_setup("rnn", "sgd", EIGHT, 8, accumulate=4)
