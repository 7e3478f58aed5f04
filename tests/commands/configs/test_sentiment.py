"""Every preset trains, is evaluated, and predicts: one of each family within the suite."""

import pytest

from seqjax.models.presets import PATTERNS

QUICK = ("bag", "rnn", "paralstm", "gated_deltanet", "hybrid")


@pytest.mark.parametrize(
    "word", [pytest.param(w, marks=[] if w in QUICK else pytest.mark.slow) for w in PATTERNS]
)
def test_every_preset(command, two_steps, tiny, word):
    summary, workdir = two_steps(f"sentiment.py:{word}", tiny)
    assert 0 < summary["test"]["loss"] < 5
    answers = command("predict", workdir, stdin=b"a good film\n\n").out.splitlines()
    assert [line.split("\t")[0] in ("fresh", "rotten") for line in answers] == [True, True]
