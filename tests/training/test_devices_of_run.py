"""When a CPU that was divided unasked is used as one device after all."""

from dataclasses import replace

import jax
import pytest

from experiments.peers.seqjax_peer import facts_of
from experiments.sweep import Cell
from seqjax.data.facts import SplitFacts
from seqjax.distributed.config import MeshConfig
from seqjax.distributed.cores import VARIABLE
from seqjax.training.devices import devices_of_run


@pytest.fixture
def count(monkeypatch):
    """Returns `count(word, steps, mesh)`: the devices that a run has, of eight."""
    monkeypatch.delenv(VARIABLE)

    def devices(
        word: str, steps: int, mesh: MeshConfig | None = None, mean_length: float = 0.0
    ) -> int:
        config = Cell(f"configs/sentiment.py:{word}").resolve()
        facts = facts_of({"batch": 32, "time": steps, "vocabulary_size": 10_000})
        facts = replace(facts, splits={"train": SplitFacts(32, mean_length=mean_length)})
        return len(devices_of_run(replace(config, mesh=mesh or config.mesh), facts))

    return devices


def test_a_short_step_or_one_without_a_recurrence_is_not_shared(count):
    assert count("rnn", 256) == jax.device_count() == 8
    assert count("transformer", 512) == 8
    assert count("lstm", 63) == count("rnn", 255) == 1
    assert count("bag", 512) == 1
    assert count("lstm", 512, mean_length=20.0) == 1


def test_what_somebody_has_said_stays(count, monkeypatch):
    assert count("bag", 32, MeshConfig(cpu_devices=8)) == 8
    assert count("bag", 32, MeshConfig(data=8)) == 8
    monkeypatch.setenv(VARIABLE, "8")
    assert count("bag", 32) == 8
