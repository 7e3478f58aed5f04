"""Compiles the train step of a configuration for devices that are described, not there."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import jax

from seqjax import models
from seqjax.data.dataset import Dataset
from seqjax.data.loader import Batches
from seqjax.distributed.shardings import batch_sharding
from seqjax.models import ModelConfig
from seqjax.planning.kernels import forget_schedules, kernel_cycles
from seqjax.planning.topology import Slice
from seqjax.training.config import Config
from seqjax.training.setup import Setup

# Both of the sentences in which the compiler says so.
_TOO_LARGE = re.compile(r"(?:Used |required[^(]*\()([\d.]+)([KMGT])")


@dataclass(frozen=True)
class CompiledStep:
    """The program of one update, for the longest padded length."""

    setup: Setup
    text: str
    kernel_cycles: int
    memory: float  # bytes that a device needs
    tokens: int  # steps of all sequences of a global batch


class OutOfMemory(Exception):
    """The compiler could not fit the program into a device: what it would need, in bytes."""

    def __init__(self, needed: float) -> None:
        super().__init__(needed)
        self.needed = needed


def compile_step(config: Config, dataset: Dataset, where: Slice) -> CompiledStep:
    """Runs the real compiler; allocates nothing on any device. Raises OutOfMemory."""
    setup = Setup(config, dataset.facts, where.devices)
    batch = longest_batch(setup, dataset)
    state = setup.abstract_state()
    hyperparameters = jax.eval_shape(setup.hyperparameters)
    with setup.context():
        lowered = setup.train_step().lower(state, batch, hyperparameters)
        forget_schedules()
        with _out_of_memory_told():
            compiled = lowered.compile()
    memory = compiled.memory_analysis()
    needed = (
        memory.argument_size_in_bytes
        + memory.output_size_in_bytes
        - memory.alias_size_in_bytes
        + memory.temp_size_in_bytes
        + memory.generated_code_size_in_bytes
    )
    tokens = config.train.batch_size * setup.steps
    text = compiled.as_text()
    return CompiledStep(setup, text, kernel_cycles(text, where.chip.cores), needed, tokens)


def longest_batch(setup: Setup, dataset: Dataset) -> dict[str, jax.ShapeDtypeStruct]:
    """The shapes of a batch whose columns are all padded to their longest length."""
    batches = Batches(
        dataset.splits["train"],
        batch_size=setup.config.train.batch_size,
        boundaries={name: lengths[-1:] for name, lengths in setup.facts.boundaries.items()},
        seed=0,
    )
    sharding = batch_sharding(setup.mesh, setup.config.mesh)
    return {
        name: jax.ShapeDtypeStruct(array.shape, array.dtype, sharding=sharding)
        for name, array in batches.batch(0).items()
    }


@contextmanager
def _out_of_memory_told() -> Iterator[None]:
    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        found = "RESOURCE_EXHAUSTED" in str(error) and _TOO_LARGE.search(str(error))
        if not found:
            raise
        raise OutOfMemory(float(found[1]) * 1024 ** " KMGT".index(found[2])) from error


def model_flops(config: ModelConfig, length: int, tokens: int) -> float:
    """The operations that the model itself asks for in one update, recomputation not counted.

    `6 N` a token for the N parameters outside the embedding table (Kaplan et al. 2020, section
    2.1), and for each attention `12 length width`, half of it where a step sees only earlier ones
    and no more than its window's share (Chowdhery et al. 2022, appendix B).
    """
    shapes, _ = models.abstract(config)
    outside = sum(
        shape.size
        for path, shape in jax.tree.leaves_with_path(shapes)
        if "frontend/embedding" not in jax.tree_util.keystr(path, simple=True, separator="/")
    )
    if config.tie_embeddings:
        outside += config.vocabulary_size * config.embedding_size
    attended = 0.0
    for mixer in config.pattern:
        if mixer == "attention":
            attended += length / 2 if config.causal else length
        elif mixer == "local_attention":
            attended += min(config.window, length / 2)
    return tokens * (6.0 * outside + 12.0 * attended * config.width)
