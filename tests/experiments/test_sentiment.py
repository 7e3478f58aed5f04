"""Models of equal size: paired differences to the bag, intervals over films, every line."""

import json

import numpy as np
import pytest

from experiments.details import packed
from experiments.sentiment import imdb, snippets
from experiments.sentiment.contest import entries, lines_of
from experiments.sentiment.films import RESULT, films_of_test
from experiments.sweep import Cell
from experiments.tuning import RATES, Tuned

SEEDS = 3
RIGHT = {"bag": 60, "lstm": 70}  # of 100 answers, one more with each seed


@pytest.fixture
def results(tmp_path):
    """Returns the models, and rows of which the highest learning rate is best."""
    models = {
        word: Tuned(Cell(f"configs/sentiment.py:{word}"), "accuracy", seeds=SEEDS)
        for word in ("bag", "lstm", "gru")
    }
    path = tmp_path / "results.jsonl"
    rows = [
        row_of(model.cell.where(optimizer__learning_rate=rate, seed=seed), rate, RIGHT[word] + seed)
        for word, model in models.items()
        if word in RIGHT
        for rate in RATES
        for seed in (range(SEEDS) if rate == RATES[-1] else [0])
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return models, path


def row_of(cell, rate, right):
    answers = np.arange(100) < right
    summary = {
        "valid": {"accuracy": rate},
        "test": {"accuracy": right / 100},
        "parameters": 1000,
        "parameters_outside_embedding": 100,
        "wall_seconds": 90.0,
    }
    summary["seed"] = dict(cell.settings)["seed"]
    config = {"optimizer": {"learning_rate": rate}}
    return {"id": cell.identity, "config": config, "summary": summary} | {
        "test_correct": packed(answers)
    }


def test_differences_are_paired_by_seed(results):
    found = entries(*results, None)
    assert list(found) == ["bag", "lstm"]
    assert found["bag"].difference is None
    difference = found["lstm"].difference
    assert (difference.mean, difference.pairs) == (10.0, SEEDS)
    assert difference.half_width == pytest.approx(5.9, abs=0.5)  # of 10 among 100 answers
    assert found["lstm"].adjusted_p == pytest.approx(2 * difference.p_value)  # the GRU counts, too


def test_a_seed_that_one_of_them_lacks_is_left_out(results):
    models, path = results
    second = models["bag"].repeats(path)[1]
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if second.identity not in line))
    difference = entries(models, path, None)["lstm"].difference
    assert (difference.mean, difference.pairs, difference.p_value) == (10.0, SEEDS - 1, 1.0)


def test_an_interval_over_films_is_the_wider_one(results):
    alone = entries(*results, None)["lstm"].interval
    films = entries(*results, np.arange(100) // 20)["lstm"].interval
    assert films[1] - films[0] > alone[1] - alone[0]


def test_lines_tell_the_models_and_what_to_compare_with(results):
    lines = lines_of(entries(*results, None), {"linear": 0.75})
    assert lines[2].startswith("| `bag` | 0.01 | 1,000 (100) | 3 | 61.0 ± 2.5 | ")
    assert lines[3].endswith(" | 1.5 |") and " | +10.0 ± " in lines[3]
    assert lines[4] == "| linear | | | | 75.0 | | | | |"


def test_the_films_are_those_of_the_test_snippets():
    assert json.loads(RESULT.read_text()) == films_of_test()


@pytest.mark.parametrize("models", [snippets.models(), imdb.models()], ids=["snippets", "imdb"])
def test_every_model_is_tuned_with_the_same_rates(models):
    for word, model in models.items():
        rates = [trial.resolve().optimizer.learning_rate for trial in model.trials()]
        assert rates == list(RATES) and model.cell.resolve().preset.startswith(word)
