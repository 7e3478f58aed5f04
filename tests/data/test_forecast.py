import dataclasses
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view
from sklearn.linear_model import LinearRegression

from seqjax.data import forecast
from seqjax.data.forecast import SMALLEST, ForecastConfig, divisor
from seqjax.data.linear_forecast import baselines, fit
from seqjax.data.prepare import prepare
from seqjax.data.time_series import moments_of, next_moments, read_table
from seqjax.errors import UserError


def write(path, rows=120, start="2020-01-01"):
    days = np.datetime64(start) + np.arange(rows)
    lines = [f"{day},{row % 7},{row * 0.5}" for row, day in enumerate(days)]
    path.write_text("\n".join(["date,week,trend", *lines]) + "\n")
    return path


@pytest.fixture
def table(tmp_path):
    """A configuration of 120 days of two columns."""
    path = write(tmp_path / "table.csv")
    return ForecastConfig(source="file", file=str(path), context=8, horizon=3, patch_size=4)


def test_windows_are_cut_by_time(table, tmp_path):
    data = prepare(table, tmp_path / "cache")
    assert {name: len(split) for name, split in data.splits.items()} == {
        "train": 84 - 8 - 3 + 1,
        "valid": 12 - 3 + 1,
        "test": 24 - 3 + 1,
    }
    mean, deviation = data.facts.normalisation["trend"]
    np.testing.assert_allclose(mean, np.arange(84).mean() / 2)
    np.testing.assert_allclose(deviation, np.arange(84).std() / 2)
    for first, split in zip((8, 84, 96), data.splits.values(), strict=True):
        series, target = split.columns["series"], split.columns["target"]
        for row in range(len(split)):
            # Rows of the table, by the column that counts them.
            numbers = np.concatenate([series[row], target[row]])[:, 1] * deviation + mean
            np.testing.assert_allclose(numbers, (first + row - 8 + np.arange(11)) / 2, atol=1e-4)
            np.testing.assert_allclose(
                split.columns["location"][row], series[row].mean(axis=0), atol=1e-5
            )
            np.testing.assert_allclose(
                split.columns["scale"][row] ** 2, series[row].var(axis=0) + 1e-5, rtol=1e-3
            )
    plain = prepare(dataclasses.replace(table, normalise_windows=False), tmp_path / "cache")
    assert not plain.splits["test"].columns["location"].any()
    assert np.all(plain.splits["test"].columns["scale"] == 1)


@given(st.floats(-1e15, 1e15), st.integers(1, 300))
def test_what_rounding_leaves_of_a_constant_is_no_deviation(constant, rows):
    column = np.full(rows, constant)
    assert divisor(float(column.mean()), float(column.std())) == 1
    column[0] += max(1.0, abs(constant))
    assert divisor(float(column.mean()), float(column.std())) == (column.std() or 1)


@pytest.mark.parametrize("constant", [0.1, -7.3, 1e6 + 0.1])
def test_a_column_that_begins_to_move_after_training_keeps_its_units(table, tmp_path, constant):
    days = np.datetime64("2020-01-01") + np.arange(120)
    lines = [f"{day},{constant + (row >= 100) * row / 10}" for row, day in enumerate(days)]
    (tmp_path / "table.csv").write_text("\n".join(["date,a", *lines]) + "\n")
    facts = prepare(table, tmp_path / "cache").facts
    assert facts.normalisation["a"] == (pytest.approx(constant, rel=1e-9), 1.0)
    measures = facts.splits["test"].measures
    assert 0 < measures["last_value_mse"] < 12**2 and measures["linear_mse"] < 12**2


def plain_normalisers(values, starts, context):
    """The formula, with all windows at once."""
    series = sliding_window_view(values, context, axis=0)[starts].swapaxes(1, 2)
    scale = np.sqrt(series.var(axis=1, dtype=np.float32) + SMALLEST)
    return {"location": series.mean(axis=1, dtype=np.float32), "scale": scale}


@pytest.mark.parametrize("at_once", [1, 100, 1000, 2**21])
@pytest.mark.parametrize(("columns", "context"), [(1, 2), (3, 12), (5, 96)])
def test_windows_are_normalised_by_the_plain_formula(monkeypatch, at_once, columns, context):
    monkeypatch.setattr(forecast, "VALUES_AT_ONCE", at_once)
    chance = np.random.default_rng(0)
    # Far from zero, where running sums would lose the deviations.
    values = chance.normal(size=(300, columns)).cumsum(axis=0) + 1e5 * chance.normal(size=columns)
    starts = np.sort(chance.integers(0, 300 - context, 150))
    config = ForecastConfig(context=context, patch_size=1)
    found = config.normalisers(values.astype(np.float32), starts)
    expected = plain_normalisers(values.astype(np.float32), starts, context)
    for name, array in expected.items():
        assert found[name].dtype == np.float32
        np.testing.assert_array_equal(found[name], array)


@pytest.mark.parametrize("normalised", [True, False])
def test_windows_are_not_copied_together(monkeypatch, normalised):
    monkeypatch.setattr(forecast, "VALUES_AT_ONCE", 2**14)
    values, starts = np.ones((4000, 5), np.float32), np.arange(3000)
    config = ForecastConfig(context=400, patch_size=1, normalise_windows=normalised)
    tracemalloc.start()
    split = config.windows(values, starts)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    kept = sum(split.columns[name].nbytes for name in ("location", "scale"))
    everything = 3000 * 400 * 5 * 4
    assert peak - kept < everything / 50


def test_the_linear_line_is_that_of_scikit_learn():
    values = np.random.default_rng(0).normal(size=(90, 2)).cumsum(axis=0)
    starts = {"train": np.arange(50), "test": np.arange(60, 70)}
    inputs, targets = (
        {
            name: np.concatenate(
                [[column[b + skip : b + skip + steps] for b in begin] for column in values.T]
            )
            for name, begin in starts.items()
        }
        for skip, steps in ((0, 10), (10, 4))
    )
    means = {name: x.mean(axis=1, keepdims=True) for name, x in inputs.items()}
    peer = LinearRegression(fit_intercept=False).fit(
        inputs["train"] - means["train"], targets["train"] - means["train"]
    )
    found = baselines(values, starts, 10, 4)
    for name in starts:
        errors = peer.predict(inputs[name] - means[name]) + means[name] - targets[name]
        np.testing.assert_allclose(found[name]["linear_mse"], (errors**2).mean(), rtol=1e-4)
        np.testing.assert_allclose(found[name]["linear_mae"], abs(errors).mean(), rtol=1e-4)
        errors = inputs[name][:, -1:] - targets[name]
        np.testing.assert_allclose(found[name]["last_value_mse"], (errors**2).mean())
        np.testing.assert_allclose(found[name]["last_value_mae"], abs(errors).mean())
    assert found["test"]["linear_mse"] > 0


def test_a_constant_column_has_a_linear_map():
    assert np.all(np.isfinite(fit(np.ones((30, 1)), np.arange(20), 6, 2)))


@pytest.mark.parametrize(
    ("settings", "rows", "columns"),
    [
        ({}, {"train": 1023 - 120 + 1, "valid": 146 - 23, "test": 292 - 23}, 4),
        (
            {"source": "stocks", "context": 24, "horizon": 6},
            {"train": 86 - 30 + 1, "valid": 12 - 5, "test": 25 - 5},
            4,
        ),
    ],
)
def test_tables_of_the_package(settings, rows, columns, tmp_path):
    data = prepare(ForecastConfig(**settings), tmp_path)
    assert {name: split.rows for name, split in data.facts.splits.items()} == rows
    assert len(data.facts.normalisation) == columns
    assert data.facts.splits["test"].measures["linear_mse"] > 0


def test_etth1_has_its_usual_splits_and_its_published_line(shared_data, tmp_path):
    file = str(shared_data / "etth1" / "ETTh1.csv.gz")
    config = ForecastConfig(source="etth1", file=file, context=336, horizon=96, patch_size=16)
    table = config.table()
    assert table.values.shape == (17_420, 7)
    assert table.columns == ("HUFL", "HULL", "MUFL", "MULL", "LUFL", "LULL", "OT")
    facts = prepare(config, tmp_path).facts
    assert {name: split.rows for name, split in facts.splits.items()} == {
        "train": 8640 - 336 - 96 + 1,
        "valid": 2880 - 96 + 1,
        "test": 2880 - 96 + 1,
    }
    measures = facts.splits["test"].measures
    # Zeng et al. (2023), table 2: "Repeat" 1.295 and 0.713, their linear models 0.375 and 0.374.
    assert measures["last_value_mse"] == pytest.approx(1.295, abs=2e-3)
    assert measures["last_value_mae"] == pytest.approx(0.713, abs=2e-3)
    assert measures["linear_mse"] == pytest.approx(0.374, abs=6e-3)


@given(
    st.datetimes().map(lambda moment: np.datetime64(moment, "s")),
    st.integers(1, 10**6),
    st.integers(2, 9),
)
def test_equal_steps_go_on(first, step, rows):
    whole = first + np.arange(rows + 3) * np.timedelta64(step, "s")
    np.testing.assert_array_equal(next_moments(whole[:rows], 3), whole[rows:])


def test_months_go_on():
    found = next_moments(moments_of(["Nov 1 2009", "Dec 1 2009", "Jan 1 2010"]), 2)
    assert found.astype("datetime64[D]").astype(str).tolist() == ["2010-02-01", "2010-03-01"]


@pytest.mark.parametrize(
    ("text", "settings", "said"),
    [
        ("day,a\n2020-01-01,1\n", {}, "no column data.date_column='date'"),
        ("date,a\n2020-01-01,1\n", {"columns": ("b",)}, r"no column data.columns\[0\]='b'"),
        ("date,a\nmonday,1\n", {}, "line 2: 'monday' is no date"),
        ("date,a\n2020-01-02,1\n2020-01-01,1\n", {}, "line 3: '2020-01-01' does not come after"),
        ("date,a\n2020-01-02,1\n2020-01-02,1\n", {}, "line 3: '2020-01-02' does not come after"),
        ("date,a\n2020-01-02,\n", {}, "line 2: a='' is not a finite number"),
        ("date,a\n2020-01-02,nan\n", {}, "line 2: a='nan' is not a finite number"),
        ("date,a\n2020-01-02,1\n", {}, "leave no window in train"),
        ("date,a,a\n2020-01-02,1,2\n", {}, "line 1: the header names 'a' 2 times"),
        ("date,a,a,b\n2020-01-02,1,2,3\n", {}, "line 1: the header names 'a' 2 times"),
        ("date,a,b,\n2020-01-02,1,2,\n", {}, "line 2: ='' is not a finite number"),
        ("date,a,,\n2020-01-02,1,2,3\n", {}, "line 1: the header names '' 2 times"),
        ("date\n2020-01-02\n", {}, "has no rows of numbers"),
        ("date,a\n", {}, "has no rows of numbers"),
        ("", {}, "is empty: its first line must name the columns"),
    ],
)
def test_tables_that_cannot_be_read(tmp_path, text, settings, said):
    (tmp_path / "table.csv").write_text(text)
    config = ForecastConfig(source="file", file=str(tmp_path / "table.csv"), **settings)
    with pytest.raises(UserError, match=said):
        prepare(config, tmp_path / "cache")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"source": "wether"}, "did you mean 'weather'"),
        ({"source": "file"}, "data.file='' must name a table"),
        ({"file": "a.csv"}, "data.file='a.csv' must be empty"),
        ({"context": 1}, "data.context=1 must be at least 2"),
        ({"columns": ("wind", "wind")}, r"data.columns=\('wind', 'wind'\) must name 'wind' once"),
        ({"patch_size": 7}, "data.patch_size=7 does not divide data.context=96"),
    ],
)
def test_settings_that_cannot_work(settings, said):
    with pytest.raises(UserError, match=said):
        ForecastConfig(**settings)


def test_a_table_of_another_format(tmp_path):
    (tmp_path / "table.jsonl").write_text('{"at": "2020-01-01", "a": 2}\n')
    assert read_table("data.file", str(tmp_path / "table.jsonl"), "at", ()).values.tolist() == [[2]]
    (tmp_path / "table.tsv").write_text("at\ta\n2020-01-01T10:00\t2\n")
    assert read_table("data.file", str(tmp_path / "table.tsv"), "at", ()).values.tolist() == [[2]]


def test_a_table_to_predict_from_is_normalised_as_in_training(table, tmp_path):
    data = prepare(table, tmp_path / "cache")
    lines = (tmp_path / "table.csv").read_text().splitlines()
    names = []
    for rows in (107, 117):  # the last windows whose targets are in the table end before row 117
        names.append(str(tmp_path / f"first{rows}.csv"))
        (tmp_path / f"first{rows}.csv").write_text("\n".join(lines[: 1 + rows]) + "\n")
    read, test = table.read(names, data.facts, None).columns, data.splits["test"].columns
    for row, window in enumerate((len(test["scale"]) - 11, len(test["scale"]) - 1)):
        for name in ("series", "location", "scale"):
            np.testing.assert_array_equal(read[name][row], test[name][window])


def test_a_table_to_predict_from_has_enough_rows(table, tmp_path):
    facts = prepare(table, tmp_path / "cache").facts
    with pytest.raises(UserError, match=r"has 5 rows, and .* data.context=8"):
        table.read([str(write(tmp_path / "short.csv", rows=5))], facts, None)
