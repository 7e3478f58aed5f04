"""The table of applications: what ran, what was too long, what to compare both with."""

import pytest

from experiments.applications.run import APPLICATIONS, Application, cells_of, lines_of
from experiments.sweep import Cell

CELLS = {word: Cell(f"configs/forecast.py:{word}") for word in ("lstm", "lru", "gru")}
FORECAST = Application(
    cells=CELLS,
    metrics=("mse", "accuracy"),
    lines={"as published": {"mse": 0.5}},
    measures={"linear map": "linear_"},
)


@pytest.mark.parametrize("name", APPLICATIONS)
def test_every_cell_is_a_command_with_its_budget(name):
    first, *_ = cells_of(name)
    assert first.resolve().name == name.partition(",")[0]
    assert first.most_seconds == 60 * APPLICATIONS[name].minutes


def test_lines_tell_what_ran_what_was_too_long_and_what_to_compare_with():
    summary = {
        "parameters": 1234,
        "parameters_outside_embedding": 1000,
        "wall_seconds": 90.0,
        "test": {"mse": 0.25, "accuracy": 0.5, "loss": 1.0},
    }
    measured = {"linear_mse": 0.125, "linear_mae": 1.0, "last_value_mse": 2.0}
    rows = {
        CELLS["lstm"].identity: {"summary": summary, "test_measures": measured},
        CELLS["lru"].identity: {"skipped": {"estimated_seconds": 7200}},
    }
    assert list(lines_of("x", FORECAST, rows)) == [
        "| x | `lstm` | 1,234 (1,000) | mse 0.250, accuracy 50.00% | 1.5 |",
        "| x | `lru` | | not run: about 120 minutes | |",
        "| x | as published | | mse 0.500 | |",
        "| x | linear map | | mse 0.125 | |",
    ]
    assert list(lines_of("x", FORECAST, {})) == ["| x | as published | | mse 0.500 | |"]
