import json

import pytest

from seqjax.benchmarking.results import Results, circumstances
from seqjax.errors import UserError

MACHINE = {"device": "A", "versions": {"jax": "1"}}


def test_rows_are_found_again(tmp_path):
    path = tmp_path / "rows.jsonl"
    row = Results(path, MACHINE).add({"length": 3}, milliseconds=1.5)
    assert row == {"id": row["id"], "length": 3, "milliseconds": 1.5, **MACHINE}
    again = Results(path, MACHINE)
    assert again.find({"length": 3}) == row
    assert again.find({"length": 4}) is None
    again.add({"length": 4}, milliseconds=2.0)
    assert [json.loads(line)["length"] for line in path.read_text().splitlines()] == [3, 4]


def test_another_machine_or_version_is_measured_anew(tmp_path):
    path = tmp_path / "rows.jsonl"
    Results(path, MACHINE).add({"length": 3}, milliseconds=1.5)
    assert Results(path, MACHINE | {"device": "B"}).find({"length": 3}) is None
    assert Results(path, MACHINE | {"versions": {"jax": "2"}}).find({"length": 3}) is None


def test_a_row_that_a_crash_cut_off_is_dropped(tmp_path):
    path = tmp_path / "rows.jsonl"
    results = Results(path, MACHINE)
    results.add({"length": 3}, milliseconds=1.5)
    whole = path.read_text()
    path.write_text(whole + '{"id": "abc", "len')
    assert len(Results(path, MACHINE).rows) == 1
    assert path.read_text() == whole


def test_other_files_are_refused_and_left_alone(tmp_path):
    path = tmp_path / "thesis.txt"
    path.write_text("once\n")
    with pytest.raises(UserError, match=r"--output=.*thesis.txt holds other lines"):
        Results(path, MACHINE)
    assert path.read_text() == "once\n"
    with pytest.raises(UserError, match=r"there is no folder .*gone"):
        Results(tmp_path / "gone" / "rows.jsonl", MACHINE)


def test_circumstances_name_device_and_versions():
    found = circumstances()
    assert found["device"]["platform"] == "cpu" and found["device"]["count"] == 8
    assert {"seqjax", "jax", "jaxlib", "python"} <= set(found["versions"])
