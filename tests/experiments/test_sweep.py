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


def test_a_skipped_cell_that_now_may_take_its_time_is_run(cell, tmp_path, monkeypatch):
    path = tmp_path / "results.jsonl"
    skipped = {"id": cell.identity, "skipped": {"estimated_seconds": 700, "most_seconds": 600}}
    path.write_text(json.dumps(skipped) + "\n")
    monkeypatch.setattr(
        sweep, "run_cell", lambda cell, console: {"id": cell.identity, "summary": {}}
    )
    run_cells([cell], path, QUIET)
    assert rows_of([cell], path) == []
    run_cells([dataclasses.replace(cell, most_seconds=800.0)], path, QUIET)
    assert len(rows_of([cell], path)) == 1


def test_a_cell_that_diverges_says_so_and_others_go_on(cell, tmp_path):
    wild = cell.where(optimizer__name="sgd", optimizer__learning_rate=1e38)
    path = tmp_path / "results.jsonl"
    run_cells([wild, cell.where(seed=3)], path, QUIET)
    assert "is not finite" in read_rows(path)[wild.identity]["diverged"]
    assert rows_of([wild], path) == [] and len(rows_of([cell.where(seed=3)], path)) == 1


def test_the_best_of_trials_is_known_when_all_have_ended(cell, tmp_path):
    model, path = Tuned(cell, "loss", sign=-1), tmp_path / "results.jsonl"
    ends = [
        {"diverged": "The loss is not finite"},
        {"summary": {"valid": {"loss": 0.5}}},
        {"summary": {"valid": {"loss": float("nan")}}},
    ]

    def write(ends):
        rows = [
            {"id": trial.identity} | end for trial, end in zip(model.trials(), ends, strict=True)
        ]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))

    write(ends)
    assert model.rate(path) == RATES[1]
    write([*ends[:2], {"skipped": {"estimated_seconds": 700, "most_seconds": 600}}])
    assert model.chosen(path) is None
    write([ends[0]] * 3)
    assert model.chosen(path) is None


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
    for stage in stages([model]):
        run_cells(stage(path), path, QUIET)
    assert [(row["rate"], row["seed"]) for row in model.rows(path)] == [
        (RATES[1], seed) for seed in range(4)
    ]
    assert len(path.read_text().splitlines()) == len(RATES) + 3
    assert all(json.loads(line) for line in path.read_text().splitlines())
