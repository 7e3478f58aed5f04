"""One change at a time to the article's models: `python -m experiments.ablations.run`.

Every variant is the article's model of film review snippets with one setting changed, trained for
three epochs, the best of which is chosen on the validation split. The same seeds start each variant
and its baseline, so that their differences are paired; intervals are those over seeds and over test
films together, and p values are corrected for the number of variants (Holm).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from absl.flags import FlagValues

from experiments.command import by_variant, define_flags, run_experiment
from experiments.sentiment.contest import accuracy_difference, by_seed
from experiments.sentiment.films import read_films
from experiments.statistics import Difference, holm, mean_and_interval, shown_p
from experiments.sweep import Cell, rows_of, shared_seeds
from seqjax.command_line import run_command

RESULTS = Path(__file__).with_name("results.jsonl")
SEEDS = range(10)
EPOCHS = 3
# 11,925 frequent English words out of GloVe Twitter 27B (Pennington et al. 2014, public domain).
WORD_VECTORS = "data/glove_twitter_25d/glove.twitter.27B.25d.top12k.txt.gz"

# What is changed, by the model that it is changed in.
VARIANTS = {
    "rnn": {
        "gradients clipped to norm 1": {"optimizer__clip_norm": 1.0},
        "variational dropout 0.25": {"model__recurrent_dropout": 0.25},
        "dropout 0.25 on the embedded words": {"model__dropout": 0.25},
        "a quarter of the words dropped": {"model__token_dropout": 0.25},
        "layer normalisation after the RNN": {"model__norm": "post"},
        **{
            f"SGD with momentum at a rate of {rate}": {
                "optimizer__name": "sgd",
                "optimizer__momentum": 0.9,
                "optimizer__learning_rate": rate,
            }
            for rate in (0.01, 0.03, 0.1)
        },
    },
    "lstm": {"gates that start out to remember 32 steps": {"model__chrono_length": 32}},
    "transformer": {
        "one head instead of four": {"model__heads": 1},
        "the article's scaling of embeddings": {"model__embedding_scale": "article"},
        "the article's one-layer feed-forward": {"model__feed_forward": "one_layer"},
        "no positions": {"model__positions": "none"},
        "learned positions": {"model__positions": "learned"},
        "rotary positions": {"model__positions": "rotary"},
        "dropout 0.25 on every part": {"model__dropout": 0.25},
        "dropout 0.25 on attention": {"model__attention_dropout": 0.25},
        "normalisation before each part": {"model__norm": "pre", "model__final_norm": True},
        "no normalisation": {"model__norm": "none"},
    },
    "rnn,embedding_size=25": {"GloVe word vectors": {"train__word_vectors": WORD_VECTORS}},
}


class Variant(NamedTuple):
    """What a change makes of test accuracy (points), over the seeds that both sides have.

    `half_width` is that of an interval which holds together with those of all other variants.
    """

    model: str
    change: str
    accuracy: tuple[float, float]
    difference: Difference
    half_width: float
    adjusted_p: float
    ids: tuple[str, ...]


def groups() -> dict[tuple[str, str], list[Cell]]:
    """The cells of every variant, one a seed; the change "" is the baseline."""
    found = {}
    for model, changes in VARIANTS.items():
        for change, settings in {"": {}, **changes}.items():
            cell = Cell(f"configs/sentiment.py:{model}", details=("test_correct",))
            cell = cell.where(train__epochs=EPOCHS, **settings)
            found[model, change] = [cell.where(seed=seed) for seed in SEEDS]
    return found


def compare(results: Path) -> list[Variant]:
    """Every variant of which at least two seeds have run."""
    compared, cells, films = {}, groups(), read_films()
    for (model, change), variant in cells.items():
        rows, base = (rows_of(group, results) for group in (variant, cells[model, ""]))
        if change and (difference := accuracy_difference(rows, base, films)):
            pairs = shared_seeds(rows, base)
            accuracies = list(by_seed([changed for changed, _ in pairs]).values())
            ids = tuple(row["id"] for pair in pairs for row in pair)
            compared[model, change] = (mean_and_interval(accuracies), difference, ids)
    # Those that have not run count among the comparisons.
    p_values = {(model, change): 1.0 for model, change in cells if change}
    p_values |= {name: difference.p_value for name, (_, difference, _) in compared.items()}
    adjusted = holm(p_values)
    return [
        Variant(
            *name,
            accuracy,
            difference,
            difference.half_width_among(len(p_values)),
            adjusted[name],
            ids,
        )
        for name, (accuracy, difference, ids) in compared.items()
    ]


def table(results: Path) -> Sequence[str]:
    """The lines of Markdown of the README."""
    lines = [
        "| model | change | seeds | test accuracy, % | difference, points | p (Holm) |",
        "|---|---|---|---|---|---|",
    ]
    for variant in compare(results):
        difference = variant.difference
        lines.append(
            f"| `{variant.model}` | {variant.change} | {difference.pairs} "
            f"| {variant.accuracy[0]:.1f} ± {variant.accuracy[1]:.1f} "
            f"| {difference.mean:+.1f} ± {variant.half_width:.1f} "
            f"| {shown_p(variant.adjusted_p)} |"
        )
    return lines


def main(values: FlagValues) -> None:
    """Runs what is missing, then prints the table."""
    run_experiment(values, by_variant(groups()), RESULTS, table)


if __name__ == "__main__":
    run_command(define_flags, main)
