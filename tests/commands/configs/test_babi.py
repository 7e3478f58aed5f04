"""Presets answer questions about stories, of each task and of what is typed."""

import pytest

TINY = {
    "data.tasks": "(1,15)",
    "data.train_rows": 8,
    "data.valid_rows": 4,
    "data.test_rows": 4,
    "data.buckets": 1,
    "train.batch_size": 8,
    **{f"model.{n}": 8 for n in ("embedding_size", "width", "feed_forward_size", "inner_size")},
    "model.heads": 2,
}


def test_two_steps(command, two_steps):
    summary, workdir = two_steps("babi.py:rnn", TINY)
    assert 0 < summary["test"]["loss"] < 10
    found = command("evaluate", workdir, "--by_group").json
    assert list(found["by_group"]) == ["1", "15"]
    # Five questions in a story of the one, four in one of the other.
    losses = [found["by_group"][group]["loss"] for group in ("1", "15")]
    assert found["loss"] == pytest.approx((5 * losses[0] + 4 * losses[1]) / 9, rel=1e-5)
    typed = b"Mary went to the office. Where is Mary?\nEmily is a cat. What is emily afraid of?\n"
    said = command("predict", workdir, stdin=typed).out.splitlines()
    assert len(said) == 2 and all(word.isalpha() for word in said)
    command("predict", workdir, stdin=b"Mary. " * 99).assert_refused("198 steps")


def test_questions_before_their_stories(command, two_steps):
    summary, workdir = two_steps("babi.py:rnn", TINY | {"data.questions": "first"})
    assert summary["test"]["accuracy"] == summary["test"]["solved"]  # a row has one question
    typed = b"Mary went to the office. Where is Mary?\n"
    assert command("predict", workdir, stdin=typed).out.strip().isalpha()


def test_groups_of_other_data(command, one_run):
    command("evaluate", f"--workdir={one_run}", "--by_group").assert_refused("--by_group needs")
