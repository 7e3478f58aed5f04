"""Cells, measured in groups of one shape, and those that are too large skipped."""

import dataclasses
import itertools
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import jax
from rich.console import Console

from seqjax.benchmarking.programs import Compiled, Program
from seqjax.benchmarking.progress import Steps
from seqjax.benchmarking.results import Results
from seqjax.benchmarking.rounds import interleave, turn_of

MEMORY_SHARE = 0.8  # of what is free, that a program may hold
SHORTEST = 5  # calls that a measurement takes at least


@dataclasses.dataclass(frozen=True)
class Patience:
    """How long is measured."""

    rounds: int = 7
    turn_seconds: float = 0.02
    cell_seconds: float = 60.0  # a cell that needs more is skipped


class Cell(Protocol):
    """A dataclass of the settings of a row."""

    length: int
    batch: int
    width: int

    @property
    def shape(self) -> tuple[str, int, int, int]:
        """What is measured, length, batch and width: cells that share it are compared."""

    @property
    def kind(self) -> dict[str, str]:
        """The settings that cells share which differ in size alone."""

    def program(self, devices: list[jax.Device]) -> Program:
        """What is run."""


def measure(
    cells: Sequence[Cell], results: Results, patience: Patience, console: Console
) -> list[dict[str, Any]]:
    """A row for every cell; those that `results` has are not measured again.

    One that was skipped is, where there is time for it by now.
    """
    missing = [
        cell for cell in cells if _is_missing(results.find(dataclasses.asdict(cell)), patience)
    ]
    with Steps(console, len(cells), len(cells) - len(missing)) as steps:
        for shape, group in itertools.groupby(missing, key=lambda cell: cell.shape):
            steps.on("{}, length {}, batch {}, width {}".format(*shape))
            for cell, figures in measured(list(group), results, patience):
                results.add(dataclasses.asdict(cell), **figures)
                steps.advance()
    return [results.find(dataclasses.asdict(cell)) for cell in cells]


def _is_missing(row: Mapping[str, Any] | None, patience: Patience) -> bool:
    if row is None:
        return True
    seconds = row.get("skipped", {}).get("estimated_seconds")
    return seconds is not None and seconds <= patience.cell_seconds


def measured(
    cells: Sequence[Cell], results: Results, patience: Patience
) -> Iterator[tuple[Cell, dict[str, Any]]]:
    """The figures of cells of one shape, all of them measured in the same rounds."""
    devices, running, facts = jax.devices(), {}, {}
    for cell in cells:
        compiled = Compiled(cell.program(devices))
        facts[cell] = {"devices": compiled.program.mesh.size, **compiled.facts()}
        reason = too_large(facts[cell], expected_seconds(cell, facts[cell], results), patience)
        if reason:
            yield cell, {"skipped": reason, **facts[cell]}
        else:
            compiled.allocate()
            running[cell] = compiled
    timings = interleave(
        {cell: turn_of(compiled) for cell, compiled in running.items()},
        rounds=patience.rounds,
        turn_seconds=patience.turn_seconds,
        most_seconds=patience.cell_seconds,
    )
    for cell, timing in timings.items():
        timing = timing.divided(running[cell].program.steps)
        rate = facts[cell]["flops"] / timing.milliseconds / 1e6
        yield cell, {**dataclasses.asdict(timing), "gflops_per_second": rate, **facts[cell]}


def too_large(
    facts: Mapping[str, Any], seconds: float | None, patience: Patience
) -> dict[str, Any] | None:
    """Why a program is not run: what it needs, as estimated, and what there is; None where it is.

    `seconds` is the estimate of one call.
    """
    needed, free = facts["peak_bytes_per_device"] * facts["devices"], free_bytes()
    if needed > MEMORY_SHARE * free:
        return {"for": "memory", "estimated_bytes": needed, "free_bytes": free}
    if seconds is not None and seconds * SHORTEST > patience.cell_seconds:
        return {
            "for": "time",
            "estimated_seconds": seconds * SHORTEST,
            "cell_seconds": patience.cell_seconds,
        }
    return None


def expected_seconds(cell: Cell, facts: Mapping[str, Any], results: Results) -> float | None:
    """One call, by FLOPs from the largest cell of the same kind that was measured."""
    alike = [
        row
        for row in results.rows.values()
        if "milliseconds" in row
        and all(row.get(name) == word for name, word in cell.kind.items())
        and row["flops"] <= facts["flops"]
    ]
    if not alike:
        return None
    nearest = max(alike, key=lambda row: row["flops"])
    return nearest["milliseconds"] / 1e3 * facts["flops"] / nearest["flops"]


def free_bytes() -> int:
    """The memory that is free on all devices, or, of a CPU, in its machine."""
    statistics = [device.memory_stats() for device in jax.devices()]
    if all(each and "bytes_limit" in each for each in statistics):
        return sum(each["bytes_limit"] - each["bytes_in_use"] for each in statistics)
    return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
