"""Presets train on sentence pairs, are scored, and translate what is typed."""

import pytest

from experiments.sweep import Cell
from seqjax.data.facts import DataFacts
from seqjax.tasks import make_task


@pytest.fixture(scope="module")
def sentences(tmp_path_factory):
    """Returns settings of a tiny run on files of made-up sentences."""
    folder = tmp_path_factory.mktemp("sentences")
    numbers = range(16)
    (folder / "train.en").write_text("".join(f"the house {n}\n" for n in numbers))
    (folder / "train.de").write_text("".join(f"das Haus {n}\n" for n in numbers))
    sizes = {"embedding_size": 8, "width": 8, "feed_forward_size": 8, "heads": 2}
    return {
        "data.source": "files",
        "data.train": folder / "train.en",
        "data.test": folder / "train.en",
        "data.tokenizer": "word",
        "data.vocabulary_size": 30,
        "data.max_length": 8,
        "data.buckets": 1,
        **{
            f"model.{side}.{name}": n
            for side in ("encoder", "decoder")
            for name, n in sizes.items()
        },
        "train.batch_size": 8,
    }


def test_two_steps(command, two_steps, sentences):
    summary, workdir = two_steps("translation.py:transformer", sentences)
    assert 0 < summary["test"]["loss"] < 10
    found = command("evaluate", workdir, "--beams=2").json
    assert found["loss"] == pytest.approx(summary["test"]["loss"], rel=1e-5)
    assert 0 <= found["bleu"] <= 100 and "tok:13a" in found["bleu_signature"]
    assert found["state_bytes_per_pair"] > 0
    typed = b"the house 3\nthe house\n"
    said = command("predict", workdir, "--beams=2", "--length_penalty=0", stdin=typed).out
    assert said.count("\n") == 2
    command("evaluate", workdir, "--beams=0").assert_refused("--beams=0")


@pytest.mark.parametrize("word", ["lru", "lstm_without_attention"])
def test_any_mixer_translates(word):
    facts = DataFacts("files", "", (), 65, {"source": (20,), "target": (20,)}, {}, ())
    config = Cell(f"configs/translation.py:{word},size=tiny").resolve()
    model = make_task(config.task).complete(config.model, facts)
    assert (model.encoder.vocabulary_size, model.decoder.outputs) == (65, 65)
    assert model.decoder.cross_attention == ("without" not in word)
