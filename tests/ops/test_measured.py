import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqjax.ops import measured
from seqjax.ops.measured import fastest, to_grid


def grid_of(times, batches=(1, 16), lengths=(64, 1024), widths=(32,)):
    """Points at which `times(batch, time, width)` was measured."""
    return to_grid(
        [
            {
                "batch": batch,
                "time": time,
                "width": width,
                "milliseconds": times(batch, time, width),
            }
            for batch in batches
            for time in lengths
            for width in widths
        ]
    )


def crossing(batch, time, width):
    """A loop takes as long as its steps, a prefix as long as its work: equal at batch 4."""
    return {"loop": float(time), "prefix": time * batch / 4}


@given(batch=st.integers(1, 16), time=st.integers(64, 1024))
def test_powers_of_the_sizes_are_interpolated_exactly(batch, time):
    if batch != 4:
        assert fastest(grid_of(crossing), (batch, time, 32)) == ("prefix" if batch < 4 else "loop")


@pytest.mark.parametrize(
    ("point", "expected"),
    [
        ((1, 9999, 32), "prefix"),
        ((99, 1, 7), "loop"),
        ((1, 1, 1), "prefix"),
        ((64, 64, 99), "loop"),
    ],
)
def test_beyond_the_grid_its_edge_counts(point, expected):
    assert fastest(grid_of(crossing), point) == expected


def test_what_did_not_run_on_every_corner_is_not_chosen_between_them():
    def times(batch, time, width):
        return {"loop": 9.0} | ({"plain": 1.0} if time < 1000 else {})

    assert fastest(grid_of(times), (1, 64, 32)) == "plain"
    assert fastest(grid_of(times), (1, 65, 32)) == "loop"
    assert fastest(grid_of(times), (1, 5000, 32)) == "loop"


def test_where_no_method_ran_everywhere_the_nearest_corner_decides():
    def times(batch, time, width):
        return {"short": 1.0} if time < 1000 else {"long": 1.0}

    assert fastest(grid_of(times), (1, 100, 32)) == "short"
    assert fastest(grid_of(times), (1, 900, 32)) == "long"


def test_where_nothing_ran_at_all_the_nearest_point_decides():
    def times(batch, time, width):
        if time >= 1000:
            return {}
        return {"plain": 1.0, "loop": 2.0} if batch < 4 else {"loop": 1.0}

    assert fastest(grid_of(times), (1, 9999, 32)) == "plain"
    assert fastest(grid_of(times), (16, 9999, 32)) == "loop"


def test_a_platform_or_operation_that_was_not_measured_has_no_choice(monkeypatch):
    monkeypatch.setattr(measured, "table", lambda: {"cpu": {"known": grid_of(crossing)}})
    assert measured.choose("known", "cpu", batch=1, time=64, width=32) == "prefix"
    assert measured.choose("known", "tpu", batch=1, time=64, width=32) is None
    assert measured.choose("other", "cpu", batch=1, time=64, width=32) is None


def test_the_table_that_is_kept_is_whole():
    for operations in measured.table().values():
        for grid in operations.values():
            assert len(grid.milliseconds) == math.prod(map(len, grid.axes))
            assert all(times for times in grid.milliseconds.values())
