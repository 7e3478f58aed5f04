"""What `--quick` of the experiments does, in an even smaller form; no row is written."""

from dataclasses import replace

import pytest
from absl.flags import FlagValues

from experiments import command
from experiments.ablations import run as ablations
from experiments.crossover import run as crossover
from experiments.gradients import run as gradients
from experiments.gradients import trained
from experiments.long_range import run as long_range
from experiments.sentiment import run as sentiment
from experiments.sweep import ROOT

pytestmark = pytest.mark.usefixtures("quickly")
EXPERIMENTS = (ablations, crossover, gradients, trained, long_range, sentiment)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(command, "QUICK_CELLS", 1)
    monkeypatch.setattr(command, "QUICK", command.QUICK | {"train__steps": 1})
    monkeypatch.setattr(crossover, "QUICK", replace(crossover.QUICK, lengths=(8,)))
    monkeypatch.setattr(gradients, "QUICK_SETTINGS", ("attention",))


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda module: module.__name__)
def test_the_quick_version_measures_and_keeps_nothing(experiment, capsys):
    before = {path: path.read_bytes() for path in ROOT.glob("experiments/*/results.jsonl")}
    define = getattr(experiment, "define_flags", command.define_flags)
    values = FlagValues()
    define(values)
    values(["run", "--quick"])
    experiment.main(values)
    assert "'id'" in (said := capsys.readouterr().out) or '"id"' in said
    assert {path: path.read_bytes() for path in ROOT.glob("experiments/*/results.jsonl")} == before
