"""One device and eight give the same run, however the eight are arranged."""

from functools import cache

import jax
import numpy as np
import pytest

from seqjax import models
from seqjax.data.facts import DataFacts, SplitFacts
from seqjax.distributed.config import AXES, MeshConfig
from seqjax.distributed.shardings import batch_sharding, place_batch
from seqjax.errors import UserError
from seqjax.models import ModelConfig
from seqjax.models.mixers import MIXERS
from seqjax.tasks.classification import step_mask
from seqjax.training.config import Config, OptimizerConfig, TrainConfig
from seqjax.training.setup import Setup
from seqjax.training.state import TrainState
from seqjax.training.sums import means_of, to_host

pytestmark = pytest.mark.usefixtures("quickly")

BATCH, TIME, STEPS, TOKENS = 16, 8, 5, 24
SIZES = {  # each of which eight devices divide
    "embedding_size": 8,
    "width": 16,
    "feed_forward_size": 16,
    "inner_size": 16,
    "state_size": 4,
    "heads": 8,
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
    "hybrid": ModelConfig(
        pattern=("rglru", "rglru", "local_attention"),
        window=4,
        positions="rotary",
        norm="pre",
        residual=True,
        feed_forward="two_layer",
        pool="mean",
        **SIZES,
    ),
}
COMPARED = ("rnn", "rglru", "transformer", "hybrid")
RULES = {"adam": OptimizerConfig(), "sgd": OptimizerConfig(name="sgd", learning_rate=0.1)}
EIGHT = MeshConfig(data=4, fsdp=2)
PURE = {axis: MeshConfig(**{"data": 1, axis: 8}) for axis in AXES}
MIXED = {
    "data, fsdp and tensor": MeshConfig(data=2, fsdp=2, tensor=2),
    "fsdp, tensor and sequence": MeshConfig(data=1, fsdp=2, tensor=2, sequence=2),
}
SPLIT = SplitFacts(BATCH, (8, 8), TIME, TIME, 0.0, 0.0)
FACTS = DataFacts("files", "", ("no", "yes"), TOKENS, {"tokens": (TIME,)}, {"train": SPLIT}, ())


def make_setup(word, rule, mesh, devices, **train):
    train = TrainConfig(batch_size=BATCH, steps=STEPS, **train)
    config = Config("test", word, model=MODELS[word], optimizer=RULES[rule], train=train, mesh=mesh)
    return Setup(config, FACTS, jax.devices()[:devices])


def batch(step):
    chance = np.random.default_rng(step)
    return {
        "tokens": chance.integers(1, TOKENS, (BATCH, TIME), np.int32),
        "tokens_length": chance.integers(1, TIME + 1, BATCH, np.int32),
        "label": chance.integers(0, 2, BATCH, np.int32),
        "weight": (np.arange(BATCH) < BATCH - 1 - step).astype(np.float32),
    }


@pytest.fixture(scope="module")
def first_states():
    """Returns a function that gives some parameters and the fresh state of their optimizer."""

    def first_state(word, rule):
        setup = make_setup(word, rule, MeshConfig(), 1)
        chance = np.random.default_rng(0)
        params = jax.tree.map(
            lambda shape: chance.normal(scale=0.3, size=shape.shape).astype(np.float32),
            setup.abstract_state().params,
        )
        state = TrainState(np.zeros((), np.int32), params, setup.optimizer.init(params))
        return jax.device_get(state)

    return first_state


def five_steps(word, rule, mesh, devices, state, **train):
    """The losses of five steps, and what they come to: parameters, or after Adam logits.

    Adam turns the noise of gradients that are zero into whole steps, which no logit depends on.
    """
    setup = make_setup(word, rule, mesh, devices, **train)
    sharding = batch_sharding(setup.mesh, setup.config.mesh)
    batches = [place_batch(sharding, batch(step), BATCH) for step in range(STEPS)]
    state = jax.device_put(state, setup.shardings)
    losses = []
    with setup.context():
        step = setup.train_step().lower(state, batches[0], setup.hyperparameters()).compile()
        for rows in batches:
            before = jax.tree.leaves(state)
            state, packed = step(state, rows, setup.hyperparameters())
            losses.append(means_of(to_host(packed))["loss"])
            assert all(array.is_deleted() for array in before)  # each step consumes its state
        laid_out = jax.tree.map(lambda array, to: array.sharding == to, state, setup.shardings)
        assert all(jax.tree.leaves(laid_out))
        if rule == "sgd":
            return np.array(losses), jax.device_get(state.params)
        apply = jax.jit(
            lambda params, rows: models.apply(
                setup.model, params, rows["tokens"], mask=step_mask(rows)
            )[0],
            in_shardings=(setup.shardings.params, sharding),
        )
        logits = apply.lower(state.params, batches[0]).compile()(state.params, batches[0])
    return np.array(losses), jax.device_get(logits)


@pytest.fixture(scope="module")
def assert_one_is_eight(first_states):
    """Returns a function that asserts that a mesh of eight devices takes the steps of one."""

    @cache
    def on_one_device(word, rule):
        losses, found = five_steps(word, rule, MeshConfig(), 1, first_states(word, rule))
        assert np.all(np.diff(losses) != 0)
        return losses, found

    def assert_same(word, rule, mesh, **train):
        eight = five_steps(word, rule, mesh, 8, first_states(word, rule), **train)
        assert_close(eight, on_one_device(word, rule))

    return assert_same


def assert_close(found, expected):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=0, atol=1e-5), found, expected)


@pytest.mark.parametrize("word", sorted(MODELS.keys() - set(COMPARED)))
def test_every_mixer_takes_the_same_steps_on_one_device_and_eight(word, assert_one_is_eight):
    assert_one_is_eight(word, "sgd", EIGHT)


@pytest.mark.parametrize("word", ["ssd", "gated_deltanet", "local_attention"])
def test_steps_of_one_sequence_on_eight_devices(word, assert_one_is_eight):
    """What the models of the next tests have none of."""
    assert_one_is_eight(word, "sgd", PURE["sequence"])


@pytest.mark.parametrize("word", ["transformer", "hybrid", "ssd"])
def test_pieces_of_time_are_handed_on(word):
    """Keys and values go round, and states from piece to piece."""

    def text(mesh):
        setup = make_setup(word, "sgd", mesh, 8)
        with setup.context():
            state = setup.abstract_state()
            return setup.train_step().lower(state, batch(0), setup.hyperparameters()).as_text()

    assert "collective_permute" in text(PURE["sequence"])
    assert "collective_permute" not in text(PURE["data"])


@pytest.mark.parametrize("word", COMPARED)
@pytest.mark.parametrize(
    ("mesh", "rule"),
    [
        pytest.param(mesh, rule, id=f"{rule}-{name}", marks=[] if quick else [pytest.mark.slow])
        for name, mesh in MIXED.items()
        for rule in RULES
        for quick in [(rule == "sgd") == (mesh.sequence > 1)]
    ],
)
def test_every_axis_of_the_mesh_at_once(mesh, rule, word, assert_one_is_eight):
    assert_one_is_eight(word, rule, mesh)


@pytest.mark.parametrize("mesh", PURE.values(), ids=PURE)
@pytest.mark.parametrize(
    ("word", "rule"),
    [
        pytest.param(word, rule, marks=[] if quick else [pytest.mark.slow])
        for word in COMPARED
        for rule in RULES
        for quick in [rule == "sgd" and word in ("rnn", "hybrid")]
    ],
)
def test_every_axis_of_the_mesh_alone(word, rule, mesh, assert_one_is_eight):
    assert_one_is_eight(word, rule, mesh)


def test_parameters_and_optimizer_state_are_spread(first_states):
    setup = make_setup("rnn", "adam", EIGHT, 8)
    state = jax.device_put(first_states("rnn", "adam"), setup.shardings)
    for tree in (state.params, state.optimizer[0].mu, state.optimizer[0].nu):
        table = tree["frontend"]["embedding"]["embedding"]
        assert {shard.data.shape for shard in table.addressable_shards} == {(TOKENS, 4)}


def test_a_fresh_state_is_the_same_on_any_mesh():
    one, eight = (
        make_setup("rnn", "sgd", mesh, devices) for mesh, devices in ((MeshConfig(), 1), (EIGHT, 8))
    )
    state = eight.first_state()
    assert_close(jax.device_get(state), jax.device_get(one.first_state()))
    laid_out = jax.tree.map(lambda array, to: array.sharding == to, state, eight.shardings)
    assert all(jax.tree.leaves(laid_out))


def test_accumulated_gradients_are_those_of_the_whole_batch(assert_one_is_eight):
    assert_one_is_eight("rnn", "sgd", EIGHT, accumulate=2)


def test_parts_that_cannot_be_dealt_out_are_refused():
    with pytest.raises(UserError, match=r"train.batch_size / train.accumulate=4"):
        make_setup("rnn", "sgd", EIGHT, 8, accumulate=4)
