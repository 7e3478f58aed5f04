"""Video: which digit a clip shows, where it goes, and what the next frame is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float

from seqjax import models
from seqjax.data.dataset import DataConfig
from seqjax.data.facts import DataFacts
from seqjax.data.tokenizers import Tokenizer
from seqjax.data.video import DIRECTIONS, VideoConfig
from seqjax.errors import UserError
from seqjax.models import ModelConfig, Params
from seqjax.tasks.inputs import complete_stack
from seqjax.tasks.metrics import Mean, Means, weighted
from seqjax.tasks.task import Batch, Options, Task

FRAME_WEIGHT = 20.0  # of a squared error in the loss: a pixel's variance is about 1/20


@dataclass(frozen=True)
class Video(Task):
    """Cross-entropies of digit and direction, and the next frame's squared error, at every step.

    A batch holds `frames` [batch, time, pixels] and the one `after` them [batch, pixels], both
    uint8, `digit` [batch], `direction` [batch, time] and `weight` [batch]. The last step answers:
    `accuracy` counts clips of which both digit and direction are right.
    """

    data: type[DataConfig] = VideoConfig
    best = "accuracy"
    greater_is_better = True

    def complete(self, config: ModelConfig, facts: DataFacts) -> ModelConfig:
        """Pixels in; labels, directions and pixels out at every step, none of which sees ahead."""
        if config.pool != "none":
            raise UserError(
                f"model.pool={config.pool!r} gives one answer for a clip, and this task asks for "
                "the next frame at every step: set it to 'none'."
            )
        if config.bidirectional or not config.causal:
            raise UserError(
                f"model.causal={config.causal} and model.bidirectional={config.bidirectional} let "
                "a step see the frame that it is asked for: set them to True and False."
            )
        outputs = len(facts.labels) + len(DIRECTIONS) + facts.target_size
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
        """`loss` and `frame_mse` of all steps, the accuracies of the last."""
        steps = judged(config, params, batch, dropout_key, label_smoothing)
        weights = jnp.broadcast_to(batch["weight"][:, None], steps["loss"].shape)
        return {
            name: weighted(values, weights)
            if name in ("loss", "frame_mse")
            else weighted(values[:, -1], batch["weight"])
            for name, values in steps.items()
        }

    def by_position(self, config: ModelConfig, params: Params, batch: Batch) -> Means:
        """All metrics at each step: after one frame, after two, …"""
        weights = batch["weight"][:, None]
        return {
            name: Mean(
                jnp.sum(values * weights, axis=0),
                jnp.broadcast_to(jnp.sum(weights), values.shape[1:]),
            )
            for name, values in judged(config, params, batch, None, 0.0).items()
        }

    def confusion(
        self, config: ModelConfig, params: Params, batch: Batch
    ) -> Float[Array, "labels labels"]:
        """Clips by their digit and the one that was said."""
        digit, _, _ = answered(config, params, batch, None)
        said = jax.nn.one_hot(digit[:, -1].argmax(-1), digit.shape[-1])
        right = jax.nn.one_hot(batch["digit"], digit.shape[-1])
        return jnp.einsum("b,br,bs->rs", batch["weight"], right, said)

    def predict(
        self, config: ModelConfig, params: Params, batch: Batch, options: Options
    ) -> tuple[Float[Array, "batch labels"], Float[Array, "batch directions"]]:
        """The probability of every digit and every direction after the last frame."""
        digit, direction, _ = answered(config, params, batch, None)
        return jax.nn.softmax(digit[:, -1]), jax.nn.softmax(direction[:, -1])

    def answers(
        self,
        predictions: tuple[np.ndarray, np.ndarray],
        batch: Mapping[str, np.ndarray],
        facts: DataFacts,
        tokenizer: Tokenizer | None,
        options: Options,
    ) -> Sequence[str]:
        """Digit, its probability, direction, its probability, with tabs between them."""
        names = (facts.labels, tuple(DIRECTIONS))
        said = [
            [f"{known[row.argmax()]}\t{row.max():.4f}" for row in shares]
            for known, shares in zip(names, predictions, strict=True)
        ]
        return ["\t".join(parts) for parts in zip(*said, strict=True)]


def answered(
    config: ModelConfig, params: Params, batch: Batch, dropout_key: Array | None
) -> tuple[Array, Array, Array]:
    """Logits of the digit and of the direction, and the next frame, at every step."""
    logits, _ = models.apply(config, params, shades(batch["frames"]), dropout_key=dropout_key)
    digits = config.outputs - len(DIRECTIONS) - config.input_size
    digit, direction, frame = jnp.split(logits, [digits, digits + len(DIRECTIONS)], axis=-1)
    return digit, direction, frame


def judged(
    config: ModelConfig,
    params: Params,
    batch: Batch,
    dropout_key: Array | None,
    label_smoothing: float,
) -> dict[str, Float[Array, "batch time"]]:
    """Loss, squared error, and what is right, of every step."""
    digit, direction, frame = answered(config, params, batch, dropout_key)
    seen = shades(batch["frames"])
    after = jnp.concatenate([seen[:, 1:], shades(batch["after"])[:, None]], axis=1)
    error = jnp.mean(jnp.square(frame - after), axis=-1)
    losses, right = FRAME_WEIGHT * error, {}
    targets = {
        "digit": (digit, jnp.broadcast_to(batch["digit"][:, None], error.shape)),
        "direction": (direction, batch["direction"]),
    }
    for name, (logits, label) in targets.items():
        one_hot = optax.smooth_labels(jax.nn.one_hot(label, logits.shape[-1]), label_smoothing)
        losses += optax.softmax_cross_entropy(logits, one_hot)
        right[name] = (logits.argmax(-1) == label).astype(jnp.float32)
    return {
        "loss": losses,
        "accuracy": right["digit"] * right["direction"],
        "digit_accuracy": right["digit"],
        "direction_accuracy": right["direction"],
        "frame_mse": error,
    }


def shades(pixels: Array) -> Float[Array, "..."]:
    """Bytes as numbers from 0 to 1."""
    return jnp.asarray(pixels, jnp.float32) / 255
