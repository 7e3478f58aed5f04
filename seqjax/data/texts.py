"""Labelled texts before tokenization."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

FILE_SOURCES = ("files", "trees")  # those that read the files that the splits' settings name


class TextSource(Protocol):
    """The settings that say which texts to read."""

    source: str
    train: str
    valid: str
    test: str
    text_column: str
    label_column: str
    split_seed: int


@dataclass(frozen=True)
class Texts:
    """The rows of one split."""

    texts: Sequence[str]
    labels: Sequence[str]  # label names
    origin: str  # the setting they come from, as messages name it: data.train='reviews.csv'
    lines: Sequence[int] = ()  # each row's line in its file; empty where rows have none

    def __len__(self) -> int:
        return len(self.texts)

    def where(self, row: int) -> str:
        """A row's origin, as a message names it."""
        return f"{self.origin}, {f'line {self.lines[row]}' if self.lines else f'row {row}'}"

    def take(self, rows: Sequence[int]) -> "Texts":
        """The given rows, in the given order."""
        return Texts(
            [self.texts[row] for row in rows],
            [self.labels[row] for row in rows],
            self.origin,
            [self.lines[row] for row in rows] if self.lines else (),
        )
