"""The whole train step of the article's models beside other frameworks, as a table.

`python -m seqjax.benchmark --article --peers --output experiments/peers/results.jsonl` adds rows.
"""

from collections.abc import Sequence
from pathlib import Path

from experiments.sweep import read_lines
from seqjax.benchmarking import article

RESULTS = Path(__file__).with_name("results.jsonl")


def table(results: Path) -> Sequence[str]:
    """Milliseconds a step: of each model and length, what was measured last."""
    newest = {(row["model"], row["time"]): row for row in read_lines(results)}
    measured = [
        newest[model, time]
        for model, times in article.LENGTHS.items()
        for time in times
        if (model, time) in newest
    ]
    return list(article.table(measured))
