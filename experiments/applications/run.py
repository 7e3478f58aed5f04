"""Which mixer suits which application: `python -m experiments.applications.run --task=forecast`.

Models of `size=tiny`, 100,000 parameters outside their tables where nothing else is said, are
trained by the settings of each task's file in `configs/`, and measured with the checkpoint that is
best on the validation split. The data sets lie in `data/`, one folder each; the README beside this
file says where they come from. Three probes, which are generated, are here at the sizes of papers.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from absl import flags
from absl.flags import FlagValues

from experiments import command
from experiments.command import run_experiment
from experiments.sentiment import imdb
from experiments.sentiment.run import linear_accuracies
from experiments.sweep import Cell, read_rows
from seqjax.command_line import run_command
from seqjax.errors import UserError, did_you_mean

RESULTS = Path(__file__).with_name("results.jsonl")
PERCENT = ("accuracy", "digit_accuracy", "direction_accuracy")
Metrics = Mapping[str, float]


@dataclass(frozen=True)
class Application:
    """A line of the table for each model: one training command, by the name of the model.

    `metrics` are those of `split` that the table tells. `lines` are to be compared with the models,
    as published or as measured elsewhere; `measures` names those that the data themselves tell,
    under the metrics' names behind a prefix. A cell may take `minutes`.
    """

    cells: Mapping[str, Cell]
    metrics: tuple[str, ...] = ("accuracy",)
    split: str = "test"
    lines: Mapping[str, Metrics] = field(default_factory=dict)
    measures: Mapping[str, str] = field(default_factory=dict)
    minutes: float = 60.0


def of_words(words: Sequence[str], config: str, **settings: Any) -> dict[str, Cell]:
    """The cells of some preset words of a configuration, with the same settings."""
    return {word: Cell(f"configs/{config}.py:{word}").where(**settings) for word in words}


RECURRENT_OR_NOT = ("lstm", "lru", "transformer")
RECURRENT_TO_HYBRID = ("rnn", *RECURRENT_OR_NOT, "hybrid")
TEXT_TO_HYBRID = ("bag", "rnn", "lstm", "rglru", "transformer", "hybrid")

SST = {
    "data__source": "trees",
    "data__train": "data/sst/trees_train.txt.gz",
    "data__valid": "data/sst/trees_dev.txt.gz",
    "data__test": "data/sst/trees_test.txt.gz",
}

TREC = {
    "data__source": "files",
    "data__train": "data/trec6/trec6_train.tsv.gz",
    "data__test": "data/trec6/trec6_test.tsv.gz",
    "data__label_column": "label",
}

# A bidirectional LSTM of one layer, whose outputs' highest values are read.
BOTH_DIRECTIONS = {
    "model__pattern": ("lstm",),
    "model__bidirectional": True,
    "model__residual": False,
    "model__norm": "none",
    "model__feed_forward": "none",
    "model__embedding_size": 256,
    "model__pool": "max",
    "model__token_dropout": 0.1,
}

SHAKESPEARE = {
    "data__source": "files",
    "data__train": "data/tinyshakespeare/input.txt.gz",
    "data__length": 128,
    "data__context": 64,
    "optimizer__learning_rate": 3e-3,
    "train__steps": 1_600,
}

MNIST = {
    "data__source": "idx",
    "data__train": "data/mnist/train-images-idx3-ubyte.gz",
    "data__test": "data/mnist/t10k-images-idx3-ubyte.gz",
}

ETTH1 = {
    "data__source": "etth1",
    "data__file": "data/etth1/ETTh1.csv.gz",
    "data__context": 336,
    "data__patch_size": 16,
}

MULTI30K = {
    "data__source": "files",
    "data__train": "data/multi30k_en_de/train.en.gz",
    "data__valid": "data/multi30k_en_de/val.en.gz",
    "data__test": "data/multi30k_en_de/test_2016_flickr.en.gz",
    "train__epochs": 18,
}

FSDD = {
    "data__source": "files",
    "data__train": "data/fsdd/train.tar.xz",
    "data__test": "data/fsdd/test.tar.xz",
}


def with_details(cells: Mapping[str, Cell], *details: str) -> dict[str, Cell]:
    """The cells, of which rows tell more."""
    return {word: dataclasses.replace(cell, details=details) for word, cell in cells.items()}


def forecasts(words: Sequence[str], **settings: Any) -> Application:
    """ETTh1 at a horizon."""
    return Application(
        cells=with_details(of_words(words, "forecast", **ETTH1, **settings), "test_measures"),
        metrics=("mse", "mae"),
        measures={"last value": "last_value_", "linear map": "linear_"},
    )


APPLICATIONS = {
    "imdb": Application(
        cells={
            "lstm, in both directions": Cell("configs/imdb.py:lstm").where(
                **imdb.FILES,
                **BOTH_DIRECTIONS
                | {"model__embedding_size": 128, "model__token_dropout": 0.3, "model__width": 64},
                train__epochs=5,
            )
        },
        lines={line: {"accuracy": share} for line, share in linear_accuracies("imdb").items()},
        minutes=15.0,
    ),
    "sst2, valid": Application(
        cells={
            **of_words(TEXT_TO_HYBRID, "sst2", **SST),
            "lstm, in both directions": Cell("configs/sst2.py:lstm").where(
                **SST,
                **BOTH_DIRECTIONS,
                optimizer__name="sgd",
                optimizer__momentum=0.9,
                model__width=96,
                optimizer__learning_rate=0.2,
                train__epochs=4,
                train__evaluate_every=300,
            ),
        },
        split="valid",
        lines={"Flax's LSTM example": {"accuracy": 0.854}},
    ),
    "trec": Application(
        cells={
            **of_words(TEXT_TO_HYBRID, "trec", **TREC),
            "lstm, in both directions": Cell("configs/trec.py:lstm").where(
                **TREC, **BOTH_DIRECTIONS, model__width=128, train__epochs=15
            ),
        }
    ),
    "char_lm, valid": Application(
        cells=of_words(RECURRENT_TO_HYBRID, "char_lm", **SHAKESPEARE),
        metrics=("nats_per_character",),
        split="valid",
        lines={"nanoGPT, 10.7 million parameters": {"nats_per_character": 1.47}},
        minutes=30.0,
    ),
    "translation": Application(
        cells=with_details(
            of_words(("lstm", "mingru", "transformer"), "translation", **MULTI30K), "test_bleu"
        ),
        metrics=("bleu", "greedy_bleu", "state_bytes_per_pair"),
    ),
    "pixels, rows": Application(
        cells=of_words(RECURRENT_TO_HYBRID, "pixels", **MNIST, train__epochs=4),
    ),
    "pixels, permuted": Application(
        cells={
            # Read at the last step, up to which it remembers the first ones.
            "lru": Cell("configs/pixels.py:lru,size=30_000").where(
                **MNIST,
                data__view="permuted",
                model__chrono_length=784,
                model__pool="last",
                model__unroll_depth=True,
                train__batch_size=32,
                train__epochs=5,
            ),
            "lru, averaged over all steps": Cell("configs/pixels.py:lru,size=30_000").where(
                **MNIST, data__view="permuted", train__epochs=6
            ),
        },
    ),
    "speech": Application(cells=of_words(RECURRENT_OR_NOT, "speech", **FSDD)),
    "speech, theo held out": Application(
        cells=of_words(RECURRENT_OR_NOT, "speech", **FSDD, data__held_out_speaker="theo"),
    ),
    "video": Application(
        cells=with_details(of_words(RECURRENT_OR_NOT, "video", **MNIST), "test_measures"),
        metrics=("accuracy", "digit_accuracy", "direction_accuracy", "frame_mse"),
        measures={"last frame": "last_"},
    ),
    "forecast, 96 steps": forecasts(
        (*RECURRENT_OR_NOT, "hybrid"), train__epochs=3, data__horizon=96
    ),
    "forecast, 96 steps, windows not normalised": forecasts(
        ("lru",), train__epochs=3, data__horizon=96, data__normalise_windows=False
    ),
    **{
        f"forecast, {horizon} steps": forecasts(
            RECURRENT_OR_NOT, train__epochs=2, data__horizon=horizon
        )
        for horizon in (192, 336, 720)
    },
    # Gates that start out to remember for about as long as is asked.
    "copy, 100 steps": Application(
        cells=of_words(
            ("lstm",), "copy", model__chrono_length=120, train__epochs=0, train__steps=3_200
        ),
        split="valid",
        minutes=10.0,
    ),
    "babi, qa1": Application(
        cells=of_words(
            ("gated_deltanet",),
            "babi",
            data__source="files",
            data__folder="data/babi_en10k",
            data__buckets=2,
            train__epochs=0,
            train__steps=3_000,
            train__evaluate_every=500,
        ),
    ),
    "mqar, 8 pairs in 64 steps": Application(
        cells={
            "transformer, by attention alone": Cell("configs/mqar.py:attention").where(
                train__epochs=0, train__steps=1_500
            )
        },
        split="valid",
        minutes=10.0,
    ),
    "parity, ten times the length": Application(
        cells={
            word: Cell("configs/parity.py:lstm").where(
                train__epochs=0, train__steps=3_000, seed=seed
            )
            for seed, word in enumerate(("lstm", "lstm, seed 1", "lstm, seed 2"))
        },
        minutes=10.0,
    ),
    "adding, 400 steps": Application(
        cells=of_words(
            ("lstm", "gru"),
            "adding",
            model__chrono_length=400,
            train__batch_size=32,
            train__epochs=0,
            train__steps=1_000,
        ),
        metrics=("loss",),
        split="valid",
        minutes=10.0,
    ),
}


def cells_of(name: str) -> list[Cell]:
    """The cells of an application, which may take its minutes."""
    application = APPLICATIONS[name]
    return [
        dataclasses.replace(cell, most_seconds=60 * application.minutes)
        for cell in application.cells.values()
    ]


def define_flags(values: FlagValues) -> None:
    """The flags of this command."""
    command.define_scalable_flags(values)
    flags.DEFINE_string(
        "task", "", "only the applications whose names begin so", flag_values=values
    )


def main(values: FlagValues) -> None:
    """Runs what is missing, then prints the table."""
    chosen = [name for name in APPLICATIONS if name.startswith(values.task)]
    if not chosen:
        raise UserError(
            f"--task={values.task!r} begins no application; "
            f"{did_you_mean(values.task, APPLICATIONS)}"
        )
    cells = [cell for name in chosen for cell in cells_of(name)]
    run_experiment(values, cells, RESULTS, table)


def table(results: Path) -> Sequence[str]:
    """The lines of Markdown of the README: what has run, and what it is measured against."""
    lines = [
        "| task | model | parameters (outside tables) | result | minutes |",
        "|---|---|---|---|---|",
    ]
    rows = read_rows(results)
    for name, application in APPLICATIONS.items():
        lines += lines_of(name, application, rows)
    return lines


def lines_of(
    name: str, application: Application, rows: Mapping[str, dict[str, Any]]
) -> Iterator[str]:
    """The models of an application, then the lines."""
    ran = rows_by_word(application, rows)
    for word, row in ran.items():
        if "skipped" in row:
            yield f"| {name} | `{word}` | | {not_run(row)} | |"
            continue
        summary = row["summary"]
        size = f"{summary['parameters']:,} ({summary['parameters_outside_embedding']:,})"
        result = shown(application, measured(application, row))
        if application.split != "test" and "test" in summary:
            result += f"; test {shown(application, summary['test'])}"
        yield f"| {name} | `{word}` | {size} | {result} | {summary['wall_seconds'] / 60:.1f} |"
    for line, metrics in application.lines.items():
        yield f"| {name} | {line} | | {shown(application, metrics)} | |"
    for line, metrics in data_lines(application, ran).items():
        yield f"| {name} | {line} | | {shown(application, metrics)} | |"


def not_run(row: Mapping[str, Any]) -> str:
    """What is told of a cell that would have taken longer than it may."""
    minutes = [row["skipped"][name] / 60 for name in ("estimated_seconds", "most_seconds")]
    return "not run: about {:.0f} minutes, of {:.0f}".format(*minutes)


def rows_by_word(
    application: Application, rows: Mapping[str, dict[str, Any]]
) -> dict[str, dict[str, Any]]:
    """The rows of the cells that have run, or were found too long."""
    return {
        word: rows[cell.identity]
        for word, cell in application.cells.items()
        if cell.identity in rows
    }


def measured(application: Application, row: Mapping[str, Any]) -> Metrics:
    """The metrics of a row, those of its translations among them."""
    return row["summary"][application.split] | row.get("test_bleu", {})


def data_lines(
    application: Application, ran: Mapping[str, Mapping[str, Any]]
) -> dict[str, Metrics]:
    """The lines that the data tell, where a row has them."""
    found = next((row["test_measures"] for row in ran.values() if "test_measures" in row), None)
    if not found:
        return {}
    return {
        line: {
            measure.removeprefix(prefix): value
            for measure, value in found.items()
            if measure.startswith(prefix)
        }
        for line, prefix in application.measures.items()
    }


def shown(application: Application, metrics: Metrics) -> str:
    """Those of the application's metrics that are known, with their names."""
    return ", ".join(
        f"{metric.replace('_', ' ')} " + figure(metric, metrics[metric])
        for metric in application.metrics
        if metric in metrics
    )


def figure(metric: str, value: float) -> str:
    """A metric as it is usually told."""
    if metric in PERCENT:
        return f"{100 * value:.1f}%"
    if isinstance(value, int):
        return f"{value:,}"
    if metric.endswith("bleu"):
        return f"{value:.1f}"
    return f"{value:.3f}" if value >= 0.001 else f"{value:.2g}"


if __name__ == "__main__":
    run_command(define_flags, main)
