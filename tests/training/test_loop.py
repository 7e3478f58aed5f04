"""The loop's own decisions, with a step that computes nothing."""

import copy
import itertools
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqjax.distributed.preemption import Preempted, Preemption
from seqjax.errors import UserError
from seqjax.tasks.classification import Classification
from seqjax.training.config import TrainConfig
from seqjax.training.evaluation import Evaluated
from seqjax.training.loop import Loop
from seqjax.training.profiler import Profiler
from seqjax.training.progress import TIMINGS, Progress
from seqjax.training.state import Hyperparameters, TrainState
from seqjax.training.sums import Packed

TIMES = {"ms_per_step", "examples_per_second", "wall_seconds", "learning_rate"}


NEVER_TOLD = Preemption()
HYPERPARAMETERS = Hyperparameters(jnp.uint32(0), jnp.float32(0.1))


class Killed(Exception):
    pass


class Told(Preemption):
    """Told to end just before it is asked for the given time."""

    def __init__(self, at):
        super().__init__()
        self.at = at

    def reached(self):
        self.at -= 1
        return self.at <= 0


class Recorder:
    """Stands in for the reporter, the checkpoints and the step, and keeps what they are told."""

    def __init__(self, bad=None, killed_at=None, saved=None):
        self.bad = bad or {}  # by step: what becomes of loss, gradient or parameters
        self.killed_at = killed_at
        self.rows, self.saved, self.seen, self.lines = [], dict(saved or {}), [], []

    # the step
    def executable(self, *_):
        return self

    def __call__(self, state, batch, hyperparameters):
        step = int(state.step) + 1
        if step == self.killed_at:
            raise Killed
        loss, norm = float(np.sin(step)), float(np.cos(step) ** 2)
        weight = jnp.zeros(())
        if self.bad.get(step) == "loss":
            loss = np.nan
        if self.bad.get(step) == "gradient":
            norm = np.inf
        if self.bad.get(step) == "parameters":
            weight = jnp.asarray(np.inf)
        values = np.array([[3 * loss, 3], [norm, 1]], np.float32)
        return TrainState(step, {"w": weight}, ()), Packed(values, ("loss", "grad_norm"))

    # the reporter
    def row(self, step, split, metrics, **measures):
        self.rows.append({"step": step, "split": split} | metrics | measures)

    def advance(self, step, loss):
        self.seen.append(step)

    def epoch(self, step, train, valid, best, milliseconds):
        self.lines.append((step, best))

    def keep(self):
        self.kept = len(self.rows)

    # the checkpoints
    def save(self, state, progress):
        assert progress.step == int(state.step)
        assert self.kept == len(self.rows)
        assert not self.seen or progress.step == self.seen[-1]
        self.saved[progress.step] = copy.deepcopy(progress)

    def steps(self):
        return sorted(self.saved)

    def wait(self):
        pass


def run(
    recorder,
    config,
    total,
    per_epoch,
    accuracy=lambda step: 0.5,
    progress=None,
    preemption=NEVER_TOLD,
):
    progress = copy.deepcopy(progress) or Progress()

    def evaluate(params):
        for _ in range(2):  # batches
            if preemption.reached():
                raise Preempted
        return Evaluated({"accuracy": accuracy(progress.step)}, 1.0, 1.0)

    loop = Loop(
        config=config,
        task=Classification(),
        total_steps=total,
        steps_per_epoch=per_epoch,
        rows=2 * per_epoch,
        step=recorder,
        evaluate=evaluate,
        learning_rate=lambda step: 0.1,
        checkpoints=recorder,
        reporter=recorder,
        profiler=Profiler(Path(), ()),
        preemption=preemption,
        progress=progress,
    )
    state = TrainState(progress.step, {"w": jnp.zeros(())}, ())
    loop.run(state, itertools.repeat({}, total - progress.step), HYPERPARAMETERS)
    return progress


SETTINGS = st.builds(
    TrainConfig,
    log_every=st.integers(1, 7),
    evaluate_every=st.integers(0, 7),
    checkpoint_every=st.integers(0, 7),
)
LENGTHS = {"total": st.integers(1, 30), "per_epoch": st.integers(1, 10)}


@given(config=SETTINGS, **LENGTHS)
def test_what_is_due_is_done_when_it_is_due(config, total, per_epoch):
    recorder = Recorder()
    progress = run(recorder, config, total, per_epoch)

    def due(every):
        return {step for step in range(1, total + 1) if every and step % every == 0}

    def rows_of(split):
        return [row["step"] for row in recorder.rows if row["split"] == split]

    evaluated = due(config.evaluate_every or per_epoch) | {total}
    assert rows_of("train") == sorted(due(config.log_every) | {total})
    assert rows_of("valid") == sorted(evaluated)
    assert recorder.steps() == sorted(evaluated | due(config.checkpoint_every))
    assert recorder.seen == list(range(1, total + 1))
    losses = np.sin(np.arange(1, total + 1))
    last = total // config.log_every * config.log_every
    last = last - config.log_every if last == total else last
    row = recorder.rows[[row["step"] for row in recorder.rows].index(total)]
    np.testing.assert_allclose(row["loss"], losses[last:].mean(), rtol=1e-5, atol=1e-7)
    begun = (total - 1) // per_epoch * per_epoch
    np.testing.assert_allclose(
        progress.last_epoch["loss"], losses[begun:].mean(), rtol=1e-5, atol=1e-7
    )
    assert 0 < len(progress.timings) <= TIMINGS


@given(config=SETTINGS, killed_at=st.integers(1, 30), **LENGTHS)
def test_a_resumed_loop_writes_the_rows_of_an_uninterrupted_one(
    config, total, per_epoch, killed_at
):
    whole = Recorder()
    ended = run(whole, config, total, per_epoch, accuracy=np.cos)
    first = Recorder(killed_at=min(killed_at, total))
    with pytest.raises(Killed):
        run(first, config, total, per_epoch, accuracy=np.cos)
    progress = first.saved[max(first.saved)] if first.saved else Progress()
    rest = Recorder(saved=first.saved)
    resumed = run(rest, config, total, per_epoch, accuracy=np.cos, progress=progress)
    kept = [row for row in first.rows if row["step"] <= progress.step]

    def timeless(rows):
        return [{name: row[name] for name in row.keys() - TIMES} for row in rows]

    assert timeless(kept + rest.rows) == timeless(whole.rows)
    for name in ("step", "window", "epoch", "last_epoch", "best_step", "best_value"):
        assert getattr(resumed, name) == getattr(ended, name)


def test_an_evaluation_that_is_not_a_number_is_never_the_best():
    accuracies = {2: np.nan, 4: 0.3, 6: np.nan, 8: 0.2}
    config = TrainConfig(epochs=0, steps=8, evaluate_every=2)
    progress = run(Recorder(), config, 8, 4, accuracy=accuracies.get)
    assert (progress.best_step, progress.best_value) == (4, 0.3)


@given(config=SETTINGS, asked=st.lists(st.integers(1, 20), max_size=4), **LENGTHS)
def test_a_loop_that_is_told_to_end_saves_where_it_is_and_goes_on_from_there(
    config, total, per_epoch, asked
):
    whole = Recorder()
    ended = run(whole, config, total, per_epoch, accuracy=np.cos)
    rows, progress, saved = [], Progress(), {}
    for preemption in [*map(Told, asked), NEVER_TOLD]:
        recorder = Recorder(saved=saved)
        try:
            progress = run(
                recorder, config, total, per_epoch, np.cos, progress, preemption=preemption
            )
        except Preempted as told:
            taken = progress.step + len(recorder.seen)
            assert str(told).endswith(f"goes on from step {taken}.")
            assert taken == max(recorder.saved, default=0)
            progress = recorder.saved[taken] if taken else Progress()
        rows += recorder.rows
        saved = recorder.saved

    def timeless(rows):
        return [{name: row[name] for name in row.keys() - TIMES} for row in rows]

    assert timeless(rows) == timeless(whole.rows)
    for name in ("step", "window", "epoch", "last_epoch", "best_step", "best_value"):
        assert getattr(progress, name) == getattr(ended, name)


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("loss", r"^The loss of step 5 is not finite \(loss nan\); "),
        ("gradient", r"^The gradient of step 5 is not finite \(loss -0\.95\d*\); "),
        ("parameters", r"^The parameters after step 6 are not finite; "),
    ],
)
def test_what_is_not_finite_ends_the_run_before_it_is_saved(what, said):
    config = TrainConfig(checkpoint_every=3, log_every=1)
    recorder = Recorder(bad={5: what} if what != "parameters" else {6: what})
    said += r"the checkpoint of step 3 is kept: lower optimizer.learning_rate or"
    with pytest.raises(UserError, match=said):
        run(recorder, config, total=20, per_epoch=20)
    assert recorder.steps() == [3]
    assert max(row["step"] for row in recorder.rows) < 6


def test_a_loss_that_is_not_finite_is_found_where_nothing_else_is_due():
    with pytest.raises(UserError, match=r"step 5.*no checkpoint was due"):
        run(Recorder(bad={5: "loss"}), TrainConfig(), total=20, per_epoch=20)


def test_the_best_evaluation_and_early_stopping():
    found = [0.5, 0.7, 0.6, 0.7, 0.65, 0.9]  # of which the last is never reached
    recorder = Recorder()
    config = TrainConfig(early_stopping=3)
    progress = run(recorder, config, 24, 4, accuracy=lambda step: found[step // 4 - 1])
    assert (progress.step, progress.best_step, progress.best_value) == (20, 8, 0.7)
    assert recorder.lines == [(4, True), (8, True), (12, False), (16, False), (20, False)]
    # A run that was killed before it could say that it had ended has still ended.
    again = Recorder(saved=recorder.saved)
    run(again, config, 24, 4, progress=recorder.saved[20])
    assert again.seen == []
