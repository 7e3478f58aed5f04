"""The table of the README: a column for each kind of model, and what it is compared with."""

import json

from experiments.applications.catalogue import APPLICATIONS
from experiments.report import overview

TOO_LONG = {"estimated_seconds": 7200, "most_seconds": 3600}


def test_the_overview_has_a_column_for_each_kind_and_names_the_linear_recurrence(tmp_path):
    cells = APPLICATIONS["speech"].cells
    skipped = {"id": cells["transformer"].identity, "skipped": TOO_LONG}
    rows = [reached(cells["lstm"], 0.5, 99_123), reached(cells["lru"], 0.75, seconds=890), skipped]
    assert overview_of(rows, tmp_path) == [
        "| speech: accuracy | 99,000–100,000 |  | 50.0% (1.5 min) |  | 75.0% (lru, 15 min) "
        "| not run: about 120 minutes, of 60 |  |  | guessing 10.0% |"
    ]


def test_the_overview_tells_a_variant_beside_its_kind(tmp_path):
    cells = APPLICATIONS["trec"].cells
    rows = [reached(cells["lstm"], 0.5), reached(cells["lstm, in both directions"], 0.75)]
    (line,) = overview_of(rows, tmp_path)
    assert line.startswith(
        "| trec: accuracy | 100,000 |  | 50.0% (1.5 min), 75.0% (in both directions, 1.5 min) |"
    )
    assert "| tf-idf + logistic regression " in line


def reached(cell, share, parameters=100_099, seconds=90.0):
    """A row of a cell with its accuracy on test."""
    summary = {
        "test": {"accuracy": share},
        "parameters_outside_embedding": parameters,
        "wall_seconds": seconds,
    }
    return {"id": cell.identity, "summary": summary}


def overview_of(rows, folder):
    """The lines of the overview below its head, where these rows have run."""
    results = folder / "applications" / "results.jsonl"
    results.parent.mkdir()
    results.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return overview.table(results)[2:]
