"""What was tried where an aim is missed: `python -m experiments.applications.trials`.

Changes, one at a time, of the settings with which `experiments.applications` trains an LSTM on the
questions of TREC and the sentences of SST-2.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from absl.flags import FlagValues

from experiments.ablations.run import WORD_VECTORS
from experiments.applications.run import SST, TREC, figure
from experiments.command import define_flags, run_experiment
from experiments.sweep import Cell, read_rows
from seqjax.command_line import run_command

RESULTS = Path(__file__).with_name("trials.jsonl")
GLOVE = {
    "train__word_vectors": WORD_VECTORS,
    "model__embedding_size": 25,
}
MOMENTUM = {
    "optimizer__name": "sgd",
    "optimizer__momentum": 0.9,
    "optimizer__learning_rate": 0.1,
}
CHANGES: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "trec": {
        "as configured": {},
        "10,000 words": {"data__vocabulary_size": 10_000},
        "1,500 words": {"data__vocabulary_size": 1_500},
        "letters as they are written": {"data__lowercase": False},
        "3,000 byte pairs": {"data__tokenizer": "bpe"},
        "mean pooling": {"model__pool": "mean"},
        "embeddings of 64": {"model__embedding_size": 64},
        "embeddings of 512": {"model__embedding_size": 512},
        "GloVe vectors of 25 numbers": GLOVE,
        "dropout 0.3": {"model__dropout": 0.3},
        "a tenth of the words dropped": {"model__token_dropout": 0.1},
        "label smoothing 0.1": {"train__label_smoothing": 0.1},
        "SGD, momentum 0.9": MOMENTUM,
        "weight decay 0.3, embeddings too": {
            "optimizer__name": "adamw",
            "optimizer__weight_decay": 0.3,
            "optimizer__decayed": (".*",),
        },
    },
    "sst2": {
        "as configured": {},
        "16,000 words": {"data__vocabulary_size": 16_000},
        "max pooling": {"model__pool": "max"},
        "embeddings of 256": {"model__embedding_size": 256},
        "GloVe vectors of 25 numbers": GLOVE,
        "a tenth of the words dropped": {"model__token_dropout": 0.1},
        "SGD, momentum 0.9, 4 epochs": MOMENTUM | {"train__epochs": 4},
    },
}
FILES = {"trec": TREC, "sst2": SST}


def cells() -> dict[tuple[str, str], Cell]:
    """The cells, by task and change."""
    return {
        (task, change): Cell(f"configs/{task}.py:lstm").where(**FILES[task], **settings)
        for task, changes in CHANGES.items()
        for change, settings in changes.items()
    }


def table(results: Path) -> Sequence[str]:
    """The lines of Markdown of the README."""
    rows = read_rows(results)
    lines = ["| task | change | valid | test | minutes |", "|---|---|---|---|---|"]
    for (task, change), cell in cells().items():
        if summary := rows.get(cell.identity, {}).get("summary"):
            valid, test = (
                figure("accuracy", summary[split]["accuracy"]) for split in ("valid", "test")
            )
            minutes = summary["wall_seconds"] / 60
            lines.append(f"| {task} | {change} | {valid} | {test} | {minutes:.1f} |")
    return lines


def main(values: FlagValues) -> None:
    """Runs what is missing, then prints the table."""
    run_experiment(values, list(cells().values()), RESULTS, table)


if __name__ == "__main__":
    run_command(define_flags, main)
