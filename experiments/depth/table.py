"""How many steps of each form of a recurrence wait for one another, as a table.

`python -m seqjax.benchmark --depth --output=experiments/depth/results.jsonl` adds rows.
"""

from collections.abc import Iterator
from pathlib import Path

from experiments.sweep import read_lines
from seqjax.benchmarking.depth import COLUMNS

RESULTS = Path(__file__).with_name("results.jsonl")


def table(results: Path) -> Iterator[str]:
    """The lines of Markdown of the README."""
    yield f"| {' | '.join(COLUMNS.values())} |"
    yield "|---" * len(COLUMNS) + "|"
    for row in read_lines(results):
        shown = (row.get(name, "") for name in COLUMNS)
        yield f"| {' | '.join(each if isinstance(each, str) else f'{each:,}' for each in shown)} |"
