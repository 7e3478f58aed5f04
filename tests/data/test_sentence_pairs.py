"""Sentence pairs: from a grammar, from files and from TFDS, as token ids."""

import gzip
import hashlib
import sys
from dataclasses import replace

import numpy as np
import pytest
import tensorflow_datasets

from seqjax.data import pairs, phrasebook
from seqjax.data.prepare import prepare
from seqjax.data.sentence_pairs import SentencePairsConfig
from seqjax.data.tokenizers import BEGIN, END, Tokenizer
from seqjax.errors import UserError

ENGLISH = [f"the {word} number {n}" for n in range(12) for word in ("house", "tree")]
GERMAN = [f"{'das Haus' if n % 2 == 0 else 'der Baum'} Nummer {n // 2}" for n in range(24)]


class LocalPhrases(tensorflow_datasets.core.GeneratorBasedBuilder):
    """A translation set of TFDS; some of its sentences end as a line does, as in OPUS."""

    VERSION = tensorflow_datasets.core.Version("1.0.0")

    def _info(self):
        return tensorflow_datasets.core.DatasetInfo(
            builder=self, features=tensorflow_datasets.features.Translation(["de", "en"])
        )

    def _split_generators(self, dl_manager):
        return {
            "train": self._generate_examples(slice(0, 20)),
            "test": self._generate_examples(slice(20, 24)),
        }

    def _generate_examples(self, rows):
        for number, (english, german) in enumerate(zip(ENGLISH[rows], GERMAN[rows], strict=True)):
            yield number, {"en": f"{english}\n" if number % 2 else english, "de": german}


@pytest.fixture
def files(tmp_path):
    """Returns settings of text files, line by line; those of test are compressed."""
    for split, rows in (("train", slice(0, 16)), ("valid", slice(16, 20)), ("test", slice(20, 24))):
        for language, lines in (("en", ENGLISH[rows]), ("de", GERMAN[rows])):
            text = "\n".join(lines) + "\n"
            if split == "test":
                with gzip.open(tmp_path / f"{split}.{language}.gz", "wt") as file:
                    file.write(text)
            else:
                (tmp_path / f"{split}.{language}").write_text(text)
    paths = {"train": "train.en", "valid": "valid.en", "test": "test.en.gz"}
    return {split: str(tmp_path / name) for split, name in paths.items()}


def config_of(files, **settings):
    return SentencePairsConfig(source="files", **{"vocabulary_size": 300} | files | settings)


def texts(split, name, tokenizer):
    return [tokenizer.decode(row.tolist()) for row in split.columns[name]]


@pytest.mark.parametrize("joint", [True, False])
def test_text_files_line_by_line(files, tmp_path, joint):
    data = prepare(config_of(files, joint=joint), tmp_path / "cache")
    assert {name: len(split) for name, split in data.splits.items()} == {
        "train": 16,
        "valid": 4,
        "test": 4,
    }
    test = data.splits["test"]
    assert texts(test, "source", data.tokenizer) == ENGLISH[20:]
    assert texts(test, "target", data.tokenizer.target) == GERMAN[20:]
    for source, target in zip(test.columns["source"], test.columns["target"], strict=True):
        assert source[-1] == END and BEGIN not in source
        assert (target[0], target[-1]) == (BEGIN, END)
    alike = data.tokenizer.encode_batch(["das"])[0].tolist() == (
        data.tokenizer.target.encode_batch(["das"])[0].tolist()
    )
    assert alike == joint
    assert (data.facts.target_vocabulary_size > 0) == (not joint)

    # As a run that was trained sees it, from its own tokenizer file.
    config = config_of(files, joint=joint)
    data.tokenizer.save(tmp_path / "tokenizer.json")
    tokenizer = Tokenizer.load(tmp_path / "tokenizer.json")
    again = config.read_split("test", data.facts, tokenizer, tmp_path / "cache")
    for name, column in test.columns.items():
        np.testing.assert_array_equal(again.columns[name].values, column.values)
    assert config.read_references("test", tokenizer, tmp_path / "cache") == GERMAN[20:]
    typed = config.read(ENGLISH[:2], data.facts, tokenizer)
    assert texts(typed, "source", tokenizer) == ENGLISH[:2]
    assert list(typed.columns) == ["source"]


def test_tables_have_a_column_for_each_language(tmp_path):
    rows = zip(ENGLISH, GERMAN, strict=True)
    table = tmp_path / "pairs.tsv"
    table.write_text("id\tde\ten\n" + "".join(f"{n}\t{g}\t{e}\n" for n, (e, g) in enumerate(rows)))
    found, notes = pairs.read(config_of({"train": str(table)}), tmp_path)
    assert set(found) == {"train", "valid"} and len(found["valid"]) == 2
    assert "2 of the 24 training pairs" in notes[0]
    both = [*zip(found["train"].sources, found["train"].targets, strict=True)]
    both += zip(found["valid"].sources, found["valid"].targets, strict=True)
    assert sorted(both) == sorted(zip(ENGLISH, GERMAN, strict=True))


def test_a_translation_set_of_tfds(tmp_path):
    config = SentencePairsConfig(
        source="tfds:local_phrases", valid="train[:4]", test="test", vocabulary_size=300
    )
    data = prepare(config, tmp_path)
    found, notes = pairs.read(config, tmp_path)
    assert not notes and "tensorflow" not in sys.modules
    for split, rows in (("train", slice(0, 20)), ("test", slice(20, 24))):
        both = zip(found[split].sources, found[split].targets, strict=True)
        assert sorted(both) == sorted(zip(ENGLISH[rows], GERMAN[rows], strict=True))
    assert found["valid"].sources == found["train"].sources[:4]
    test = data.splits["test"]
    assert texts(test, "source", data.tokenizer) == found["test"].sources
    assert texts(test, "target", data.tokenizer) == found["test"].targets

    # As a run that was trained sees it.
    again = config.read_split("test", data.facts, data.tokenizer, tmp_path)
    np.testing.assert_array_equal(again.columns["target"].values, test.columns["target"].values)
    assert config.read_references("test", data.tokenizer, tmp_path) == found["test"].targets

    # The other way round, and with a valid that is cut.
    turned = replace(config, source_language="de", target_language="en", valid="")
    backwards, notes = pairs.read(turned, tmp_path)
    assert backwards["test"].sources == found["test"].targets
    assert "2 of the 20 training pairs" in notes[0] and len(backwards["valid"]) == 2


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"source": "tfds:local_phrase"}, r"data\.source='tfds:local_phrase'.*'local_phrases'"),
        ({"target_language": "fr"}, r"no feature data\.target_language='fr'; there is de, en"),
        ({"valid": "validation"}, r"data\.valid='validation' of data\.source='tfds:local_phrases'"),
        ({"test": "test[:0]"}, r"data\.test='test\[:0\]'"),
    ],
)
def test_mistakes_with_a_translation_set_of_tfds_are_told(settings, said, tmp_path):
    with pytest.raises(UserError, match=said) as error:
        pairs.read(SentencePairsConfig(**{"source": "tfds:local_phrases"} | settings), tmp_path)
    assert "\n" not in str(error.value)


def test_translations_of_one_sentence_stay_together():
    rows = pairs.Pairs([f"s{n % 20}" for n in range(60)], [f"t{n}" for n in range(60)])
    train, valid = pairs.cut(rows)
    assert (len(train), len(valid)) == (54, 6)
    assert not set(train.sources) & set(valid.sources)
    with pytest.raises(UserError, match=r"1 distinct sentence.*data\.valid"):
        pairs.cut(pairs.Pairs(["a", "a"], ["b", "c"]))


def test_long_pairs_are_left_out_of_training_and_cut_elsewhere(files, tmp_path):
    config = config_of(files, tokenizer="word", max_length=6)
    for split, number in (("train", 3), ("valid", 9)):
        path = tmp_path / f"{split}.de"
        longer = path.read_text().replace(f"Nummer {number}", f"mit der Nummer {number}")
        path.write_text(longer)
    data = prepare(config, tmp_path / "cache")
    longest = {name: split.columns["target"].lengths.max() for name, split in data.splits.items()}
    assert longest == {"train": 6, "valid": 6, "test": 6}
    assert [len(data.splits[name]) for name in ("train", "valid")] == [14, 4]
    assert [data.facts.splits[name].longest for name in ("train", "valid", "test")] == [8, 8, 6]
    for split, count in (("train", 0), ("valid", 2)):
        references = config.read_references(split, data.tokenizer, tmp_path / "cache")
        assert len(references) == len(data.splits[split])
        assert sum("mit" in text for text in references) == count
    with pytest.raises(UserError, match=r"data\.max_length=2 leaves no training pair"):
        prepare(replace(config, max_length=2), tmp_path / "cache")


@pytest.mark.parametrize("tokenizer", ["word", "character", "bpe"])
def test_a_blank_line_has_no_tokens_and_changes_no_other(files, tmp_path, tokenizer):
    config = config_of(files, tokenizer=tokenizer)
    data = prepare(config, tmp_path / "cache")
    lines = [ENGLISH[0], "", " \t ", "\u3000", ENGLISH[1]]
    source = config.read(lines, data.facts, data.tokenizer).columns["source"]
    assert [row.tolist() for row in list(source)[1:4]] == [[END]] * 3
    alone = config.read([lines[0], lines[4]], data.facts, data.tokenizer).columns["source"]
    for found, expected in zip((source[0], source[4]), alone, strict=True):
        np.testing.assert_array_equal(found, expected)
    unknown = config.read(["§"], data.facts, data.tokenizer).columns["source"]
    assert len(unknown[0]) > 1


def test_a_line_that_loses_its_end_is_told(files, tmp_path):
    config = config_of(files, tokenizer="word", max_length=7)
    data = prepare(config, tmp_path / "cache")
    fits, longer = "the house the tree the house", "the house the tree the house the"
    lines = [fits, longer, "", longer + " number 1"]
    rows = config.read(lines, data.facts, data.tokenizer).columns["source"]
    assert rows[0].tolist() == rows[1].tolist() == rows[3].tolist()
    assert list(config.unread(lines, data.tokenizer)) == [
        f"The line {longer!r} has 7 tokens, and this run reads at most 6: its end was left out.",
        "The line 'the house the tree the house the number ' has 9 tokens, and this run reads at "
        "most 6: its end was left out.",
    ]
    assert list(config.unread([fits], data.tokenizer)) == []


def test_a_change_of_either_file_is_noticed(files, tmp_path):
    before = config_of(files).fingerprint()
    (tmp_path / "valid.de").write_text("\n".join(GERMAN[4:8]))
    assert config_of(files).fingerprint() != before


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"source": "multi30k"}, "data.source='multi30k' is unknown"),
        ({"source": "files"}, "data.train='' must name a file"),
        ({"source": "tfds:"}, "names no data set"),
        ({"train": "a.en"}, "data.train='a.en' must be empty"),
        ({"source_language": "fr"}, "data.source_language='fr'"),
        ({"source": "tfds:x", "target_language": "en"}, "data.target_language='en' must differ"),
        ({"vocabulary_size": 100}, "data.vocabulary_size=100 must be at least 260"),
        ({"max_length": 1}, "data.max_length=1"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings, said):
    with pytest.raises(UserError, match=said):
        SentencePairsConfig(**settings)


def test_files_that_cannot_be_read_are_told(files, tmp_path):
    def told(split="train", **settings):
        with pytest.raises(UserError) as error:
            pairs.read_split(config_of(files, **settings), split, tmp_path)
        assert "\n" not in str(error.value)
        return str(error.value)

    (tmp_path / "valid.de").write_text("eins\n")
    assert "has 4 lines and valid.de has 1" in told("valid")
    assert "train.fr' is not a readable file" in told(target_language="fr")
    assert "'.fr', before any .gz" in told(source_language="fr")
    (tmp_path / "empty.tsv").write_text("en\tde\n")
    assert "has no pairs" in told(train=str(tmp_path / "empty.tsv"))


def test_the_phrasebook():
    book = dict(phrasebook.pairs())
    assert len(book) == len(phrasebook.pairs()) == 20_736
    for english, german in (
        ("The man sees the red ball.", "Der Mann sieht den roten Ball."),
        ("Today a small girl wants to find an old lamp.",
         "Heute will ein kleines Mädchen eine alte Lampe finden."),
        ("Here the small cat paints a small book.", "Hier malt die kleine Katze ein kleines Buch."),
        ("An old", None),
    ):  # fmt: skip
        assert book.get(english) == german
    splits, _ = pairs.read(SentencePairsConfig(), None)
    sizes = {name: len(split) for name, split in splits.items()}
    assert sizes == {"train": 18_664, "valid": 1_036, "test": 1_036}
    everything = [source for split in splits.values() for source in split.sources]
    assert len(set(everything)) == len(book)
    # The same on any machine.
    text = "\n".join(splits["test"].targets)
    assert hashlib.sha256(text.encode()).hexdigest().startswith("ec22a2122f6161c4")


def test_multi30k(shared_data, tmp_path):
    folder = shared_data / "multi30k_en_de"
    config = SentencePairsConfig(
        source="files",
        train=str(folder / "train.en.gz"),
        valid=str(folder / "val.en.gz"),
        test=str(folder / "test_2016_flickr.en.gz"),
    )
    found, _ = pairs.read(config, tmp_path)
    assert [len(found[split]) for split in pairs.SPLITS] == [29_000, 1_014, 1_000]
    assert found["test"].sources[0].startswith("A man in an orange hat")
    assert found["test"].targets[0].startswith("Ein Mann mit einem orangefarbenen Hut")
