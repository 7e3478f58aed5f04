"""Larger cells: their size and length, and where later stages find their rows."""

import dataclasses
from pathlib import Path

import pytest
from absl.flags import FlagValues

from experiments import command
from experiments.scaled import Scaled, scaled, scaled_results
from experiments.sweep import Cell, read_rows
from experiments.tuning import Tuned, stages
from seqjax.models.matching import outside

PARITY = Cell("configs/parity.py:lstm,batch_size=16").where(
    train__steps=100, train__evaluate_every=50
)


@pytest.mark.parametrize(
    "cell",
    [
        PARITY,
        dataclasses.replace(PARITY, config="configs/parity.py:lstm,size=50_000,batch_size=16"),
    ],
    ids=["default size", "a size of its own"],
)
def test_the_larger_model_has_so_many_times_the_parameters_and_steps(cell):
    usual, larger = cell.resolve(), Scaled(cell, 3).larger.resolve()
    assert outside(larger.model) == pytest.approx(3 * outside(usual.model), rel=0.02)
    assert (larger.train.steps, larger.train.evaluate_every) == (300, 150)
    assert larger.train.batch_size == 16
    assert larger.data == usual.data


def test_epochs_are_multiplied_and_a_bag_has_no_blocks_to_enlarge():
    bag = Cell("configs/imdb.py:bag")
    larger = Scaled(bag, 4).larger.resolve()
    assert larger.train.epochs == 4 * bag.resolve().train.epochs
    assert larger.model == bag.resolve().model


def test_a_factor_of_one_changes_nothing():
    assert scaled([PARITY], 1) == [PARITY]
    assert scaled_results(Path("results.jsonl"), 1) == Path("results.jsonl")


def test_repeats_take_the_learning_rate_that_is_best_at_the_larger_size(tmp_path, monkeypatch):
    """Rows are in their own file, under the identities of the cells themselves."""

    def pretended(cell, console):
        rate = dict(cell.settings)["optimizer.learning_rate"]
        row = {"id": cell.identity, "command": cell.command}
        return row | {"summary": {"valid": {"accuracy": rate}}}

    monkeypatch.setattr("experiments.sweep.run_cell", pretended)
    model, results = Tuned(PARITY, "accuracy", seeds=2), tmp_path / "results.jsonl"
    values = FlagValues()
    command.define_scalable_flags(values)
    values(["run", "--scale=5"])
    command.run_stages(values, stages([model]), results, lambda results: [str(results)])
    assert not results.exists()
    found = scaled_results(results, 5)
    assert model.rate(found) == 1e-2
    assert len(model.rows(found)) == 2
    assert all("--config.train.steps=500" in row["command"] for row in read_rows(found).values())
