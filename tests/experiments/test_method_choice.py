"""The table of methods and its test between the table's points, on rows that are made up."""

import json

import pytest

from experiments.method_choice import run
from seqjax.benchmarking.operations import OPERATIONS
from seqjax.ops import measured

MILLISECONDS = {"sequential": 1.0, "associative": 4.0, "chunked": 1.5}


def rows_of(sizes, milliseconds):
    return [
        {
            "operation": cell.operation,
            "batch": cell.batch,
            "length": cell.length,
            "width": cell.width,
            "method": cell.method,
            "milliseconds": milliseconds[cell.method],
            "device": {"platform": "cpu"},
            "versions": {},
        }
        for cell in run.cells(sizes)
    ]


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """A table that is empty, and read anew."""
    path = tmp_path / "measured.json"
    path.write_text('{"tpu": {"operations": {}}}')
    monkeypatch.setattr(run, "MEASURED", path)
    monkeypatch.setattr(measured, "table", lambda: measured.read(path.read_text()))
    return path


def test_points_between_are_not_those_of_the_table():
    assert {cell.operation for cell in run.cells(run.GRID)} == set(OPERATIONS)
    for axis, sizes in run.BETWEEN.items():
        assert all(min(run.GRID[axis]) < size < max(run.GRID[axis]) for size in sizes)
        assert not set(sizes) & set(run.GRID[axis])


def test_the_table_chooses_and_a_fresh_run_judges(kept, tmp_path):
    run.write_table(rows_of(run.GRID, MILLISECONDS))
    assert "tpu" in json.loads(kept.read_text())
    assert measured.choose("linear_recurrence", "cpu", batch=4, time=180, width=92) == "sequential"
    results = tmp_path / "rows.jsonl"
    fresh = rows_of(run.BETWEEN, MILLISECONDS | {"sequential": 3.0})
    results.write_text("".join(f"{json.dumps(row)}\n" for row in fresh))
    lines = list(run.table(results))
    assert len(lines) == 2 + len(OPERATIONS) * len(run.BETWEEN["length"])
    assert lines[2].endswith("| sequential | 3.00 | chunked | 1.50 | 2.00 |")
