"""Every preset trains and is evaluated, and what was trained predicts."""

import pytest

from seqjax.models.presets import PATTERNS


@pytest.mark.parametrize("word", PATTERNS)
def test_every_preset(two_steps, tiny, word):
    summary, _ = two_steps(f"sentiment.py:{word}", tiny)
    assert 0 < summary["test"]["loss"] < 5


def test_what_was_trained_answers(command, two_steps, tiny):
    _, workdir = two_steps("sentiment.py:bag", tiny)
    answers = command("predict", workdir, stdin=b"a good film\n\n").out.splitlines()
    assert [line.split("\t")[0] in ("fresh", "rotten") for line in answers] == [True, True]
