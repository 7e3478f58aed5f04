"""Sentences with a translation each, as token ids: what translation reads.

Multi30k (Elliott et al. 2016, 2017): descriptions of images in English, translated into German by
professionals; 29,000 / 1,014 / 1,000 pairs for training, validation and the test of 2016. The
repository `multi30k/dataset` holds the plain texts (`data/task1/raw`) and states no licence; the
English side derives from Flickr30k, whose authors give it for research and education alone.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from seqjax.data import pairs, tokenizers
from seqjax.data.arrays import Ragged, Split
from seqjax.data.dataset import SPLITS, DataConfig, Dataset, told_cut
from seqjax.data.facts import DataFacts, SplitFacts
from seqjax.data.loader import boundaries
from seqjax.data.pairs import Pairs
from seqjax.data.prepare import prepared_split
from seqjax.data.tokenizers import BEGIN, END, UNKNOWN, Tokenizer
from seqjax.errors import UserError, did_you_mean


@dataclass(frozen=True)
class SentencePairsConfig(DataConfig):
    """Sentence pairs: of every split `source`, ended by END, and `target` from BEGIN to END."""

    tokenized: ClassVar[bool] = True

    # phrasebook: generated from a small grammar; files: text files line by line, or tables;
    # tfds:NAME: a translation set of TensorFlow Datasets
    source: str = "phrasebook"
    # Paths (files): of a table with a column for each language, or of the source's text file such
    # as train.en.gz, beside which lies train.de.gz. Or split expressions (tfds; an empty train is
    # the split "train"). A valid that is left empty is cut from train.
    train: str = ""
    valid: str = ""
    test: str = ""
    source_language: str = "en"  # suffix of a text file, column of a table, feature of a TFDS set
    target_language: str = "de"

    tokenizer: str = "bpe"  # word, character or bpe; trained on the training split only
    joint: bool = True  # one vocabulary for both languages, else one for each
    lowercase: bool = False
    vocabulary_size: int = 6_000  # at most so many tokens, the special ones included
    max_length: int = 128  # tokens; longer pairs are left out of training, and cut elsewhere

    buckets: int = 4  # number of padded lengths, and so of compiled shapes

    def __post_init__(self) -> None:
        known = ("phrasebook", "files", "tfds:NAME")
        if self.source not in known[:2] and not self.source.startswith("tfds:"):
            raise UserError(
                f"data.source={self.source!r} is unknown; {did_you_mean(self.source, known)}"
            )
        if self.source == "tfds:":
            raise UserError("data.source='tfds:' names no data set: write tfds:NAME.")
        if self.source == "files" and not self.train:
            raise UserError("data.train='' must name a file where data.source='files'.")
        if self.source == "phrasebook":
            for split in SPLITS:
                if getattr(self, split):
                    raise UserError(
                        f"data.{split}={getattr(self, split)!r} must be empty for "
                        f"data.source='phrasebook', which has its own splits: files are read by "
                        f"data.source='files'."
                    )
            if (self.source_language, self.target_language) != ("en", "de"):
                raise UserError(
                    f"data.source_language={self.source_language!r} and data.target_language="
                    f"{self.target_language!r} must be 'en' and 'de' for data.source='phrasebook'."
                )
        if self.source_language == self.target_language:
            raise UserError(
                f"data.target_language={self.target_language!r} must differ from "
                f"data.source_language."
            )
        tokenizers.check(self)
        for field, least in (("max_length", 2), ("buckets", 1)):
            if getattr(self, field) < least:
                raise UserError(f"data.{field}={getattr(self, field)} must be at least {least}.")

    def fingerprint(self) -> str:
        """A hash of the files, or of the data set's version."""
        return pairs.fingerprint(self)

    def identity(self) -> dict[str, Any]:
        """Files count by their contents, which the fingerprint covers, and not by their places."""
        fields = dataclasses.asdict(self)
        if self.source == "files":
            fields |= {split: bool(fields[split]) for split in SPLITS}
        return fields

    def make(self, fingerprint: str, cache_folder: Path) -> Dataset:
        """Reads and tokenizes all splits."""
        raw, notes = pairs.read(self, cache_folder)
        tokenizer = self._train_tokenizer(raw["train"])
        splits, facts = {}, {}
        for name, rows in raw.items():
            source, target = self._encode(rows, tokenizer)
            longest = np.maximum(source.lengths, target.lengths)
            if name == "train":
                kept = self._short(source, target)
                if not len(kept):
                    raise UserError(
                        f"data.max_length={self.max_length} leaves no training pair: the shortest "
                        f"has {longest.min()} tokens."
                    )
                splits[name] = Split({"source": take(source, kept), "target": take(target, kept)})
            else:
                splits[name] = self._cut(source, target)
            facts[name] = SplitFacts(
                rows=len(splits[name]),
                longest=int(longest.max()),
                mean_length=float(target.lengths.mean()),
                cut=float((longest > self.max_length).mean()),
                unknown=float((np.concatenate([source.values, target.values]) == UNKNOWN).mean()),
            )
        columns = {
            name: np.concatenate([split.columns[name].lengths for split in splits.values()])
            for name in ("source", "target")
        }
        return Dataset(
            splits,
            DataFacts(
                source=self.source,
                fingerprint=fingerprint,
                labels=(),
                vocabulary_size=tokenizer.vocabulary_size,
                target_vocabulary_size=0 if self.joint else tokenizer.target.vocabulary_size,
                boundaries={
                    name: boundaries(lengths, self.buckets, self.max_length)
                    for name, lengths in columns.items()
                },
                splits=facts,
                notes=notes,
            ),
            tokenizer,
        )

    def read_split(
        self, split: str, facts: DataFacts, tokenizer: Tokenizer, cache_folder: Path
    ) -> Split:
        """One split; of a user's own files only those of that split are read."""
        if split == "train" or not self._stands_alone(split):
            return prepared_split(self, split, facts, cache_folder)
        return self._cut(*self._encode(pairs.read_split(self, split, cache_folder), tokenizer))

    def read_references(
        self, split: str, tokenizer: Tokenizer, cache_folder: Path
    ) -> Sequence[str]:
        """The translations as people wrote them, of the rows of `read_split`."""
        if split != "train" and self._stands_alone(split):
            return pairs.read_split(self, split, cache_folder).targets
        rows = pairs.read(self, cache_folder)[0][split]
        if split == "train":
            rows = rows.take(self._short(*self._encode(rows, tokenizer)))
        return rows.targets

    def read(self, lines: Sequence[str], facts: DataFacts, tokenizer: Tokenizer) -> Split:
        """Sentences to be translated; one that is too long is cut, a blank one is END alone."""
        tokens = tokenizer.encode_batch(lines).cut(self.max_length - 1)
        source = [row if line.strip() else () for line, row in zip(lines, tokens, strict=True)]
        return Split({"source": framed(source, (), (END,))})

    def unread(self, lines: Sequence[str], tokenizer: Tokenizer) -> Iterator[str]:
        """A sentence for each that loses its end."""
        return told_cut(tokenizer.encode_batch(lines), lines, self.max_length - 1, "end")

    def _stands_alone(self, split: str) -> bool:
        return self.source != "phrasebook" and bool(getattr(self, split))

    def _train_tokenizer(self, rows: Pairs) -> Tokenizer:
        if self.joint:
            return tokenizers.train((*rows.sources, *rows.targets), self)
        source, target = (tokenizers.train(texts, self) for texts in (rows.sources, rows.targets))
        return source.with_target(target)

    def _encode(self, rows: Pairs, tokenizer: Tokenizer) -> tuple[Ragged, Ragged]:
        source = framed(tokenizer.encode_batch(rows.sources), (), (END,))
        return source, framed(tokenizer.target.encode_batch(rows.targets), (BEGIN,), (END,))

    def _short(self, source: Ragged, target: Ragged) -> np.ndarray:
        """The rows that training takes."""
        return np.flatnonzero(np.maximum(source.lengths, target.lengths) <= self.max_length)

    def _cut(self, source: Ragged, target: Ragged) -> Split:
        return Split({"source": source.cut(self.max_length), "target": target.cut(self.max_length)})


def framed(rows: Iterable[Sequence[int]], first: Sequence[int], last: Sequence[int]) -> Ragged:
    """Every row with these steps before and after it."""
    return Ragged.from_rows([[*first, *row, *last] for row in rows], np.int32)


def take(rows: Ragged, chosen: np.ndarray) -> Ragged:
    """The chosen rows, copied."""
    if len(chosen) == len(rows):
        return rows
    return Ragged.from_rows([rows[row] for row in chosen], np.int32)
