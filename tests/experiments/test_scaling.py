"""Scaling: the law that is fitted, the groups of positions, one learning rate a mixer."""

import dataclasses

import numpy as np
import pytest
from rich.console import Console

from experiments.scaling.run import METRIC, MIXERS, SIZES, STEPS, by_place, cell, exponent, tuned
from experiments.sweep import run_cells


def rows(loss):
    return [{"summary": {"valid": {METRIC: loss}}}]


def test_a_power_law_is_found_again():
    assert exponent({n: rows(7.0 * n**-0.25) for n in SIZES}) == pytest.approx(0.25)


def test_positions_are_grouped_and_weighed_by_their_counts():
    loss, count = np.arange(256.0), np.ones(256)
    loss[3], count[3] = 100.0, 0.0  # nobody was asked there
    first, second, *_, last = by_place({"valid_by_position": {"loss": loss, "count": count}})
    assert first == 0.0
    assert second == pytest.approx(np.mean([n for n in range(1, 16) if n != 3]))
    assert last == pytest.approx(np.mean(np.arange(128, 256)))


@pytest.mark.parametrize("mixer", MIXERS)
def test_every_cell_is_the_model_that_it_says(mixer):
    smallest = cell(mixer, SIZES[0], STEPS[0]).resolve()
    assert smallest.preset == f"{mixer}-{SIZES[0]}"
    assert smallest.train.evaluate_every * 4 == smallest.train.steps == STEPS[0]


def test_the_rate_of_a_mixer_is_that_of_its_best_trial(tmp_path, monkeypatch):
    results = tmp_path / "results.jsonl"
    other = cell("lstm", SIZES[0], STEPS[0])
    assert tuned("lstm").lend(other, results) == []

    def pretended(cell, console):
        return {"id": cell.identity} | rows(dict(cell.settings)["optimizer.learning_rate"])[0]

    monkeypatch.setattr("experiments.sweep.run_cell", pretended)
    run_cells(tuned("lstm").trials(), results, Console(quiet=True))
    (found,) = tuned("lstm").lend(other, results)
    assert dict(found.settings)["optimizer.learning_rate"] == tuned("lstm").rate(results) == 1e-3
    assert dataclasses.replace(found, settings=other.settings) == other
