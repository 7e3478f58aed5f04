"""The training loop: batches in; updates, rows, evaluations and checkpoints out."""

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import jax

from seqjax.distributed import hosts
from seqjax.distributed.preemption import Preempted, Preemption
from seqjax.errors import Diverged
from seqjax.models import Params
from seqjax.tasks.task import Batch, Task
from seqjax.training.checkpoint import Checkpoints
from seqjax.training.compiled import Compiled
from seqjax.training.config import TrainConfig
from seqjax.training.evaluation import Evaluated
from seqjax.training.profiler import Profiler
from seqjax.training.progress import Progress
from seqjax.training.reporting import Reporter
from seqjax.training.state import Hyperparameters, TrainState, all_finite
from seqjax.training.sums import Packed, Sums, add, means_of, to_host

# These steps are timed, each from an idle device to its result: the first of a run and then one in
# so many, since waiting before and after costs a short step a third of its time.
TIMED_FIRST, TIMED_EVERY = 10, 50


@dataclass
class Loop:
    """All that a run needs besides its state.

    `step(state, batch, hyperparameters) -> (state, packed)` is the train step, `evaluate(params)`
    measures on the validation split, `learning_rate(step)` is the schedule.
    """

    config: TrainConfig
    task: Task
    total_steps: int
    steps_per_epoch: int
    rows: int  # of the training split
    step: Compiled
    evaluate: Callable[[Params], Evaluated]
    learning_rate: Callable[[int], float]
    checkpoints: Checkpoints
    reporter: Reporter
    profiler: Profiler
    preemption: Preemption
    progress: Progress

    def run(
        self, state: TrainState, batches: Iterable[Batch], hyperparameters: Hyperparameters
    ) -> TrainState:
        """Trains from `progress.step` on; `batches` begin there.

        Where the run is told to end, its state is saved and `Preempted` raised.
        """
        started, before = time.perf_counter(), self.progress.wall_seconds
        first = self.progress.step + 1
        self._window_started, self._window_first = started, first
        self._saved = first - 1
        if self._evaluates(first - 1) and self.progress.evaluated_step < first - 1:
            self._evaluate_and_save(state, first - 1)  # it was told to end before it could
        if self._stops_early():  # a run that was killed before it could say so
            return state
        waiting: Packed | None = None
        for step, batch in enumerate(batches, first):
            if self.preemption.reached():
                if waiting is not None:
                    self._read(step - 1, waiting)
                    self._pass(step - 1, before + time.perf_counter() - started)
                self._leave(state, step - 1)
            self.profiler.before(step, state)
            timed = len(self.progress.timings) < TIMED_FIRST or step % TIMED_EVERY == 0
            state, packed = self._take(state, batch, hyperparameters, timed)
            self.profiler.after(step, state)
            # Read one step late, so that the device never waits for the host.
            if waiting is not None:
                self._read(step - 1, waiting)
            waiting = packed
            if self._pauses(step):
                self._read(step, waiting)
                waiting = None
                paused = time.perf_counter()
                self._pass(step, before + paused - started)
                if self._pause(state, step, paused):
                    break
                self._window_started += time.perf_counter() - paused
        return state

    def _pass(self, step: int, wall_seconds: float) -> None:
        self.progress.step, self.progress.wall_seconds = step, wall_seconds

    def _take(
        self, state: TrainState, batch: Batch, hyperparameters: Hyperparameters, timed: bool
    ) -> tuple[TrainState, Packed]:
        """One step; its compilation, where it is the first of its shape, is counted apart."""
        start = time.perf_counter()
        execute = self.step.executable(state, batch, hyperparameters)
        seconds = time.perf_counter() - start
        self.progress.compile_seconds += seconds
        self._window_started += seconds
        if not timed:
            return execute(state, batch, hyperparameters)
        jax.block_until_ready((state, batch))
        start = time.perf_counter()
        result = jax.block_until_ready(execute(state, batch, hyperparameters))
        self.progress.add_timing(time.perf_counter() - start)
        return result

    def _read(self, step: int, packed: Packed) -> None:
        """Adds a step's sums to the window's and the epoch's; stops the run if not finite."""
        sums = to_host(packed)
        loss = means_of(sums)["loss"]
        if not (math.isfinite(loss) and math.isfinite(sums["grad_norm"][0])):
            what = "gradient" if math.isfinite(loss) else "loss"
            raise self._not_finite(f"The {what} of step {step} is not finite (loss {loss:.6g})")
        add(self.progress.window, sums)
        add(self.progress.epoch, sums)
        self.reporter.advance(step, loss)

    def _not_finite(self, what: str) -> Diverged:
        self.checkpoints.wait()
        steps = self.checkpoints.steps()
        kept = f"the checkpoint of step {steps[-1]} is kept" if steps else "no checkpoint was due"
        return Diverged(
            f"{what}; {kept}: lower optimizer.learning_rate or set optimizer.clip_norm, in a "
            f"new workdir."
        )

    def _logs(self, step: int) -> bool:
        return step % self.config.log_every == 0 or step == self.total_steps

    def _evaluates(self, step: int) -> bool:
        every = self.config.evaluate_every or self.steps_per_epoch
        return step % every == 0 or step == self.total_steps

    def _saves(self, step: int) -> bool:
        every = self.config.checkpoint_every
        return self._evaluates(step) or (every > 0 and step % every == 0)

    def _pauses(self, step: int) -> bool:
        """Whether anything is due that needs the result of this very step."""
        return self._logs(step) or self._saves(step) or step % self.steps_per_epoch == 0

    def _pause(self, state: TrainState, step: int, now: float) -> bool:
        """Logs, evaluates and saves what is due after `step`; true where the run ends early."""
        progress = self.progress
        if self._saves(step):
            self._check_finite(state, step)
        if self._logs(step):
            self._log(step, now)
        if step % self.config.log_every == 0:
            progress.window = {}
        if step % self.steps_per_epoch == 0 or step == self.total_steps:
            progress.last_epoch = self._means(progress.epoch)
        self._evaluate_and_save(state, step)
        return self._evaluates(step) and self._stops_early()

    def _evaluate_and_save(self, state: TrainState, step: int) -> None:
        """Where it is told to end meanwhile, what is saved begins with this evaluation."""
        progress = self.progress
        if self._evaluates(step):
            try:
                self._evaluate(state.params, step)
            except Preempted:
                self._leave(state, step)
            if self._stops_early():
                progress.last_epoch = self._means(progress.epoch)
        if step % self.steps_per_epoch == 0:
            progress.epoch = {}
        if self._saves(step):
            self._save(state, step)

    def _save(self, state: TrainState, step: int) -> None:
        with hosts.together():
            self.reporter.keep()
        self.checkpoints.save(state, self.progress)
        self._saved = step

    def _check_finite(self, state: TrainState, step: int) -> None:
        if not all_finite(state.params):
            raise self._not_finite(f"The parameters after step {step} are not finite")

    def _leave(self, state: TrainState, step: int) -> None:
        if step > self._saved:
            self._check_finite(state, step)
            self._save(state, step)
        self.checkpoints.wait()
        raise Preempted(f"told to end; the same command goes on from step {self.progress.step}.")

    def _log(self, step: int, now: float) -> None:
        examples = (step + 1 - self._window_first) * self.rows / self.steps_per_epoch
        self.reporter.row(
            step,
            "train",
            self._means(self.progress.window),
            learning_rate=float(self.learning_rate(step - 1)),
            ms_per_step=self.progress.milliseconds_per_step(),
            examples_per_second=examples / (now - self._window_started),
            wall_seconds=self.progress.wall_seconds,
        )
        self._window_started, self._window_first = now, step + 1

    def _means(self, sums: Sums) -> dict[str, float]:
        return self.task.derived(means_of(sums))

    def _evaluate(self, params: Params, step: int) -> None:
        """Evaluates, and remembers the best."""
        metrics, milliseconds, examples_per_second = self.evaluate(params)
        self.reporter.row(
            step,
            "valid",
            metrics,
            ms_per_step=milliseconds,
            examples_per_second=examples_per_second,
            wall_seconds=self.progress.wall_seconds,
        )
        self.progress.evaluated_step = step
        progress, sign = self.progress, 1 if self.task.greater_is_better else -1
        value = metrics[self.task.best]
        first = progress.best_value is None
        best = math.isfinite(value) and (first or sign * value > sign * progress.best_value)
        if best:
            progress.best_step, progress.best_value, progress.without_better = step, value, 0
        else:
            progress.without_better += 1
        self.reporter.epoch(
            step, self._means(progress.epoch), metrics, best, progress.milliseconds_per_step()
        )

    def _stops_early(self) -> bool:
        return 0 < self.config.early_stopping <= self.progress.without_better
