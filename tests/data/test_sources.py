"""Splits and labels of the files source, and of the shared data sets."""

from collections import Counter

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from seqjax.data import sources
from seqjax.data.labelled_text import LabelledTextConfig
from seqjax.data.texts import Texts
from seqjax.errors import UserError


def write(path, rows) -> str:
    path.write_text("".join(f"{text}\t{label}\n" for text, label in [("text", "label"), *rows]))
    return str(path)


def load(tmp_path, **options) -> sources.Corpus:
    return sources.load(LabelledTextConfig(source="files", **options), tmp_path / "cache")


def test_given_splits_are_taken_as_they_are(tmp_path):
    rows = [("a b", "pos"), ("c", " neg"), ("", "pos")]
    names = {split: write(tmp_path / f"{split}.tsv", rows) for split in sources.SPLITS}
    corpus = load(tmp_path, **names)
    for split in sources.SPLITS:
        assert corpus.splits[split].texts == ["a b", "c", ""]
        assert corpus.splits[split].labels == ["pos", "neg", "pos"]
    assert corpus.labels == ("neg", "pos")
    assert [note.partition(" texts of train")[0] for note in corpus.notes] == [
        f"3 of the 3 texts of {split} are" for split in ("valid", "test")
    ]


def test_texts_that_are_not_held_out_are_told(tmp_path):
    rows = [(f"text {n}", n % 2) for n in range(40)]
    train, valid, test = rows[:20], rows[18:30], rows[30:]
    names = {
        split: write(tmp_path / f"{split}.tsv", part)
        for split, part in (("train", train), ("valid", valid), ("test", test))
    }
    (note,) = load(tmp_path, **names).notes
    assert note.startswith("2 of the 12 texts of valid are texts of train")


def test_labels_that_are_numbers_are_ordered_as_numbers(tmp_path):
    train = write(tmp_path / "train.tsv", [(f"t{n}", n) for n in range(11, -1, -1)] * 2)
    assert load(tmp_path, train=train, valid=train, test=train).labels == tuple(map(str, range(12)))


def test_absent_splits_are_a_tenth_each_and_said_so(tmp_path):
    rows = [(f"text {n}", "rare" if n % 5 == 0 else "common") for n in range(1000)]
    train = write(tmp_path / "train.tsv", rows)
    corpus = load(tmp_path, train=train)
    assert {split: Counter(texts.labels) for split, texts in corpus.splits.items()} == {
        "train": {"rare": 160, "common": 640},
        "valid": {"rare": 20, "common": 80},
        "test": {"rare": 20, "common": 80},
    }
    assert [note.split(" is empty")[0] for note in corpus.notes] == ["data.valid", "data.test"]
    assert "100 of the 1,000 training rows" in corpus.notes[0]
    assert "data.split_seed=0" in corpus.notes[0]

    assert load(tmp_path, train=train).splits == corpus.splits
    other = load(tmp_path, train=train, split_seed=1)
    assert other.splits["valid"].texts != corpus.splits["valid"].texts

    only_valid = load(tmp_path, train=train, test=train)
    assert len(only_valid.splits["valid"]) == 100
    assert len(only_valid.splits["train"]) == 900
    assert len(only_valid.splits["test"]) == 1000


@settings(deadline=None)
@given(
    rows=st.lists(st.tuples(st.integers(0, 60), st.sampled_from("abc")), min_size=20, max_size=120),
    absent=st.sampled_from([["valid"], ["valid", "test"]]),
    seed=st.integers(0, 5),
)
def test_a_cut_divides_the_rows_and_parts_no_identical_texts(rows, absent, seed):
    train = Texts([str(n) for n, _ in rows], [label for _, label in rows], "data.train='x.csv'")
    distinct = dict(zip(train.texts[::-1], train.labels[::-1], strict=True))
    assume(len(distinct) >= 10)
    parts = sources.cut_from_train(train, absent, seed)
    assert set(parts["train"].labels) >= set(distinct.values())
    assert set(parts) == {"train", *absent}
    joined = [row for part in parts.values() for row in zip(part.texts, part.labels, strict=True)]
    assert Counter(joined) == Counter(zip(train.texts, train.labels, strict=True))
    texts = [set(part.texts) for part in parts.values()]
    assert sum(map(len, texts)) == len(distinct)
    for split in absent:
        assert len(set(parts[split].texts)) == max(1, round(len(distinct) / 10))


def told(tmp_path, **options) -> str:
    with pytest.raises(UserError) as error:
        load(tmp_path, **options)
    assert str(error.value).endswith(".")
    assert "\n" not in str(error.value)
    return str(error.value)


def test_an_empty_split_is_told(tmp_path):
    train = write(tmp_path / "train.tsv", [("a", 0), ("b", 1)])
    valid = write(tmp_path / "valid.tsv", [])
    message = told(tmp_path, train=train, valid=valid, test=train)
    assert message.startswith(f"data.valid={valid!r} has no rows")


def test_a_label_that_train_lacks_is_told_with_its_line(tmp_path):
    train = write(tmp_path / "train.tsv", [("a", 0), ("b", 1)])
    test = write(tmp_path / "test.tsv", [("a", 0), ("b", 2)])
    message = told(tmp_path, train=train, valid=train, test=test)
    for part in (f"data.test={test!r}, line 3", "'2'", f"data.train={train!r}"):
        assert part in message


def test_a_single_label_is_told(tmp_path):
    train = write(tmp_path / "train.tsv", [("a", "pos"), ("b", "pos")])
    message = told(tmp_path, train=train)
    for part in (f"data.train={train!r}", "'pos'", "data.label_column='label'"):
        assert part in message


def test_an_empty_label_is_told(tmp_path):
    train = write(tmp_path / "train.tsv", [("a", "pos"), ("b", " ")])
    assert f"data.train={train!r}, line 3: 'label' is empty" in told(tmp_path, train=train)


def test_too_few_rows_to_cut_are_told(tmp_path):
    train = write(tmp_path / "train.tsv", [("a", "pos"), ("b", "neg"), ("c", "neg")])
    message = told(tmp_path, train=train)
    for part in (f"data.train={train!r}", "2 texts", "valid and test", "data.valid and data.test"):
        assert part in message


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"source": "file"}, ["data.source='file'", "'files'"]),
        ({"source": "files"}, ["data.train=''", "data.source='files'"]),
        ({"train": "x.csv"}, ["data.train='x.csv'", "data.source='files'"]),
        ({"tokenizer": "words"}, ["data.tokenizer='words'", "'word'"]),
        ({"tokenizer": "bpe", "vocabulary_size": 200}, ["data.vocabulary_size=200", "260"]),
        ({"max_length": 0}, ["data.max_length=0", "1"]),
        ({"buckets": 0}, ["data.buckets=0", "1"]),
        ({"split_seed": -1}, ["data.split_seed=-1", "0"]),
    ],
)
def test_settings_that_cannot_be_are_told(fields, said):
    with pytest.raises(UserError) as error:
        LabelledTextConfig(**fields)
    for part in said:
        assert part in str(error.value)


@pytest.mark.parametrize(
    ("train", "test", "rows"),
    [
        ("imdb/train.tsv.xz", "imdb/test.tsv.xz", (25_000, 25_000)),
        ("sst/sst2_train.tsv.gz", "sst/sst2_test.tsv.gz", (6_920, 1_821)),
        ("trec6/trec6_train.tsv.gz", "trec6/trec6_test.tsv.gz", (5_452, 500)),
    ],
)
def test_shared_data_sets_have_their_published_counts(shared_data, tmp_path, train, test, rows):
    names = {"train": str(shared_data / train), "test": str(shared_data / test)}
    corpus = load(tmp_path, **names)
    counts = {split: len(texts) for split, texts in corpus.splits.items()}
    assert (counts["train"] + counts["valid"], counts["test"]) == rows
    distinct = set(corpus.splits["train"].texts) | set(corpus.splits["valid"].texts)
    assert len(set(corpus.splits["valid"].texts)) == round(len(distinct) / 10)
    if "imdb" in train:
        assert Counter(corpus.splits["test"].labels) == {"0": 12_500, "1": 12_500}
        assert len(distinct | set(corpus.splits["test"].texts)) == 49_582
