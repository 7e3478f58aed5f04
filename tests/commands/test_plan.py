"""The plan of a step for a slice of TPUs. What compiles needs the TPU compiler, not a TPU."""

import dataclasses
import importlib.util
import json

import jax
import pytest

from seqjax.distributed.config import MeshConfig
from seqjax.models import ModelConfig
from seqjax.planning.search import meshes, search
from seqjax.planning.step import OutOfMemory, model_flops
from seqjax.training.config import Config

needs_compiler = pytest.mark.skipif(
    importlib.util.find_spec("libtpu") is None, reason="the TPU compiler, libtpu, is not installed"
)


@pytest.fixture(scope="module", autouse=True)
def on_this_platform():
    """Planning keeps JAX from looking for a TPU."""
    before = jax.config.jax_platforms
    yield
    jax.config.update("jax_platforms", before)


@pytest.mark.parametrize(
    ("topology", "said"),
    [
        ("", "--topology is missing"),
        ("v5e", "write GENERATION:AxB or AxBxC"),
        ("v5x:2x2", "did you mean 'v5"),
        ("v5p:4x4", "slices of v5p have 3"),
    ],
)
def test_a_slice_that_there_is_not_is_refused(command, flags, topology, said):
    command("plan", *flags(), f"--topology={topology}").assert_refused(said)


@needs_compiler
def test_the_compiler_says_which_shapes_there_are(command, flags):
    command("plan", *flags(), "--topology=v5e:3x3").assert_refused("v5e:3x3", "not divisible")


@needs_compiler
@pytest.mark.parametrize(("topology", "chips"), [("v5e:2x2", 4), ("v5p:2x2x1", 4)])
def test_a_plan(command, flags, topology, chips):
    found = command("plan", *flags("rnn"), f"--topology={topology}", "--tokens=1e6", "--json").json
    assert found["fits"] and found["chips"] == chips
    assert found["mesh"] == {"data": chips, "fsdp": 1, "tensor": 1, "sequence": 1}
    assert 0 < found["memory_per_chip"] < 2**30 < found["memory_of_chip"]
    assert found["step_seconds"] == found["compute_seconds"] + found["exchange_seconds"]
    assert found["hours"] == pytest.approx(1e6 / found["tokens_per_second"] / 3600)
    # The gradient's sum over devices is made after the loops over time.
    assert found["collectives"]["all-reduce"]["count"] > 0
    assert found["collectives"]["all-reduce"]["in_loops"] == 0


@needs_compiler
def test_a_step_that_does_not_fit_ends_with_status_3_and_a_remedy(command, flags):
    outcome = command("plan", *flags("rnn", model__width=200_000), "--topology=v5e:2x2", "--json")
    assert outcome.status == 3
    found = json.loads(outcome.out)
    assert not found["fits"] and found["memory_per_chip"] > 16 * 2**30
    assert "--search" in outcome.err


def test_flops_are_six_a_parameter_and_token_and_half_of_causal_attention():
    bag = ModelConfig(vocabulary_size=100, outputs=10, embedding_size=16, pattern=(), pool="mean")
    assert model_flops(bag, 8, 1000) == 6 * (16 * 10 + 10) * 1000

    config = dataclasses.replace(bag, pattern=("attention",), width=16, residual=True)
    full, causal = (
        model_flops(dataclasses.replace(config, causal=causal), 8, 1000) for causal in (False, True)
    )
    assert full - causal == 12 * 8 / 2 * 16 * 1000
    window = dataclasses.replace(config, pattern=("local_attention",), window=2)
    assert causal - model_flops(window, 8, 1000) == 12 * (8 / 2 - 2) * 16 * 1000


def test_meshes_cover_all_devices_and_divide_the_batch():
    shapes = [(m.data, m.fsdp, m.tensor, m.sequence) for m in meshes(16, 8)]
    assert len(set(shapes)) == len(shapes) > 2
    for data, fsdp, tensor, sequence in shapes:
        assert data * fsdp * tensor * sequence == 16 and 8 % (data * fsdp) == 0


def test_the_best_mesh_fits_and_is_fast():
    class Figures:
        def __init__(self, tokens, fits):
            self.tokens_per_second, self.fits = tokens, fits
            self.memory_per_chip, self.memory_of_chip, self.utilisation = 2.0**30, 2.0**30, 0.5

    by_mesh = {(4, 1, 1): Figures(9.0, False), (1, 4, 1): Figures(5.0, True)}

    def plan_of(config):
        mesh = config.mesh
        found = by_mesh.get((mesh.data, mesh.fsdp, mesh.tensor))
        if found is None:
            raise OutOfMemory(2.0**40)
        return found

    told = []
    base = Config(name="any", preset="bag")
    found = search(base, 4, plan_of, told.append)
    assert found[0][0].mesh == MeshConfig(data=1, fsdp=4)
    assert [type(plan) for _, plan in found] == [Figures, Figures, OutOfMemory, OutOfMemory][
        : len(found)
    ]
    assert len(told) == len(found)
