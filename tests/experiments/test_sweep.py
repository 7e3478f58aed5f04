"""Cells run once, resume, are skipped where they are too long, and leave rows that say it all."""

import dataclasses
import json

import pytest
from rich.console import Console

from experiments import sweep
from experiments.details import unpacked
from experiments.sweep import Cell, read_rows, rows_of, run_cells
from experiments.tuning import RATES, Tuned, stages

QUIET = Console(quiet=True)


@pytest.fixture(scope="module")
def cell(tmp_path_factory, reviews):
    """Returns a training run of a second."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sweep, "RUNS", tmp_path_factory.mktemp("runs"))
        yield Cell("configs/sentiment.py:bag", details=("test_correct",)).where(
            data__source="files",
            **{f"data__{name}": str(path) for name, path in reviews.items()},
            train__epochs=2,
            train__batch_size=16,
            model__embedding_size=8,
        )


@pytest.fixture(scope="module")
def results(cell, tmp_path_factory):
    """Returns the rows of two seeds."""
    path = tmp_path_factory.mktemp("sweep") / "results.jsonl"
    run_cells([cell.where(seed=seed) for seed in range(2)], path, QUIET)
    return path


def test_a_row_says_what_was_run_on_what(cell, results):
    row = rows_of([cell.where(seed=1)], results)[0]
    assert row["command"].endswith("--config.seed=1")
    assert row["config"]["seed"] == row["summary"]["seed"] == 1
    assert {"device", "versions"} <= row["summary"].keys()
    assert [point["step"] for point in row["curve"]] == [4, 8]


def test_the_answers_of_a_row_are_those_of_its_accuracy(cell, results):
    row = rows_of([cell.where(seed=0)], results)[0]
    assert unpacked(row["test_correct"]).mean() == pytest.approx(row["summary"]["test"]["accuracy"])


def test_cells_run_once_and_a_cut_off_row_is_made_again(cell, results, monkeypatch):
    rows = read_rows(results)
    ran = []
    monkeypatch.setattr(
        sweep, "run_cell", lambda cell, console: ran.append(cell) or {"id": cell.identity}
    )
    cells = [cell.where(seed=seed) for seed in range(2)]
    run_cells(cells, results, QUIET)
    assert not ran
    whole = results.read_text()
    results.write_text(whole[:-20])
    run_cells(cells, results, QUIET)
    assert ran == [cells[1]]
    results.write_text(whole)
    assert read_rows(results) == rows


def test_a_cell_that_takes_too_long_is_skipped_and_says_so(cell, tmp_path):
    cell = dataclasses.replace(cell, most_seconds=0.0)
    path = tmp_path / "results.jsonl"
    run_cells([cell], path, QUIET)
    (row,) = read_rows(path).values()
    assert row["skipped"]["estimated_seconds"] > 0
    assert rows_of([cell], path) == []


def test_no_cell_begins_after_its_time(cell, tmp_path):
    run_cells([cell], tmp_path / "results.jsonl", QUIET, minutes=-1.0)
    assert not (tmp_path / "results.jsonl").exists()


def test_the_best_learning_rate_of_the_validation_split_is_repeated(cell, tmp_path, monkeypatch):
    def pretended(cell, console):
        config = dict(cell.settings)
        rate, seed = config["optimizer.learning_rate"], config["seed"]
        # What is best on test must not be chosen.
        scores = {"valid": {"loss": abs(rate - RATES[1])}, "test": {"loss": rate}}
        return {"id": cell.identity, "rate": rate, "seed": seed, "summary": scores}

    monkeypatch.setattr(sweep, "run_cell", pretended)
    model = Tuned(cell, "loss", sign=-1, seeds=4)
    path = tmp_path / "results.jsonl"
    assert model.repeats(path) == []
    for stage in stages([model], path):
        run_cells(stage(), path, QUIET)
    assert [(row["rate"], row["seed"]) for row in model.rows(path)] == [
        (RATES[1], seed) for seed in range(4)
    ]
    assert len(path.read_text().splitlines()) == len(RATES) + 3
    assert all(json.loads(line) for line in path.read_text().splitlines())
