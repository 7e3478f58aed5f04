"""The raw documents of running text: what every source gives before tokenization."""

import glob
import hashlib
import importlib.metadata
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from seqjax.data import files, pydoc_topics, tables
from seqjax.data.dataset import SPLITS
from seqjax.errors import UserError

SHARE = 10  # an absent valid is one in so many of the training characters


class DocumentSource(Protocol):
    """The settings that say which documents to read."""

    source: str
    train: str
    valid: str
    test: str
    text_column: str


@dataclass(frozen=True)
class Documents:
    """The documents of every split, none of them empty."""

    splits: dict[str, list[str]]
    notes: tuple[str, ...] = ()  # what was decided for the user, one sentence each
    origin: dict[str, str] = field(default_factory=dict)  # what tells one text from another


def fingerprint(config: DocumentSource) -> str:
    """A hash that changes whenever the documents do."""
    digest = hashlib.sha256(config.source.encode())
    if config.source == "pydoc_topics":
        digest.update(pydoc_topics.origin()["sha256"].encode())
    elif config.source == "files":
        for split in SPLITS:
            digest.update(f"\n{split} ".encode())
            for path in _paths(config, split):
                digest.update("".join(path.suffixes).encode())
                digest.update(files.digest(path))
    else:
        settings = [config.train, config.valid, config.test, config.text_column]
        digest.update("\n".join(settings).encode())
        digest.update(importlib.metadata.version("tensorflow-datasets").encode())
    return digest.hexdigest()


def read(config: DocumentSource, cache_folder: Path) -> Documents:
    """All splits; an absent valid is the end of train, an absent test is none."""
    if config.source == "pydoc_topics":
        return Documents(pydoc_topics.read_splits(), origin=pydoc_topics.origin())
    splits = {
        split: read_split(config, split, cache_folder)
        for split in SPLITS
        if split == "train" or getattr(config, split)
    }
    if "valid" in splits:
        return Documents(splits)
    splits["train"], splits["valid"] = cut_end(splits["train"])
    lengths = [sum(map(len, splits[split])) for split in ("train", "valid")]
    note = f"data.valid is empty: the last {lengths[1]:,} of {sum(lengths):,} characters are it."
    return Documents(splits, (note,))


def read_split(config: DocumentSource, split: str, cache_folder: Path) -> list[str]:
    """The documents that the setting of a split names."""
    if config.source == "files":
        documents = [text for path in _paths(config, split) for text in _texts(config, split, path)]
    else:
        from seqjax.data import tfds

        name = config.source.removeprefix("tfds:")
        builder = tfds.prepared_builder(config.source, name, cache_folder / "tfds")
        documents = tfds.read_texts(builder, config, split, getattr(config, split) or split)
    documents = [text for text in documents if text]
    if not documents:
        raise UserError(f"data.{split}={getattr(config, split)!r} has no text.")
    return documents


def cut_end(documents: Sequence[str]) -> tuple[list[str], list[str]]:
    """The documents up to the last tenth of their characters, and that tenth.

    A document that reaches over the cut is divided.
    """
    room = sum(map(len, documents)) * (SHARE - 1) // SHARE
    before, after = [], []
    for text in documents:
        before.append(text[:room])
        after.append(text[room:])
        room = max(0, room - len(text))
    return [text for text in before if text], [text for text in after if text]


def _paths(config: DocumentSource, split: str) -> list[Path]:
    """The files of a split: the one that its setting names, or all that its pattern fits."""
    name = getattr(config, split)
    if not name:
        return []
    if glob.has_magic(name) and not files.path_of(name).exists():
        found = sorted(glob.glob(str(files.path_of(name)), recursive=True))
        paths = [path for path in map(Path, found) if path.is_file()]
        if not paths:
            raise UserError(
                f"data.{split}={name!r} fits no file (sought: {Path(name).absolute()})."
            )
        return paths
    return [files.locate(f"data.{split}", name)]


def _texts(config: DocumentSource, split: str, path: Path) -> list[str]:
    """The documents of a file: one for each row of a table, else the whole of it."""
    compression = path.suffix if path.suffix in files.OPEN else ""
    if Path(path.name.removesuffix(compression)).suffix in tables.READERS:
        columns = {"data.text_column": config.text_column}
        rows = tables.read(f"data.{split}", str(path), columns)
        return [text for _, (text,) in rows]
    return ["".join(files.decoded(path, f"data.{split}={str(path)!r}"))]
