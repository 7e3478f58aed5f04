"""Raw data to arrays, once: the result is cached and shared by all runs of a machine."""

import contextlib
import dataclasses
import errno
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock

from seqjax.data import files
from seqjax.data.arrays import Split
from seqjax.data.dataset import DataConfig, Dataset
from seqjax.data.facts import DataFacts
from seqjax.data.tokenizers import Tokenizer
from seqjax.errors import UserError

VERSION = 4  # raise it when arrays, facts or tokenizers are written in another way


def default_cache_folder() -> Path:
    """`$SEQJAX_CACHE`, or `seqjax` in the user's cache directory."""
    if chosen := os.environ.get("SEQJAX_CACHE"):
        return files.path_of(chosen)
    if sys.platform == "win32":
        root = os.environ.get("LOCALAPPDATA", "~/AppData/Local")
    elif sys.platform == "darwin":
        root = "~/Library/Caches"
    else:
        root = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    return files.path_of(root) / "seqjax"


def prepare(config: DataConfig, cache_folder: Path) -> Dataset:
    """The data set that `config` asks for, from the cache or made now.

    The cache's key is a hash of the config's identity, of the raw data's fingerprint and of both
    versions. Of several processes that need the same data one makes it while the others wait; what
    a killed one left behind is discarded, and a cache whose files are not as they were written is
    made again.
    """
    fingerprint = config.fingerprint()
    folder = cache_folder / "prepared" / _key(config, fingerprint)
    with _told_where_to_write(cache_folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_name(f"{folder.name}.lock")):
            notes = []
            if folder.exists():
                with contextlib.suppress(OSError, ValueError, TypeError, KeyError, UserError):
                    return _load(folder)
                notes = [f"The cache {folder} was damaged and has been made again."]
                shutil.rmtree(folder)
            incomplete = folder.with_name(f"{folder.name}.incomplete")
            shutil.rmtree(incomplete, ignore_errors=True)
            try:
                dataset = config.make(fingerprint, cache_folder)
                facts = dataclasses.replace(dataset.facts, version=config.version)
                _save(dataclasses.replace(dataset, facts=facts), incomplete)
                incomplete.rename(folder)
            finally:
                shutil.rmtree(incomplete, ignore_errors=True)
            dataset = _load(folder)
    return dataclasses.replace(dataset, notes=(*dataset.notes, *notes))


def prepared_split(config: DataConfig, split: str, facts: DataFacts, cache_folder: Path) -> Split:
    """One split of the whole prepared data set, where it is still that of the run's `facts`."""
    if config.fingerprint() != facts.fingerprint:
        raise UserError(
            f"The data of data.source={config.source!r} has changed since the run was trained: "
            f"bring it back, or train a new run."
        )
    return prepare(config, cache_folder).splits[split]


def _key(config: DataConfig, fingerprint: str) -> str:
    kind = [type(config).__name__, config.version]
    text = json.dumps([VERSION, kind, fingerprint, config.identity()], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


@contextlib.contextmanager
def _told_where_to_write(cache_folder: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, RuntimeError) as error:
        number = getattr(error, "errno", None)
        # array_record and NumPy report a write that came short without an error number.
        if "No space left" in str(error) or "requested and" in str(error):
            number = errno.ENOSPC
        reasons = {
            errno.ENOSPC: "has no space left on its disk",
            errno.EDQUOT: "has no space left in its quota",
            errno.ENOTDIR: "is not a folder",
            errno.EACCES: "must not be written",
            errno.EROFS: "is on a disk that is read-only",
        }
        if number not in reasons:
            raise
        raise UserError(
            f"The cache folder {cache_folder} {reasons[number]}: mend that, or set the "
            f"environment variable SEQJAX_CACHE to another folder."
        ) from error


def _save(dataset: Dataset, folder: Path) -> None:
    """Writes everything into a new folder."""
    for name, split in dataset.splits.items():
        split.save(folder / name)
    if dataset.tokenizer:
        dataset.tokenizer.save(folder / "tokenizer.json")
    (folder / "data.json").write_text(dataset.facts.to_json(), encoding="utf-8")
    (folder / "digests.json").write_text(json.dumps(_digests(folder)))


def _digests(folder: Path) -> dict[str, str]:
    """The hash of every file in a finished folder, by its name."""
    digests = {}
    for path in sorted(folder.rglob("*.*")):
        if path.is_file() and path.name != "digests.json":
            digests[path.relative_to(folder).as_posix()] = files.digest(path).hex()
    return digests


def _load(folder: Path) -> Dataset:
    """Reads a finished folder; ValueError where a file is not as it was written."""
    if json.loads((folder / "digests.json").read_text()) != _digests(folder):
        raise ValueError(f"{folder} is damaged")
    facts = DataFacts.from_json((folder / "data.json").read_text(encoding="utf-8"))
    splits = {name: Split.load(folder / name) for name in facts.splits}
    tokenizer = folder / "tokenizer.json"
    return Dataset(
        splits, facts, Tokenizer.load(tokenizer) if tokenizer.exists() else None, facts.notes
    )
