"""Committed rows are still those of their commands: no default has changed under them."""

import ast
import dataclasses
import json
import shlex

import pytest

from experiments.sweep import ROOT, Cell, read_lines

pytestmark = pytest.mark.slow  # a second for each of some dozens of models


def first_rows():
    """The first row of every experiment and preset."""
    found = {}
    for path in sorted(ROOT.glob("experiments/*/*.jsonl")):
        for row in read_lines(path):
            words = shlex.split(row.get("command", ""))
            if words[1:3] == ["-m", "seqjax.train"] and "config" in row:
                found.setdefault((path.parent.name, words[4]), row)
    return found


def cell_of(row) -> Cell:
    _, _, _, _, config, *flags = shlex.split(row["command"])
    pairs = (flag.removeprefix("--config.").split("=", 1) for flag in flags)
    return Cell(config, tuple((path, value_of(text)) for path, text in pairs))


def value_of(text):
    try:
        return ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return text


@pytest.mark.parametrize("path", sorted(ROOT.glob("experiments/*/*.jsonl")), ids=str)
def test_no_row_is_there_twice(path):
    ids = [row["id"] for row in read_lines(path) if "id" in row]
    assert len(ids) == len(set(ids))


ROWS = first_rows()


@pytest.mark.parametrize("row", ROWS.values(), ids=map(" ".join, ROWS))
def test_a_row_has_the_configuration_of_its_command(row):
    """What was not yet a setting when it was run is left out."""
    resolved = json.loads(json.dumps(dataclasses.asdict(cell_of(row).resolve())))

    def compare(before, now):
        for name, value in before.items():
            if isinstance(value, dict):
                compare(value, now[name])
            else:
                assert now[name] == value, name

    compare(row["config"], resolved)
