"""One run from its configuration to its summary."""

import importlib.metadata
import platform
from contextlib import ExitStack, closing
from dataclasses import asdict
from typing import Any

import jax
from rich.console import Console

from seqjax import __version__, models
from seqjax.data.arrays import Split
from seqjax.data.loader import Batches, prefetch
from seqjax.data.prepare import default_cache_folder, prepare
from seqjax.data.tokenizers import Tokenizer
from seqjax.data.word_vectors import WordVectors, read_word_vectors
from seqjax.distributed import hosts
from seqjax.distributed.preemption import Preemption
from seqjax.distributed.shardings import batch_sharding, local_rows, place_batch
from seqjax.errors import UserError
from seqjax.models import EncoderDecoderConfig
from seqjax.training.checkpoint import Checkpoints
from seqjax.training.compiled import Compiled
from seqjax.training.config import Config, from_dict, to_json
from seqjax.training.devices import devices_of_run
from seqjax.training.evaluation import AHEAD
from seqjax.training.folder import RunFolder
from seqjax.training.loop import Loop
from seqjax.training.profiler import Profiler
from seqjax.training.progress import Progress
from seqjax.training.reporting import Reporter, Silent, say
from seqjax.training.setup import Setup
from seqjax.training.state import TrainState


def run(
    config: Config, folder: RunFolder, console: Console, *, shared_workdir: bool = False
) -> dict[str, Any]:
    """Trains, or goes on with, the run of `config` in `folder`; gives its summary.

    A finished run is not trained again: its summary is read back. Nothing is written to the folder
    before all that can be refused has been checked. Of several hosts, the first writes all but the
    checkpoints.
    """
    hosts.check_same("configuration", to_json(config))
    if hosts.several():
        folder.check_seen_by_all(shared_workdir)
    config = from_dict(hosts.from_first(lambda: asdict(folder.with_its_methods(config))))
    if summary := hosts.from_first(lambda: folder.finished(config)):
        say(console, f"This run has finished; its summary is {folder.path}/summary.json.")
        return summary
    preemption = Preemption()
    with preemption.listening(), ExitStack() as stack:
        with hosts.together():  # each host has a cache of its own
            data = prepare(config.data, default_cache_folder())
        hosts.check_same("data", data.facts.to_json())
        for note in data.notes:
            say(console, note)
        setup = Setup(config, data.facts, devices_of_run(config, data.facts))
        vectors = load_word_vectors(setup, data.tokenizer, console)
        with hosts.together():
            if hosts.is_first():
                stack.enter_context(folder.opened(setup.config))
                folder.check_same_data(data.facts)
        for note in setup.notes:
            say(console, note)
        say(console, f"{introduction(setup)} · {folder.path}")
        checkpoints = stack.enter_context(closing(Checkpoints(folder.checkpoints)))
        state, progress = first_state(setup, checkpoints, vectors, console)
        checkpoints.delete_after(progress.step)
        with hosts.together():
            if hosts.is_first():
                folder.begin(setup.config, data.facts, data.tokenizer, progress.step)
        try:
            with setup.context():
                results = train(
                    setup, data.splits, folder, checkpoints, state, progress, preemption, console
                )
        except KeyboardInterrupt:
            say(console, "The same command goes on from the last checkpoint.")
            raise
        summary = summarise(setup, progress, results)
        if vectors is not None:
            summary["word_vectors_found"] = vectors.share
        with hosts.together():
            if hosts.is_first():
                folder.write_summary(summary)
    return summary


def load_word_vectors(
    setup: Setup, tokenizer: Tokenizer | None, console: Console
) -> WordVectors | None:
    """The vectors that the embedding starts from, where the configuration names a file."""
    name = setup.config.train.word_vectors
    if not name:
        return None
    if tokenizer is None:
        raise UserError(
            f"train.word_vectors={name!r} has no effect where task={setup.config.task!r}: its data "
            f"has no words."
        )
    if isinstance(setup.model, EncoderDecoderConfig):
        raise UserError(
            f"train.word_vectors={name!r} is for models with one embedding, and "
            f"task={setup.config.task!r} has an encoder and a decoder: leave it empty."
        )
    with hosts.together():
        vectors = read_word_vectors(
            "train.word_vectors", name, tokenizer.vocabulary, setup.model.embedding_size
        )
    say(console, f"{vectors.share:.1%} of the vocabulary has a vector in the file.")
    return vectors


def first_state(
    setup: Setup, checkpoints: Checkpoints, vectors: WordVectors | None, console: Console
) -> tuple[TrainState, Progress]:
    """The newest checkpoint's state and progress, or fresh ones."""
    restored = checkpoints.restore_newest(setup.abstract_state())
    if restored is None:
        return setup.first_state(vectors), Progress()
    state, progress, passed_over = restored
    for sentence in passed_over:
        say(console, sentence)
    if progress.step > setup.total_steps:
        train = setup.config.train
        raise UserError(
            f"train.steps={train.steps} and train.epochs={train.epochs} end at step "
            f"{setup.total_steps}, but the run is at step {progress.step} already: raise them, or "
            f"choose another workdir."
        )
    say(console, f"Going on from step {progress.step}.")
    return state, progress


def train(
    setup: Setup,
    splits: dict[str, Split],
    folder: RunFolder,
    checkpoints: Checkpoints,
    state: TrainState,
    progress: Progress,
    preemption: Preemption,
    console: Console,
) -> dict[str, dict[str, float]]:
    """Trains to the end; gives the metrics of the best checkpoint on the other splits."""
    config = setup.config
    batch_size = config.train.batch_size
    evaluation = setup.evaluation(preemption)
    sharding = batch_sharding(setup.mesh, config.mesh)
    batches = Batches(
        splits["train"],
        batch_size=batch_size,
        boundaries=setup.facts.boundaries,
        seed=config.seed,
        rows=local_rows(sharding, batch_size),
    )
    placed = prefetch(
        lambda step: place_batch(sharding, batches.batch(step), batch_size),
        range(progress.step, setup.total_steps),
        AHEAD,
    )
    reporter = (Reporter if hosts.is_first() else Silent)(
        folder,
        console,
        step=progress.step,
        total_steps=setup.total_steps,
        steps_per_epoch=setup.steps_per_epoch,
    )
    profiler = Profiler(folder.profile, config.train.profile if hosts.is_first() else ())
    with closing(reporter), closing(profiler), closing(placed):
        loop = Loop(
            config=config.train,
            task=setup.task,
            total_steps=setup.total_steps,
            steps_per_epoch=setup.steps_per_epoch,
            rows=setup.rows,
            step=Compiled(setup.train_step()),
            evaluate=lambda params: evaluation(params, splits["valid"]),
            learning_rate=setup.schedule,
            checkpoints=checkpoints,
            reporter=reporter,
            profiler=profiler,
            preemption=preemption,
            progress=progress,
        )
        loop.run(state, placed, setup.hyperparameters())
    checkpoints.wait()
    params, step, passed_over = checkpoints.restore_best(setup.abstract_state().params)
    for sentence in passed_over:
        say(console, sentence)
    progress.best_step = step
    return {
        name: evaluation(params, split).metrics for name, split in splits.items() if name != "train"
    }


def summarise(
    setup: Setup, progress: Progress, results: dict[str, dict[str, float]]
) -> dict[str, Any]:
    """The contents of `summary.json`."""
    total, outside = models.count_parameters(setup.model)
    return {
        "task": setup.config.task,
        "model": setup.config.preset,
        "parameters": total,
        "parameters_outside_embedding": outside,
        "steps": progress.step,
        "best_step": progress.best_step,
        "epochs": progress.step / setup.steps_per_epoch,
        "seed": setup.config.seed,
        "train": progress.last_epoch,
        **results,
        "ms_per_step": progress.milliseconds_per_step(),
        "compile_seconds": progress.compile_seconds,
        "wall_seconds": progress.wall_seconds,
        "device": {"kind": jax.devices()[0].device_kind, "count": setup.mesh.size},
        "versions": versions(),
        "data_origin": setup.facts.origin,
    }


def introduction(setup: Setup) -> str:
    """What is about to be trained, on what."""
    total, outside = models.count_parameters(setup.model)
    devices = setup.mesh.devices
    return " · ".join(
        [
            f"{setup.config.name} {setup.config.preset}",
            f"{total:,} parameters, {outside:,} outside the embedding and output tables",
            f"{setup.rows:,} examples in {setup.steps_per_epoch:,} steps an epoch",
            f"{devices.size} {devices.flat[0].device_kind} device{'s' if devices.size > 1 else ''}",
        ]
    )


def versions() -> dict[str, str]:
    """What the numbers of a run were made with."""
    packages = ("jax", "jaxlib", "flax", "optax", "numpy")
    return {
        "seqjax": __version__,
        "python": platform.python_version(),
        **{package: importlib.metadata.version(package) for package in packages},
    }
