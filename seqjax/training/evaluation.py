"""Metrics of a whole split."""

import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from typing import NamedTuple

import jax
from jax.sharding import Mesh

from seqjax.data.arrays import Split
from seqjax.data.loader import Batches, prefetch
from seqjax.distributed.config import MeshConfig
from seqjax.distributed.preemption import Preempted, Preemption
from seqjax.distributed.shardings import batch_sharding, local_rows, place_batch, replicated
from seqjax.models import Params
from seqjax.tasks.task import AnyModelConfig, Task
from seqjax.training.compiled import Compiled
from seqjax.training.state import evaluate_step
from seqjax.training.sums import Sums, add, means_of, to_host

AHEAD = 4  # batches prepared, and results left on the device, while others are computed


class Evaluated(NamedTuple):
    """The metrics of a split, and how fast they were found, compilation aside."""

    metrics: dict[str, float]
    ms_per_step: float
    examples_per_second: float


class Evaluation:
    """Every example of a split exactly once, in batches of fixed shapes; rows that fill count 0.

    `shardings` are those of the parameters that it will be given.
    """

    def __init__(
        self,
        task: Task,
        model: AnyModelConfig,
        mesh: Mesh,
        config: MeshConfig,
        batch_size: int,
        boundaries: dict[str, tuple[int, ...]],
        shardings: Params,
        preemption: Preemption | None = None,
    ) -> None:
        self._sharding = batch_sharding(mesh, config)
        self._shardings = (shardings, self._sharding)
        self._replicated = replicated(mesh)
        self._batch_size = batch_size
        self._boundaries = boundaries
        self._task = task
        self._model = model
        self._preemption = preemption
        self._step = self._compiled(partial(evaluate_step, task=task, model=model))

    def __call__(self, params: Params, split: Split) -> Evaluated:
        """The metrics' means over the split; `Preempted` where the run is told to end meanwhile."""
        sums: Sums = {}
        seconds = self._visit(self._step, params, split, lambda packed: add(sums, to_host(packed)))
        steps = -(-len(split) // self._batch_size)
        metrics = self._task.derived(means_of(sums))
        return Evaluated(metrics, 1e3 * seconds / steps, len(split) / seconds)

    def each(self, function: Callable, params: Params, split: Split, take: Callable) -> None:
        """Calls `take` with `function(model, params, batch)` of every batch of the split."""
        step = self._compiled(partial(function, self._model))
        self._visit(step, params, split, lambda result: take(jax.device_get(result)))

    def _compiled(self, function: Callable) -> Compiled:
        return Compiled(
            jax.jit(function, in_shardings=self._shardings, out_shardings=self._replicated)
        )

    def _visit(self, step: Compiled, params: Params, split: Split, take: Callable) -> float:
        """Calls `take` with the step's result of every batch; the seconds without compilation.

        There are as many batches on every host, however many rows are left for the last of them.
        """
        batches = Batches(
            split,
            batch_size=self._batch_size,
            boundaries=self._boundaries,
            seed=0,
            shuffle=False,
            rows=local_rows(self._sharding, self._batch_size),
        )
        started = time.perf_counter()
        waiting = []
        placed = prefetch(
            lambda step: place_batch(self._sharding, batches.batch(step), self._batch_size),
            range(batches.steps_per_epoch),
            AHEAD,
        )
        with closing(placed):
            for batch in placed:
                if self._preemption is not None and self._preemption.reached():
                    raise Preempted("told to end while it evaluated; the same command goes on.")
                before = time.perf_counter()
                execute = step.executable(params, batch)
                started += time.perf_counter() - before
                waiting.append(execute(params, batch))
                if len(waiting) > AHEAD:
                    take(waiting.pop(0))
        for result in waiting:
            take(result)
        return time.perf_counter() - started
