"""Labelled trees: their phrases, against a parser written as a grammar, and what is no tree."""

import gzip
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqjax.data import trees
from seqjax.data.labelled_text import LabelledTextConfig
from seqjax.errors import UserError

WORDS = st.text("abc.,-", min_size=1, max_size=4)
LABELS = st.sampled_from("01234")
TREES = st.recursive(
    st.tuples(LABELS, WORDS),
    lambda inner: st.tuples(LABELS, st.lists(inner, min_size=1, max_size=3)),
)


def written(tree) -> str:
    label, inside = tree
    return f"({label} {inside if isinstance(inside, str) else ' '.join(map(written, inside))})"


def phrases(tree) -> list[tuple[str, str]]:
    label, inside = tree
    if isinstance(inside, str):
        return [(label, inside)]
    below = [phrases(part) for part in inside]
    return [*chain(*below), (label, " ".join(part[-1][1] for part in below))]


@given(TREES)
def test_every_phrase_of_a_tree_has_its_label(tree):
    assert list(trees.phrases_of(written(tree), "x")) == phrases(tree)


def test_brackets_quotation_marks_and_slashes_are_read_as_they_were_written():
    tree = "(2 (2 -LRB-) (2 (2 ``) (2 (2 and\\/or) (2 (2 '') (2 -RRB-)))))"
    assert list(trees.phrases_of(tree, "x"))[-1] == ("2", '( " and/or " )')


@pytest.mark.parametrize(
    "line", ["good", "(3 good", "(3 good))", "(3 good) (2 bad)", "(5 good)", "(3)", "(3 (2 a) ())"]
)
def test_what_is_no_tree_is_said_with_its_line(tmp_path, line):
    path = tmp_path / "train.txt"
    path.write_text(f"(3 fine)\n{line}\n")
    with pytest.raises(UserError, match=r"data.train=.*, line 2: no labelled tree"):
        trees.read("data.train", str(path), phrases=True)


def test_training_reads_phrases_and_the_other_splits_sentences(tmp_path):
    path = tmp_path / "trees.txt"
    path.write_text(
        "(3 (2 a) (4 (4 good) (2 film)))\n(2 (1 bad) (4 good))\n\n(0 (1 bad) (0 bad))\n"
    )
    assert trees.read("f", str(path), phrases=True).texts == (
        ("good", "good film", "a good film", "bad", "bad bad")
    )
    sentences = trees.read("f", str(path), phrases=False)
    assert sentences.texts == ("a good film", "bad bad")
    assert sentences.labels == ("positive", "negative") and sentences.lines == (1, 4)
    path.write_text("(2 neither)\n")
    with pytest.raises(UserError, match="has no rows"):
        trees.read("f", str(path), phrases=False)


def test_every_split_must_be_named():
    with pytest.raises(UserError, match="would share its phrases"):
        LabelledTextConfig(source="trees", train="train.txt", valid="dev.txt")


def test_the_treebank_is_read_with_the_published_counts(shared_data):
    read = {
        split: trees.read("f", str(shared_data / f"sst/trees_{split}.txt.gz"), phrases=phrases)
        for split, phrases in (("train", True), ("dev", False), ("test", False))
    }
    rows = {split: len(texts.texts) for split, texts in read.items()}
    assert rows == {"train": 77_616, "dev": 872, "test": 1_821}
    assert len(set(read["train"].texts)) == 77_616  # none has two labels
    with gzip.open(shared_data / "sst/trees_train.txt.gz", "rt") as lines:
        assert len(list(lines)) == 8_544


def test_the_treebank_has_the_published_counts(shared_data):
    counts = {"train": 6920, "dev": 872, "test": 1821}
    for split, sentences in counts.items():
        path = shared_data / f"sst/trees_{split}.txt.gz"
        with gzip.open(path, "rt") as lines:
            read = [list(trees.phrases_of(line, split))[-1][0] for line in lines]
        assert len([label for label in read if label != "2"]) == sentences
