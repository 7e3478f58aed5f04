"""Rows as tables for a terminal."""

import itertools
from collections.abc import Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

# The fields of a row, their headings, and what a figure is divided by.
COLUMNS = {
    "mixer": ("mixer", 1),
    "method": ("method", 1),
    "milliseconds": ("ms", 1),
    "gflops_per_second": ("GFLOP/s", 1),
    "flops": ("MFLOP", 1e6),
    "bytes_per_device": ("moved MB", 1e6),
    "peak_bytes_per_device": ("peak MB", 1e6),
    "depth": ("depth", 1),
    "compile_seconds": ("compile s", 1),
}


def show_cells(console: Console, rows: Sequence[dict[str, Any]]) -> None:
    """A table for each shape."""

    def shape_of(row: dict[str, Any]) -> str:
        return "{work}, length {length}, batch {batch}, width {width}".format(**row)

    for shape, group in itertools.groupby(rows, key=shape_of):
        table = Table(title=shape, box=box.SIMPLE)
        for name, (heading, _) in COLUMNS.items():
            table.add_column(heading, justify="left" if name in ("mixer", "method") else "right")
        for row in group:
            table.add_row(*(_shown(row, name, unit) for name, (_, unit) in COLUMNS.items()))
        console.print(table)


def _shown(row: dict[str, Any], name: str, unit: float) -> str:
    if name == "milliseconds" and "skipped" in row:
        return f"skipped: {row['skipped']['for']}"
    value = row.get(name, "")
    return value if isinstance(value, str) else f"{value / unit:,.3g}"
