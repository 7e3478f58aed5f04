"""The raw sentence pairs of every source: what is read before tokenization."""

import hashlib
import importlib.metadata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from seqjax.data import files, phrasebook, tables
from seqjax.data.dataset import SPLITS
from seqjax.errors import UserError

SHARE, MOST = 10, 1000  # an absent valid is one in so many of the training pairs, or so many


class PairSource(Protocol):
    """The settings that say which sentence pairs to read."""

    source: str
    train: str
    valid: str
    test: str
    source_language: str
    target_language: str


@dataclass(frozen=True)
class Pairs:
    """The rows of one split: a sentence and its translation each."""

    sources: Sequence[str]
    targets: Sequence[str]

    def __len__(self) -> int:
        return len(self.sources)

    def take(self, rows: Sequence[int]) -> "Pairs":
        """The given rows, in the given order."""
        return Pairs([self.sources[row] for row in rows], [self.targets[row] for row in rows])


def fingerprint(config: PairSource) -> str:
    """A hash that changes whenever the pairs do: of the files, or of a data set's version."""
    digest = hashlib.sha256(config.source.encode())
    if config.source == "phrasebook":
        digest.update(repr(phrasebook.pairs()).encode())
        return digest.hexdigest()
    digest.update(f"\n{config.source_language} {config.target_language}".encode())
    for split in SPLITS:
        digest.update(f"\n{split} ".encode())
        name = getattr(config, split)
        if config.source != "files":
            digest.update(name.encode())
        elif name:
            for path in _paths(config, split):
                digest.update("".join(path.suffixes).encode())
                digest.update(files.digest(path))
    if config.source.startswith("tfds:"):
        digest.update(importlib.metadata.version("tensorflow-datasets").encode())
    return digest.hexdigest()


def read(config: PairSource, cache_folder: Path) -> tuple[dict[str, Pairs], tuple[str, ...]]:
    """All splits, and what was decided for the user; an absent valid is cut from train."""
    if config.source == "phrasebook":
        return {split: Pairs(*zip(*rows, strict=True)) for split, rows in _book().items()}, ()
    splits = {
        split: read_split(config, split, cache_folder)
        for split in SPLITS
        if split == "train" or getattr(config, split)
    }
    if "valid" in splits:
        return splits, ()
    whole = splits["train"]
    splits["train"], splits["valid"] = cut(whole)
    note = (
        f"data.valid is empty: {len(splits['valid']):,} of the {len(whole):,} training pairs were "
        f"cut for it, chosen by a hash of their source."
    )
    return splits, (note,)


def read_split(config: PairSource, split: str, cache_folder: Path) -> Pairs:
    """The pairs that the setting of a split names."""
    name = getattr(config, split)
    if config.source == "files":
        sources, targets = _read_files(config, split)
    else:
        from seqjax.data import tfds

        builder = tfds.prepared_builder(
            config.source, config.source.removeprefix("tfds:"), cache_folder / "tfds"
        )
        sources, targets = tfds.read_pairs(builder, config, split, name or split)
    if not sources:
        raise UserError(f"data.{split}={name!r} has no pairs: every split needs at least one.")
    return Pairs(sources, targets)


def cut(pairs: Pairs) -> tuple[Pairs, Pairs]:
    """The pairs without a tenth of the distinct sources, 1,000 at most, and the pairs of these.

    All translations of a sentence stay on one side.
    """
    hashes = [_hash(source) for source in pairs.sources]
    distinct = sorted(set(hashes))
    if len(distinct) < 2:
        raise UserError(
            f"data.train has {len(distinct)} distinct sentence, too few to cut data.valid from: "
            f"set data.valid."
        )
    chosen = set(distinct[: min(MOST, max(1, len(distinct) // SHARE))])
    kept = [row for row, each in enumerate(hashes) if each not in chosen]
    taken = [row for row, each in enumerate(hashes) if each in chosen]
    return pairs.take(kept), pairs.take(taken)


def _book() -> dict[str, list[tuple[str, str]]]:
    """Nine tenths of the phrasebook, and a twentieth for each other split, by a hash."""
    book = sorted(phrasebook.pairs(), key=lambda pair: _hash(pair[0]))
    each = len(book) // (2 * SHARE)
    return {"train": book[2 * each :], "valid": book[:each], "test": book[each : 2 * each]}


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()


def _paths(config: PairSource, split: str) -> list[Path]:
    """The files of a split: a table with both languages, or a text file for each."""
    field, name = f"data.{split}", getattr(config, split)
    path = files.locate(field, name)
    if _suffix(path) in tables.READERS:
        return [path]
    ours, theirs = f".{config.source_language}", f".{config.target_language}"
    stem = path.name.removesuffix(_compression(path))
    if not stem.endswith(ours):
        raise UserError(
            f"{field}={name!r} must end in {', '.join(tables.READERS)} or, as one of two text "
            f"files whose other one ends in {theirs!r}, in data.source_language: {ours!r}, before "
            f"any {', '.join(files.OPEN)}."
        )
    other = path.with_name(f"{stem.removesuffix(ours)}{theirs}{_compression(path)}")
    return [path, files.locate(field, str(other))]


def _read_files(config: PairSource, split: str) -> tuple[list[str], list[str]]:
    field, name = f"data.{split}", getattr(config, split)
    paths = _paths(config, split)
    if len(paths) == 1:
        columns = {
            "data.source_language": config.source_language,
            "data.target_language": config.target_language,
        }
        rows = [values for _, values in tables.read(field, name, columns)]
        return [source for source, _ in rows], [target for _, target in rows]
    sources, targets = (list(_lines(path, field)) for path in paths)
    if len(sources) != len(targets):
        raise UserError(
            f"{field}={name!r} has {len(sources)} lines and {paths[1].name} has {len(targets)}: "
            f"line by line, each must be the translation of the other."
        )
    return sources, targets


def _lines(path: Path, field: str) -> Iterator[str]:
    for line in files.decoded(path, f"{field}={str(path)!r}"):
        yield line.strip()


def _compression(path: Path) -> str:
    return path.suffix if path.suffix in files.OPEN else ""


def _suffix(path: Path) -> str:
    return Path(path.name.removesuffix(_compression(path))).suffix
