"""Columns of a split: NumPy arrays, kept as `.npy` files that are memory-mapped when read."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path

import numpy as np


class Sequences:
    """A column of sequences: row `i` is `values[starts[i] : starts[i] + lengths[i]]`.

    `values` is [all steps, ...]: token ids, or frames with their features; `starts` is int64 [rows]
    and `lengths`, the steps of each row, int32 [rows].
    """

    values: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, row: int) -> np.ndarray:
        return self.values[self.starts[row] : self.starts[row] + self.lengths[row]]

    def take(self, rows: np.ndarray) -> "Windows":
        """The given rows, in the given order; copies no values."""
        return Windows(self.values, self.starts[rows], self.lengths[rows])

    def pad(self, rows: np.ndarray, length: int, shift: int = 0) -> np.ndarray:
        """The given rows as one array [len(rows), length, ...], filled up with zeros.

        A row number of -1 gives a row of zeros. With `shift`, every row begins so many steps later.
        """
        lengths = np.where(rows < 0, 0, self.lengths[rows])
        steps = np.arange(length)
        real = steps < lengths[:, None]
        padded = np.zeros((len(rows), length, *self.values.shape[1:]), self.values.dtype)
        padded[real] = self.values[(self.starts[rows][:, None] + shift + steps)[real]]
        return padded


@dataclass(frozen=True)
class Ragged(Sequences):
    """Rows of unequal length, end to end: row `i` is `values[offsets[i]:offsets[i + 1]]`.

    `offsets` is int64 [rows + 1], from 0 to the number of steps.
    """

    values: np.ndarray
    offsets: np.ndarray

    def __post_init__(self) -> None:
        ends = self.offsets
        if ends[0] != 0 or ends[-1] != len(self.values) or np.any(ends[1:] < ends[:-1]):
            raise ValueError("offsets do not rise from 0 to the number of values")

    @classmethod
    def from_rows(cls, rows: Sequence[Sequence], dtype: np.typing.DTypeLike) -> "Ragged":
        """Joins a non-empty list of rows."""
        offsets = np.zeros(len(rows) + 1, np.int64)
        np.cumsum([len(row) for row in rows], out=offsets[1:])
        return cls(np.concatenate([np.asarray(row, dtype) for row in rows]), offsets)

    @cached_property
    def starts(self) -> np.ndarray:
        """The place of each row's first step, int64 [rows]."""
        return self.offsets[:-1]

    @cached_property
    def lengths(self) -> np.ndarray:
        """Steps of each row, int32 [rows]."""
        return np.diff(self.offsets).astype(np.int32)

    def cut(self, length: int, first: int | None = None) -> "Ragged":
        """Every row with at most `length` steps: its first ones, and its last ones.

        A longer row keeps `first` steps of its start, by default all `length`, and the rest of its
        end.
        """
        if not len(self) or self.lengths.max() <= length:
            return self
        first = length if first is None else first
        lengths = np.repeat(self.lengths, self.lengths)
        step_in_row = np.arange(len(self.values)) - np.repeat(self.offsets[:-1], self.lengths)
        kept = (lengths <= length) | (step_in_row < first)
        kept |= step_in_row >= lengths - (length - first)
        offsets = np.concatenate([[0], np.cumsum(np.minimum(self.lengths, length), dtype=np.int64)])
        return Ragged(self.values[kept], offsets)


@dataclass(frozen=True)
class Windows(Sequences):
    """Stretches of one long sequence, which may overlap and need not cover it.

    In training, all windows of an epoch are moved by one random number of steps, up to `slack`.
    """

    values: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray
    slack: int = 0

    def __post_init__(self) -> None:
        ends = self.starts + self.lengths
        if np.any(self.starts < 0) or np.any(ends + self.slack > len(self.values)):
            raise ValueError("windows reach beyond the values")


@dataclass(frozen=True)
class Split:
    """Named columns with one row an example: dense arrays [rows, ...] or `Sequences`."""

    columns: dict[str, np.ndarray | Sequences]

    def __post_init__(self) -> None:
        if len({len(column) for column in self.columns.values()}) != 1:
            raise ValueError("columns differ in their number of rows")

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def take(self, rows: np.ndarray) -> "Split":
        """The given rows, in the given order."""
        return Split(
            {
                name: column.take(rows) if isinstance(column, Sequences) else column[rows]
                for name, column in self.columns.items()
            }
        )

    def save(self, folder: Path) -> None:
        """Writes `NAME.npy`, or for sequences `NAME.FIELD.npy`, for each column."""
        folder.mkdir(parents=True)
        for name, column in self.columns.items():
            if isinstance(column, Sequences):
                for field in fields(column):
                    np.save(folder / f"{name}.{field.name}.npy", getattr(column, field.name))
            else:
                np.save(folder / f"{name}.npy", column)

    @classmethod
    def load(cls, folder: Path) -> "Split":
        """Maps what `save` wrote into memory; ValueError where that is not a split."""
        columns: dict[str, np.ndarray | Sequences] = {}
        sequences: dict[str, dict[str, np.ndarray]] = {}
        for path in sorted(folder.glob("*.npy")):
            array = np.asarray(np.load(path, mmap_mode="r"))
            name, _, field = path.name.removesuffix(".npy").partition(".")
            if field:
                value = array if array.ndim else array.item()
                sequences.setdefault(name, {})[field] = value
            else:
                columns[name] = array
        for name, arrays in sequences.items():
            columns[name] = (Ragged if "offsets" in arrays else Windows)(**arrays)
        return cls(columns)
