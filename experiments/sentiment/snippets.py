"""Review snippets, every mixer at the same size: `python -m experiments.sentiment.snippets`.

Models of 100,000 parameters outside their tables (the bag has none), tuned alike: three learning
rates, of which the best on the validation split is repeated with ten seeds.
"""

from collections.abc import Sequence
from pathlib import Path

from absl.flags import FlagValues

from experiments.command import define_scalable_flags, run_stages
from experiments.sentiment.contest import entries, lines_of
from experiments.sentiment.films import read_films
from experiments.sentiment.run import RESULTS, linear_accuracy
from experiments.sweep import Cell
from experiments.tuning import Tuned, stages
from seqjax.command_line import run_command
from seqjax.models.presets import PATTERNS

SEEDS = 10


def models() -> dict[str, Tuned]:
    """What is tuned, by the word of the preset."""
    return {
        word: Tuned(
            Cell(f"configs/sentiment.py:{word},size=tiny", details=("test_correct",)).where(
                model__dropout=0.5, train__epochs=4, train__batch_size=64
            ),
            "accuracy",
            seeds=SEEDS,
        )
        for word in PATTERNS
    }


def table(results: Path) -> Sequence[str]:
    """The lines of Markdown of the README."""
    found = entries(models(), results, read_films())
    return lines_of(found, {"tf-idf + logistic regression": linear_accuracy()})


def main(values: FlagValues) -> None:
    """Runs what is missing, then prints the table."""
    run_stages(values, stages(list(models().values())), RESULTS, table)


if __name__ == "__main__":
    run_command(define_scalable_flags, main)
