"""What a step costs, and what the loop adds to it: `python -m experiments.loop_cost.run`.

For each model of the article's experiment, the batches of one epoch are taken twice: through the
whole loop (batches made and placed while it runs, metrics read, rows written) and through the bare
compiled step, with all batches on the device beforehand. Rounds alternate over models and ways, so
that a machine's moods meet all of them; medians are kept, and the ratio of the two is what counts.
"""

import json
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
from absl import flags
from absl.flags import FlagValues
from rich.console import Console
from rich.progress import track

from experiments.sweep import Cell, read_rows
from seqjax.command_line import run_command
from seqjax.data.loader import Batches, prefetch
from seqjax.data.prepare import default_cache_folder, prepare
from seqjax.distributed.preemption import Preemption
from seqjax.distributed.shardings import batch_sharding, place_batch
from seqjax.tasks.task import Batch
from seqjax.training.checkpoint import Checkpoints
from seqjax.training.compiled import Compiled
from seqjax.training.config import Config
from seqjax.training.evaluation import AHEAD
from seqjax.training.folder import RunFolder
from seqjax.training.loop import Loop
from seqjax.training.profiler import Profiler
from seqjax.training.progress import Progress
from seqjax.training.reporting import Reporter
from seqjax.training.run import versions
from seqjax.training.setup import Setup
from seqjax.training.state import TrainState

RESULTS = Path(__file__).with_name("results.jsonl")
MODELS = ("rnn", "transformer", "bag")


def define_flags(values: FlagValues) -> None:
    """The flags of this command."""
    flags.DEFINE_integer("rounds", 21, "alternating rounds", flag_values=values)


def main(values: FlagValues) -> None:
    """Prints one JSON object a model, and replaces `results.jsonl` by them."""
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(folder, values.rounds)
    RESULTS.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    print(RESULTS.read_text(), end="")


def table(results: Path) -> list[str]:
    """What the README says of it."""
    shares = ", ".join(
        f"`{row['model']}` {100 * row['throughput_of_loop_over_bare']:.0f}%"
        f" (a step of {row['bare_ms_per_step']:.1f} ms)"
        for row in read_rows(results).values()
    )
    return [
        f"The whole training loop runs at this share of the bare compiled step's speed: {shares}."
    ]


def measure(folder: str, rounds: int) -> list[dict[str, Any]]:
    """One row a model."""
    contenders = [
        Contender(Cell(f"configs/sentiment.py:{model}").resolve(), f"{folder}/{model}")
        for model in MODELS
    ]
    seconds = [{"bare": [], "loop": []} for _ in contenders]
    for _ in track(range(rounds), "rounds", console=Console(stderr=True)):
        for contender, taken in zip(contenders, seconds, strict=True):
            taken["bare"].append(contender.seconds(contender.bare))
            taken["loop"].append(contender.seconds(contender.loop))
    rows = []
    for contender, taken in zip(contenders, seconds, strict=True):
        per_step = 1e3 / contender.batches.steps_per_epoch
        rows.append(
            {
                "id": f"loop_cost: {contender.setup.config.preset}",
                "model": contender.setup.config.preset,
                "bare_ms_per_step": per_step * statistics.median(taken["bare"]),
                "loop_ms_per_step": per_step * statistics.median(taken["loop"]),
                "throughput_of_loop_over_bare": statistics.median(
                    bare / loop for bare, loop in zip(taken["bare"], taken["loop"], strict=True)
                ),
                "rounds": rounds,
                "steps": contender.batches.steps_per_epoch,
                "device": {"kind": jax.devices()[0].device_kind, "count": jax.device_count()},
                "versions": versions(),
            }
        )
    for contender in contenders:
        contender.reporter.close()
        contender.checkpoints.close()
    return rows


class Contender:
    """One configuration, ready to take its first epoch in either way."""

    def __init__(self, config: Config, folder: str) -> None:
        # An evaluation or a checkpoint is work that was asked for, not the loop's own.
        never = 1_000_000
        config = replace(config, train=replace(config.train, evaluate_every=never, steps=never))
        data = prepare(config.data, default_cache_folder())
        self.setup = Setup(config, data.facts, jax.devices())
        self.batches = Batches(
            data.splits["train"],
            batch_size=config.train.batch_size,
            boundaries=data.facts.boundaries,
            seed=config.seed,
        )
        # What a run opens once is no cost of its steps.
        self.folder = RunFolder(folder)
        self.checkpoints = Checkpoints(self.folder.checkpoints)
        self.reporter = Reporter(
            self.folder,
            Console(quiet=True),
            step=0,
            total_steps=self.setup.total_steps,
            steps_per_epoch=self.setup.steps_per_epoch,
        )
        self.step = Compiled(self.setup.train_step())
        self.progress = Progress()
        self.hyperparameters = self.setup.hyperparameters()
        self.state = self.setup.first_state()
        self.sharding = batch_sharding(self.setup.mesh, self.setup.config.mesh)
        steps = range(self.batches.steps_per_epoch)
        self.placed = [jax.device_put(self.batches.batch(step), self.sharding) for step in steps]
        self.seconds(self.bare)  # compiles

    def place(self, step: int) -> Batch:
        """The batch of a step as a run has it; every epoch is the first one again."""
        rows = self.batches.batch(step % self.batches.steps_per_epoch)
        return place_batch(self.sharding, rows, self.setup.config.train.batch_size)

    def seconds(self, epoch: Callable[[TrainState], TrainState]) -> float:
        """How long the steps of an epoch take."""
        with self.setup.context():
            start = time.perf_counter()
            self.state = jax.block_until_ready(epoch(self.state))
            return time.perf_counter() - start

    def bare(self, state: TrainState) -> TrainState:
        """The compiled step on batches that are there."""
        for batch in self.placed:
            state, _ = self.step(state, batch, self.hyperparameters)
        return state

    def loop(self, state: TrainState) -> TrainState:
        """The loop with all that a run has around it, going on from where it was."""
        setup = self.setup
        loop = Loop(
            config=setup.config.train,
            task=setup.task,
            total_steps=setup.total_steps,
            steps_per_epoch=setup.steps_per_epoch,
            rows=setup.rows,
            step=self.step,
            evaluate=lambda params: None,
            learning_rate=setup.schedule,
            checkpoints=self.checkpoints,
            reporter=self.reporter,
            profiler=Profiler(self.folder.profile, ()),
            preemption=Preemption(),
            progress=self.progress,
        )
        steps = range(self.progress.step, self.progress.step + setup.steps_per_epoch)
        with closing(prefetch(self.place, steps, AHEAD)) as ahead:
            return loop.run(state, ahead, self.hyperparameters)


if __name__ == "__main__":
    run_command(define_flags, main)
