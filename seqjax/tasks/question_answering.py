"""Question answering: the answer to the question that ends a story."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from seqjax.data.babi import BabiConfig
from seqjax.data.dataset import DataConfig
from seqjax.data.facts import DataFacts
from seqjax.data.tokenizers import Tokenizer
from seqjax.tasks.labelling import Labelling
from seqjax.tasks.task import Options


@dataclass(frozen=True)
class QuestionAnswering(Labelling):
    """Labelling, in which the steps that are asked are the ends of questions."""

    data: type[DataConfig] = BabiConfig

    def answers(
        self,
        predictions: np.ndarray,
        batch: Mapping[str, np.ndarray],
        facts: DataFacts,
        tokenizer: Tokenizer | None,
        options: Options,
    ) -> Sequence[str]:
        """The label of each row's last step."""
        last = batch["tokens_length"] - 1
        rows = range(len(predictions))
        return [facts.labels[predictions[row, max(last[row], 0)]] for row in rows]
