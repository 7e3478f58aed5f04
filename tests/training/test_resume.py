"""A killed run, started again by the same command, ends as if nothing had happened."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from seqjax.training.checkpoint import Checkpoints
from seqjax.training.folder import RunFolder
from seqjax.training.setup import Setup

TIMES = {"ms_per_step", "examples_per_second", "compile_seconds", "wall_seconds"}


@pytest.fixture(scope="module")
def command(tiny, tmp_path_factory):
    """Returns a function that starts the training command in a process of its own."""
    settings = tiny | {
        "train.log_every": 1,
        "train.checkpoint_every": 3,
        "model.dropout": 0.1,
        "optimizer.schedule": "cosine",
        "mesh.cpu_devices": 2,
    }
    flags = ["--config", "configs/sentiment.py:rnn"]
    flags += [f"--config.{path}={value}" for path, value in settings.items()]
    environment = os.environ | {"PYTHONPATH": os.getcwd()}
    del environment["JAX_NUM_CPU_DEVICES"]

    def start(workdir, *killed):
        program = (
            [Path(__file__).with_name("killed.py"), *killed] if killed else ["-m", "seqjax.train"]
        )
        return subprocess.run(
            [sys.executable, *program, *flags, f"--workdir={workdir}"],
            env=environment,
            capture_output=True,
            text=True,
        )

    return start


def final_state(workdir):
    folder = RunFolder(workdir)
    setup = Setup(folder.config(), folder.facts(), jax.devices()[:1])
    checkpoints = Checkpoints(folder.checkpoints, write=False)
    state, progress, passed_over = checkpoints.restore_newest(setup.abstract_state())
    assert progress.step == setup.total_steps and not passed_over
    return jax.device_get(state)


def rows_of(workdir):
    return [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]


def without_times(row):
    return {name: value for name, value in row.items() if name not in TIMES}


def test_a_run_that_is_killed_again_and_again(command, tmp_path):
    whole = command(tmp_path / "whole")
    assert whole.returncode == 0, whole.stderr
    assert RunFolder(tmp_path / "whole").config().mesh.cpu_devices == 2
    starts = {line.partition(" ")[0] for line in whole.stderr.splitlines()}
    assert starts == {"sentiment", "step", "epoch"}
    assert any((Path(os.environ["SEQJAX_CACHE"]) / "compilations").iterdir())
    for moment, step, resumes_from in (
        ("in_a_row", 5, 0),
        ("in_evaluation", 8, 3),
        ("while_saving", 9, 6),
        ("before_a_checkpoint_counts", 12, 8),
    ):
        killed = command(tmp_path / "killed", moment, str(step))
        assert killed.returncode == -signal.SIGKILL, (moment, killed.stderr)
        said = [line for line in killed.stderr.splitlines() if line.startswith("Going on")]
        assert said == ([f"Going on from step {resumes_from}."] if resumes_from else []), moment
        assert not (tmp_path / "killed" / "summary.json").exists()
    assert list((tmp_path / "killed" / "checkpoints").glob("12.*"))  # what the last kill left
    resumed = command(tmp_path / "killed")
    assert resumed.returncode == 0, resumed.stderr
    lines = resumed.stderr.splitlines()
    assert lines[1] == "Going on from step 9."
    assert {line.partition(" ")[0] for line in lines} == starts | {"Going"}

    jax.tree.map(
        np.testing.assert_array_equal,
        final_state(tmp_path / "whole"),
        final_state(tmp_path / "killed"),
    )
    expected, found = rows_of(tmp_path / "whole"), rows_of(tmp_path / "killed")
    assert [row["step"] for row in expected if row["split"] == "train"] == list(range(1, 17))
    assert list(map(without_times, expected)) == list(map(without_times, found))
    assert without_times(json.loads(whole.stdout)) == without_times(json.loads(resumed.stdout))
    kept = {path.name for path in (tmp_path / "whole" / "checkpoints").iterdir()}
    assert {path.name for path in (tmp_path / "killed" / "checkpoints").iterdir()} == kept
