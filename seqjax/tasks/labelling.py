"""Labelling: a label for every step that is asked for one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Bool, Float

from seqjax.data.dataset import DataConfig
from seqjax.data.facts import DataFacts
from seqjax.data.tokenizers import Tokenizer
from seqjax.errors import UserError
from seqjax.models import ModelConfig, Params
from seqjax.tasks.inputs import complete_stack, logits_of
from seqjax.tasks.metrics import Mean, Means, weighted
from seqjax.tasks.task import Batch, Options, Task


@dataclass(frozen=True)
class Labelling(Task):
    """Cross-entropy of `targets` at the steps where a label, not -1, stands in them.

    A batch holds `tokens` or `frames`, `targets` [batch, time] with `targets_length`, and `weight`.
    `accuracy` counts steps that are asked, `solved` rows whose every answer is right.
    """

    data: type[DataConfig]
    best = "accuracy"
    greater_is_better = True

    def complete(self, config: ModelConfig, facts: DataFacts) -> ModelConfig:
        """Input size and number of labels; a model that pools its steps is an error."""
        if config.pool != "none":
            raise UserError(
                f"model.pool={config.pool!r} gives one answer for a sequence, and this task asks "
                "at every step: set it to 'none'."
            )
        return complete_stack(config, facts, len(facts.labels))

    def means(
        self,
        config: ModelConfig,
        params: Params,
        batch: Batch,
        *,
        dropout_key: Array | None = None,
        label_smoothing: float = 0.0,
    ) -> Means:
        """`loss` and `accuracy` of steps that are asked, `solved` of rows."""
        logits = logits_of(config, params, batch, dropout_key)
        losses, right, asked = judged(logits, batch, label_smoothing)
        weights = asked * batch["weight"][:, None]
        return {
            "loss": weighted(losses, weights),
            "accuracy": weighted(right, weights),
            "solved": weighted(jnp.all(right | ~asked, axis=1), batch["weight"]),
        }

    def by_position(self, config: ModelConfig, params: Params, batch: Batch) -> Means:
        """`loss` and `accuracy` at each step."""
        losses, right, asked = judged(logits_of(config, params, batch), batch, 0.0)
        weights = asked * batch["weight"][:, None]
        return {
            name: Mean(jnp.sum(values * weights, axis=0), jnp.sum(weights, axis=0))
            for name, values in (("loss", losses), ("accuracy", right))
        }

    def confusion(
        self, config: ModelConfig, params: Params, batch: Batch
    ) -> Float[Array, "labels labels"]:
        """Steps that are asked, by their label and the one that was said."""
        logits = logits_of(config, params, batch)
        _, _, asked = judged(logits, batch, 0.0)
        said = jax.nn.one_hot(logits.argmax(-1), logits.shape[-1])
        right = jax.nn.one_hot(batch["targets"], logits.shape[-1])
        return jnp.einsum("bt,btr,bts->rs", asked * batch["weight"][:, None], right, said)

    def predict(self, config: ModelConfig, params: Params, batch: Batch, options: Options) -> Array:
        """The most probable label of each step."""
        return logits_of(config, params, batch).argmax(-1)

    def answers(
        self,
        predictions: np.ndarray,
        batch: Mapping[str, np.ndarray],
        facts: DataFacts,
        tokenizer: Tokenizer | None,
        options: Options,
    ) -> Sequence[str]:
        """The labels of each row's real steps, spaces between them."""
        name = "tokens" if "tokens" in batch else "frames"
        lengths = batch[f"{name}_length"]
        return [
            " ".join(facts.labels[label] for label in row[:length])
            for row, length in zip(predictions, lengths, strict=True)
        ]


def judged(
    logits: Float[Array, "batch time labels"], batch: Batch, label_smoothing: float
) -> tuple[Float[Array, "batch time"], Bool[Array, "batch time"], Bool[Array, "batch time"]]:
    """The loss of every step, whether its answer is right, and whether it was asked."""
    targets = batch["targets"]
    real = jnp.arange(targets.shape[1])[None] < batch["targets_length"][:, None]
    asked = real & (targets >= 0)
    one_hot = jax.nn.one_hot(targets, logits.shape[-1])
    losses = optax.softmax_cross_entropy(logits, optax.smooth_labels(one_hot, label_smoothing))
    return losses, logits.argmax(-1) == targets, asked
