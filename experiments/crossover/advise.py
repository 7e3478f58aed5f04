"""What to use: `python -m experiments.crossover.advise --length 2048 --batch 8 --device cpu`.

Every mixer's time at that length, from the atlas: times between two measured lengths are taken to
be powers of the length, and none is told beyond the longest that was measured. Fast is not fit:
`experiments/long_range` tells what a mixer can learn.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from absl import flags
from absl.flags import FlagValues
from rich import box
from rich.console import Console
from rich.table import Table

from experiments.crossover.atlas import (
    RESULTS,
    WORKS,
    Atlas,
    Row,
    Shape,
    platforms,
    significant,
)
from seqjax.command_line import run_command
from seqjax.errors import UserError

HEADINGS = {"mixer": "left", "ms": "right", "times the fastest": "right", "from": "left"}


class Advice(NamedTuple):
    """A mixer's milliseconds at a length."""

    mixer: str
    milliseconds: float
    measured: bool  # or between two measured lengths


def advise(atlas: Atlas, length: int, shape: Shape) -> list[Advice]:
    """The mixers that have been measured on both sides of a length, the fastest first."""
    found = []
    for mixer in atlas.mixers:
        milliseconds = time_at(atlas.series(mixer, shape), length)
        if milliseconds is not None:
            measured = length in atlas.series(mixer, shape)
            found.append(Advice(mixer, milliseconds, measured))
    return sorted(found, key=lambda advice: advice.milliseconds)


def time_at(series: Mapping[int, Row], length: int) -> float | None:
    """Milliseconds at a length, a power of it between two that were measured; None beyond them."""
    if not series or not min(series) <= length <= max(series):
        return None
    times = [row["milliseconds"] for row in series.values()]
    return math.exp(np.interp(math.log(length), np.log(list(series)), np.log(times)))


def nearest_shape(atlas: Atlas, length: int, work: str, batch: int, width: int) -> Shape:
    """Of the shapes that were measured on both sides of a length, the nearest in batch and width.

    Raises `UserError` where there is none.
    """
    lengths: dict[Shape, list[int]] = {}
    for row in atlas.rows:
        if row["work"] == work and "milliseconds" in row:
            lengths.setdefault(Shape(work, row["batch"], row["width"]), []).append(row["length"])
    found = [shape for shape, some in lengths.items() if min(some) <= length <= max(some)]
    if not found:
        every = [one for some in lengths.values() for one in some]
        raise UserError(
            f"--length={length} is beyond what was measured: from {min(every)} to {max(every)}."
        )
    return min(
        found,
        key=lambda shape: (abs(math.log(shape.batch / batch)), abs(math.log(shape.width / width))),
    )


def define_flags(values: FlagValues) -> None:
    """The flags of this command."""
    flags.DEFINE_integer("length", None, "steps in a sequence", 1, flag_values=values)
    flags.DEFINE_integer("batch", 8, "sequences at once", 1, flag_values=values)
    flags.DEFINE_integer("width", 64, "size of the vectors", 1, flag_values=values)
    flags.DEFINE_string("device", "cpu", "the kind of device", flag_values=values)
    flags.DEFINE_enum("work", "train", WORKS, "what is to be fast", flag_values=values)


def main(values: FlagValues) -> None:
    """Prints the mixers, the fastest first."""
    if values.length is None:
        raise UserError("--length is missing: name the steps of a sequence, as in --length=2048.")
    atlas = of_device(RESULTS, values.device)
    shape = nearest_shape(atlas, values.length, values.work, values.batch, values.width)
    found = advise(atlas, values.length, shape)
    show(Console(), values.length, shape, found)
    told = {advice.mixer for advice in found}
    if others := [mixer for mixer in atlas.mixers if mixer not in told]:
        print(f"Not measured there: {', '.join(others)}.")


def of_device(results: Path, device: str) -> Atlas:
    """The part of the atlas that was measured on such a device."""
    devices = platforms(results)
    if device not in devices:
        raise UserError(f"--device={device} has not been measured; {', '.join(devices)} has.")
    return Atlas(results, device)


def show(console: Console, length: int, shape: Shape, found: Sequence[Advice]) -> None:
    """A table for a terminal."""
    table = Table(
        title=f"{shape.work}, length {length:,}, measured at batch {shape.batch}, "
        f"width {shape.width}",
        box=box.SIMPLE,
    )
    for heading, side in HEADINGS.items():
        table.add_column(heading, justify=side)
    for mixer, milliseconds, measured in found:
        times = milliseconds / found[0].milliseconds
        source = "measured" if measured else "between two lengths"
        table.add_row(mixer, significant(milliseconds, 3), f"{times:.1f}", source)
    console.print(table)


if __name__ == "__main__":
    run_command(define_flags, main)
