"""Times that grow and cross as they were made to, and what is advised from them."""

import json

import numpy as np
import pytest
from rich.console import Console

from experiments.crossover import advise as command
from experiments.crossover.advise import advise, nearest_shape, of_device, time_at
from experiments.crossover.atlas import Atlas, Shape
from experiments.crossover.cost_model import fit
from seqjax.errors import UserError

LENGTHS = (32, 128, 512, 2_048)
TRAIN = Shape("train")


@pytest.fixture
def atlas(tmp_path):
    """Returns an atlas of a linear and a quadratic mixer, equal at 256 steps."""
    rows = [
        {
            "id": f"{mixer}-{length}-{batch}",
            "mixer": mixer,
            "method": "auto",
            "work": "train",
            "length": length,
            "batch": batch,
            "width": 64,
            "milliseconds": batch * time,
            "lower_quartile": 0.99 * batch * time,
            "upper_quartile": 1.01 * batch * time,
            "device": {"platform": "cpu"},
        }
        for length in LENGTHS
        for batch in (8, 32)
        for mixer, time in (("rnn", length / 256), ("attention", (length / 256) ** 2))
    ]
    skipped = rows[-1] | {"id": "skipped", "mixer": "ssd", "skipped": {"for": "memory"}}
    skipped.pop("milliseconds")
    path = tmp_path / "results.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in [*rows, skipped]))
    return Atlas(path, "cpu")


def test_exponents_are_those_of_the_times(atlas):
    assert atlas.exponent("rnn", TRAIN) == pytest.approx(1.0)
    assert atlas.exponent("attention", TRAIN) == pytest.approx(2.0)
    assert atlas.exponent("ssd", TRAIN) is None


def test_two_mixers_cross_where_their_times_are_equal(atlas):
    assert atlas.crossing("rnn", "attention", TRAIN) == pytest.approx(256)
    assert atlas.crossing("rnn", "rnn", TRAIN) is None
    assert atlas.crossing("rnn", "ssd", TRAIN) is None


def test_times_that_cannot_be_told_apart_do_not_cross(atlas):
    for row in atlas.rows:
        if row["length"] <= 128:
            row["upper_quartile"] = 100.0
    assert atlas.crossing("rnn", "attention", TRAIN) is None


def test_two_mixers_that_change_places_again_have_no_crossing(atlas):
    times = {"milliseconds": 1.0, "lower_quartile": 0.9, "upper_quartile": 1.1}
    for row in atlas.rows:
        if (row["mixer"], row["length"]) == ("attention", 2_048):
            row |= times
    assert atlas.crossing("rnn", "attention", TRAIN) is None


def test_advice_names_the_fastest_first_on_either_side_of_a_crossing(atlas):
    short, long = (advise(atlas, length, TRAIN) for length in (64, 1_024))
    assert [found.mixer for found in short] == ["attention", "rnn"]
    assert [found.mixer for found in long] == ["rnn", "attention"]
    assert long[1].milliseconds == pytest.approx(8 * 16)
    assert not long[1].measured and advise(atlas, 512, TRAIN)[0].measured


def test_nothing_is_told_beyond_what_was_measured(atlas):
    assert time_at(atlas.series("rnn", TRAIN), 4_096) is None
    assert advise(atlas, 16, TRAIN) == []


def test_the_nearest_shape_is_that_of_the_nearest_batch_that_was_measured_there(atlas):
    assert nearest_shape(atlas, 512, "train", 20, 256) == Shape("train", 32, 64)
    short = atlas.rows[0] | {"id": "short", "batch": 20}
    with atlas.results.open("a") as file:
        file.write(json.dumps(short) + "\n")
    atlas = Atlas(atlas.results, "cpu")
    assert nearest_shape(atlas, 32, "train", 20, 256) == Shape("train", 20, 64)
    assert nearest_shape(atlas, 512, "train", 20, 256) == Shape("train", 32, 64)
    with pytest.raises(UserError, match="--length=16 is beyond what was measured: from 32 to 2048"):
        nearest_shape(atlas, 16, "train", 8, 64)


def test_a_device_is_advised_from_its_own_rows(atlas):
    with pytest.raises(UserError, match="--device=tpu has not been measured; cpu has"):
        of_device(atlas.results, "tpu")
    other = atlas.rows[0] | {"id": "gpu", "device": {"platform": "gpu"}, "milliseconds": 0.5}
    with atlas.results.open("a") as file:
        file.write(json.dumps(other) + "\n")
    assert [row["id"] for row in of_device(atlas.results, "gpu").rows] == ["gpu"]
    assert of_device(atlas.results, "cpu").rows == atlas.rows


def test_advice_is_shown_with_where_it_comes_from(atlas, capsys):
    command.show(Console(width=100), 1_024, TRAIN, advise(atlas, 1_024, TRAIN))
    shown = capsys.readouterr().out
    assert "between two lengths" in shown and shown.index("rnn") < shown.index("attention")


def test_a_cost_model_finds_what_times_were_made_of():
    draw = np.random.default_rng(0)
    rows = [
        {
            "id": str(number),
            "flops": 10 ** draw.uniform(6, 10),
            "bytes_per_device": 10 ** draw.uniform(5, 9),
            "depth": draw.integers(10, 10_000),
        }
        for number in range(40)
    ]
    for row in rows:
        row["milliseconds"] = (
            0.02 + 20 * row["flops"] / 1e9 + 100 * row["bytes_per_device"] / 1e9
        ) + 0.5 * row["depth"] / 1e3
    found = fit(rows)
    assert found.model == pytest.approx((0.02, 20, 100, 0.5), rel=1e-6)
    assert (found.fitted, found.held_out) == (20, 20)
    assert found.largest_error == pytest.approx(1) and found.twofold == 0
