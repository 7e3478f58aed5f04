"""No device waits for another inside a loop over time: read from the compiled train step."""

import importlib.util

import jax
import jax.numpy as jnp
import pytest

from seqjax.data.facts import DataFacts, SplitFacts
from seqjax.distributed.config import MeshConfig
from seqjax.distributed.shardings import batch_sharding
from seqjax.models import ModelConfig
from seqjax.planning import program
from seqjax.planning.topology import describe_slice
from seqjax.training.config import Config, TrainConfig
from seqjax.training.setup import Setup

BATCH, TIME, TOKENS, SIZE = 16, 32, 24, 16
# Which machine code comes out of a program, in which the exchanges have their places by then.
QUICKLY = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
FACTS = DataFacts(
    "files",
    "",
    ("no", "yes"),
    TOKENS,
    {"tokens": (TIME,)},
    {"train": SplitFacts(BATCH, (8, 8), TIME, TIME, 0.0, 0.0)},
    (),
)
MESHES = {"data": MeshConfig(data=-1), "fsdp": MeshConfig(data=1, fsdp=-1)}
PLATFORMS = [
    "cpu",
    pytest.param(
        "tpu",
        marks=pytest.mark.skipif(
            importlib.util.find_spec("libtpu") is None,
            reason="the TPU compiler, libtpu, is not installed",
        ),
    ),
]


@pytest.fixture(scope="module")
def devices():
    """Returns a function that gives devices of a platform, those of a TPU being only described."""
    before = jax.config.jax_platforms
    yield lambda platform: jax.devices() if platform == "cpu" else describe_slice("v5e:2x2").devices
    jax.config.update("jax_platforms", before)


def compiled_step(cell, mesh, devices):
    """The text of the compiled train step of one recurrent layer."""
    model = ModelConfig(pattern=(cell,), embedding_size=SIZE, width=SIZE)
    train = TrainConfig(batch_size=BATCH, steps=5)
    setup = Setup(Config("test", cell, model=model, train=train, mesh=mesh), FACTS, devices)
    rows = batch_sharding(setup.mesh, setup.config.mesh)
    shapes = {
        "tokens": ((BATCH, TIME), jnp.int32),
        "tokens_length": ((BATCH,), jnp.int32),
        "label": ((BATCH,), jnp.int32),
        "weight": ((BATCH,), jnp.float32),
    }
    batch = {name: jax.ShapeDtypeStruct(*shape, sharding=rows) for name, shape in shapes.items()}
    arguments = setup.abstract_state(), batch, jax.eval_shape(setup.hyperparameters)
    with setup.context():
        lowered = setup.train_step().lower(*arguments)
        return lowered.compile(QUICKLY if devices[0].platform == "cpu" else {}).as_text()


@pytest.mark.parametrize("mesh", MESHES)
@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_the_gradient_is_summed_over_devices_outside_the_loop_over_time(
    cell, platform, mesh, devices
):
    text = compiled_step(cell, MESHES[mesh], devices(platform))
    assert program.sequential_steps(text) >= 2 * TIME  # there is one, forward and backward
    found = program.collectives(text)
    assert [each for each in found if each.loops] == []
    kinds = {each.kind for each in found}
    summed = {"all-reduce"} if mesh == "data" else {"all-reduce", "reduce-scatter"}
    assert kinds & summed
    assert ("all-gather" in kinds) == (mesh == "fsdp")


def test_a_sum_inside_the_loop_over_time_would_be_found(devices):
    """Differentiating the scan itself sums the weight's gradient over devices in every step."""
    mesh = jax.make_mesh((8,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))
    spread = jax.NamedSharding(mesh, jax.P(None, "data"))
    whole = jax.NamedSharding(mesh, jax.P())

    def loss(weight, inputs):
        def step(h, x):
            h = jnp.tanh(h @ weight + x)
            return h, h

        return jax.lax.scan(step, jnp.zeros(inputs.shape[1:]), inputs)[1].sum()

    gradient = jax.jit(jax.grad(loss), in_shardings=(whole, spread), out_shardings=whole)
    text = gradient.lower(jnp.zeros((SIZE, SIZE)), jnp.zeros((TIME, BATCH, SIZE))).compile()
    assert any(each.loops and each.times >= TIME for each in program.collectives(text.as_text()))
