"""The contract of every probe, and what most of them need to keep it."""

from typing import Protocol

import numpy as np

from seqjax.data.arrays import Ragged, Split
from seqjax.data.probes.draws import Draws
from seqjax.errors import UserError

NOT_ASKED = -1  # the target of a step at which nothing is asked
LENGTHS = 0  # stream of `random_lengths`


class Probe(Protocol):
    """A generated task: a frozen dataclass of the parameters that define its examples.

    `vocabulary` names the token ids 0, 1, … and `labels` the ids that are to be predicted; both are
    empty where numbers go in and a number comes out. `longest` is the number of steps of the
    longest example that there can be.
    """

    @property
    def vocabulary(self) -> tuple[str, ...]: ...

    @property
    def labels(self) -> tuple[str, ...]: ...

    @property
    def longest(self) -> int: ...

    def examples(self, draws: Draws) -> Split:
        """One row for each example of `draws`, a function of that example's numbers alone.

        Its columns are what goes in, `tokens` (ragged, int32) or `frames` (ragged, float32 with
        features), and what is asked: `targets` (ragged, int32, one for each step, NOT_ASKED where
        nothing is), `label` (int32, one a row) or `target` (float32, one a row).
        """
        ...


def random_lengths(draws: Draws, least: int, most: int) -> np.ndarray:
    """A length for each example, each in the range equally likely, int64 [examples]."""
    return least + draws.below(most - least + 1, LENGTHS, [0])[:, 0]


def unpadded(padded: np.ndarray, lengths: np.ndarray) -> Ragged:
    """The first `lengths[i]` steps of each row of [rows, time, ...]."""
    offsets = np.zeros(len(padded) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return Ragged(padded[np.arange(padded.shape[1]) < lengths[:, None]], offsets)


def ragged(steps: np.ndarray, dtype: np.typing.DTypeLike = np.int32) -> Ragged:
    """Rows of one length, [rows, time, ...], as a ragged column."""
    rows, time = steps.shape[:2]
    values = steps.astype(dtype).reshape(rows * time, *steps.shape[2:])
    return Ragged(values, np.arange(rows + 1, dtype=np.int64) * time)


def digits(count: int) -> tuple[str, ...]:
    """Names of the ids of numbers."""
    return tuple(str(number) for number in range(count))


def check_at_least(least: int, **fields: int) -> None:
    """UserError where a field of the data configuration is smaller than `least`."""
    for name, value in fields.items():
        if value < least:
            raise UserError(f"data.probe.{name}={value} must be at least {least}.")


def check_lengths(min_length: int, max_length: int) -> None:
    """UserError where `min_length` to `max_length` is not a range of lengths from 1 on."""
    check_at_least(1, min_length=min_length)
    if max_length < min_length:
        raise UserError(
            f"data.probe.max_length={max_length} must be at least data.probe.min_length="
            f"{min_length}."
        )
