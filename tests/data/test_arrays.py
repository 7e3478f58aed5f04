"""Ragged columns and splits on disk."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqjax.data.arrays import Ragged, Split, Windows

ROWS = st.lists(st.lists(st.integers(1, 9), max_size=6), min_size=1, max_size=8)


@settings(deadline=None)
@given(rows=ROWS, data=st.data())
def test_pad_is_rows_followed_by_zeros(rows, data):
    numbers = data.draw(st.lists(st.integers(-1, len(rows) - 1), min_size=1, max_size=9))
    padded = Ragged.from_rows(rows, np.int32).pad(np.array(numbers), 6)
    expected = [
        ([] if n < 0 else rows[n]) + [0] * (6 - (0 if n < 0 else len(rows[n]))) for n in numbers
    ]
    assert padded.dtype == np.int32
    assert padded.tolist() == expected


@settings(deadline=None)
@given(rows=ROWS, length=st.integers(0, 7), data=st.data())
def test_cut_keeps_the_start_and_the_end_of_every_row(rows, length, data):
    first = data.draw(st.none() | st.integers(0, length))
    cut = Ragged.from_rows(rows, np.int32).cut(length, first)
    start = length if first is None else first
    expected = [
        row if len(row) <= length else row[:start] + row[len(row) - length + start :]
        for row in map(list, rows)
    ]
    assert [cut[row].tolist() for row in range(len(cut))] == expected
    assert cut.lengths.tolist() == [len(row) for row in expected]


def test_rows_may_hold_frames():
    frames = Ragged(np.arange(12.0).reshape(6, 2), np.array([0, 1, 6]))
    padded = frames.pad(np.array([1, 0, -1]), 5)
    assert padded.shape == (3, 5, 2)
    np.testing.assert_array_equal(padded[0], frames[1])
    np.testing.assert_array_equal(padded[1, :1], frames[0])
    assert not padded[1, 1:].any()
    assert not padded[2].any()


def example_split() -> Split:
    tokens = Ragged.from_rows([[1, 2], [], [3, 4, 5]], np.int32)
    return Split({"tokens": tokens, "label": np.array([0, 1, 0], np.int32)})


def test_a_split_is_read_back_as_it_was_written(tmp_path):
    example_split().save(tmp_path / "train")
    read = Split.load(tmp_path / "train")
    assert len(read) == 3
    assert set(read.columns) == {"tokens", "label"}
    np.testing.assert_array_equal(read.columns["tokens"].values, [1, 2, 3, 4, 5])
    np.testing.assert_array_equal(read.columns["tokens"].offsets, [0, 2, 2, 5])
    np.testing.assert_array_equal(read.columns["label"], [0, 1, 0])
    assert not read.columns["label"].flags.owndata  # mapped, not copied


def test_reading_refuses_pickles_and_unequal_columns(tmp_path):
    example_split().save(tmp_path / "train")
    np.save(tmp_path / "train" / "label.npy", np.array([0, 1], np.int32))
    with pytest.raises(ValueError, match="number of rows"):
        Split.load(tmp_path / "train")
    np.save(tmp_path / "train" / "label.npy", np.array([{}, {}, {}], object), allow_pickle=True)
    with pytest.raises(ValueError, match="Python objects"):
        Split.load(tmp_path / "train")
    with pytest.raises(ValueError, match="offsets"):
        Ragged(np.arange(3), np.array([0, 4]))


def test_windows_may_overlap_and_move(tmp_path):
    values = np.arange(10, dtype=np.int32)
    windows = Windows(values, np.array([0, 3, 6]), np.array([4, 4, 2], np.int32), slack=2)
    assert [windows[row].tolist() for row in range(3)] == [[0, 1, 2, 3], [3, 4, 5, 6], [6, 7]]
    np.testing.assert_array_equal(
        windows.pad(np.array([2, -1, 0]), 4, shift=2), [[8, 9, 0, 0], [0] * 4, [2, 3, 4, 5]]
    )
    taken = windows.take(np.array([2, 0]))
    assert taken[0].tolist() == [6, 7] and taken.values is values
    Split({"tokens": windows}).save(tmp_path / "train")
    read = Split.load(tmp_path / "train").columns["tokens"]
    assert isinstance(read, Windows) and read.slack == 2
    np.testing.assert_array_equal(read.pad(np.arange(3), 4, 2), windows.pad(np.arange(3), 4, 2))
    with pytest.raises(ValueError, match="beyond the values"):
        Windows(values, np.array([7]), np.array([4], np.int32))
    with pytest.raises(ValueError, match="beyond the values"):
        Windows(values, np.array([6]), np.array([4], np.int32), slack=1)


def test_rows_are_taken_of_every_column():
    split = example_split().take(np.array([2, 0]))
    assert [split.columns["tokens"][row].tolist() for row in range(2)] == [[3, 4, 5], [1, 2]]
    assert split.columns["label"].tolist() == [0, 0]
