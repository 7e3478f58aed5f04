"""The contract of every kind of data: settings in a run's configuration, and how they are read."""

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from seqjax.data.arrays import Ragged, Split
from seqjax.data.facts import DataFacts
from seqjax.data.tokenizers import Tokenizer
from seqjax.errors import UserError

SPLITS = ("train", "valid", "test")


@dataclass(frozen=True)
class Dataset:
    """A data set in the form that batches are made from."""

    splits: dict[str, Split]  # train and valid, and test where there is one
    facts: DataFacts
    tokenizer: Tokenizer | None = None
    notes: tuple[str, ...] = ()  # sentences to tell the user


class DataConfig(ABC):
    """What a kind of data is: a frozen dataclass of its settings, the group `data` of a run.

    Settings that cannot work are refused when they are made (`__post_init__`). Whatever takes long
    to import is imported inside of the methods, since every command imports every kind.
    """

    version: ClassVar[int] = 1  # raise it when the same settings and data give other arrays
    tokenized: ClassVar[bool] = False  # whether there is a tokenizer
    source: str

    @abstractmethod
    def fingerprint(self) -> str:
        """A hash that changes whenever the raw data do; UserError where a file is not there."""

    def identity(self) -> dict[str, Any]:
        """The settings that decide, with the fingerprint, what `make` gives."""
        return dataclasses.asdict(self)

    @abstractmethod
    def make(self, fingerprint: str, cache_folder: Path) -> Dataset:
        """Reads and checks all splits; downloads are kept in a folder of `cache_folder`."""

    @abstractmethod
    def read_split(
        self, split: str, facts: DataFacts, tokenizer: Tokenizer | None, cache_folder: Path
    ) -> Split:
        """One split as a run that was trained sees it, whose `facts` and `tokenizer` these are."""

    @abstractmethod
    def read(self, lines: Sequence[str], facts: DataFacts, tokenizer: Tokenizer | None) -> Split:
        """Lines that a person typed (a text, the path of a file) as rows without answers."""

    def unread(self, lines: Sequence[str], tokenizer: Tokenizer | None) -> Iterator[str]:
        """A sentence for each of these lines that `read` cuts."""
        return iter(())

    def read_references(
        self, split: str, tokenizer: Tokenizer | None, cache_folder: Path
    ) -> Sequence[str]:
        """What people wrote, one for each row of `read_split`, where a task's answers are texts."""
        raise NotImplementedError


def told_cut(rows: Ragged, lines: Sequence[str], longest: int, lost: str) -> Iterator[str]:
    """A sentence for each line whose row is longer than what is read of it; `lost` is the rest."""
    for line, length in zip(lines, rows.lengths, strict=True):
        if length > longest:
            yield (
                f"The line {line[:40]!r} has {length} tokens, and this run reads at most "
                f"{longest}: its {lost} was left out."
            )


def check_longest(rows: Ragged, lines: Sequence[str], facts: DataFacts) -> None:
    """UserError where a row that is made from a line is longer than any of the run."""
    for line, length in zip(lines, rows.lengths, strict=True):
        if length > facts.longest:
            raise UserError(
                f"The line {line[:40]!r} has {length} steps, and this run takes at most "
                f"{facts.longest}: shorten it."
            )
