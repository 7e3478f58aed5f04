"""A run in an object store, which a stand-in for `epath`'s paths keeps in a folder."""

import json
import os

import jax
import numpy as np
import pytest
from etils import epath
from rich.console import Console

from experiments.sweep import Cell
from seqjax.errors import UserError
from seqjax.training.checkpoint import Checkpoints
from seqjax.training.folder import RunFolder
from seqjax.training.loop import Loop
from seqjax.training.run import run
from seqjax.training.setup import Setup
from seqjax.training.storage import Storage
from seqjax.training.trained import load_trained


@pytest.fixture(scope="module")
def bucket(tmp_path_factory):
    """Returns the folder in which `bucket://…` lies, to which no one may append."""
    root = tmp_path_factory.mktemp("bucket")

    @epath.register_path_cls("bucket://")
    class Bucket:
        def __new__(cls, uri):
            return epath.Path(root / uri.removeprefix("bucket://"))

    return root


def rows_of(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_what_grows_is_copied_when_it_is_to_be_kept(bucket):
    storage = Storage("bucket://grown")
    (storage.growing / "tensorboard").mkdir()
    (storage.growing / "tensorboard" / "events").write_bytes(b"\x00")
    (storage.growing / "metrics.jsonl").write_text("1\n")
    assert not (bucket / "grown").exists()
    storage.keep()
    (storage.growing / "metrics.jsonl").write_text("1\n2\n")
    assert (bucket / "grown" / "metrics.jsonl").read_text() == "1\n"
    storage.keep()
    assert (bucket / "grown" / "metrics.jsonl").read_text() == "1\n2\n"
    assert (bucket / "grown" / "tensorboard" / "events").read_bytes() == b"\x00"

    later = Storage("bucket://grown")
    later.fetch("metrics.jsonl")
    assert (later.growing / "metrics.jsonl").read_text() == "1\n2\n"


def test_a_tilde_is_a_home_where_a_user_has_that_name(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    assert Storage("~/run").path == tmp_path / "home" / "run"
    assert Storage("~no one/run").path == tmp_path / "~no one" / "run"


def test_a_store_that_is_not_known_is_refused():
    with pytest.raises(UserError, match=r"workdir=ftp://run is in no store that is known"):
        RunFolder("ftp://run")


class Killed(Exception):
    """Stands for a machine that is gone."""


@pytest.fixture(scope="module")
def config(tiny):
    return Cell(
        "configs/sentiment.py:rnn",
        (*(tiny | {"train.checkpoint_every": 3, "train.log_every": 1}).items(),),
    ).resolve()


def test_a_run_in_a_store_is_the_one_on_a_disk(bucket, config, tmp_path, monkeypatch):
    console = Console(quiet=True)
    expected = run(config, RunFolder(tmp_path / "disk"), console)

    # The machine is lost after the fifth step: of its rows, three were copied with a checkpoint.
    with monkeypatch.context() as patch:
        pause = Loop._pause

        def lost(self, state, step, now):
            ends = pause(self, state, step, now)
            if step == 5:
                self.checkpoints.wait()
                raise Killed
            return ends

        patch.setattr(Loop, "_pause", lost)
        with pytest.raises(Killed):
            run(config, RunFolder("bucket://run"), console)
    stored = bucket / "run"
    assert sorted(os.listdir(stored / "checkpoints")) == ["3"]
    assert [row["step"] for row in rows_of(stored)] == [1, 2, 3]
    assert os.listdir(stored / "tensorboard")

    found = run(config, RunFolder("bucket://run"), console)
    measured = {"ms_per_step", "compile_seconds", "wall_seconds"}
    assert {name: found[name] for name in found.keys() - measured} == {
        name: expected[name] for name in expected.keys() - measured
    }
    assert run(config, RunFolder("bucket://run"), console) == found  # it has finished
    assert load_trained(RunFolder("bucket://run")).step == found["best_step"]
    timed = {"ms_per_step", "examples_per_second", "wall_seconds"}
    for stored_row, row in zip(rows_of(stored), rows_of(tmp_path / "disk"), strict=True):
        assert stored_row.keys() == row.keys()
        for name in row.keys() - timed:
            assert stored_row[name] == row[name]
    states = []
    for folder in (RunFolder("bucket://run"), RunFolder(tmp_path / "disk")):
        setup = Setup(folder.config(), folder.facts(), jax.devices())
        checkpoints = Checkpoints(folder.checkpoints, write=False)
        states.append(checkpoints.restore_newest(setup.abstract_state())[0])
    jax.tree.map(np.testing.assert_array_equal, *map(jax.device_get, states))
