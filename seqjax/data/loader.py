"""Batches whose content is a function of (seed, step): stateless, and the same on any hosts.

An epoch is a permutation of the rows. It is cut into windows of some tens of batches; inside a
window, rows are sorted by the length they are padded to, so that a batch holds rows of like length,
and the batches of the epoch are shuffled. Every batch has the same number of rows: where rows run
out, it is filled with empty ones of weight 0, so each epoch shows every example exactly once.

A batch is a dict of arrays. A dense column keeps its name. A column of sequences `NAME` is padded
with zeros to [batch, time, ...] under its name, beside its `NAME_length`, int32 [batch]:
classification has `tokens`, `tokens_length` and `label`, translation `source`, `source_length`,
`target`, … `weight`, float32 [batch], is 1 for an example and 0 for a row that only fills the
batch. Windows of a longer sequence are moved, all of an epoch alike, by a part of their slack.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

import numpy as np

from seqjax.data.arrays import Sequences, Split, Windows

WINDOW = 50  # batches whose rows are sorted together
MOVE = 1  # the stream of random bits that windows are moved by, beside that of the order
Item = TypeVar("Item")


def bucket_lengths(lengths: np.ndarray, count: int, multiple: int = 8) -> tuple[int, ...]:
    """At most `count` multiples of `multiple` to pad rows of these lengths to.

    Each row is padded to the first that holds it; no other choice pads less in total (exact dynamic
    programming over the candidates). Every one is used, so there may be fewer than `count`.
    """
    candidates, rows = np.unique(-(-np.asarray(lengths) // multiple) * multiple, return_counts=True)
    rows_below = np.concatenate([[0], np.cumsum(rows)])
    # steps[i, j]: all steps of the rows of candidates i to j where they are padded to candidate j.
    steps = candidates * (rows_below[None, 1:] - rows_below[:-1, None]).astype(float)
    steps[np.tril_indices(len(candidates), -1)] = np.inf
    # best[j]: fewest steps of the rows up to candidate j with the buckets so far, the last being j.
    best, choices = steps[0], []
    for _ in range(min(count, len(candidates)) - 1):
        totals = np.concatenate([[0.0], best[:-1]])[:, None] + steps
        choices.append(totals.argmin(axis=0))
        best = totals.min(axis=0)
    chosen = [len(candidates) - 1]
    for choice in reversed(choices):
        chosen.append(choice[chosen[-1]] - 1)
    return tuple(int(candidates[place]) for place in reversed(chosen))


def boundaries(lengths: np.ndarray, buckets: int, max_length: int) -> tuple[int, ...]:
    """The best padded lengths for rows of these lengths, and longer ones for rows to come."""
    found = list(bucket_lengths(lengths, buckets))
    while found[-1] < max_length:
        found.append(min(2 * found[-1], max_length))
    return tuple(found)


class Batches:
    """The batches of a split: `batch(step)` for any step of any epoch, in any order.

    `boundaries` gives the rising lengths that each column of sequences may be padded to. A batch
    takes the first place in them at which all its columns fit, so there are as many shapes as
    places. Without `shuffle`, rows come in the order of their padded length, and windows stay where
    they are. `rows` selects the part of each global batch that this host holds.
    """

    def __init__(
        self,
        split: Split,
        *,
        batch_size: int,
        boundaries: Mapping[str, tuple[int, ...]],
        seed: int,
        shuffle: bool = True,
        rows: slice | np.ndarray = slice(None),
    ) -> None:
        self.steps_per_epoch = -(-len(split) // batch_size)
        self._split = split
        self._batch_size = batch_size
        self._boundaries = boundaries
        self._seed = seed
        self._shuffle = shuffle
        self._rows = rows
        self._place = np.zeros(len(split), np.int64)  # among the boundaries, for each row
        for name, column in split.columns.items():
            if isinstance(column, Sequences):
                if column.lengths.max() > boundaries[name][-1]:
                    raise ValueError(f"rows of {name} are longer than {boundaries[name][-1]}")
                place = np.searchsorted(boundaries[name], column.lengths)
                self._place = np.maximum(self._place, place)
        windows = [c.slack for c in split.columns.values() if isinstance(c, Windows)]
        self._slack = min(windows, default=0) if shuffle else 0
        self._schedule: tuple[int, np.ndarray] = (-1, np.empty(0))

    def batch(self, step: int) -> dict[str, np.ndarray]:
        """This host's part of the global batch of a step."""
        everyone = self.row_numbers(step)
        place = self._place[everyone[everyone >= 0]].max()
        rows = everyone[self._rows]
        real = rows >= 0
        shift = self._shift_of(step // self.steps_per_epoch)
        batch = {}
        for name, column in self._split.columns.items():
            if isinstance(column, Sequences):
                lengths = self._boundaries[name]
                moved = shift if isinstance(column, Windows) else 0
                batch[name] = column.pad(rows, lengths[min(place, len(lengths) - 1)], moved)
                batch[f"{name}_length"] = np.where(real, column.lengths[rows], 0)
            else:
                batch[name] = column[rows]
                batch[name][~real] = 0
        batch["weight"] = real.astype(np.float32)
        return batch

    def row_numbers(self, step: int) -> np.ndarray:
        """The rows of a step's global batch, int64 [batch]; -1 where it is only filled."""
        epoch, step_in_epoch = divmod(step, self.steps_per_epoch)
        scheduled, schedule = self._schedule
        if scheduled != epoch:
            schedule = self._order_of(epoch)
            self._schedule = (epoch, schedule)
        return schedule[step_in_epoch]

    def _shift_of(self, epoch: int) -> int:
        """How many steps the windows of an epoch are moved by."""
        if not self._slack:
            return 0
        bits = np.random.Philox(np.random.SeedSequence([self._seed, epoch, MOVE]))
        return int(bits.random_raw() % (self._slack + 1))

    def _order_of(self, epoch: int) -> np.ndarray:
        """The rows of every batch of an epoch, int64 [steps per epoch, batch]."""
        rows = np.full(self.steps_per_epoch * self._batch_size, -1)
        if not self._shuffle:
            rows[: len(self._split)] = np.argsort(self._place, kind="stable")
            return rows.reshape(-1, self._batch_size)
        # Sorting raw bits: NumPy promises the same bits in every version, unlike permutations.
        bits = np.random.Philox(np.random.SeedSequence([self._seed, epoch]))
        rows[: len(self._split)] = np.argsort(bits.random_raw(len(self._split)))
        window = WINDOW * self._batch_size
        for start in range(0, len(rows), window):
            part = rows[start : start + window]
            part[:] = part[np.argsort(np.where(part < 0, 0, self._place[part]), kind="stable")]
        batches = rows.reshape(-1, self._batch_size)
        return batches[np.argsort(bits.random_raw(self.steps_per_epoch))]


def prefetch(function: Callable[[int], Item], steps: Iterable[int], depth: int) -> Iterator[Item]:
    """Yields `function(step)` for each step in order, computed up to `depth` ahead in a thread.

    An exception of `function` is raised here when its step's turn comes. Closing the iterator early
    waits for the one call in progress and drops the others.
    """
    steps = iter(steps)
    with ThreadPoolExecutor(1, thread_name_prefix="prefetch") as thread:
        try:
            ahead = deque(thread.submit(function, step) for step in islice(steps, depth))
            while ahead:
                item = ahead.popleft().result()
                ahead.extend(thread.submit(function, step) for step in islice(steps, 1))
                yield item
        finally:
            thread.shutdown(wait=False, cancel_futures=True)
