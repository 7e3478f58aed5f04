"""Classification: one label for a sequence of tokens or frames."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float

from seqjax.data.dataset import DataConfig
from seqjax.data.facts import DataFacts
from seqjax.data.labelled_text import LabelledTextConfig
from seqjax.data.tokenizers import Tokenizer
from seqjax.models import ModelConfig, Params
from seqjax.tasks.inputs import complete_stack, lengths, logits_of, step_mask
from seqjax.tasks.metrics import Means, weighted
from seqjax.tasks.task import Batch, Options, Task


@dataclass(frozen=True)
class Classification(Task):
    """Cross-entropy of the label; two labels share one logit, `log p(second) / p(first)`.

    A batch holds `tokens` [batch, time] or `frames` [batch, time, frame], their real steps
    `tokens_length` or `frames_length` [batch] (without it, all are), `label` [batch] and `weight`
    [batch] (0 for rows that only fill the batch up). Where the model gives a logit for every step,
    each real step is asked for the label, and the last one answers.
    """

    data: type[DataConfig] = LabelledTextConfig
    best = "accuracy"
    greater_is_better = True

    def complete(self, config: ModelConfig, facts: DataFacts) -> ModelConfig:
        """Input size and number of logits; a contradiction between config and data is an error."""
        outputs = 1 if len(facts.labels) == 2 else len(facts.labels)
        return complete_stack(config, facts, outputs)

    def means(
        self,
        config: ModelConfig,
        params: Params,
        batch: Batch,
        *,
        dropout_key: Array | None = None,
        label_smoothing: float = 0.0,
    ) -> Means:
        """`loss` and `accuracy` of the rows of positive weight."""
        logits = logits_of(config, params, batch, dropout_key)
        if config.pool == "none":
            mask = step_mask(batch)
            asked = jnp.where(mask, batch["weight"][:, None], 0.0)
            labels = jnp.broadcast_to(batch["label"][:, None], mask.shape)
            answer = last_step(logits, lengths(batch))
        else:
            asked, labels, answer = batch["weight"], batch["label"], logits
        correct = (probabilities(answer).argmax(-1) == batch["label"]).astype(jnp.float32)
        return {
            "loss": weighted(cross_entropy(logits, labels, label_smoothing), asked),
            "accuracy": weighted(correct, batch["weight"]),
        }

    def confusion(
        self, config: ModelConfig, params: Params, batch: Batch
    ) -> Float[Array, "labels labels"]:
        """Rows of the batch by their label and the one that was said."""
        shares = self.predict(config, params, batch, Options())
        said = jax.nn.one_hot(shares.argmax(-1), shares.shape[-1])
        right = jax.nn.one_hot(batch["label"], shares.shape[-1])
        return jnp.einsum("b,br,bs->rs", batch["weight"], right, said)

    def predict(
        self, config: ModelConfig, params: Params, batch: Batch, options: Options
    ) -> Float[Array, "batch labels"]:
        """The probability of every label."""
        logits = logits_of(config, params, batch)
        if config.pool == "none":
            logits = last_step(logits, lengths(batch))
        return probabilities(logits)

    def answers(
        self,
        predictions: np.ndarray,
        batch: Mapping[str, np.ndarray],
        facts: DataFacts,
        tokenizer: Tokenizer | None,
        options: Options,
    ) -> Sequence[str]:
        """The most probable label and its probability, with a tab between them."""
        best = predictions.argmax(axis=1)
        shares = predictions.max(axis=1)
        return [f"{facts.labels[k]}\t{share:.4f}" for k, share in zip(best, shares, strict=True)]


def last_step(logits: Float[Array, "batch time outputs"], length: Array) -> Array:
    """The logits of each row's last real step."""
    return jnp.take_along_axis(logits, jnp.maximum(length - 1, 0)[:, None, None], axis=1)[:, 0]


def probabilities(logits: Float[Array, "batch outputs"]) -> Float[Array, "batch labels"]:
    """One logit is that of the second of two labels; several are a softmax."""
    if logits.shape[-1] == 1:
        second = jax.nn.sigmoid(logits)
        return jnp.concatenate([1 - second, second], axis=-1)
    return jax.nn.softmax(logits)


def cross_entropy(
    logits: Float[Array, "*rows outputs"], labels: Array, smoothing: float
) -> Float[Array, "*rows"]:
    """`-Σ q log p`, with `q = (1 - smoothing) · one-hot + smoothing / labels` (Szegedy 2016)."""
    if logits.shape[-1] == 1:
        target = labels * (1 - smoothing) + smoothing / 2
        return optax.sigmoid_binary_cross_entropy(logits[..., 0], target)
    target = optax.smooth_labels(jax.nn.one_hot(labels, logits.shape[-1]), smoothing)
    return optax.softmax_cross_entropy(logits, target)
