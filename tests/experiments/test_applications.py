"""The table of applications: what ran, what was too long, what to compare both with."""

import pytest

from experiments.applications.catalogue import APPLICATIONS, Application
from experiments.applications.run import EVERY, cells_of, lines_of, measured, shown
from experiments.sweep import Cell

TOO_LONG = {"estimated_seconds": 7200, "most_seconds": 3600}
CELLS = {word: Cell(f"configs/forecast.py:{word}") for word in ("lstm", "lru", "gru")}
FORECAST = Application(
    cells=CELLS,
    metrics=("mse", "accuracy"),
    lines={"as published": {"mse": 0.5}},
    measures={"linear map": "linear_"},
)


@pytest.mark.parametrize("name", EVERY)
def test_every_cell_is_a_command_with_its_budget(name):
    first, *_ = cells_of(name)
    assert first.resolve().name == name.partition(",")[0]
    assert first.most_seconds == 60 * EVERY[name].minutes


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
        CELLS["lru"].identity: {"skipped": TOO_LONG},
    }
    assert list(lines_of("x", FORECAST, rows)) == [
        "| x | `lstm` | 1,234 (1,000) | mse 0.250, accuracy 50.0% | 1.5 |",
        "| x | `lru` | | not run: about 120 minutes, of 60 | |",
        "| x | as published | | mse 0.500 | |",
        "| x | linear map | | mse 0.125 | |",
    ]
    assert list(lines_of("x", FORECAST, {})) == ["| x | as published | | mse 0.500 | |"]


def test_translations_are_told_with_their_bleu():
    application = APPLICATIONS["translation"]
    row = {
        "summary": {"test": {"loss": 1.0}},
        "test_bleu": {"bleu": 33.333, "greedy_bleu": 32.5, "state_bytes_per_pair": 102016},
    }
    assert shown(application, measured(application, row)) == (
        "bleu 33.3, greedy bleu 32.5, state bytes per pair 102,016"
    )


def test_tasks_that_are_learned_together_are_told_one_by_one():
    application = APPLICATIONS["babi, qa6 and qa9"]
    row = {
        "summary": {"test": {"accuracy": 0.75}},
        "test_by_group": {"6": {"accuracy": 0.5}, "9": {"accuracy": 1.0}},
    }
    assert shown(application, measured(application, row)) == (
        "accuracy 75.0%, qa6 accuracy 50.0%, qa9 accuracy 100.0%"
    )
