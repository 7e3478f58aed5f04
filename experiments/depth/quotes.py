"""The figures in the prose of the README, as the rows have them."""

from collections.abc import Iterator

from experiments.depth import table as depth
from experiments.quoted import WORDS
from experiments.sweep import read_lines


def quotes() -> Iterator[str]:
    """How many steps wait for one another."""
    rows = {(row["recurrence"], row["form"]): row for row in read_lines(depth.RESULTS)}
    dense, diagonal = (rows[cell, "newton"]["iterations"] for cell in ("gru", "paragru"))
    fewer = {
        cell: rows[cell, "sequential"]["arithmetic_depth"]
        / rows[cell, "newton"]["arithmetic_depth"]
        for cell in ("gru", "paragru")
    }
    yield (
        f"A dense Jacobian (GRU) needs {WORDS[dense]} linear recurrences with 8 × 8 matrices, a "
        f"diagonal one (ParaGRU) {WORDS[diagonal]} of numbers: operations that wait for one "
        f"another are {fewer['gru']:.0f} and {fewer['paragru']:.0f} times fewer than in the loop"
    )
