"""Text classification beside `sentiment`, on files that stand for the sets."""

import pytest


@pytest.mark.parametrize("preset", ["imdb.py:mingru", "trec.py:rnn"])
def test_two_steps_on_tables(command, two_steps, tiny, preset):
    summary, workdir = two_steps(preset, tiny | {"data.label_column": "label"})
    assert 0 < summary["test"]["loss"] < 5
    assert len(command("predict", workdir, stdin=b"a good film\n\n").out.splitlines()) == 2


def test_two_steps_on_trees(command, two_steps, tiny, tmp_path):
    trees = {
        f"data.{split}": str(tmp_path / f"{split}.txt") for split in ("train", "valid", "test")
    }
    for path in trees.values():
        with open(path, "w") as file:
            file.write("(3 (2 a) (4 (4 good) (2 film)))\n(1 (2 a) (0 (0 bad) (2 film)))\n" * 8)
    summary, workdir = two_steps("sst2.py:rnn", tiny | trees | {"data.source": "trees"})
    assert 0 < summary["test"]["loss"] < 5
    said = command("predict", workdir, stdin=b"a good film\n").out
    assert said.split("\t")[0] in ("positive", "negative")
