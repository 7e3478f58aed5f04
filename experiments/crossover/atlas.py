"""The times of the atlas: by mixer, work and shape, how they grow, and where pairs cross."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
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

        Of the lengths that both were measured at, those count whose times can be told apart: the
        middle halves of the rounds do not overlap. Between two such lengths, times are taken to be
        powers of the length. None where the order never changes, or more than once.
        """
        one, other = self.series(first, shape), self.series(second, shape)
        ratios = {
            length: math.log(ratio)
            for length, ratio in self.ratios(first, second, shape).items()
            if _apart(one[length], other[length])
        }
        changes = [
            (short, long) for short, long in pairwise(ratios) if ratios[short] * ratios[long] < 0
        ]
        if len(changes) != 1:
            return None
        ((short, long),) = changes
        share = ratios[short] / (ratios[short] - ratios[long])
        return math.exp((1 - share) * math.log(short) + share * math.log(long))


def _apart(one: Row, other: Row) -> bool:
    """Whether the middle halves of two measurements have nothing in common."""
    return (
        one["upper_quartile"] < other["lower_quartile"]
        or other["upper_quartile"] < one["lower_quartile"]
    )
