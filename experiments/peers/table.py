"""The whole train step of the article's models beside other frameworks, as a table.

`python -m seqjax.benchmark --article --peers --output experiments/peers/results.jsonl` adds rows.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from seqjax.benchmarking import article

RESULTS = Path(__file__).with_name("results.jsonl")


def table(results: Path) -> Sequence[str]:
    """Milliseconds a step: of each model and length, what was measured last."""
    rows = [json.loads(line) for line in results.read_text().splitlines()]
    newest = {(row["model"], row["time"]): row for row in rows}
    measured = [
        newest[model, time]
        for model, times in article.LENGTHS.items()
        for time in times
        if (model, time) in newest
    ]
    return list(article.table(measured))
