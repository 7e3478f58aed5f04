"""Forecasts train, are measured at every step ahead, and are written as CSV and drawn."""

import csv

import numpy as np
import pytest
from PIL import Image

TINY = {
    "data.source": "file",
    "data.context": 12,
    "data.horizon": 4,
    "data.patch_size": 4,
    "train.batch_size": 8,
    "model.width": 8,
    "model.feed_forward_size": 8,
}


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Returns the path of 100 hours of two columns."""
    path = tmp_path_factory.mktemp("tables") / "table.csv"
    moments = np.datetime64("2020-01-01T00:00:00") + np.arange(100) * np.timedelta64(1, "h")
    values = np.random.default_rng(0).normal(size=(100, 2)).cumsum(axis=0)
    lines = [f"{m},{a},{b}" for m, (a, b) in zip(moments, values.tolist(), strict=True)]
    path.write_text("\n".join(["date,a,b", *lines]) + "\n")
    return path


def test_two_steps(command, two_steps, table, tmp_path):
    summary, workdir = two_steps("forecast.py:rnn", TINY | {"data.file": table})
    assert 0 < summary["test"]["mse"] < 100 and 0 < summary["test"]["mae"] < 10
    found = command("evaluate", workdir, "--by_position").json["by_position"]
    assert found["count"] == [2 * 17] * 4
    np.testing.assert_allclose(np.mean(found["loss"]), summary["test"]["mse"], rtol=1e-5)

    picture = tmp_path / "forecast.png"
    said = command("predict", workdir, f"--plot={picture}", stdin=f"{table}\n{table}\n".encode())
    lines = said.out.splitlines()
    assert lines[:5] == lines[5:]
    rows = list(csv.DictReader(lines[:5]))
    assert [row["date"] for row in rows] == [f"2020-01-05 0{hour}:00:00" for hour in (4, 5, 6, 7)]
    assert all(np.isfinite([float(row["a"]), float(row["b"])]).all() for row in rows)
    for path in (picture, tmp_path / "forecast-2.png"):
        assert np.asarray(Image.open(path)).std() > 1

    typed = f"{table}\n".encode()
    command("predict", workdir, "--plot=a.txt", stdin=typed).assert_refused("--plot=a.txt", ".svg")
    command("predict", workdir, stdin=b"none.csv\n").assert_refused("line='none.csv'")
