"""The article's experiment with ten seeds: `python -m experiments.sentiment.run`.

Trains `rnn`, `transformer` and `bag` of `configs/sentiment.py` at the article's settings and prints
the table of the README. Cells that `results.jsonl` holds already are not run again.
"""

import json
from pathlib import Path
from typing import Any

from absl.flags import FlagValues

from experiments.command import by_variant, define_flags, run_experiment
from experiments.sentiment.contest import examples_interval
from experiments.sentiment.films import read_films
from experiments.statistics import mean_and_interval
from experiments.sweep import Cell, read_rows, rows_of
from seqjax.command_line import run_command

RESULTS = Path(__file__).with_name("results.jsonl")
LINEAR = Path(__file__).with_name("linear_baseline.json")
TF_IDF = "tf-idf + logistic regression"
STEP_TIMES = Path(__file__).parent.with_name("loop_cost") / "results.jsonl"
MODELS = ("rnn", "transformer", "bag")
SEEDS = range(10)


def cells() -> dict[str, list[Cell]]:
    """The cells of every model, one a seed."""
    return {
        model: [
            Cell(f"configs/sentiment.py:{model}", (("seed", seed),), ("test_correct",))
            for seed in SEEDS
        ]
        for model in MODELS
    }


def main(values: FlagValues) -> None:
    """Runs what is missing, then prints the table."""
    run_experiment(values, by_variant(cells()), RESULTS, table)


def accuracies(results: Path) -> dict[str, tuple[float, float]]:
    """Test accuracy by model, in percent: mean and half of its interval over seeds."""
    rows = {model: rows_of(group, results) for model, group in cells().items()}
    return {
        model: mean_and_interval([100 * row["summary"]["test"]["accuracy"] for row in found])
        for model, found in rows.items()
        if found
    }


def linear_accuracy() -> float:
    """The test accuracy of tf-idf and logistic regression on the same split."""
    return linear_accuracies("rotten_tomatoes")[TF_IDF]


def linear_accuracies(corpus: str, split: str = "test") -> dict[str, float]:
    """The accuracy of each linear model of a corpus."""
    return {name: scores[split] for name, scores in linear_models(corpus).items()}


def linear_models(corpus: str) -> dict[str, dict[str, Any]]:
    """What `linear_baseline` tells of each linear model of a corpus."""
    return json.loads(LINEAR.read_text())[corpus]


def table(results: Path) -> list[str]:
    """The README's lines of Markdown: means over seeds with 95% intervals, and what to compare to.

    Step times are those of `experiments.loop_cost`, which measures the models side by side.
    """
    steps = read_rows(STEP_TIMES)
    lines = [
        "| model | parameters (outside tables) | seeds | training loss | test accuracy, % "
        "| over test examples | ms/step |",
        "|---|---|---|---|---|---|---|",
    ]
    for model, group in cells().items():
        rows = rows_of(group, results)
        if not rows:
            continue
        summaries = [row["summary"] for row in rows]
        low, high = (100 * end for end in examples_interval(rows, read_films()))
        step = steps.get(f"loop_cost: {model}")
        milliseconds = f"{step['bare_ms_per_step']:.1f}" if step else ""
        loss, loss_half = mean_and_interval([s["train"]["loss"] for s in summaries])
        accuracy, half = mean_and_interval([100 * s["test"]["accuracy"] for s in summaries])
        size = f"{summaries[0]['parameters']:,} ({summaries[0]['parameters_outside_embedding']:,})"
        lines.append(
            f"| `{model}` | {size} | {len(summaries)} | {loss:.4f} ± {loss_half:.4f} "
            f"| {accuracy:.1f} ± {half:.1f} | {low:.1f}–{high:.1f} | {milliseconds} |"
        )
    return [
        *lines,
        f"| tf-idf + logistic regression | | | | {100 * linear_accuracy():.1f} | | |",
        "| the article's RNN, as printed | | | 0.3182 | 82.62 | | 53 |",
        "| the article's Transformer, as printed | | | 0.2360 | | | 118 |",
    ]


if __name__ == "__main__":
    run_command(define_flags, main)
