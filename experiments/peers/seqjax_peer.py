"""The article's train step as `seqjax.train` runs it: `configs/sentiment.py` through `Setup`.

Only the data differs from a run's: one batch of full length, the same that every peer is given.
"""

import dataclasses
from typing import Any

import jax
import numpy as np

from experiments.peers.batch import make_batch
from experiments.sweep import Cell
from seqjax import models
from seqjax.benchmarking.conversation import answer_requests
from seqjax.data.facts import DataFacts, SplitFacts
from seqjax.distributed.cores import divide_cpu
from seqjax.distributed.freed_memory import keep_freed_memory
from seqjax.distributed.shardings import batch_sharding
from seqjax.models.description import describe
from seqjax.training.devices import devices_of_run
from seqjax.training.run import versions
from seqjax.training.setup import Setup
from seqjax.training.sums import means_of, to_host


def prepare(settings: dict[str, Any]):
    """The run's own step, compiled, on a state that every step consumes."""
    setup, execute, state, batch, hyperparameters = compiled(settings)

    def step() -> float:
        nonlocal state
        with setup.context():
            state, packed = jax.block_until_ready(execute(state, batch, hyperparameters))
            return means_of(to_host(packed))["loss"]

    losses = [step() for _ in range(settings["warm_up"])]
    parts = describe(setup.model, settings["time"])
    return {
        "losses": losses,
        "parameters": models.count_parameters(setup.model)[0],
        "forward_flops_per_token": sum(part.flops_per_token for part in parts),
        "devices": setup.mesh.size,
        "model": dataclasses.asdict(setup.model),
        "versions": versions(),
    }, step


def compiled(settings: dict[str, Any]):
    """The run's setup, its compiled step, and what that is given: state, batch, hyperparameters."""
    config = Cell(
        f"configs/sentiment.py:{settings['model']}",
        (("data.max_length", settings["time"]), ("train.batch_size", settings["batch"])),
    ).resolve()
    keep_freed_memory()
    divide_cpu(config.mesh, settings["batch"])
    facts = facts_of(settings)
    setup = Setup(config, facts, devices_of_run(config, facts))
    tokens, labels = make_batch(settings)
    rows = {
        "tokens": tokens,
        "tokens_length": np.full(len(labels), settings["time"], np.int32),
        "label": labels,
        "weight": np.ones(len(labels), np.float32),
    }
    batch = jax.device_put(rows, batch_sharding(setup.mesh, config.mesh))
    hyperparameters = setup.hyperparameters()
    with setup.context():
        state = setup.first_state()
        execute = setup.train_step().lower(state, batch, hyperparameters).compile()

    return setup, execute, state, batch, hyperparameters


def facts_of(settings: dict[str, Any]) -> DataFacts:
    """What a prepared data set of such rows would have decided."""
    split = SplitFacts(rows=100 * settings["batch"], longest=settings["time"])
    return DataFacts(
        source="drawn",
        fingerprint="",
        labels=("0", "1"),
        vocabulary_size=settings["vocabulary_size"],
        boundaries={"tokens": (settings["time"],)},
        splits=dict.fromkeys(("train", "valid", "test"), split),
        notes=(),
    )


if __name__ == "__main__":
    answer_requests(prepare)
