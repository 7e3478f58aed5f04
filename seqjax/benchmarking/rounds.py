"""Interleaved rounds: every contender takes a turn in each, so that a machine's moods meet all."""

import statistics
import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import jax

# `turn(calls)` works `calls` times and gives the seconds of a call: of each, or their mean.
Turn = Callable[[int], list[float]]

Name = TypeVar("Name", bound=Hashable)

MOST_CALLS = 50  # of a turn


@dataclass(frozen=True)
class Timing:
    """What rounds say of one contender, in milliseconds a call."""

    milliseconds: float  # the median over all rounds
    lower_quartile: float
    upper_quartile: float
    rounds: int
    calls_per_round: int

    def divided(self, steps: int) -> "Timing":
        """The timing of one of the steps that a call takes."""
        times = (self.milliseconds, self.lower_quartile, self.upper_quartile)
        return Timing(*(time / steps for time in times), self.rounds, self.calls_per_round)


def interleave(
    turns: Mapping[Name, Turn], *, rounds: int, turn_seconds: float, most_seconds: float
) -> dict[Name, Timing]:
    """The timings by name.

    A turn takes as many calls as fit into `turn_seconds`, at least one; there are at least three
    rounds, and no more than each contender has `most_seconds` for. Every other round goes through
    the contenders backward.
    """
    calls, seconds = {}, {name: [] for name in turns}
    for name, turn in turns.items():
        turn(1)
        (once,) = turn(1)
        calls[name] = int(min(max(turn_seconds / once, 1), MOST_CALLS))
        rounds = min(rounds, max(3, int(most_seconds / (once * calls[name]))))
    for number in range(rounds):
        for name in list(turns)[:: 1 if number % 2 else -1]:
            seconds[name].append(turns[name](calls[name]))
    return {name: summarised(seconds[name], calls[name]) for name in turns}


def summarised(seconds: list[list[float]], calls: int) -> Timing:
    """The median and the quartiles over all that the turns of one contender gave."""
    every = [1e3 * one for turn in seconds for one in turn]
    lower, median, upper = statistics.quantiles(every, n=4, method="inclusive")
    return Timing(median, lower, upper, len(seconds), calls)


def turn_of(call: Callable[[], Any]) -> Turn:
    """The turn of a function whose result a device computes.

    An accelerator works off a queue of calls, of which the mean is taken; a CPU would work on
    several at once, and is given one after the other.
    """

    def queued(calls: int) -> float:
        start = time.perf_counter()
        for _ in range(calls):
            result = call()
        jax.block_until_ready(result)
        return (time.perf_counter() - start) / calls

    def turn(calls: int) -> list[float]:
        if jax.default_backend() == "cpu":
            return [queued(1) for _ in range(calls)]
        return [queued(calls)]

    return turn
