"""Text sets of TFDS, without TensorFlow, through a small set served locally."""

import io
import sys
import tarfile
import zipfile

import numpy as np
import pytest
import tensorflow_datasets

from seqjax.data import documents, sources, tfds
from seqjax.data.labelled_text import LabelledTextConfig
from seqjax.data.running_text import RunningTextConfig
from seqjax.errors import UserError

pytestmark = pytest.mark.usefixtures("polite")

REVIEWS = [(f"review {n} é", "good" if n % 3 else "bad") for n in range(60)]


class LocalReviews(tensorflow_datasets.core.GeneratorBasedBuilder):
    """Train comes from a tar archive that is iterated, test from a zip archive that is unpacked."""

    VERSION = tensorflow_datasets.core.Version("1.0.0")
    server = ""  # set by the fixture

    def _info(self):
        return tensorflow_datasets.core.DatasetInfo(
            builder=self,
            features=tensorflow_datasets.features.FeaturesDict(
                {
                    "sentence": tensorflow_datasets.features.Text(),
                    "verdict": tensorflow_datasets.features.ClassLabel(
                        names=["good", "bad", "unheard"]
                    ),
                    "stars": tensorflow_datasets.features.Scalar(np.int32),
                }
            ),
        )

    def _split_generators(self, dl_manager):
        archive = dl_manager.download(f"{self.server}/train.tar.gz")
        folder = dl_manager.download_and_extract(f"{self.server}/test.zip")
        return {
            "train": self._generate_examples(
                (name, file.read()) for name, file in dl_manager.iter_archive(archive)
            ),
            "test": self._generate_examples(
                (path.name, path.read_bytes()) for path in folder.iterdir()
            ),
            "unlabelled": self._generate_examples([("bad_0_0.txt", b"?")], labelled=False),
        }

    def _generate_examples(self, files, labelled=True):
        for name, text in files:
            verdict, stars, number = name.removesuffix(".txt").split("_")
            yield (
                int(number),
                {
                    "sentence": text,
                    "verdict": verdict if labelled else -1,
                    "stars": int(stars),
                },
            )


class NeedsTensorFlow(LocalReviews):
    """Asks for more of TensorFlow than its file functions."""

    VERSION = tensorflow_datasets.core.Version("1.0.0")

    def _split_generators(self, dl_manager):
        from tensorflow_datasets.core.utils.lazy_imports_utils import tensorflow

        tensorflow.train.Example()


def archives() -> dict[str, bytes]:
    tar, zipped = io.BytesIO(), io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w:gz") as archive, zipfile.ZipFile(zipped, "w") as other:
        for number, (text, verdict) in enumerate(REVIEWS):
            name = f"{verdict}_{number % 3}_{number}.txt"
            if number < 40:
                member = tarfile.TarInfo(name)
                member.size = len(text.encode())
                archive.addfile(member, io.BytesIO(text.encode()))
            else:
                other.writestr(name, text)
    return {"/train.tar.gz": tar.getvalue(), "/test.zip": zipped.getvalue()}


@pytest.fixture(scope="module")
def reviews(server):
    """The server, with the archives of the set."""
    server.contents |= archives()
    return server


@pytest.fixture(scope="module")
def cache(reviews, tmp_path_factory):
    """A cache folder in which the set is prepared."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "*")
        patch.setattr(LocalReviews, "server", reviews.address)
        tfds.prepared_builder("tfds:local_reviews", "local_reviews", folder / "tfds")
    return folder


def config(**options) -> LabelledTextConfig:
    fields = {
        "source": "tfds:local_reviews",
        "text_column": "sentence",
        "label_column": "verdict",
    }
    return LabelledTextConfig(**fields | options)


def test_archives_are_read_without_tensorflow(cache):
    corpus = sources.load(config(test="test", valid="train[:5]"), cache)
    assert "tensorflow" not in sys.modules
    assert corpus.labels == ("good", "bad")  # the set's order, without what never occurs
    train, test = corpus.splits["train"], corpus.splits["test"]
    assert sorted(zip(train.texts, train.labels, strict=True)) == sorted(REVIEWS[:40])
    assert sorted(zip(test.texts, test.labels, strict=True)) == sorted(REVIEWS[40:])
    assert corpus.splits["valid"].texts == train.texts[:5]


def test_expressions_choose_splits_and_absent_ones_are_cut(cache):
    corpus = sources.load(config(train="train+test[:50%]"), cache)
    assert {split: len(texts) for split, texts in corpus.splits.items()} == {
        "train": 40,
        "valid": 5,
        "test": 5,
    }
    assert len(corpus.notes) == 2


def test_labels_may_be_numbers(cache):
    corpus = sources.load(config(label_column="stars", test="test"), cache)
    assert corpus.labels == ("0", "1", "2")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"source": "tfds:imdb_review"}, ["data.source='tfds:imdb_review'", "'imdb_reviews'"]),
        ({"source": "tfds:huggingface:imdb"}, ["data.source='tfds:huggingface:imdb'"]),
        ({"source": "tfds:imdb_reviews/plane"}, ["tfds:imdb_reviews/plane", "plain_text"]),
        ({"source": "tfds:imdb_reviews:0.0.7"}, ["tfds:imdb_reviews:0.0.7", "1.0.0"]),
        ({"valid": "validation"}, ["data.valid='validation'", "train", "test"]),
        ({"test": "test[:1"}, ["data.test='test[:1'", "split"]),
        ({"text_column": "sentense"}, ["data.text_column='sentense'", "'sentence'"]),
        ({"text_column": "stars"}, ["data.text_column='stars'", "must be a text"]),
        ({"test": "unlabelled"}, ["data.test='unlabelled'", "row 0", "no label"]),
    ],
)
def test_mistakes_are_told(cache, options, said):
    with pytest.raises(UserError) as error:
        sources.load(config(**options), cache)
    for part in said:
        assert part in str(error.value)
    assert "\n" not in str(error.value)


def test_without_a_network_a_sentence_says_so(nowhere, tmp_path, monkeypatch):
    monkeypatch.setattr(LocalReviews, "server", nowhere)
    monkeypatch.setattr(tfds, "RETRIES", 0)
    with pytest.raises(UserError, match=r"tfds:local_reviews' could not be.*connect to"):
        sources.load(config(), tmp_path)


def test_a_set_that_needs_tensorflow_is_told(tmp_path):
    with pytest.raises(UserError, match=r"data\.source='tfds:needs_tensor_flow'.*tensorflow"):
        sources.load(config(source="tfds:needs_tensor_flow"), tmp_path)


def test_texts_alone_are_running_text(cache):
    source = {"source": "tfds:local_reviews", "text_column": "sentence"}
    read = documents.read(RunningTextConfig(**source, test="test"), cache)
    assert sorted(read.splits["test"]) == sorted(text for text, _ in REVIEWS[40:])
    joined = "".join(read.splits["train"] + read.splits["valid"])
    assert len(joined) == sum(len(text) for text, _ in REVIEWS[:40])
    assert len("".join(read.splits["train"])) == len(joined) * 9 // 10
    for options, said in (
        ({"text_column": "stars"}, "data.text_column='stars' must be a text, not"),
        ({"text_column": "sentense"}, "did you mean 'sentence'"),
        ({"valid": "validation"}, "data.valid='validation' of data.source='tfds:local_reviews'"),
    ):
        with pytest.raises(UserError, match=said):
            documents.read(RunningTextConfig(**source | options), cache)


def test_the_download_of_a_set_goes_on_where_it_was_cut(
    reviews, infos_of, nowhere, tmp_path, monkeypatch
):
    infos = infos_of(reviews.contents)
    monkeypatch.setattr(LocalReviews, "server", reviews.address)
    monkeypatch.setattr(LocalReviews, "url_infos", infos)
    reviews.cuts |= {"/train.tar.gz": 500, "/test.zip": 1000}
    corpus = sources.load(config(test="test"), tmp_path)
    assert {split: len(texts) for split, texts in corpus.splits.items()} == {
        "train": 36,
        "valid": 4,
        "test": 20,
    }
    assert reviews.asked == [
        ("/train.tar.gz", None),
        ("/train.tar.gz", "bytes=500-"),
        ("/test.zip", None),
        ("/test.zip", "bytes=1000-"),
    ]
    monkeypatch.setattr(LocalReviews, "server", nowhere)
    monkeypatch.setattr(LocalReviews, "url_infos", infos_of(reviews.contents, nowhere))
    with pytest.raises(
        UserError, match=r"local_reviews' could not be.*/manual/published_train\.tar\.gz\."
    ):
        sources.load(config(), tmp_path / "other")
