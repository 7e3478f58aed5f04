"""Sets of TensorFlow Datasets (TFDS), texts above all, read without TensorFlow."""

import contextlib
import glob
import importlib.util
import io
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import requests
import tensorflow_datasets as tfds
import tensorflow_datasets.text  # registers the older half of the text sets
import tensorflow_datasets.translate  # and that of the translation sets
from filelock import FileLock
from tensorflow_datasets.core.download import downloader
from tensorflow_datasets.core.download.download_manager import NonMatchingChecksumError
from tensorflow_datasets.core.utils.lazy_imports_utils import tensorflow as lazy_tensorflow

from seqjax.data.documents import DocumentSource
from seqjax.data.pairs import PairSource
from seqjax.data.texts import Texts, TextSource
from seqjax.errors import UserError, did_you_mean

RETRIES = 4  # about five seconds without a network, where TFDS itself would take minutes


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
    manual = data_dir / "downloads" / "manual"
    if builder.MANUAL_DOWNLOAD_INSTRUCTIONS and not manual.is_dir():
        instructions = " ".join(builder.MANUAL_DOWNLOAD_INSTRUCTIONS.split())
        raise UserError(
            f"data.source={source!r} must be downloaded by hand into {manual}: {instructions}"
        )
    with FileLock(data_dir / f"{base}.lock"):
        if not builder.data_path.exists():
            for left_by_a_killed_process in builder.data_path.parent.glob("incomplete.*"):
                left_by_a_killed_process.rmtree()
            _download_and_prepare(builder, source, manual)
    return builder


def downloaded(source: str, name: str, data_dir: Path) -> Path:
    """The one file that a set consists of, as TFDS downloads and checks it.

    For a set that TFDS cannot even describe without TensorFlow, such as one of sounds.
    """
    infos = tfds.builder_cls(name).url_infos
    (url,) = infos
    data_dir.mkdir(parents=True, exist_ok=True)
    manual = data_dir / "downloads" / "manual"
    tfds.enable_progress_bar()
    with FileLock(data_dir / f"{name}.lock"), _told(source, infos, manual):
        manager = tfds.download.DownloadManager(
            download_dir=data_dir / "downloads",
            manual_dir=manual,
            url_infos=infos,
            dataset_name=name,
        )
        with _without_tensorflow(), contextlib.redirect_stdout(sys.stderr):
            return Path(manager.download(url))


def _download_and_prepare(builder: tfds.core.DatasetBuilder, source: str, manual: Path) -> None:
    downloads = builder.url_infos is not None
    (tfds.enable_progress_bar if downloads else tfds.disable_progress_bar)()
    # What TFDS prints is about the download, and no part of a command's result on standard output.
    messages = sys.stderr if downloads else io.StringIO()
    with (
        _told(source, builder.url_infos or {}, manual),
        _without_tensorflow(),
        contextlib.redirect_stdout(messages),
    ):
        builder.download_and_prepare(
            download_config=tfds.download.DownloadConfig(try_download_gcs=False)
        )


@contextlib.contextmanager
def _told(source: str, infos: Mapping[str, Any], manual: Path) -> Iterator[None]:
    """What a download can fail from, in a sentence each."""
    try:
        yield
    except (requests.RequestException, tfds.download.DownloadError) as error:
        files = [info.filename for info in infos.values() if info.filename]
        raise UserError(
            f"data.source={source!r} could not be downloaded ({type(error).__name__}): connect to "
            f"the network, or put {', '.join(files) or 'its files'} into {manual}."
        ) from error
    except NonMatchingChecksumError as error:
        raise UserError(
            f"data.source={source!r}: a downloaded file is not the one that TFDS "
            f"{tfds.__version__} expects: remove {manual.parent} and try again."
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
    rows = [
        [_string(row[getattr(config, field)]) for field in fields]
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
