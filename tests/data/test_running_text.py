"""Running text: every character is asked for once, whatever the tokenizer and the windows."""

import gzip
import json
import math
from pydoc_data.topics import topics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqjax.data import documents, pydoc_topics, tokenizers
from seqjax.data.counting import counting, entropy
from seqjax.data.loader import Batches
from seqjax.data.prepare import prepare
from seqjax.data.running_text import (
    RunningTextConfig,
    evaluation_windows,
    stream,
    training_windows,
)
from seqjax.data.tokenizers import BEGIN, SPECIAL_TOKENS
from seqjax.errors import UserError

TEXT = "A rose is a rose — “naïve” 🎬.\n\n" * 20
SMALL = {"character": 60, "word": 60, "bpe": 300}


@given(tokens=st.integers(2, 200), length=st.integers(1, 40), data=st.data())
def test_evaluation_asks_for_every_token_but_the_first_exactly_once(tokens, length, data):
    context = data.draw(st.integers(0, length - 1))
    starts, lengths, skipped = evaluation_windows(tokens, length, context)
    asked = np.zeros(tokens, int)
    for start, steps, skip in zip(starts, lengths, skipped, strict=True):
        asked[start + 1 + skip : start + steps] += 1
        assert start == 0 or skip >= context
        assert steps == min(length + 1, tokens)
    assert asked.tolist() == [0] + [1] * (tokens - 1)


@given(tokens=st.integers(2, 200), length=st.integers(1, 40))
def test_training_asks_for_no_token_twice_and_leaves_out_few(tokens, length):
    if tokens <= length:
        return
    starts, slack = training_windows(tokens, length)
    for move in (0, slack):
        asked = np.zeros(tokens, int)
        for start in starts + move:
            assert start + length + 1 <= tokens
            asked[start + 1 : start + length + 1] += 1
        assert asked.max() == 1
    left_out = tokens - 1 - len(starts) * length
    assert left_out < 2 * length
    assert slack == min(left_out, length - 1)


@pytest.fixture(scope="module")
def trained():
    """Returns a tokenizer of each kind, trained on a text that lacks some characters."""
    return {
        kind: tokenizers.train(
            [TEXT.replace("ï", "i")], RunningTextConfig(tokenizer=kind, vocabulary_size=size)
        )
        for kind, size in SMALL.items()
    }


@pytest.mark.parametrize("kind", SMALL)
@given(text=st.text(st.sampled_from("ab \n\n.é🎬\ud800"), max_size=60), repeats=st.integers(1, 3))
def test_long_texts_are_encoded_as_short_ones_and_no_character_is_lost(
    trained, kind, text, repeats
):
    ids, characters = trained[kind].encode_long(text * repeats)
    assert ids.dtype == characters.dtype == np.int32
    if len(ids):
        assert ids.tolist() == list(trained[kind].encode_batch([text * repeats])[0])
        assert characters.sum() == len(text * repeats)
        assert (characters >= 0).all()


@pytest.mark.parametrize("kind", SMALL)
def test_a_text_of_many_pieces(trained, kind, monkeypatch):
    whole = trained[kind].encode_long(TEXT)
    monkeypatch.setattr(tokenizers, "PIECE", 70)
    monkeypatch.setattr(tokenizers, "PIECES_AT_ONCE", 2)
    ids, characters = trained[kind].encode_long(TEXT)
    assert characters.sum() == len(TEXT)
    if kind == "bpe":  # whose tokens may reach over a line's end, where pieces are cut
        assert trained[kind].decode(ids) == TEXT
    else:
        np.testing.assert_array_equal(ids, whole[0])


@pytest.mark.parametrize("kind", SMALL)
def test_batches_ask_for_every_character_of_valid_once(tmp_path, kind):
    for name, repeats in (("train", 3), ("valid", 2)):
        (tmp_path / f"{name}.txt").write_text(TEXT * repeats)
    config = RunningTextConfig(
        source="files",
        train=str(tmp_path / "train.txt"),
        valid=str(tmp_path / "valid.txt"),
        tokenizer=kind,
        vocabulary_size=SMALL[kind],
        length=16,
        context=5,
    )
    data = prepare(config, tmp_path / "cache")
    split = data.splits["valid"]
    batches = Batches(split, batch_size=4, boundaries=data.facts.boundaries, seed=0, shuffle=False)
    characters = 0
    for step in range(batches.steps_per_epoch):
        batch = batches.batch(step)
        for row in range(4):
            questions = slice(1 + batch["context"][row], batch["tokens_length"][row])
            characters += batch["characters"][row, questions].sum()
    assert characters == 2 * len(TEXT) == data.facts.splits["valid"].measures["characters"]
    assert data.facts.longest == 17
    again = config.read_split("valid", data.facts, data.tokenizer, tmp_path / "cache")
    for name in ("tokens", "characters"):
        np.testing.assert_array_equal(again.columns[name].values, split.columns[name].values)
    np.testing.assert_array_equal(again.columns["context"], split.columns["context"])


def test_every_document_follows_a_begin(trained):
    tokens, characters = stream(["ab", "é"], trained["character"])
    assert characters.tolist() == [0, 1, 1, 0, 1]
    assert np.flatnonzero(tokens == BEGIN).tolist() == [0, 3]


@given(lengths=st.lists(st.integers(1, 50), min_size=1, max_size=8))
def test_the_end_of_train_is_valid(lengths):
    whole = [chr(97 + n) * length for n, length in enumerate(lengths)]
    train, valid = documents.cut_end(whole)
    assert "".join([*train, *valid]) == "".join(whole)
    assert sum(map(len, train)) == sum(lengths) * 9 // 10
    assert all(train) and all(valid)


def config_of(folder, **settings):
    return RunningTextConfig(
        source="files", length=8, context=4, **{"train": str(folder / "a.txt"), **settings}
    )


def test_files_of_many_kinds(tmp_path):
    (tmp_path / "a.txt").write_text("first\n")
    with gzip.open(tmp_path / "b.txt.gz", "wt") as file:
        file.write("second\n")
    rows = [json.dumps({"text": text, "other": 1}) for text in ("third", "", "fourth")]
    (tmp_path / "c.jsonl").write_text("\n".join(rows))
    config = config_of(tmp_path, train=str(tmp_path / "*"), test=str(tmp_path / "a.txt"))
    read = documents.read_split(config, "train", tmp_path)
    assert read == ["first\n", "second\n", "third", "fourth"]
    found = documents.read(config, tmp_path)
    assert list(found.splits) == ["train", "test", "valid"]
    assert "".join(found.splits["train"] + found.splits["valid"]) == "".join(read)
    assert "the last 3 of 24 characters" in found.notes[0]
    before = config.fingerprint()
    (tmp_path / "d.txt").write_text("fifth")
    assert config.fingerprint() != before


def test_what_cannot_work_is_refused(tmp_path):
    (tmp_path / "a.txt").write_text("7 signs")
    (tmp_path / "empty.txt").write_text("")
    for settings, said in (
        ({"source": "pydoc"}, "data.source='pydoc' is unknown; did you mean 'pydoc_topics'"),
        ({"train": "a.txt"}, "data.train='a.txt' must be empty for data.source='pydoc_topics'"),
        ({"source": "files"}, "data.train='' must name a file"),
        ({"source": "tfds:"}, "names no data set"),
        ({"length": 8, "context": 8}, "data.context=8 leaves nothing of data.length=8"),
        ({"length": 0}, "data.length=0 must be at least 1"),
        ({"tokenizer": "bpe", "vocabulary_size": 100}, "must be at least 260"),
    ):
        with pytest.raises(UserError, match=said.replace("(", r"\(")):
            RunningTextConfig(**settings)
    for settings, said in (
        ({"valid": str(tmp_path / "a.txt")}, "data.length=8 is too long for the 8 tokens of"),
        ({"train": str(tmp_path / "empty.txt")}, "has no text"),
        ({"train": str(tmp_path / "*.md")}, r"data.train='.*\*.md' fits no file"),
        ({"train": str(tmp_path / "b.txt")}, "is not a readable file"),
    ):
        with pytest.raises(UserError, match=said):
            prepare(config_of(tmp_path, **settings), tmp_path / "cache")


def test_prompts_begin_a_document_and_keep_their_end(tmp_path, trained):
    config = config_of(tmp_path)
    tokens = config.read(["", "ab", "abcdefghij"], None, trained["character"]).columns["tokens"]
    assert tokens[0].tolist() == [BEGIN]
    assert tokens[1][0] == BEGIN and tokens.lengths.tolist() == [1, 3, 8]
    assert tokens[2].tolist() == trained["character"].encode_batch(["cdefghij"])[0].tolist()


@pytest.mark.parametrize("kind", SMALL)
def test_decoding_piece_by_piece(trained, kind):
    ids = [BEGIN, *trained[kind].encode_long(TEXT)[0].tolist()]
    decode = trained[kind].decode_stream()
    assert "".join(map(decode, ids)) == trained[kind].decode(ids)


def test_topics_share_no_paragraph_and_no_line_is_lost():
    splits = pydoc_topics.read_splits()
    of_split = {
        name: {part for text in texts for part in text.rstrip("\n").split("\n\n")}
        for name, texts in splits.items()
    }
    assert not of_split["train"] & of_split["valid"]
    assert not of_split["train"] & of_split["test"]
    assert not of_split["valid"] & of_split["test"]
    lines = {line for texts in splits.values() for text in texts for line in text.splitlines()}
    assert lines - {""} == {line for text in topics.values() for line in text.splitlines()} - {""}
    sizes = {name: sum(map(len, texts)) for name, texts in splits.items()}
    total = sum(sizes.values())
    assert 0.08 < sizes["valid"] / total <= 0.1 and 0.08 < sizes["test"] / total <= 0.1
    assert pydoc_topics.read_splits() == splits


def test_repeated_paragraphs_stay_where_they_come_first():
    repeating = {"b": "\none\n\ntwo\n", "a": "two\n\n\nthree\n\nthree", "c": "one"}
    assert pydoc_topics.without_repeats(repeating) == {"a": "two\n\nthree\n", "b": "one\n"}


def test_counting_is_as_hard_as_it_says():
    numbers = 16
    read = counting("train", 200_000, numbers)
    pairs = np.zeros((numbers, numbers))
    np.add.at(pairs, (read[:-1], read[1:]), 1)
    shares = pairs / pairs.sum(axis=1, keepdims=True)
    found = -(pairs * np.log(shares)).sum() / pairs.sum()
    assert found == pytest.approx(entropy(numbers), abs=0.01)
    assert entropy(1) == 0 and entropy(2**20) < math.log(2**20)
    assert counting("train", 10, numbers).tolist() == read[:10].tolist()
    assert counting("valid", 10, numbers).tolist() != read[:10].tolist()
    assert counting("train", 8, 1000).tolist() == [237, 180, 655, 656, 657, 388, 313, 314]


def test_synthetic_text_needs_no_files(tmp_path):
    config = RunningTextConfig(
        source="synthetic", vocabulary_size=24, synthetic_tokens=500, length=16, context=0
    )
    data = prepare(config, tmp_path)
    assert data.facts.vocabulary_size == 24
    assert data.tokenizer.decode([BEGIN, 4, 23]) == "0 19"
    tokens = data.splits["train"].columns["tokens"].values
    assert len(tokens) == 501 and tokens.min() == BEGIN and tokens[1:].min() >= len(SPECIAL_TOKENS)
    prompt = config.read(["3 4 5"], data.facts, data.tokenizer).columns["tokens"]
    assert prompt[0].tolist() == [BEGIN, 7, 8, 9]


def test_tiny_shakespeare_is_cut_as_usual(shared_data, tmp_path):
    path = shared_data / "tinyshakespeare" / "input.txt.gz"
    config = RunningTextConfig(source="files", train=str(path))
    splits = documents.read(config, tmp_path).splits
    assert [len(splits[name][0]) for name in ("train", "valid")] == [1_003_854, 111_540]
    assert len(set(splits["train"][0] + splits["valid"][0])) == 65
