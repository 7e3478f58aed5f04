"""What the README tells of the atlas: times, sizes, what is fastest, where pairs cross."""

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from pathlib import Path

from experiments.crossover.atlas import (
    RESULTS,
    WORKS,
    Atlas,
    Row,
    Shape,
    platforms,
    significant,
)
from experiments.crossover.cost_model import fit

__all__ = ["RESULTS", "table"]

MIB = 2**20


def table(results: Path) -> Sequence[str]:
    """The lines of Markdown, one kind of device after the other."""
    lines = []
    for platform in platforms(results):
        found = Atlas(results, platform)
        lines += [f"### On a {platform.upper()}", ""]
        for work in WORKS:
            lines += [*_times(found, work), ""]
        lines += [*_sizes(found), ""]
        lines += [*_fastest(found), ""]
        lines += [*_crossings(found), ""]
        lines += [*_costs(found), ""]
        lines += _skipped(found)
    return lines


def _times(found: Atlas, work: str) -> Sequence[str]:
    """Milliseconds by mixer and length, and how they grow."""

    def grows(mixer: str) -> str:
        exponent = found.exponent(mixer, Shape(work))
        return "" if exponent is None else f"{exponent:.2f}"

    return [
        f"**{work}**, milliseconds; p: from 512 steps on, time grows as length to the power p",
        "",
        *_by_length(found, work, lambda row: significant(row["milliseconds"], 3), ("p", grows)),
    ]


def _sizes(found: Atlas) -> Sequence[str]:
    return [
        "**Memory** of a train step at its peak, MiB",
        "",
        *_by_length(found, "train", lambda row: significant(row["peak_bytes_per_device"] / MIB, 3)),
        "",
        "**Compiling** a train step, seconds",
        "",
        *_by_length(found, "train", lambda row: significant(row["compile_seconds"], 2)),
    ]


def _by_length(
    found: Atlas,
    work: str,
    shown: Callable[[Row], str],
    last: tuple[str, Callable[[str], str]] | None = None,
) -> Sequence[str]:
    """A line for each mixer, a column for each length, and perhaps one more."""
    series = {mixer: found.series(mixer, Shape(work)) for mixer in found.mixers}
    series = {mixer: each for mixer, each in series.items() if each}
    lengths = sorted({length for each in series.values() for length in each})
    heading, more = last or (None, None)
    lines = [_line("mixer", *(f"{length:,}" for length in lengths), *([heading] if last else []))]
    lines.append("|---" * (len(lengths) + 1 + bool(last)) + "|")
    for mixer, each in series.items():
        figures = (shown(each[length]) if length in each else "–" for length in lengths)
        lines.append(_line(f"`{mixer}`", *figures, *([more(mixer)] if last else [])))
    return lines


def _fastest(found: Atlas) -> Sequence[str]:
    """By shape and length, the mixer whose train step takes the least time, of all measured."""
    shapes = sorted({(row["batch"], row["width"]) for row in found.rows if row["work"] == "train"})
    by_shape: dict[tuple[int, int], Mapping[int, tuple[float, str]]] = {}
    for batch, width in shapes:
        best: dict[int, tuple[float, str]] = {}
        for mixer in found.mixers:
            for length, row in found.series(mixer, Shape("train", batch, width)).items():
                best[length] = min(
                    best.get(length, (float("inf"), "")), (row["milliseconds"], mixer)
                )
        by_shape[batch, width] = best
    lengths = sorted({length for best in by_shape.values() for length in best})
    return [
        "**The fastest to train** of those that were measured at a batch and width, and its "
        "milliseconds",
        "",
        _line("batch, width", *(f"{length:,}" for length in lengths)),
        "|---" * (len(lengths) + 1) + "|",
        *(
            _line(
                f"{batch}, {width}",
                *(
                    f"`{best[length][1]}` {significant(best[length][0], 2)}"
                    if length in best
                    else ""
                    for length in lengths
                ),
            )
            for (batch, width), best in by_shape.items()
        ),
    ]


def _crossings(found: Atlas) -> Sequence[str]:
    """Where two mixers change places."""
    lines = []
    for work in WORKS:
        said = [
            f"`{first}` and `{second}` {length:,.0f}"
            for first, second in combinations(found.mixers, 2)
            if (length := found.crossing(first, second, Shape(work))) is not None
        ]
        lines += [f"Lengths at which two change places ({work}): {'; '.join(said) or 'none'}.", ""]
    return lines[:-1]


def _costs(found: Atlas) -> Sequence[str]:
    fitted = fit([row for row in found.rows if "milliseconds" in row])
    model = fitted.model
    return [
        f"Cost model, fitted to {fitted.fitted} cells: {model.call:.3f} ms a call, "
        f"{model.gflop:.1f} ms a GFLOP, {model.gigabyte:.0f} ms a GB moved, "
        f"{model.thousand_kernels:.2f} ms a thousand kernels in a row. On the other "
        f"{fitted.held_out} cells its median error is a factor of {fitted.median_error:.2f}; "
        f"{fitted.twofold:.0%} are off by more than 2, the worst by {fitted.largest_error:.1f}."
    ]


def _skipped(found: Atlas) -> Sequence[str]:
    """What was too large or too slow to be measured."""
    said = [
        f"`{row['mixer']}` {row['work']} at {row['length']:,} (batch {row['batch']}, width "
        f"{row['width']}) for {row['skipped']['for']}"
        for row in found.rows
        if "skipped" in row
    ]
    return [f"Skipped: {'; '.join(said) or 'none'}."]


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
