"""Whole reviews: `python -m experiments.sentiment.imdb`.

Models of 30,000 parameters outside their tables (the bag has none) on IMDB, up to 512 words of
each review for two epochs, tuned alike: three learning rates, of which the best on the validation
split is repeated with three seeds.
"""

from collections.abc import Sequence
from pathlib import Path

from absl.flags import FlagValues

from experiments.command import define_scalable_flags, run_stages
from experiments.sentiment.contest import entries, lines_of
from experiments.sentiment.corpora import IMDB
from experiments.sentiment.run import linear_accuracies
from experiments.sweep import Cell
from experiments.tuning import Tuned, stages
from seqjax.command_line import run_command

RESULTS = Path(__file__).with_name("imdb.jsonl")
WORDS = ("bag", "rnn", "lstm", "mingru", "transformer")
MOST_SECONDS = 1_800.0  # of a cell, on a machine that others use as well; alone at most 10 minutes


def models() -> dict[str, Tuned]:
    """What is tuned, by the word of the preset."""
    return {
        word: Tuned(
            Cell(
                f"configs/imdb.py:{word},size=30_000",
                details=("test_correct",),
                most_seconds=MOST_SECONDS,
            ).where(**IMDB, train__epochs=2),
            "accuracy",
        )
        for word in WORDS
    }


def table(results: Path) -> Sequence[str]:
    """The lines of Markdown of the README."""
    return lines_of(entries(models(), results, None), linear_accuracies("imdb"))


def main(values: FlagValues) -> None:
    """Runs what is missing, then prints the table."""
    run_stages(values, stages(list(models().values())), RESULTS, table)


if __name__ == "__main__":
    run_command(define_scalable_flags, main)
