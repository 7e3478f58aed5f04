"""Sets of TensorFlow Datasets (TFDS), texts above all, read without TensorFlow."""

import contextlib
import glob
import importlib.util
import io
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from types import SimpleNamespace
from typing import Any
from urllib.error import URLError
from urllib.parse import urlsplit

import requests
import tensorflow_datasets as tfds
import tensorflow_datasets.text  # registers the older half of the text sets
import tensorflow_datasets.translate  # and that of the translation sets
from filelock import FileLock
from tensorflow_datasets.core.download import downloader
from tensorflow_datasets.core.download.download_manager import NonMatchingChecksumError
from tensorflow_datasets.core.download.resource import Resource, write_info_file
from tensorflow_datasets.core.utils.lazy_imports_utils import tensorflow as lazy_tensorflow
from tensorflow_datasets.core.utils.lazy_imports_utils import tree

from seqjax.data import files
from seqjax.data.documents import DocumentSource
from seqjax.data.downloads import RETRIES, Download, fetch
from seqjax.data.pairs import PairSource
from seqjax.data.texts import Texts, TextSource
from seqjax.errors import UserError, did_you_mean


def prepared_builder(source: str, name: str, data_dir: Path) -> tfds.core.DatasetBuilder:
    """The builder of a set that is downloaded and stored as array_record under `data_dir`.

    `name` may hold a configuration and a version, as in `glue/sst2:2.0.0`; `source` is what
    messages call it.
    """
    known = tfds.list_builders(with_community_datasets=False)
    base = name.partition("/")[0].partition(":")[0]
    if base not in known:
        raise UserError(
            f"data.source={source!r} is no text set of TFDS; {did_you_mean(base, known)}"
        )
    try:
        builder = tfds.builder(name, data_dir=data_dir, file_format="array_record")
    except (ValueError, AssertionError) as error:
        reason = str(error).rpartition('": ')[2].partition(". ")[0].rstrip(".")
        configs = ", ".join(tfds.builder_cls(base).builder_configs) or "none"
        raise UserError(
            f"data.source={source!r}: {reason}; {base} has the configurations {configs}."
        ) from error
    data_dir.mkdir(parents=True, exist_ok=True)
    manual = _manual(data_dir)
    if builder.MANUAL_DOWNLOAD_INSTRUCTIONS and not manual.is_dir():
        instructions = " ".join(builder.MANUAL_DOWNLOAD_INSTRUCTIONS.split())
        raise UserError(
            f"data.source={source!r} must be downloaded by hand into {manual}: {instructions}"
        )
    with FileLock(data_dir / f"{base}.lock"):
        if not builder.data_path.exists():
            for left_by_a_killed_process in builder.data_path.parent.glob("incomplete.*"):
                left_by_a_killed_process.rmtree()
            _download_and_prepare(builder, source, data_dir)
    return builder


def downloaded(source: str, name: str, data_dir: Path) -> dict[str, Path]:
    """The files that a set consists of, by the names that they were published under.

    For a set that TFDS cannot even describe without TensorFlow, such as one of sounds or images.
    """
    infos = tfds.builder_cls(name).url_infos
    data_dir.mkdir(parents=True, exist_ok=True)
    with FileLock(data_dir / f"{name}.lock"), _told(source, infos, data_dir), _without_tensorflow():
        paths = _Downloads(source, name, infos, data_dir).download({url: url for url in infos})
    return {infos[url].filename: Path(path) for url, path in paths.items()}


def _download_and_prepare(builder: tfds.core.DatasetBuilder, source: str, data_dir: Path) -> None:
    infos = builder.url_infos or {}
    downloads = builder.url_infos is not None
    (tfds.enable_progress_bar if downloads else tfds.disable_progress_bar)()
    # What TFDS prints is about the download, and no part of a command's result on standard output.
    messages = sys.stderr if downloads else io.StringIO()
    builder._make_download_manager = lambda **_: _Downloads(
        source,
        builder.name,
        infos,
        data_dir,
        manual_dir_instructions=builder.MANUAL_DOWNLOAD_INSTRUCTIONS,
        max_simultaneous_downloads=builder.MAX_SIMULTANEOUS_DOWNLOADS,
    )
    with (
        _told(source, infos, data_dir),
        _without_tensorflow(),
        contextlib.redirect_stdout(messages),
    ):
        builder.download_and_prepare(
            download_config=tfds.download.DownloadConfig(try_download_gcs=False)
        )


class _Downloads(tfds.download.DownloadManager):
    """Brings the files whose size and hash TFDS knows, before TFDS looks for them.

    TFDS's own downloader begins anew after an interruption; the few that need more than a request
    are left to it.
    """

    def __init__(
        self, source: str, name: str, infos: Mapping[str, Any], data_dir: Path, **options: Any
    ) -> None:
        super().__init__(
            download_dir=data_dir / "downloads",
            manual_dir=_manual(data_dir),
            url_infos=infos,
            dataset_name=name,
            **options,
        )
        self._source = source

    def download(self, url_or_urls: Any) -> Any:
        """The paths of the files at one or several addresses."""
        with self._brought(url_or_urls):
            return super().download(url_or_urls)

    def download_and_extract(self, url_or_urls: Any) -> Any:
        """The paths of what the files at one or several addresses hold."""
        with self._brought(url_or_urls):
            return super().download_and_extract(url_or_urls)

    @contextlib.contextmanager
    def _brought(self, url_or_urls: Any) -> Iterator[None]:
        """TFDS finds the files there, and shows its own progress where it brings some itself."""
        resources = [
            address if isinstance(address, Resource) else Resource(url=address)
            for address in tree.flatten(url_or_urls)
        ]
        ours = [r for r in resources if r.url in self._url_infos and _is_plain(r.url)]
        wanted = {file.path: file for file in map(self._missing, ours) if file}
        if wanted:
            registry = f"TFDS {tfds.__version__}"
            fetch(f"data.source={self._source!r}", registry, list(wanted.values()))
        if len(ours) == len(resources):
            tfds.disable_progress_bar()
        try:
            yield
        finally:
            tfds.enable_progress_bar()

    def _missing(self, resource: Resource) -> Download | None:
        """What is to be downloaded, if that is neither there nor has been put there by hand."""
        info = self._url_infos[resource.url]
        # Its name holds the hash, so that no two files go to one place.
        path = Path(self._get_dl_path(resource, info.checksum))
        by_hand = Path(self._manual_dir, info.filename) if info.filename else None
        if path.exists() or (by_hand and by_hand.exists()):
            return None
        # TFDS takes a file that has this beside it.
        path.parent.mkdir(parents=True, exist_ok=True)
        published = info.filename or PurePosixPath(urlsplit(resource.url).path).name
        write_info_file(resource.url, path, self._dataset_name, published, info)
        return Download(resource.url, int(info.size), info.checksum, path, by_hand)


def _is_plain(url: str) -> bool:
    """Whether a request brings the file; Google Drive asks a question first."""
    return url.startswith(("http://", "https://")) and "://drive.google.com/" not in url


def _manual(data_dir: Path) -> Path:
    """The folder in which TFDS finds files that were put there by hand."""
    return data_dir / "downloads" / "manual"


@contextlib.contextmanager
def _told(source: str, infos: Mapping[str, Any], data_dir: Path) -> Iterator[None]:
    """What a preparation can fail from, in a sentence each."""
    manual = _manual(data_dir)
    try:
        yield
    except (requests.RequestException, URLError, tfds.download.DownloadError) as error:
        names = [info.filename for url, info in infos.items() if not _is_plain(url)]
        remedy = f", or put {', '.join(filter(None, names))} into {manual}" if any(names) else ""
        raise UserError(
            f"data.source={source!r} could not be downloaded ({type(error).__name__}): connect to "
            f"the network{remedy}."
        ) from error
    except NonMatchingChecksumError as error:
        others = [
            str(manual / info.filename)
            for info in infos.values()
            if info.filename
            and (manual / info.filename).exists()
            and files.digest(manual / info.filename).hex() != info.checksum
        ]
        raise UserError(
            f"data.source={source!r}: a file is not the one that TFDS {tfds.__version__} expects: "
            f"remove {', '.join(others) or manual.parent} and try again."
        ) from error
    except ModuleNotFoundError as error:
        raise UserError(
            f"data.source={source!r} is prepared by TFDS with the package {error.name}, which is "
            f"not installed: install it, or give the texts as data.source='files'."
        ) from error


class _FilesOfTensorFlow:
    """What TFDS opens downloads with, from the standard library instead of TensorFlow."""

    io = SimpleNamespace(
        gfile=SimpleNamespace(
            GFile=open,
            exists=os.path.exists,
            glob=glob.glob,
            isdir=os.path.isdir,
            listdir=os.listdir,
        )
    )
    compat = SimpleNamespace(as_text=str)

    def __getattr__(self, name: str) -> None:
        raise ModuleNotFoundError(f"tensorflow.{name}", name="tensorflow")


@contextlib.contextmanager
def _without_tensorflow() -> Iterator[None]:
    """Lets TFDS open archives where TensorFlow is absent, and give up early without a network.

    TFDS imports TensorFlow lazily, through one object: its module is set here for the time of a
    preparation.
    """
    retries, downloader.MAX_RETRIES = downloader.MAX_RETRIES, RETRIES
    absent = importlib.util.find_spec("tensorflow") is None
    if absent:
        vars(lazy_tensorflow)["_module"] = _FilesOfTensorFlow()
    try:
        yield
    finally:
        downloader.MAX_RETRIES = retries
        if absent:
            del vars(lazy_tensorflow)["_module"]


def read(
    builder: tfds.core.DatasetBuilder, config: TextSource, split: str, expression: str
) -> tuple[Texts, list[str]]:
    """Reads a split expression such as `train[:90%]`.

    Returns the texts, and the label names in the set's own order where it has one.
    """
    origin = f"data.{split}={expression!r} of data.source={config.source!r}"
    text, label = _features(builder, config, ("text_column", "label_column"), origin)
    if not isinstance(text, tfds.features.Text) or label.shape != ():
        raise UserError(
            f"{origin}: data.text_column={config.text_column!r} must be a text and "
            f"data.label_column={config.label_column!r} one label, not {text} and {label}."
        )
    names = getattr(label, "names", [])
    texts, labels = [], []
    for number, row in enumerate(_rows(builder, expression, origin)):
        value = row[config.label_column]
        if names and value < 0:
            raise UserError(f"{origin}, row {number}: has no label: choose another split.")
        texts.append(_string(row[config.text_column]))
        labels.append(names[value] if names else _string(value))
    return Texts(texts, labels, origin), names


def read_texts(
    builder: tfds.core.DatasetBuilder, config: DocumentSource, split: str, expression: str
) -> list[str]:
    """The texts of a split expression, whatever else the set may have."""
    origin = f"data.{split}={expression!r} of data.source={config.source!r}"
    (text,) = _features(builder, config, ("text_column",), origin)
    if not isinstance(text, tfds.features.Text):
        raise UserError(
            f"{origin}: data.text_column={config.text_column!r} must be a text, not {text}."
        )
    rows = _rows(builder, expression, origin)
    return [_string(row[config.text_column]) for row in rows]


def read_pairs(
    builder: tfds.core.DatasetBuilder, config: PairSource, split: str, expression: str
) -> tuple[list[str], list[str]]:
    """The sentences of a split expression in both languages."""
    origin = f"data.{split}={expression!r} of data.source={config.source!r}"
    fields = ("source_language", "target_language")
    for field, feature in zip(fields, _features(builder, config, fields, origin), strict=True):
        if not isinstance(feature, tfds.features.Text):
            raise UserError(
                f"{origin}: data.{field}={getattr(config, field)!r} must be a text, not {feature}."
            )
    # A sentence is a line, as in text files: OPUS's even hold the line's end.
    rows = [
        [_string(row[getattr(config, field)]).strip() for field in fields]
        for row in _rows(builder, expression, origin)
    ]
    return [source for source, _ in rows], [target for _, target in rows]


def _features(
    builder: tfds.core.DatasetBuilder,
    config: TextSource | DocumentSource | PairSource,
    fields: Sequence[str],
    origin: str,
) -> list[tfds.features.FeatureConnector]:
    """The set's features that these settings name."""
    features = builder.info.features
    for field in fields:
        name = getattr(config, field)
        if name not in features:
            raise UserError(
                f"{origin}: no feature data.{field}={name!r}; {did_you_mean(name, features)}"
            )
    return [features[getattr(config, field)] for field in fields]


def _rows(builder: tfds.core.DatasetBuilder, expression: str, origin: str) -> Sequence[dict]:
    try:
        return builder.as_data_source(split=expression)
    except ValueError as error:
        reason = str(error).partition("\n")[0].rstrip(".")
        raise UserError(f"{origin} cannot be read: {reason}.") from error


def _string(value: bytes | int) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
