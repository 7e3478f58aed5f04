"""Batches: what is in them, in which order, and how little of it is padding."""

import itertools
import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqjax.data.arrays import Ragged, Split, Windows
from seqjax.data.loader import Batches, bucket_lengths, prefetch


def split_of(rows: int, seed: int = 0) -> Split:
    """Rows of skewed lengths whose tokens are all the row's number + 1, and so is its label."""
    lengths = np.random.default_rng(seed).lognormal(3, 0.6, rows).astype(int) + 1
    tokens = Ragged.from_rows([[row + 1] * length for row, length in enumerate(lengths)], np.int32)
    return Split({"tokens": tokens, "label": np.arange(1, rows + 1, dtype=np.int32)})


def batches_of(split: Split, **options) -> Batches:
    boundaries = {"tokens": bucket_lengths(split.columns["tokens"].lengths, 4)}
    return Batches(split, **{"batch_size": 16, "seed": 0, "boundaries": boundaries} | options)


def epoch(batches: Batches, number: int = 0) -> list[dict[str, np.ndarray]]:
    steps = range(number * batches.steps_per_epoch, (number + 1) * batches.steps_per_epoch)
    return [batches.batch(step) for step in steps]


def equal(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> bool:
    return first.keys() == second.keys() and all(
        np.array_equal(first[name], second[name]) for name in first
    )


@settings(deadline=None)
@given(
    lengths=st.lists(st.integers(1, 50), min_size=1, max_size=30),
    count=st.integers(1, 4),
    multiple=st.sampled_from([4, 8]),
)
def test_bucket_lengths_pad_as_little_as_any_choice(lengths, count, multiple):
    def steps(boundaries):
        return sum(min(b for b in boundaries if b >= length) for length in lengths)

    longest = -(-max(lengths) // multiple) * multiple
    shorter = range(multiple, longest, multiple)
    least = min(
        steps((*choice, longest))
        for number in range(count)
        for choice in itertools.combinations(shorter, number)
    )
    chosen = bucket_lengths(np.array(lengths), count, multiple)
    assert steps(chosen) == least
    assert len(chosen) <= count
    assert list(chosen) == sorted(set(chosen))
    assert all(length % multiple == 0 for length in chosen)


@settings(deadline=None, max_examples=30)
@given(
    rows=st.integers(1, 200),
    batch_size=st.sampled_from([1, 3, 16]),
    seed=st.integers(0, 9),
    shuffle=st.booleans(),
)
def test_an_epoch_shows_every_example_once(rows, batch_size, seed, shuffle):
    split = split_of(rows)
    batches = batches_of(split, batch_size=batch_size, seed=seed, shuffle=shuffle)
    for number in (0, 3):
        seen = []
        for batch in epoch(batches, number):
            assert {len(column) for column in batch.values()} == {batch_size}
            real = batch["weight"] == 1
            assert np.array_equal(real, batch["label"] > 0)
            assert not batch["tokens"][~real].any()
            assert not batch["tokens_length"][~real].any()
            for tokens, length, label in zip(
                batch["tokens"][real],
                batch["tokens_length"][real],
                batch["label"][real],
                strict=True,
            ):
                assert length == split.columns["tokens"].lengths[label - 1]
                assert (tokens[:length] == label).all()
                assert not tokens[length:].any()
            seen.extend(batch["label"][real].tolist())
        assert sorted(seen) == list(range(1, rows + 1))


def test_a_batch_is_a_function_of_seed_and_step():
    split = split_of(300)
    forwards = [batches_of(split).batch(step) for step in range(60)]
    batches = batches_of(split)
    for step in (59, 0, 30, 18, 19, 0):
        assert equal(batches.batch(step), forwards[step])
    assert [b["tokens"].dtype for b in forwards[:1]] == [np.int32]
    orders = {
        (seed, number): tuple(
            label
            for batch in epoch(batches_of(split, seed=seed), number)
            for label in batch["label"].tolist()
        )
        for seed, number in itertools.product(range(2), range(2))
    }
    assert len(set(orders.values())) == 4


def test_the_order_is_the_same_on_every_machine():
    """Pinned: another order would make old runs impossible to resume or to repeat."""
    lengths = [3, 30, 4, 5, 20, 9, 8, 40, 2, 17]
    split = Split({"tokens": Ragged.from_rows([[1] * length for length in lengths], np.int32)})
    batches = Batches(split, batch_size=3, boundaries={"tokens": (8, 24, 40)}, seed=7)
    order = [batches.row_numbers(step).tolist() for step in range(8)]
    assert order == [
        [9, 1, 7],
        [-1, 4, 5],
        [2, 0, -1],
        [8, 3, 6],
        [-1, 9, 4],
        [5, 7, 1],
        [6, 8, 3],
        [2, 0, -1],
    ]


@pytest.mark.parametrize("hosts", [1, 2, 4])
def test_hosts_hold_parts_of_the_same_global_batch(hosts):
    split = split_of(100)
    whole = batches_of(split)
    size = 16 // hosts
    parts = [batches_of(split, rows=slice(host * size, (host + 1) * size)) for host in range(hosts)]
    for step in range(2 * whole.steps_per_epoch):
        held = [part.batch(step) for part in parts]
        joined = {name: np.concatenate([part[name] for part in held]) for name in held[0]}
        assert equal(joined, whole.batch(step))


def test_little_is_padding_and_shapes_are_few():
    lengths = split_of(5000).columns["tokens"].lengths
    boundaries = np.array(bucket_lengths(lengths, 4))
    batches = epoch(batches_of(split_of(5000)))
    assert {batch["tokens"].shape[1] for batch in batches} == set(boundaries)

    steps = sum(batch["tokens"].size for batch in batches)
    least = boundaries[np.searchsorted(boundaries, lengths)].sum()
    assert steps < 1.05 * least
    mixed = np.random.default_rng(0).permutation(lengths)[: 16 * (5000 // 16)].reshape(-1, 16)
    assert 16 * mixed.max(axis=1).sum() > 1.5 * least  # batches of any length, without buckets


def test_training_batches_come_in_no_order_of_length():
    lengths = [batch["tokens"].shape[1] for batch in epoch(batches_of(split_of(3000)))]
    assert abs(np.corrcoef(lengths, np.arange(len(lengths)))[0, 1]) < 0.3


def test_empty_rows_need_no_padding():
    rows = [[1], [1], [1], [1] * 40, [1] * 40]
    split = Split({"tokens": Ragged.from_rows(rows, np.int32)})
    batches = Batches(split, batch_size=2, boundaries={"tokens": (8, 40)}, seed=0)
    widths = {batch["weight"].sum(): batch["tokens"].shape[1] for batch in epoch(batches)}
    assert widths[1] == 8


def test_without_shuffling_batches_go_from_short_to_long():
    split = split_of(500)
    batches = epoch(batches_of(split, shuffle=False))
    widths = [batch["tokens"].shape[1] for batch in batches]
    assert widths == sorted(widths)
    assert set(widths) == set(bucket_lengths(split.columns["tokens"].lengths, 4))
    assert sum(batch["weight"].sum() for batch in batches) == 500


def test_rows_meet_others_in_every_epoch():
    batches = batches_of(split_of(64), batch_size=4)
    companies = [
        {frozenset(batch["label"].tolist()) for batch in epoch(batches, number)}
        for number in range(2)
    ]
    assert len(companies[0] & companies[1]) <= 2


def test_two_ragged_columns_share_the_place_of_their_padding():
    pairs = [([1] * 3, [2] * 20), ([1] * 30, [2] * 5), ([1] * 2, [2] * 2)]
    split = Split(
        {
            "source": Ragged.from_rows([source for source, _ in pairs], np.int32),
            "target": Ragged.from_rows([target for _, target in pairs], np.int32),
        }
    )
    boundaries = {"source": (4, 16, 32), "target": (8, 24)}
    batches = Batches(split, batch_size=1, boundaries=boundaries, seed=0)
    shapes = {
        int(batch["source_length"][0]): (batch["source"].shape[1], batch["target"].shape[1])
        for batch in epoch(batches)
    }
    assert shapes == {3: (16, 24), 30: (32, 24), 2: (4, 8)}


def test_rows_longer_than_every_boundary_are_refused():
    with pytest.raises(ValueError, match="longer than 8"):
        batches_of(split_of(100), boundaries={"tokens": (8,)})


def test_prefetch_keeps_the_order_and_runs_ahead():
    started = []

    def function(step):
        started.append(step)
        return step * step

    ahead = prefetch(function, range(100), depth=3)
    assert next(ahead) == 0
    deadline = time.monotonic() + 10
    while len(started) < 4 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert started == [0, 1, 2, 3]
    assert list(ahead) == [step * step for step in range(1, 100)]


def test_prefetch_raises_when_the_step_comes():
    def function(step):
        if step == 2:
            raise ArithmeticError("step 2")
        return step

    ahead = prefetch(function, range(10), depth=5)
    assert [next(ahead), next(ahead)] == [0, 1]
    with pytest.raises(ArithmeticError, match="step 2"):
        next(ahead)


def test_closing_prefetch_early_ends_its_thread():
    before = threading.active_count()
    for _ in range(3):
        ahead = prefetch(lambda step: step, itertools.count(), depth=4)
        next(ahead)
        ahead.close()
    assert threading.active_count() == before


def test_windows_of_an_epoch_move_alike_and_stay_without_shuffling():
    values = np.arange(24, dtype=np.int32)
    starts, lengths = np.arange(0, 20, 5), np.full(4, 5, np.int32)
    columns = {
        "tokens": Windows(values, starts, lengths, slack=4),
        "squares": Windows(values**2, starts, lengths, slack=4),
    }
    boundaries = {"tokens": (5,), "squares": (5,)}
    options = {"batch_size": 2, "boundaries": boundaries, "seed": 3}
    batches = Batches(Split(columns), **options)
    shifts = []
    for number in range(40):
        rows = [row for batch in epoch(batches, number) for row in batch["tokens"].tolist()]
        shift = min(rows)[0]
        assert sorted(rows) == (starts[:, None] + shift + np.arange(5)).tolist()
        shifts.append(shift)
        for batch in epoch(batches, number):
            np.testing.assert_array_equal(batch["squares"], batch["tokens"] ** 2)
    assert set(shifts) == set(range(5))
    assert shifts[:8] == [0, 1, 3, 3, 0, 2, 2, 3]
    assert equal(batches.batch(11), Batches(Split(columns), **options).batch(11))
    still = Batches(Split(columns), shuffle=False, **options)
    assert [batch["tokens"][0, 0] for batch in epoch(still, 5)] == [0, 10]
