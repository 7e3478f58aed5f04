"""Which learning rate the stories get, and which tasks a mixer is said to fail."""

import json

import pytest

from experiments.babi import run as babi
from experiments.babi import shortcuts
from seqjax.data.stories import Line

GUESSED = (
    "| a guess that ignores who is asked about |  |  "
    "| 52.7 |  | 87.4 | 86.7 |  |  | qa1, qa6, qa9 |"
)


def test_the_rate_that_is_best_on_the_first_task_is_lent_to_the_others(tmp_path):
    results = tmp_path / "results.jsonl"
    assert babi.lent("gru", (4,), results) == []
    assert babi.table(results)[2:] == [GUESSED]
    trials = babi.tuned("gru").trials()
    rows = [
        row(trial, valid=valid, test={1: test})
        for trial, valid, test in zip(trials, (0.8, 0.9, 0.7), (0.99, 0.5, 0.99), strict=True)
    ]
    results.write_text("".join(rows))
    (fourth,) = babi.lent("gru", (4,), results)
    assert dict(fourth.settings)["optimizer.learning_rate"] == 0.003
    (joint,) = babi.trained("gru", babi.TOGETHER, results)
    joined = dict.fromkeys(babi.TASKS, 0.96) | {15: 0.2}
    rows += [row(fourth, valid=1.0, test={4: 1.0}), row(joint, valid=1.0, test=joined)]
    results.write_text("".join(rows))
    assert babi.table(results)[2:] == [
        "| `gru` | 0.001 | qa1, as a trial | 99.0 |  |  |  |  |  | – |",
        "| `gru` | 0.01 | qa1, as a trial | 99.0 |  |  |  |  |  | – |",
        "| `gru` | 0.003 | one task | 50.0 | 100.0 |  |  |  |  | qa1 |",
        "| `gru` | 0.003 | all | 96.0 | 96.0 | 96.0 | 96.0 | 20.0 | 96.0 | qa15 |",
        GUESSED,
    ]
    assert babi.solved(babi.ALONE, results) == {}
    assert babi.solved(babi.TOGETHER, results) == {"gru": 5}


def test_with_the_question_first_the_best_of_three_trials_runs_for_longer(tmp_path):
    results = tmp_path / "results.jsonl"
    assert babi.trained("gru", babi.QUESTION_FIRST, results) == []
    trials = babi.question_first("gru").trials()
    rows = [
        row(trial, valid=share, test=dict.fromkeys(babi.TASKS, share))
        for trial, share in zip(trials, (0.96, 0.97, 0.5), strict=True)
    ]
    results.write_text("".join(rows))
    (longer,) = babi.trained("gru", babi.QUESTION_FIRST, results)
    settings = dict(longer.settings)
    assert settings["optimizer.learning_rate"] == 0.003
    assert settings["train.steps"] == 3 * dict(trials[0].settings)["train.steps"]
    rows.append(row(longer, valid=0.99, test=dict.fromkeys(babi.TASKS, 0.99)))
    results.write_text("".join(rows))
    assert [line for line in babi.table(results) if " 0.003 " in line] == [
        "| `gru` | 0.003 | all, question first, as a trial "
        "| 97.0 | 97.0 | 97.0 | 97.0 | 97.0 | 97.0 | – |",
        "| `gru` | 0.003 | all, question first | 99.0 | 99.0 | 99.0 | 99.0 | 99.0 | 99.0 | – |",
    ]
    assert babi.solved(babi.QUESTION_FIRST, results) == {"gru": 6}


def test_a_guess_does_not_look_who_is_asked_about():
    told = [
        Line("Mary went back to the garden."),
        Line("Where is John?", "office"),
        Line("John is in the office."),
        Line("Mary got the milk there."),
        Line("Is Mary in the office?", "no"),
        Line("John is no longer in the office."),
        Line("Is John in the office?", "no"),
        Line("Where is John?", "kitchen"),
    ]
    assert list(shortcuts.guesses(told)) == [
        ("garden", "office"),
        ("yes", "no"),
        ("no", "no"),
        ("office", "kitchen"),
    ]


@pytest.mark.parametrize("task", shortcuts.TASKS)
def test_the_guesses_that_were_counted(shared_data, task):
    folder = str(shared_data / "babi_en10k")
    assert shortcuts.accuracies()[task] == shortcuts.accuracy(task, folder)


def row(cell, *, valid, test):
    """A line of results with the validation accuracy, and the test accuracy by task."""
    groups = {str(task): {"accuracy": share} for task, share in test.items()}
    summary = {"valid": {"accuracy": valid}}
    return json.dumps({"id": cell.identity, "summary": summary, "test_by_group": groups}) + "\n"
