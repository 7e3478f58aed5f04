"""Which way of evaluating an operation is the fastest: looked up in what was measured.

`measured.json` holds, for each platform and operation, the milliseconds of every method (value and
gradient) on a grid of batch, time and width; `python -m experiments.method_choice.run --table`
writes it.
"""

import itertools
import json
import math
from functools import cache
from importlib import resources
from typing import NamedTuple

Point = tuple[int, int, int]  # batch, time, width


class Grid(NamedTuple):
    """The times of one operation on one platform."""

    axes: tuple[tuple[int, ...], ...]  # the batches, times and widths that were measured
    milliseconds: dict[Point, dict[str, float]]  # by method; one that did not run is absent


def choose(operation: str, platform: str, *, batch: int, time: int, width: int) -> str | None:
    """The method whose interpolated time is least; None where nothing was measured.

    The logarithm of a method's time is interpolated linearly in the logarithms of batch, time and
    width, and beyond the grid taken from its edge. A method that was not run on a corner of the
    cell around the point is not chosen there; where none was run on all of them, the fastest one at
    the nearest point decides.
    """
    grid = table().get(platform, {}).get(operation)
    return None if grid is None else fastest(grid, (batch, time, width))


def fastest(grid: Grid, point: Point) -> str:
    """The method with the least interpolated time at a point."""
    corners = []
    for places in itertools.product(*map(_between, grid.axes, point)):
        share = math.prod(share for _, share in places)
        corners.append((share, grid.milliseconds[tuple(size for size, _ in places)]))
    everywhere = set.intersection(*(set(times) for _, times in corners))
    if not everywhere:
        nearest = _nearest(grid, point)
        return min(nearest, key=nearest.get)
    return min(
        sorted(everywhere),
        key=lambda method: sum(share * math.log(times[method]) for share, times in corners),
    )


def _nearest(grid: Grid, point: Point) -> dict[str, float]:
    """The times at the nearest point, by logarithms, where any method was run."""
    ran = {place: times for place, times in grid.milliseconds.items() if times}
    return ran[
        min(ran, key=lambda place: math.dist(*([math.log(n) for n in p] for p in (place, point))))
    ]


def _between(axis: tuple[int, ...], size: int) -> list[tuple[int, float]]:
    """The two measured sizes around a size, and their shares of it."""
    below = max((each for each in axis if each <= size), default=axis[0])
    above = min((each for each in axis if each >= size), default=axis[-1])
    if below >= above:  # measured itself, or beyond the grid
        return [(below, 1.0)]
    share = math.log(size / below) / math.log(above / below)
    return [(below, 1 - share), (above, share)]


@cache
def table() -> dict[str, dict[str, Grid]]:
    """What was measured, by platform and operation."""
    return read(resources.files("seqjax.ops").joinpath("measured.json").read_text("utf-8"))


def read(text: str) -> dict[str, dict[str, Grid]]:
    """The grids that the text of a table holds, by platform and operation."""
    return {
        platform: {
            operation: to_grid(points) for operation, points in measured["operations"].items()
        }
        for platform, measured in json.loads(text).items()
    }


def to_grid(points: list[dict]) -> Grid:
    """The grid of points `{"batch", "time", "width", "milliseconds": {method: …}}`."""
    milliseconds = {
        (point["batch"], point["time"], point["width"]): point["milliseconds"] for point in points
    }
    axes = tuple(tuple(sorted(set(sizes))) for sizes in zip(*milliseconds, strict=True))
    return Grid(axes, milliseconds)
