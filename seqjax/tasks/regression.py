"""Regression: one number for a sequence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from seqjax.data.dataset import DataConfig
from seqjax.data.facts import DataFacts
from seqjax.data.tokenizers import Tokenizer
from seqjax.errors import UserError
from seqjax.models import ModelConfig, Params
from seqjax.tasks.inputs import complete_stack, logits_of
from seqjax.tasks.metrics import Means, weighted
from seqjax.tasks.task import Batch, Options, Task


@dataclass(frozen=True)
class Regression(Task):
    """The squared error of `target` [batch]; `loss` is its mean, and `mae` the absolute error's.

    A task that asks for more numbers than one in a row has an `estimate` of its own.
    """

    data: type[DataConfig]
    asks_for_labels = False

    def complete(self, config: ModelConfig, facts: DataFacts) -> ModelConfig:
        """Input size and one output; a model that answers at every step is an error."""
        if config.pool == "none":
            raise UserError(
                "model.pool='none' answers at every step, and this task asks once for a sequence: "
                "set it to 'last' or 'mean'."
            )
        return complete_stack(config, facts, facts.target_size)

    def means(
        self,
        config: ModelConfig,
        params: Params,
        batch: Batch,
        *,
        dropout_key: Array | None = None,
        label_smoothing: float = 0.0,
    ) -> Means:
        """`loss`, the mean squared error, and `mae`, over the rows of positive weight."""
        errors = self.estimate(config, params, batch, dropout_key) - batch["target"]
        of_row = batch["weight"].reshape(-1, *[1] * (errors.ndim - 1))
        weights = jnp.broadcast_to(of_row, errors.shape)
        return {
            "loss": weighted(errors**2, weights),
            "mae": weighted(jnp.abs(errors), weights),
        }

    def estimate(
        self, config: ModelConfig, params: Params, batch: Batch, dropout_key: Array | None = None
    ) -> Float[Array, "batch ..."]:
        """What the model says in the place of `target`."""
        return logits_of(config, params, batch, dropout_key)[..., 0]

    def predict(
        self, config: ModelConfig, params: Params, batch: Batch, options: Options
    ) -> Float[Array, "batch ..."]:
        """The number, or the numbers."""
        return self.estimate(config, params, batch)

    def answers(
        self,
        predictions: np.ndarray,
        batch: Mapping[str, np.ndarray],
        facts: DataFacts,
        tokenizer: Tokenizer | None,
        options: Options,
    ) -> Sequence[str]:
        """The number in decimals."""
        return [f"{number:.4f}" for number in predictions]
