"""Several real processes as the hosts of one run.

What takes minutes is left out of the suite: `python -m pytest -m slow tests/distributed`.
"""

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
import pytest

from seqjax.training.checkpoint import Checkpoints
from seqjax.training.folder import RunFolder
from seqjax.training.setup import Setup

HERE = Path(__file__).parent
SETTINGS = {
    "train.log_every": 1,
    "train.evaluate_every": 24,
    "optimizer.name": "sgd",
    "optimizer.learning_rate": 0.1,
}
FOREVER = {"train.epochs": 100_000}
MINUTE = 60
TIMES = {"ms_per_step", "examples_per_second", "compile_seconds", "wall_seconds"}


class Outcome(NamedTuple):
    """How a host ended."""

    status: int
    out: str
    err: str
    time: float


@pytest.fixture
def train(start_hosts, tiny):
    """Returns `train(hosts, workdir, signal, **settings)`: how a run ended on so many hosts.

    `signal` is what one of the hosts sends itself: its number, then the name of the signal, the
    moment and the step, as `signalled.py` has them. All must have left a minute later.
    """

    def run(hosts, workdir, signal=(), settings=None):
        settings = tiny | SETTINGS | (settings or {})
        flags = ["--config", "configs/sentiment.py:rnn", f"--workdir={workdir}"]
        flags += [f"--config.{path}={value}" for path, value in settings.items()]
        flags += ["--shared_workdir"] if hosts > 1 else ["--distributed=off"]
        commands = [["-m", "seqjax.train", *flags]] * hosts
        if signal:
            host, *moment = signal
            commands[host] = [HERE / "signalled.py", *moment, *flags]
        ended = outcomes(start_hosts(*commands))
        if signal:
            told = re.search(r"^signalled at (\S+)$", ended[host].err, re.M)
            assert told, ended[host].err
            assert max(outcome.time for outcome in ended) < float(told[1]) + MINUTE
        return ended

    return run


def outcomes(processes):
    """What becomes of processes, all of which are listened to at the same time."""

    def listen(process):
        out, err = process.communicate(timeout=5 * MINUTE)
        return Outcome(process.returncode, out, err, time.time())

    with ThreadPoolExecutor(len(processes)) as threads:
        return list(threads.map(listen, processes))


def statuses(ended):
    return [outcome.status for outcome in ended]


def rows_of(workdir):
    rows = map(json.loads, (workdir / "metrics.jsonl").read_text().splitlines())
    return [{name: row[name] for name in row.keys() - TIMES} for row in rows]


def state_of(workdir):
    folder = RunFolder(workdir)
    setup = Setup(folder.config(), folder.facts(), jax.devices()[:1])
    checkpoints = Checkpoints(folder.checkpoints, write=False)
    state, progress, passed_over = checkpoints.restore_newest(setup.abstract_state())
    assert not passed_over
    return progress.step, jax.device_get(state)


def test_hosts_agree(start_hosts, tmp_path):
    script = HERE / "agreeing.py"
    processes = start_hosts(*[[script, tmp_path / "run"]] * 3, JAX_NUM_CPU_DEVICES="2")
    ended = outcomes(processes)
    assert statuses(ended) == [0, 0, 0], ended
    answers = [json.loads(outcome.out.splitlines()[-1]) for outcome in ended]

    def of_all(name):
        return [answer[name] for answer in answers]

    assert of_all("gathered") == [["", "ééé", "éééééé"]] * 3
    assert of_all("from first") == [{"host": 0}] * 3
    assert of_all("all alike") == of_all("none fails") == of_all("shared") == ["went on"] * 3
    for sentence in of_all("one differs"):
        assert sentence.startswith("The flags of host 2 of 3 is not that of host 0: ")
    missing = "data.train='x.csv' is not a file."
    assert of_all("one fails") == [f"Host 1 of 3: {missing}", missing, f"Host 1 of 3: {missing}"]
    for sentence in of_all("first fails"):
        assert "workdir=/nowhere has no readable config.json" in sentence
    for sentence in of_all("not said to be shared"):
        assert sentence.endswith("say --shared_workdir where all 3 hosts see the same folder.")
    assert of_all("rows of data") == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]
    assert of_all("rows of tensor") == [list(range(12))] * 3
    assert of_all("rows of both") == [[*range(6)], [*range(12)], [*range(6, 12)]]


def test_a_run_moves_from_four_hosts_to_two_and_to_one(train, tmp_path):
    workdir = tmp_path / "moved"
    ended = train(4, workdir, (1, "SIGTERM", "in_a_step", 10), FOREVER)
    assert statuses(ended) == [75] * 4, ended
    four, _ = state_of(workdir)
    said = f"train: told to end; the same command goes on from step {four}."
    assert all(said in outcome.err for outcome in ended)

    ended = train(2, workdir, (0, "SIGTERM", "in_evaluation", 5), FOREVER)
    assert statuses(ended) == [75] * 2, ended
    assert f"Going on from step {four}." in ended[0].err
    two, _ = state_of(workdir)
    assert two > four

    last = {"train.steps": two + 8}
    (one,) = train(1, workdir, settings=last)
    assert one.status == 0 and f"Going on from step {two}." in one.err, one
    (alone,) = train(1, tmp_path / "stayed", settings=last)
    assert alone.status == 0, alone

    moved, stayed = rows_of(workdir), rows_of(tmp_path / "stayed")
    assert len(moved) == len(stayed) >= two + 8
    for row, other in zip(moved, stayed, strict=True):
        assert row.pop("split") == other.pop("split")
        assert row == pytest.approx(other, rel=1e-5, abs=1e-5)  # a gradient's norm is above 1
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=0, atol=1e-5),
        state_of(workdir),
        state_of(tmp_path / "stayed"),
    )


def test_a_host_that_dies_takes_the_others_down(train, tmp_path):
    left, killed = train(2, tmp_path / "run", (1, "SIGKILL", "in_a_step", 10), FOREVER)
    assert (killed.status, left.status) == (-9, 1)
    assert left.err.splitlines()[-1] == (
        "train: this host cannot go on, often since another one has died, whose log says why; the "
        "same command on all hosts goes on from the last checkpoint."
    )


@pytest.mark.slow
@pytest.mark.parametrize("hosts", [2, 4])
def test_several_hosts_are_one(hosts, train, tmp_path):
    for workdir, count in (("one", 1), ("several", hosts)):
        ended = train(count, tmp_path / workdir)
        assert statuses(ended) == [0] * count, ended
        assert not any(outcome.out.count("{") for outcome in ended[1:])
    one, several = rows_of(tmp_path / "one"), rows_of(tmp_path / "several")
    assert len(one) == len(several)
    for row, other in zip(one, several, strict=True):
        assert row == pytest.approx(other, abs=1e-5)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=0, atol=1e-5),
        state_of(tmp_path / "one"),
        state_of(tmp_path / "several"),
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("moment", "step"), [("in_a_step", 10), ("in_evaluation", 2), ("while_saving", 24)]
)
@pytest.mark.parametrize("host", [0, 3])
def test_what_is_told_to_end_goes_on_to_the_bit(host, moment, step, train, tmp_path):
    ended = train(4, tmp_path / "told", (host, "SIGTERM", moment, step), FOREVER)
    assert statuses(ended) == [75] * 4, ended
    saved, _ = state_of(tmp_path / "told")
    last = {"train.steps": saved + 8}
    for workdir in ("told", "whole"):
        ended = train(4, tmp_path / workdir, settings=last)
        assert statuses(ended) == [0] * 4, ended
    assert rows_of(tmp_path / "told") == rows_of(tmp_path / "whole")
    jax.tree.map(
        np.testing.assert_array_equal,
        state_of(tmp_path / "told"),
        state_of(tmp_path / "whole"),
    )


@pytest.mark.slow
@pytest.mark.parametrize("host", [0, 2])
@pytest.mark.parametrize(
    ("moment", "step"), [("in_a_step", 10), ("in_evaluation", 2), ("while_saving", 24)]
)
def test_a_killed_host_takes_three_others_down(host, moment, step, train, tmp_path):
    ended = train(4, tmp_path / "run", (host, "SIGKILL", moment, step), FOREVER)
    assert ended[host].status == -9
    for outcome in (outcome for outcome in ended if outcome is not ended[host]):
        assert outcome.status not in (0, 75)
        # Gloo, by which CPUs exchange, may end a process itself before anyone can say why.
        assert re.search("another (one has|task) died|gloo::EnforceNotMet", outcome.err)
