"""Text sets of TFDS, without TensorFlow, through a small set served locally."""

import dataclasses
import hashlib
import http.server
import io
import re
import socket
import sys
import tarfile
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest
import tensorflow_datasets
from tensorflow_datasets.core.download.checksums import UrlInfo

from seqjax.data import documents, downloads, sources, tfds
from seqjax.data.archives import contents
from seqjax.data.labelled_text import LabelledTextConfig
from seqjax.data.running_text import RunningTextConfig
from seqjax.errors import UserError

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


class Server(http.server.ThreadingHTTPServer):
    """Serves contents by their paths, in whole or in parts, and notes which range it was asked for.

    Once, the connection of each path in `cuts` is closed after so many bytes.
    """

    def __init__(self, contents: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.contents, self.knows_ranges = contents, True
        self.cuts: dict[str, int] = {}
        self.asked: list[tuple[str, str | None]] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        asked = self.headers["Range"]
        self.server.asked.append((self.path, asked))
        content = self.server.contents.get(self.path)
        if content is None:
            return self.send_error(404)
        first = 0
        if asked and self.server.knows_ranges:
            first = int(asked.removeprefix("bytes=").removesuffix("-"))
            if first >= len(content):
                return self.send_error(416)
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(content) - first))
        self.end_headers()
        self.wfile.write(content[first : self.server.cuts.pop(self.path, len(content))])

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def server():
    with Server(archives()) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(autouse=True)
def polite(server, monkeypatch):
    """The server as it is at first, without a proxy, pauses, or blocks longer than its files."""
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr(downloads, "PAUSE", 0)
    monkeypatch.setattr(downloads, "BLOCK", 100)
    server.knows_ranges = True
    server.cuts.clear()
    server.asked.clear()


@pytest.fixture(scope="module")
def cache(server, tmp_path_factory):
    """A cache folder in which the set is prepared."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "*")
        patch.setattr(LocalReviews, "server", server.address)
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


def test_without_a_network_a_sentence_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(LocalReviews, "server", nowhere())
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


def nowhere() -> str:
    """An address at which nobody answers."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        return f"http://127.0.0.1:{closed.getsockname()[1]}"


def infos_of(address: str, contents: dict[str, bytes]) -> dict[str, UrlInfo]:
    """What TFDS knows of the files at an address."""
    return {
        f"{address}{path}": UrlInfo(
            size=len(content),
            checksum=hashlib.sha256(content).hexdigest(),
            filename=f"published_{path.removeprefix('/')}",
        )
        for path, content in contents.items()
    }


class Sounds:
    """A set that TFDS cannot describe without TensorFlow: nothing but where its archive is."""

    url_infos = None


@pytest.fixture
def sounds(server, monkeypatch):
    """Serves an archive as the one file of the set `sounds`; returns its content."""
    content = server.contents["/test.zip"]
    monkeypatch.setattr(Sounds, "url_infos", infos_of(server.address, {"/test.zip": content}))
    monkeypatch.setattr(tensorflow_datasets, "builder_cls", lambda name: Sounds)
    return content


def bring(folder: Path) -> Path:
    """The archive of the set `sounds`."""
    (path,) = tfds.downloaded("tfds:sounds", "sounds", folder).values()
    return path


def parts(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in (folder / "downloads").rglob("*.part")]


def told(folder: Path) -> str:
    """The sentence in which a download ends."""
    with pytest.raises(UserError) as error:
        bring(folder)
    assert str(error.value).startswith("data.source='tfds:sounds'")
    assert "\n" not in str(error.value)
    return str(error.value)


def test_the_archive_of_a_set_is_downloaded_once_and_checked(sounds, server, tmp_path):
    path = bring(tmp_path)
    assert path.read_bytes() == sounds and not parts(tmp_path)
    assert len(contents("data.source", str(path), ".txt")) == 20
    assert bring(tmp_path) == path
    assert server.asked == [("/test.zip", None)]
    assert "tensorflow" not in sys.modules


def test_a_download_goes_on_where_the_connection_was_cut(sounds, server, tmp_path):
    server.cuts["/test.zip"] = 1000
    assert bring(tmp_path).read_bytes() == sounds
    assert server.asked == [("/test.zip", None), ("/test.zip", "bytes=1000-")]
    assert not parts(tmp_path)


def test_how_far_a_download_is_and_how_long_it_will_take_is_told(
    sounds, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(downloads, "SECONDS_BETWEEN_LINES", -1)
    bring(tmp_path)
    shown = capsys.readouterr()
    first, *_, last = shown.err.splitlines()
    assert first == "downloading published_test.zip: 0.0 of 0.0 MB"
    assert last == "downloading published_test.zip: 0.0 of 0.0 MB, about 0 s to go"
    assert not shown.out


def test_a_download_goes_on_where_an_earlier_run_broke_off(sounds, server, tmp_path, monkeypatch):
    monkeypatch.setattr(downloads, "RETRIES", -1)
    server.cuts["/test.zip"] = 1000
    assert f"goes on after 1,000 of {len(sounds):,} bytes" in told(tmp_path)
    assert parts(tmp_path) == [sounds[:1000]]
    assert bring(tmp_path).read_bytes() == sounds and not parts(tmp_path)
    assert server.asked == [("/test.zip", None), ("/test.zip", "bytes=1000-")]


def test_a_server_that_knows_no_ranges_sends_everything_anew(sounds, server, tmp_path):
    server.knows_ranges = False
    server.cuts["/test.zip"] = 1000
    assert bring(tmp_path).read_bytes() == sounds
    assert server.asked == [("/test.zip", None), ("/test.zip", "bytes=1000-")]


def test_a_part_that_is_too_long_is_no_part(sounds, server, tmp_path):
    path = bring(tmp_path)
    path.rename(f"{path}.part")
    with open(f"{path}.part", "ab") as file:
        file.write(b"more")
    assert bring(tmp_path).read_bytes() == sounds
    assert [asked for _, asked in server.asked] == [None, f"bytes={len(sounds) + 4}-", None]


@pytest.mark.parametrize("change", ["other", "shorter", "longer"])
def test_a_file_that_is_not_as_published_is_removed(change, sounds, server, tmp_path, monkeypatch):
    sent = {"other": b"?" + sounds[1:], "shorter": sounds[:-1], "longer": sounds + b"?"}[change]
    monkeypatch.setitem(server.contents, "/test.zip", sent)
    said = told(tmp_path)
    assert f"is not the one that TFDS {tensorflow_datasets.__version__} expects" in said
    assert f" to {tmp_path / 'downloads' / 'manual' / 'published_test.zip'}." in said
    assert not parts(tmp_path)
    monkeypatch.setitem(server.contents, "/test.zip", sounds)
    assert bring(tmp_path).read_bytes() == sounds


def test_without_a_network_the_place_for_the_file_is_told(sounds, tmp_path, monkeypatch):
    monkeypatch.setattr(Sounds, "url_infos", infos_of(nowhere(), {"/test.zip": sounds}))
    said = told(tmp_path)
    assert "could not be downloaded" in said and "connect to the network" in said
    place = Path(re.search(r" to (\S+)\.$", said)[1])
    assert place == tmp_path / "downloads" / "manual" / "published_test.zip"
    place.parent.mkdir()
    place.write_bytes(sounds)
    assert bring(tmp_path) == place


def test_a_file_that_bears_no_name_has_a_place_too(sounds, tmp_path, monkeypatch):
    ((url, info),) = infos_of(nowhere(), {"/test.zip": sounds}).items()
    monkeypatch.setattr(Sounds, "url_infos", {url: dataclasses.replace(info, filename=None)})
    place = Path(re.search(r" to (\S+)\.$", told(tmp_path))[1])
    place.write_bytes(sounds)
    assert bring(tmp_path).read_bytes() == sounds


def test_a_server_that_refuses_is_asked_once(sounds, server, tmp_path, monkeypatch):
    monkeypatch.delitem(server.contents, "/test.zip")
    assert "HTTP status 404" in told(tmp_path)
    assert len(server.asked) == 1


def test_another_file_that_was_put_there_by_hand_is_told(sounds, server, tmp_path):
    by_hand = tmp_path / "downloads" / "manual" / "published_test.zip"
    by_hand.parent.mkdir(parents=True)
    by_hand.write_bytes(b"another")
    assert f"is not the one that TFDS {tensorflow_datasets.__version__} expects" in told(tmp_path)
    assert f"remove {by_hand} and try again" in told(tmp_path)
    assert not server.asked


def test_a_set_of_texts_goes_on_too(server, tmp_path, monkeypatch):
    infos = infos_of(server.address, server.contents)
    monkeypatch.setattr(LocalReviews, "server", server.address)
    monkeypatch.setattr(LocalReviews, "url_infos", infos)
    server.cuts |= {"/train.tar.gz": 500, "/test.zip": 1000}
    corpus = sources.load(config(test="test"), tmp_path)
    assert {split: len(texts) for split, texts in corpus.splits.items()} == {
        "train": 36,
        "valid": 4,
        "test": 20,
    }
    assert server.asked == [
        ("/train.tar.gz", None),
        ("/train.tar.gz", "bytes=500-"),
        ("/test.zip", None),
        ("/test.zip", "bytes=1000-"),
    ]
    monkeypatch.setattr(LocalReviews, "server", nowhere())
    monkeypatch.setattr(LocalReviews, "url_infos", infos_of(LocalReviews.server, server.contents))
    with pytest.raises(
        UserError, match=r"local_reviews' could not be.*/manual/published_train\.tar\.gz\."
    ):
        sources.load(config(), tmp_path / "other")
