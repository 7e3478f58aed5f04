import io
from dataclasses import replace

import jax
import pytest
from rich.console import Console

from seqjax.benchmarking import atlas
from seqjax.benchmarking.mixer_cells import DECODED, MixerCell
from seqjax.benchmarking.programs import Compiled
from seqjax.benchmarking.results import Results

PATIENCE = atlas.Patience(rounds=3, turn_seconds=0.0)
FIRST = MixerCell(mixer="mingru", length=4, batch=8, width=8, method="sequential", work="train")
CELLS = [FIRST, replace(FIRST, mixer="gru", method="auto")]


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("atlas") / "rows.jsonl"
    measure(CELLS, path)
    return path


def measure(cells, path, **settings):
    results = Results(path, {"device": "here"})
    console = Console(file=io.StringIO())
    return atlas.measure(cells, results, replace(PATIENCE, **settings), console)


def test_a_row_tells_time_cost_and_settings(path):
    row, other = measure(CELLS, path)
    assert (row["mixer"], other["mixer"]) == ("mingru", "gru")
    assert row["method"] == "sequential" and row["device"] == "here"
    assert row["lower_quartile"] <= row["milliseconds"] <= row["upper_quartile"]
    assert row["devices"] == 8 and row["rounds"] == 3
    assert row["loop_steps"] == 2 * 4  # forward and backward
    assert row["gflops_per_second"] == pytest.approx(row["flops"] / row["milliseconds"] / 1e6)
    for name in ("compile_seconds", "peak_bytes_per_device", "bytes_per_device", "depth"):
        assert row[name] > 0
    # At least the products of the two gates, in the loss and in both gradients.
    assert row["flops"] > 2 * 2 * 8 * 4 * 8 * 8


def test_what_is_there_is_not_measured_again(path, monkeypatch):
    before = path.read_text()
    monkeypatch.setattr(atlas, "measured", None)
    measure(CELLS, path)
    assert path.read_text() == before


def test_what_would_take_too_long_is_skipped_with_the_estimate(path):
    cell = replace(CELLS[0], length=400)
    (row,) = measure([cell], path, cell_seconds=1e-9)
    assert row["skipped"]["for"] == "time"
    assert row["skipped"]["estimated_seconds"] > row["skipped"]["cell_seconds"]
    assert "milliseconds" not in row and row["flops"] > 0
    (row,) = measure([cell], path, cell_seconds=2e-9)
    assert row["skipped"]["cell_seconds"] == 1e-9  # there is still no time for it
    (row,) = measure([cell], path)
    assert "skipped" not in row and row["milliseconds"] > 0


def test_what_would_not_fit_is_skipped_with_the_estimate(path, monkeypatch):
    monkeypatch.setattr(atlas, "free_bytes", lambda: 1000)
    cell = replace(CELLS[0], batch=16)
    (row,) = measure([cell], path)
    needed = row["peak_bytes_per_device"] * row["devices"]
    assert row["skipped"] == {"for": "memory", "estimated_bytes": needed, "free_bytes": 1000}


def test_flops_of_attention_in_blocks_grow_as_the_pairs_that_are_looked_at():
    short = MixerCell("attention", 1_024, batch=1, width=8, method="auto", work="forward")

    def flops(cell):
        facts = Compiled(cell.program(jax.devices()[:1])).facts()
        assert facts["loops_of_unknown_length"] == 1
        return facts["flops"]

    assert 3.5 < flops(replace(short, length=2_048)) / flops(short) < 4


@pytest.mark.parametrize("mixer", ["gru", "attention"])
def test_decoding_goes_on_from_its_own_output(mixer):
    cell = MixerCell(mixer=mixer, length=4, batch=2, width=8, method="auto", work="decode")
    compiled = Compiled(cell.program(jax.devices()[:1]))
    compiled.allocate()
    (_, first), (after, second) = compiled(), compiled()
    assert first.shape == second.shape == (2, 1, 8)
    assert (after.position == 2 * DECODED).all()
    assert compiled.facts()["loop_steps"] == 1


def test_a_train_step_trains():
    compiled = Compiled(CELLS[1].program(jax.devices()))
    compiled.allocate()
    losses = [float(compiled()[2]) for _ in range(20)]
    assert losses[-1] < losses[0]
