"""The contract of every task."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Array

from seqjax.data.arrays import Split
from seqjax.data.dataset import DataConfig
from seqjax.data.facts import DataFacts
from seqjax.data.tokenizers import Tokenizer
from seqjax.errors import UserError
from seqjax.models import EncoderDecoderConfig, ModelConfig, Params
from seqjax.tasks.metrics import Means

Batch = dict[str, Array]
AnyModelConfig = ModelConfig | EncoderDecoderConfig


@dataclass(frozen=True)
class Options:
    """What a person may choose for predictions: a task's fields are flags of `seqjax.predict`.

    Every field has a default, and a sentence for `--help` under `help` in its metadata.
    """


class Task(ABC):
    """Between the data and a model: what goes in, what is asked of it, how good the answer is.

    `data` and `model` are the types of the groups of that name in a run's configuration. `best`
    names the metric that picks the best checkpoint, `greater_is_better` its direction. A task
    `asks_for_labels`, tokens among them, or for numbers. One that `writes` answers with texts,
    which `score` compares with those that people wrote.
    """

    data: type[DataConfig]
    model: ClassVar[type[AnyModelConfig]] = ModelConfig
    options: ClassVar[type[Options]] = Options
    best: ClassVar[str] = "loss"
    greater_is_better: ClassVar[bool] = False
    asks_for_labels: ClassVar[bool] = True
    writes: ClassVar[bool] = False

    @abstractmethod
    def complete(self, config: AnyModelConfig, facts: DataFacts) -> AnyModelConfig:
        """The model's configuration with the sizes that the data decides.

        A contradiction between config and data is a UserError, and so is a model that the task
        cannot use.
        """

    def lengths(self, facts: DataFacts) -> dict[str, tuple[int, ...]]:
        """The padded steps that a model is given, rising, by column: its input comes first."""
        return facts.boundaries

    def steps(self, facts: DataFacts) -> int:
        """How many steps a model is given of the longest example."""
        return next(iter(self.lengths(facts).values()))[-1]

    @abstractmethod
    def means(
        self,
        config: AnyModelConfig,
        params: Params,
        batch: Batch,
        *,
        dropout_key: Array | None = None,
        label_smoothing: float = 0.0,
    ) -> Means:
        """Loss and metrics of a batch; `means["loss"]` is what training lowers."""

    def derived(self, metrics: dict[str, float]) -> dict[str, float]:
        """The means of a split with functions of them beside them, such as a perplexity."""
        return metrics

    def confusion(self, config: AnyModelConfig, params: Params, batch: Batch) -> Array:
        """Answers by their label, [labels, labels]: row is what is right, column what was said."""
        raise UserError("--confusion counts labels, and this run's task has none.")

    def by_position(self, config: AnyModelConfig, params: Params, batch: Batch) -> Means:
        """The metrics at each step, sums and counts [time] in the place of single numbers."""
        raise UserError("--by_position needs a loss at every step, which this run's task has not.")

    @abstractmethod
    def predict(
        self, config: AnyModelConfig, params: Params, batch: Batch, options: Options
    ) -> Any:
        """What `answers` is made from: arrays with one row for each row of the batch.

        Compiled, with `options` as constants. `batch["row"]` numbers the inputs of a command, so
        that what is drawn at random for one does not depend on those beside it.
        """

    @abstractmethod
    def answers(
        self,
        predictions: Any,
        batch: Mapping[str, np.ndarray],
        facts: DataFacts,
        tokenizer: Tokenizer | None,
        options: Options,
    ) -> Sequence[str]:
        """The text that is printed for each row of the batch, without its last line end."""

    def score(self, answers: Sequence[str], references: Sequence[str]) -> dict[str, float | str]:
        """Metrics of the texts of a whole split, where the task writes."""
        raise NotImplementedError

    def state_bytes(self, config: AnyModelConfig, split: Split) -> dict[str, float]:
        """What a model keeps of an example of a split while it writes."""
        raise NotImplementedError

    def streamer(
        self, config: AnyModelConfig, options: Options
    ) -> Callable[[Params, Batch, Tokenizer | None], Iterator[str]] | None:
        """A function that gives the answer to a batch of one row piece by piece, for a person who
        watches; None where an answer comes all at once.
        """
        return None
