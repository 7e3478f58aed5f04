"""What an evaluation tells beside its means: by length, position, kind and label, and in words."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from seqjax.data.arrays import Sequences, Split
from seqjax.data.tokenizers import Tokenizer
from seqjax.errors import UserError
from seqjax.models import Params
from seqjax.tasks.task import Options
from seqjax.training.evaluation import Evaluation
from seqjax.training.setup import Setup
from seqjax.training.trained import Trained

SHORTEST = 8  # steps up to which inputs are of one group; the next group ends at twice as many


def by_length(
    setup: Setup, evaluation: Evaluation, params: Params, split: Split
) -> list[dict[str, Any]]:
    """The metrics of the inputs of 1 to 8 steps, of 9 to 16, of 17 to 32, …, where there are any.

    The length is that of the first column that has boundaries: the tokens, frames or source.
    """
    column = split.columns[next(iter(setup.facts.boundaries))]
    if isinstance(column, Sequences):
        lengths = column.lengths
    else:
        lengths = np.full(len(split), column.shape[1])
    groups = np.ceil(np.log2(np.maximum(lengths, SHORTEST) / SHORTEST)).astype(int)
    found = []
    for group in np.unique(groups):
        rows = np.flatnonzero(groups == group)
        most = SHORTEST * 2 ** int(group)
        place = {"from": most // 2 + 1 if group else 1, "to": most, "examples": len(rows)}
        found.append(place | evaluation(params, split.take(rows)).metrics)
    return found


def by_position(
    setup: Setup, evaluation: Evaluation, params: Params, split: Split
) -> dict[str, list[float]]:
    """The metrics at the first step, the second, … over all rows; `count` steps were asked."""
    sums: dict[str, np.ndarray] = {}

    def take(means):
        for name, mean in means.items():
            new = np.stack(mean).astype(np.float64)
            so_far = sums.get(name, np.zeros((2, 0)))
            total = np.zeros((2, max(new.shape[1], so_far.shape[1])))
            for part in (so_far, new):
                total[:, : part.shape[1]] += part
            sums[name] = total

    evaluation.each(setup.task.by_position, params, split, take)
    found = {name: (total / np.maximum(count, 1)).tolist() for name, (total, count) in sums.items()}
    return found | {"count": sums["loss"][1].tolist()}


def by_group(
    setup: Setup, evaluation: Evaluation, params: Params, split: Split
) -> dict[str, dict[str, float]]:
    """The metrics of each group of rows, such as those of one of bAbI's tasks."""
    if "group" not in split.columns:
        raise UserError("--by_group needs data whose rows are of several kinds, such as babi's.")
    groups = split.columns["group"]
    rows_of = {str(group): np.flatnonzero(groups == group) for group in np.unique(groups)}
    return {group: evaluation(params, split.take(rows)).metrics for group, rows in rows_of.items()}


def confusion(setup: Setup, evaluation: Evaluation, params: Params, split: Split) -> dict[str, Any]:
    """A row for each label that is right, with the counts of what was answered instead."""
    size = len(setup.facts.labels)
    matrix = np.zeros((size, size))

    def take(counts):
        nonlocal matrix
        matrix = matrix + counts

    evaluation.each(setup.task.confusion, params, split, take)
    return {"labels": list(setup.facts.labels), "matrix": matrix.astype(int).tolist()}


def answers(
    setup: Setup,
    evaluation: Evaluation,
    params: Params,
    split: Split,
    tokenizer: Tokenizer | None,
    options: Options,
) -> list[str]:
    """What the task answers to every row of the split, in their order."""
    found = [""] * len(split)

    def predict(model, params, batch):
        return setup.task.predict(model, params, batch, options), batch

    def take(result):
        predictions, batch = result
        said = setup.task.answers(predictions, batch, setup.facts, tokenizer, options)
        for row, weight, answer in zip(batch["row"], batch["weight"], said, strict=True):
            if weight:
                found[row] = answer

    numbered = Split(split.columns | {"row": np.arange(len(split), dtype=np.int32)})
    evaluation.each(predict, params, numbered, take)
    return found


def score(
    trained: Trained,
    evaluation: Evaluation,
    split: Split,
    references: Sequence[str],
    options: Options,
) -> dict[str, Any]:
    """How good the answers of a task that writes are, and how much it keeps while it writes."""
    setup = trained.setup
    said = answers(setup, evaluation, trained.params, split, trained.tokenizer, options)
    return setup.task.score(said, references) | setup.task.state_bytes(setup.model, split)
