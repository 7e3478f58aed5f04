"""Tokenizers: their vocabulary, their round trips, and texts that are no texts."""

import json
import re
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqjax.data import tokenizers
from seqjax.data.labelled_text import LabelledTextConfig
from seqjax.data.tokenizers import SPECIAL_TOKENS, Tokenizer
from seqjax.errors import UserError

TEXTS = [
    "A good film, isn't it? Good!",
    "a BAD film...",
    "été [PAD] 2002; a film\nof two lines",
]


def trained(kind: str, texts=TEXTS, **options) -> Tokenizer:
    return tokenizers.train(texts, LabelledTextConfig(tokenizer=kind, **options))


def ids(tokenizer: Tokenizer, text: str) -> list[int]:
    return tokenizer.encode_batch([text])[0].tolist()


def tokens_of(tokenizer: Tokenizer, path) -> dict[str, int]:
    tokenizer.save(path / "tokenizer.json")
    return json.loads((path / "tokenizer.json").read_text())["model"]["vocab"]


@settings(deadline=None)
@given(
    texts=st.lists(st.text("abAB1'.,- \n", max_size=30), min_size=1, max_size=5),
    size=st.integers(5, 30),
)
def test_words_are_the_most_frequent_then_alphabetical(tmp_path_factory, texts, size):
    words = Counter(
        word for text in texts for word in re.findall(r"[ab1']+|[^\sab1']", text.lower())
    )
    known = sorted(words, key=lambda word: (-words[word], word))[: size - 4]
    tokenizer = trained("word", texts, vocabulary_size=size)
    folder = tmp_path_factory.mktemp("words")
    assert tokens_of(tokenizer, folder) == {
        token: place for place, token in enumerate([*SPECIAL_TOKENS, *known])
    }
    assert tokenizer.vocabulary_size == 4 + len(known)


def test_words_and_marks():
    tokenizer = trained("word")
    assert tokenizer.decode(ids(tokenizer, "A GOOD film isn't; été")) == "a good film isn't ; été"
    assert ids(tokenizer, "good!")[0] == ids(tokenizer, "GOOD")[0]
    assert ids(tokenizer, "unheard") == [1]
    cased = trained("word", lowercase=False)
    assert ids(cased, "GOOD") == [1]


@settings(deadline=None)
@given(text=st.text(sorted(set("".join(TEXTS).lower())), min_size=1))
def test_characters_go_round(text):
    tokenizer = trained("character")
    assert len(ids(tokenizer, text)) == len(text)
    assert tokenizer.decode(ids(tokenizer, text)) == text


@settings(deadline=None)
@given(text=st.text(min_size=1))
def test_bytes_know_every_text(text):
    tokenizer = trained("bpe", lowercase=False, vocabulary_size=300)
    encoded = ids(tokenizer, text)
    assert min(encoded) > 3
    assert tokenizer.decode(encoded) == text


@pytest.mark.parametrize("kind", ["word", "character", "bpe"])
def test_training_twice_gives_the_same_tokenizer(kind, tmp_path):
    # All words equally frequent, and so many pairs of characters: ties everywhere.
    texts = [f"{a}{b}{c}" for a in "xyzw" for b in "klmn" for c in "pqrs"]
    first, second = (trained(kind, texts, vocabulary_size=280) for _ in range(2))
    assert tokens_of(first, tmp_path) == tokens_of(second, tmp_path)
    backwards = trained(kind, texts[::-1], vocabulary_size=280)
    assert tokens_of(first, tmp_path) == tokens_of(backwards, tmp_path)


@pytest.mark.parametrize("kind", ["word", "character", "bpe"])
def test_a_saved_tokenizer_encodes_alike(kind, tmp_path):
    tokenizer = trained(kind)
    tokenizer.save(tmp_path / "tokenizer.json")
    assert [path.name for path in tmp_path.iterdir()] == ["tokenizer.json"]
    read = Tokenizer.load(tmp_path / "tokenizer.json")
    for text in [*TEXTS, "unheard of: [UNK]", ""]:
        assert ids(read, text) == ids(tokenizer, text)
    assert read.vocabulary_size == tokenizer.vocabulary_size


@pytest.mark.parametrize("kind", ["word", "character", "bpe"])
def test_texts_that_are_hardly_texts(kind):
    tokenizer = trained(kind)
    assert ids(tokenizer, "") == [1]
    assert 0 not in ids(tokenizer, "[PAD]")  # spelt out, no padding
    assert len(ids(tokenizer, "a lone \ud800 surrogate and a \0")) > 1
    assert len(ids(tokenizer, "film " * 100_000)) >= 100_000
    if kind == "word":
        assert ids(tokenizer, " \t\n") == [1]


def test_batches_hold_one_row_a_text():
    tokenizer = trained("word")
    rows = tokenizer.encode_batch([*TEXTS, ""] * 2000)
    assert len(rows) == 8000
    assert rows.values.dtype == "int32"
    assert rows[7996].tolist() == rows[0].tolist() == ids(tokenizer, TEXTS[0])


def test_a_damaged_file_is_named(tmp_path):
    (tmp_path / "tokenizer.json").write_text('{"version": "1.0"')
    with pytest.raises(UserError, match=r"tokenizer\.json is not a readable tokenizer file"):
        Tokenizer.load(tmp_path / "tokenizer.json")
    with pytest.raises(UserError, match=r"absent\.json is not a readable tokenizer file"):
        Tokenizer.load(tmp_path / "absent.json")
