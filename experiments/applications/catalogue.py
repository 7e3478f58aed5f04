"""The applications: for each the cells that are trained, and what they are compared with.

The data sets lie in `data/`, one folder each; the README beside this file says where they come
from. Some of the probes, which are generated, are here at the sizes of papers.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from experiments.babi import shortcuts
from experiments.sentiment.corpora import IMDB, SST, TREC
from experiments.sweep import Cell

Metrics = Mapping[str, float]


@dataclass(frozen=True)
class Application:
    """A line of the table for each model: one training command, by the name of the model.

    `metrics` are those of `split` that the table tells. `lines` are to be compared with the models,
    as published or as measured elsewhere; `linear` is the corpus whose linear models are;
    `measures` names what the data themselves tell, under the metrics' names behind a prefix. A cell
    may take `minutes`.
    """

    cells: Mapping[str, Cell]
    metrics: tuple[str, ...] = ("accuracy",)
    split: str = "test"
    lines: Mapping[str, Metrics] = field(default_factory=dict)
    linear: str = ""
    measures: Mapping[str, str] = field(default_factory=dict)
    minutes: float = 60.0


def of_words(words: Sequence[str], config: str, **settings: Any) -> dict[str, Cell]:
    """The cells of some preset words of a configuration, with the same settings."""
    return {word: Cell(f"configs/{config}.py:{word}").where(**settings) for word in words}


RECURRENT_OR_NOT = ("lstm", "lru", "transformer")
RECURRENT_TO_HYBRID = ("rnn", *RECURRENT_OR_NOT, "hybrid")
TEXT_TO_HYBRID = ("bag", "rnn", "lstm", "rglru", "transformer", "hybrid")

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

TEN_CLASSES = {"guessing": {"accuracy": 0.1}}

LECUN = {
    "linear, LeCun et al. (1998)": {"accuracy": 0.88},
    "LeNet-5, LeCun et al. (1998)": {"accuracy": 0.9905},
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

BABI = {
    "data__source": "files",
    "data__folder": "data/babi_en10k",
    "data__buckets": 2,
    "train__epochs": 0,
    "train__steps": 3_000,
    "train__evaluate_every": 500,
}

# A row is then a question, not a story with some five of them.
QUESTION_FIRST = {
    "data__questions": "first",
    "train__steps": 20_000,
    "train__evaluate_every": 2_000,
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
    """The next steps of series, beside what simple forecasts get."""
    return Application(
        cells=with_details(of_words(words, "forecast", **settings), "test_measures"),
        metrics=("mse", "mae"),
        measures={"last value": "last_value_", "linear map": "linear_"},
    )


def answers(tasks: tuple[int, ...], cells: Mapping[str, Mapping[str, Any]]) -> Application:
    """Questions of bAbI, by models with settings of their own, beside what a guess gets.

    The guess ignores who is asked about; it is known where all of the tasks ask for somebody.
    """
    guessed = {f"qa{task}_accuracy": share for task, share in shortcuts.accuracies().items()}
    each = tuple(f"qa{task}_accuracy" for task in tasks)
    lines = {}
    if set(each) <= set(guessed):
        of_each = {metric: guessed[metric] for metric in each}
        lines = {"a guess": {"accuracy": fmean(of_each.values()), **of_each}}
    told = {
        word: Cell(f"configs/babi.py:{word.partition(',')[0]}").where(
            **BABI | ({} if tasks == (1,) else {"data__tasks": tasks}) | settings
        )
        for word, settings in cells.items()
    }
    if len(tasks) == 1:
        return Application(told, lines=lines)
    return Application(
        with_details(told, "test_by_group"), metrics=("accuracy", *each), lines=lines
    )


APPLICATIONS = {
    "imdb": Application(
        cells={
            "lstm, in both directions": Cell("configs/imdb.py:lstm").where(
                **IMDB,
                **BOTH_DIRECTIONS
                | {"model__embedding_size": 128, "model__token_dropout": 0.3, "model__width": 64},
                train__epochs=5,
            )
        },
        linear="imdb",
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
        linear="sst2",
    ),
    "trec": Application(
        cells={
            **of_words(TEXT_TO_HYBRID, "trec", **TREC),
            "lstm, in both directions": Cell("configs/trec.py:lstm").where(
                **TREC, **BOTH_DIRECTIONS, model__width=128, train__epochs=15
            ),
        },
        linear="trec",
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
        lines={"Wu et al. (2021), 2.6 million parameters, tokenised": {"bleu": 41.02}},
    ),
    "pixels, rows": Application(
        cells=of_words(RECURRENT_TO_HYBRID, "pixels", **MNIST, train__epochs=4),
        lines=LECUN,
    ),
    "pixels, patches": Application(
        cells=of_words(("transformer",), "pixels", **MNIST, data__view="patches", train__epochs=4),
        lines=LECUN,
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
        lines={"uRNN, Arjovsky et al. (2016)": {"accuracy": 0.914}},
    ),
    "speech": Application(cells=of_words(RECURRENT_OR_NOT, "speech", **FSDD), lines=TEN_CLASSES),
    "speech, theo held out": Application(
        cells=of_words(RECURRENT_OR_NOT, "speech", **FSDD, data__held_out_speaker="theo"),
        lines=TEN_CLASSES,
    ),
    "video": Application(
        cells=with_details(of_words(RECURRENT_OR_NOT, "video", **MNIST), "test_measures"),
        metrics=("accuracy", "digit_accuracy", "direction_accuracy", "frame_mse"),
        lines={"guessing": {"accuracy": 1 / 80}},  # ten digits, eight directions
        measures={"last frame": "last_"},
    ),
    "forecast, 96 steps": forecasts(
        (*RECURRENT_OR_NOT, "hybrid"), **ETTH1, train__epochs=3, data__horizon=96
    ),
    "forecast, 96 steps, windows not normalised": forecasts(
        ("lru",), **ETTH1, train__epochs=3, data__horizon=96, data__normalise_windows=False
    ),
    **{
        f"forecast, {horizon} steps": forecasts(
            RECURRENT_OR_NOT, **ETTH1, train__epochs=2, data__horizon=horizon
        )
        for horizon in (192, 336, 720)
    },
    # Gates that start out to remember for about as long as is asked.
    "copy, 100 steps": Application(
        cells=of_words(
            ("lstm",), "copy", model__chrono_length=120, train__epochs=0, train__steps=3_200
        ),
        split="valid",
        lines={"guessing": {"accuracy": 1 / 8}},
        minutes=10.0,
    ),
    "babi, qa1": answers((1,), {"gated_deltanet": {}}),
    # Who is where, asked by yes or no in both.
    "babi, qa6 and qa9": answers((6, 9), {"gated_deltanet": {"train__steps": 4_500}}),
    # Asked by name in the first, whose stories are told like those of the other two.
    "babi, qa1, qa6 and qa9": answers(
        (1, 6, 9),
        {
            "gru": {"train__steps": 4_500},
            "gated_deltanet, its weights decaying": {
                "train__steps": 4_500,
                "optimizer__name": "adamw",
                "optimizer__weight_decay": 0.1,
            },
        },
    ),
    "babi, qa9": answers((9,), {"gated_deltanet": {}}),
    "babi, qa15": answers(
        (15,),
        {
            "gated_deltanet": {},
            # The rate that is the best of three on the first task, in half as many steps.
            "gated_deltanet, at a rate of 0.01": {"optimizer__learning_rate": 1e-2},
        },
    ),
    "babi, question first, qa6": answers(
        (6,), {"lstm": {"data__questions": "first"}, "gru, for longer": QUESTION_FIRST}
    ),
    "babi, question first, qa1, qa6 and qa9": answers(
        (1, 6, 9),
        {
            **dict.fromkeys(("lstm", "gru", "transformer"), QUESTION_FIRST),
            # The rate that is its best of three on the first task.
            "transformer, at a rate of 0.001": QUESTION_FIRST | {"optimizer__learning_rate": 1e-3},
        },
    ),
    "mqar, 8 pairs in 64 steps": Application(
        cells={
            "transformer, by attention alone": Cell("configs/mqar.py:attention").where(
                train__epochs=0, train__steps=1_500
            )
        },
        split="valid",
        lines={"guessing": {"accuracy": 1 / 128}},
        minutes=10.0,
    ),
    "parity, ten times the length": Application(
        cells={
            word: Cell("configs/parity.py:lstm").where(
                train__epochs=0, train__steps=3_000, seed=seed
            )
            for seed, word in enumerate(("lstm", "lstm, seed 1", "lstm, seed 2"))
        },
        lines={"guessing": {"accuracy": 1 / 2}},
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
        lines={"guessing": {"loss": 1 / 6}},  # the variance of the sum of two numbers
        minutes=10.0,
    ),
}

# The commands of the configurations' docstrings, on data that need nothing.
AS_IT_COMES = {
    "char_lm, as it comes": Application(
        of_words(("lstm",), "char_lm"), metrics=("nats_per_character",)
    ),
    "translation, as it comes": Application(
        with_details(of_words(("transformer",), "translation"), "test_bleu"),
        metrics=("bleu", "greedy_bleu"),
    ),
    "babi, as it comes": Application(of_words(("transformer",), "babi")),
    "pixels, as it comes": Application(of_words(("lstm",), "pixels")),
    "video, as it comes": Application(
        of_words(("lstm",), "video"), metrics=("accuracy", "frame_mse")
    ),
    "forecast, as it comes": forecasts(("lstm",)),
    "speech, as it comes": Application(of_words(("lstm",), "speech")),
}
