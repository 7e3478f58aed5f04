"""The raw texts of every source: one shape, checked, with a train, a valid and a test split."""

import hashlib
import importlib.metadata
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seqjax.data import files, tables, trees
from seqjax.data.dataset import SPLITS
from seqjax.data.texts import FILE_SOURCES, Texts, TextSource
from seqjax.errors import UserError


@dataclass(frozen=True)
class Corpus:
    """Labelled texts, as they are before tokenization."""

    splits: dict[str, Texts]  # train, valid and test
    labels: tuple[str, ...]  # label names in the order of their index
    notes: tuple[str, ...]  # what was decided for the user, one sentence each


def fingerprint(config: TextSource) -> str:
    """A hash that changes whenever the raw texts do: of the files, or of a data set's version."""
    digest = hashlib.sha256(config.source.encode())
    for split in SPLITS:
        name = getattr(config, split)
        digest.update(f"\n{split} ".encode())
        if name and config.source in FILE_SOURCES:
            path = files.locate(f"data.{split}", name)
            digest.update("".join(path.suffixes).encode())
            digest.update(files.digest(path))
        else:
            digest.update(name.encode())
    if config.source.startswith("tfds:"):
        digest.update(importlib.metadata.version("tensorflow-datasets").encode())
    return digest.hexdigest()


def load(config: TextSource, cache_folder: Path) -> Corpus:
    """Reads and checks all splits; those that are absent are cut from train."""
    if config.source in FILE_SOURCES:
        splits = {split: _read_file(config, split) for split in SPLITS if getattr(config, split)}
        names = []
    else:
        splits, names = _read_tfds(config, cache_folder)
    labels = _label_names(splits, names, config)
    notes = []
    absent = [split for split in SPLITS if split not in splits]
    if absent:
        train = splits["train"]
        splits |= cut_from_train(train, absent, config.split_seed)
        notes = [
            f"data.{split} is empty: {len(splits[split]):,} of the {len(train):,} training rows "
            f"were cut for it, stratified by label, with data.split_seed={config.split_seed}."
            for split in absent
        ]
    return Corpus(splits, labels, (*notes, *_in_train(splits)))


def _in_train(splits: dict[str, Texts]) -> list[str]:
    """What is not held out, of each split a sentence: a model may know it by heart."""
    known, notes = set(splits["train"].texts), []
    for split in ("valid", "test"):
        shared = sum(text in known for text in splits[split].texts)
        if shared:
            notes.append(
                f"{shared:,} of the {len(splits[split]):,} texts of {split} are texts of train, "
                f"too: they do not tell how well a model does on new ones."
            )
    return notes


def load_split(config: TextSource, split: str, cache_folder: Path) -> Texts:
    """One split; of a user's own files only the one that holds it is read."""
    if stands_alone(config, split):
        return _read_file(config, split)
    return load(config, cache_folder).splits[split]


def stands_alone(config: TextSource, split: str) -> bool:
    """Whether a user's own file holds the split, and nothing that is cut for another."""
    cut = split == "train" and not (config.valid and config.test)
    return config.source in FILE_SOURCES and bool(getattr(config, split)) and not cut


def _read_file(config: TextSource, split: str) -> Texts:
    name = getattr(config, split)
    if config.source == "trees":
        return trees.read(f"data.{split}", name, phrases=split == "train")
    origin = f"data.{split}={name!r}"
    columns = {
        "data.text_column": config.text_column,
        "data.label_column": config.label_column,
    }
    texts, labels, lines = [], [], []
    for line, (text, label) in tables.read(f"data.{split}", name, columns):
        if not label.strip():
            raise UserError(f"{origin}, line {line}: {config.label_column!r} is empty.")
        texts.append(text)
        labels.append(label.strip())
        lines.append(line)
    if not texts:
        raise UserError(f"{origin} has no rows: every split needs at least one.")
    return Texts(texts, labels, origin, lines)


def _read_tfds(config: TextSource, cache_folder: Path) -> tuple[dict[str, Texts], list[str]]:
    # Imported here since TFDS takes a second, which a run on files or on prepared data saves.
    from seqjax.data import tfds

    if config.source == "rotten_tomatoes":
        from seqjax.data import rotten_tomatoes

        rotten_tomatoes.corpus_path()  # says early whether the corpus is there
        expressions = {split: split for split in SPLITS}
    else:
        expressions = {"train": config.train or "train", "valid": config.valid, "test": config.test}
    name = config.source.removeprefix("tfds:")
    builder = tfds.prepared_builder(config.source, name, cache_folder / "tfds")
    splits = {}
    names: list[str] = []
    for split, expression in expressions.items():
        if expression:
            splits[split], names = tfds.read(builder, config, split, expression)
    return splits, names


def _label_names(
    splits: dict[str, Texts], names: Sequence[str], config: TextSource
) -> tuple[str, ...]:
    """Train's labels in the order of `names`, else of their numbers, else of the alphabet."""
    train = splits["train"]
    seen = set(train.labels)
    if len(seen) < 2:
        raise UserError(
            f"{train.origin} has only the label {train.labels[0]!r} in "
            f"data.label_column={config.label_column!r}: classification needs two or more."
        )
    for texts in splits.values():
        for row, label in enumerate(texts.labels):
            if label not in seen:
                raise UserError(
                    f"{texts.where(row)}: the label {label!r} does not occur in {train.origin}."
                )
    if names:
        return tuple(name for name in names if name in seen)
    labels = sorted(seen)
    numbers = all(label.isdecimal() for label in labels)
    return tuple(sorted(labels, key=int) if numbers else labels)


def cut_from_train(train: Texts, absent: Sequence[str], seed: int) -> dict[str, Texts]:
    """Divides the rows of train among train and the absent splits.

    Each absent split gets a tenth of the distinct texts, with every label in proportion. Identical
    texts stay together, and some text of every label stays in train.
    """
    first: dict[str, int] = {}
    text_of_row = [first.setdefault(text, row) for row, text in enumerate(train.texts)]
    texts = list(first.values())
    random = np.random.Philox(np.random.SeedSequence(seed)).random_raw(len(texts))
    of_label = defaultdict(list)
    for _, text in sorted(zip(random, texts, strict=True)):
        of_label[train.labels[text]].append(text)
    candidates = [t for label in sorted(of_label) for t in of_label[label] if of_label[label][1:]]

    count = len(absent) * max(1, round(len(texts) / 10))
    if 2 * count > len(candidates):
        raise UserError(
            f"{train.origin} has {len(candidates)} texts whose label occurs more than once, too "
            f"few to cut {' and '.join(absent)} from: set data.{' and data.'.join(absent)}."
        )
    # Evenly spaced, two or more apart, among candidates sorted by label: every label gives its
    # share, and keeps some.
    chosen = [candidates[(2 * i + 1) * len(candidates) // (2 * count)] for i in range(count)]
    split_of = {text: absent[place % len(absent)] for place, text in enumerate(chosen)}
    rows = defaultdict(list)
    for row, text in enumerate(text_of_row):
        rows[split_of.get(text, "train")].append(row)
    return {split: train.take(rows[split]) for split in ("train", *absent)}
