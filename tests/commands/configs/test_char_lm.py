"""Presets train, are evaluated, and write text; on a terminal piece by piece."""

import hashlib
import platform
import random
import sys

import pytest

from seqjax.data import pydoc_topics


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    """Returns settings of a tiny run on a file of made-up sentences."""
    path = tmp_path_factory.mktemp("texts") / "text.txt"
    words = random.Random(0).choices(["a", "model", "writes", "what\n", "it", "reads."], k=400)
    path.write_text(" ".join(words))
    sizes = dict.fromkeys(("embedding_size", "width", "feed_forward_size", "inner_size"), 8)
    return {
        "data.source": "files",
        "data.train": str(path),
        "data.length": 16,
        "data.context": 8,
        **{f"model.{name}": size for name, size in sizes.items()},
        "model.heads": 2,
        "train.batch_size": 8,
    }


@pytest.mark.parametrize("word", ["bag", "rnn", "transformer"])
def test_presets_train_and_write(command, two_steps, text, word, monkeypatch):
    summary, workdir = two_steps(f"char_lm.py:{word}", text)
    assert 2 < summary["valid"]["nats_per_character"] < 5
    assert summary["valid"]["bits_per_character"] > summary["valid"]["nats_per_character"]
    assert "test" not in summary  # a file alone gives none
    options = (workdir, "--length=20", "--top_k=5", "--seed=3")
    prompts = b"a model\n\nit reads."
    written = command("predict", *options, stdin=prompts).out
    assert written.startswith("a model") and "it reads." in written
    assert command("predict", *options, stdin=prompts).out == written
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("seqjax.predict.answers", None)  # nothing comes all at once
    assert command("predict", *options, stdin=prompts).out == written


def test_figures_on_pythons_help_texts_name_the_version_and_the_texts(two_steps, text):
    settings = text | {"data.source": "pydoc_topics", "data.train": ""}
    summary, _ = two_steps("char_lm.py:bag", settings)
    topics = "\0".join(pydoc_topics.read_topics().values())
    assert summary["data_origin"] == {
        "python": platform.python_version(),
        "sha256": hashlib.sha256(topics.encode()).hexdigest(),
    }
