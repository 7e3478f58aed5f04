"""What goes into a single stack: tokens or frames, and which of their steps are real."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from seqjax import models
from seqjax.data.facts import DataFacts
from seqjax.errors import UserError
from seqjax.models import ModelConfig, Params
from seqjax.tasks.task import Batch


def input_name(batch: Batch) -> str:
    """The column that goes into the model."""
    return "tokens" if "tokens" in batch else "frames"


def step_mask(batch: Batch) -> Bool[Array, "batch time"]:
    """True where a step of the input is real; all are where the batch tells no lengths."""
    name = input_name(batch)
    rows, time = batch[name].shape[:2]
    if f"{name}_length" not in batch:
        return jnp.ones((rows, time), bool)
    return jnp.arange(time)[None] < batch[f"{name}_length"][:, None]


def lengths(batch: Batch) -> Array:
    """The real steps of each row."""
    name = input_name(batch)
    rows, time = batch[name].shape[:2]
    return batch.get(f"{name}_length", jnp.full(rows, time))


def logits_of(
    config: ModelConfig, params: Params, batch: Batch, dropout_key: Array | None = None
) -> Float[Array, "..."]:
    """What the model says of a batch; no mask where every step is real, which saves time."""
    name = input_name(batch)
    mask = step_mask(batch) if f"{name}_length" in batch else None
    return models.apply(config, params, batch[name], mask=mask, dropout_key=dropout_key)[0]


def complete_stack(config: ModelConfig, facts: DataFacts, outputs: int) -> ModelConfig:
    """The sizes that the data decides, checked against what the config says."""
    if config.positions == "learned" and config.max_positions < facts.longest:
        raise UserError(
            f"model.max_positions={config.max_positions} are fewer learned positions than the "
            f"{facts.longest} steps of the longest padded input: raise it, or shorten the inputs."
        )
    if facts.vocabulary_size:
        return config.with_sizes(vocabulary_size=facts.vocabulary_size, outputs=outputs)
    return config.with_sizes(input_size=facts.frame_size, outputs=outputs)
