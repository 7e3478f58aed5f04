"""The times of the atlas: by mixer, work and shape, how they grow, and where pairs cross."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from experiments.sweep import read_rows

RESULTS = Path(__file__).with_name("results.jsonl")
WORKS = ("train", "forward", "decode")
Row = dict[str, Any]
CELL = ("mixer", "work", "length", "batch", "width")
ASYMPTOTIC = 512  # lengths from here on tell how a time grows


def significant(value: float, digits: int) -> str:
    """A figure with so many digits that count, and no exponent."""
    return f"{float(f'{value:.{digits}g}'):,.10g}"


def platforms(results: Path) -> Sequence[str]:
    """The kinds of devices that were measured, such as cpu."""
    return sorted({row["device"]["platform"] for row in read_rows(results).values()})


class Shape(NamedTuple):
    """What rows are compared at."""

    work: str
    batch: int = 8
    width: int = 64


@dataclass(frozen=True)
class Atlas:
    """The rows of one kind of device, of the method that each mixer takes by itself."""

    results: Path
    device: str  # its platform, such as cpu

    @cached_property
    def rows(self) -> list[Row]:
        """The newest row of every cell, skipped ones among them."""
        newest = {
            tuple(row[name] for name in CELL): row
            for row in read_rows(self.results).values()
            if row["method"] == "auto" and row["device"]["platform"] == self.device
        }
        return list(newest.values())

    @cached_property
    def mixers(self) -> Sequence[str]:
        """The mixers, in the order in which they were first measured."""
        return list(dict.fromkeys(row["mixer"] for row in self.rows))

    def series(self, mixer: str, shape: Shape) -> Mapping[int, Row]:
        """The measured rows of a mixer by length."""
        found = [
            row
            for row in self.rows
            if row["mixer"] == mixer
            and (row["work"], row["batch"], row["width"]) == shape
            and "milliseconds" in row
        ]
        return {row["length"]: row for row in sorted(found, key=lambda row: row["length"])}

    def exponent(self, mixer: str, shape: Shape) -> float | None:
        """p of `time ~ T^p` from `ASYMPTOTIC` steps on (least squares of logarithms)."""
        series = self.series(mixer, shape)
        points = [(n, row["milliseconds"]) for n, row in series.items() if n >= ASYMPTOTIC]
        if len(points) < 2:
            return None
        lengths, times = np.log(np.array(points)).T
        return float(np.polyfit(lengths, times, 1)[0])

    def ratios(self, first: str, second: str, shape: Shape) -> dict[int, float]:
        """The time of `first` over that of `second`, by length where both were measured."""
        one, other = self.series(first, shape), self.series(second, shape)
        return {
            n: one[n]["milliseconds"] / other[n]["milliseconds"]
            for n in sorted(one.keys() & other.keys())
        }

    def crossing(self, first: str, second: str, shape: Shape) -> float | None:
        """The length from which `second` is faster than `first`, or the other way round.

        Between measured lengths, times are taken to be powers of the length. None where the order
        is the same at all lengths that both were measured at.
        """
        found = self.ratios(first, second, shape)
        shared, ratios = list(found), np.log(list(found.values()))
        for place in range(len(shared) - 1):
            before, after = ratios[place : place + 2]
            if before * after < 0:
                share = before / (before - after)
                low, high = np.log(shared[place : place + 2])
                return float(np.exp(low + share * (high - low)))
        return None
