"""The models for slices of TPUs: small ones train here, all have the sizes they are called."""

import dataclasses
import importlib.util

import jax
import pytest

from experiments.sweep import Cell
from seqjax import models
from seqjax.data.facts import DataFacts
from seqjax.tasks import make_task

WORDS = ("transformer", "hybrid", "lstm")
SMALL = {"data.synthetic_tokens": 1000, "data.length": 16, "data.context": 8, "model.heads": 2}
SMALL |= dict.fromkeys(("model.embedding_size", "model.width", "model.inner_size"), 16)
SMALL |= {"model.feed_forward_size": 16}
# The shortest sequences and the smallest heads that the kernel for TPUs serves.
SERVED = {"data.length": 128, "model.heads": 1}
SERVED |= dict.fromkeys(("model.embedding_size", "model.width", "model.inner_size"), 128)


def complete(preset):
    config = Cell(f"configs/lm_pod.py:{preset}").resolve()
    sizes = {"tokens": (config.data.length + 1,)}
    facts = DataFacts("synthetic", "", (), config.data.vocabulary_size, sizes, {}, ())
    return dataclasses.replace(config, model=make_task(config.task).complete(config.model, facts))


def test_two_steps(two_steps):
    summary, _ = two_steps("lm_pod.py:hybrid,size=tiny", SMALL)
    assert 5 < summary["valid"]["loss"] < 9


@pytest.mark.parametrize(("size", "parameters"), [("200m", 2e8), ("1b", 1e9), ("7b", 7e9)])
def test_sizes_are_what_they_are_called(size, parameters):
    counts = []
    for word in WORDS:
        config = complete(f"{word},size={size}")
        total, outside = models.count_parameters(config.model)
        assert total == pytest.approx(parameters, rel=0.1)
        assert (config.train.batch_size, config.data.length) == (1024, 2048)
        assert config.model.vocabulary_size % 128 == 0 and config.model.dtype == "bfloat16"
        # Twenty tokens a parameter.
        tokens = config.train.steps * config.train.batch_size * config.data.length
        assert tokens == pytest.approx(20 * total, rel=0.15)
        counts.append(outside)
    assert max(counts) < 1.02 * min(counts)


@pytest.mark.parametrize(
    ("preset", "said"),
    [("gru", "lstm"), ("lstm,size=2b", "size='2b'"), ("lstm,size", "size=VALUE")],
)
def test_what_there_is_not_is_refused(command, preset, said):
    command("plan", f"--config=configs/lm_pod.py:{preset}").assert_refused(said)


@pytest.mark.skipif(
    importlib.util.find_spec("libtpu") is None, reason="the TPU compiler, libtpu, is not installed"
)
@pytest.mark.parametrize("word", WORDS)
def test_every_word_has_a_plan(command, word):
    small = [f"--config.{path}={value}" for path, value in (SMALL | SERVED).items()]
    config = f"--config=configs/lm_pod.py:{word},size=tiny"
    with jax.default_matmul_precision("default"):  # the kernel's own, in bfloat16
        plan = command("plan", config, *small, "--topology=v5e:2x2", "--json").json
    assert plan["fits"] and plan["step_seconds"] > plan["exchange_seconds"] > 0
    assert (plan["kernel_seconds"] > 0) == (word != "lstm")
