"""Which mixer suits which application: `python -m experiments.applications.run --task=forecast`.

Models of `size=tiny`, 100,000 parameters outside their tables where nothing else is said, are
trained by the settings of each task's file in `configs/`, and measured with the checkpoint that is
best on the validation split.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from absl import flags
from absl.flags import FlagValues

from experiments import command
from experiments.applications.catalogue import (
    APPLICATIONS,
    AS_IT_COMES,
    Application,
    Metrics,
)
from experiments.command import run_experiment
from experiments.sentiment.run import linear_accuracies
from experiments.sweep import Cell, read_rows
from seqjax.command_line import run_command
from seqjax.errors import UserError, did_you_mean

RESULTS = Path(__file__).with_name("results.jsonl")
EVERY = {**APPLICATIONS, **AS_IT_COMES}


def cells_of(name: str) -> list[Cell]:
    """The cells of an application, which may take its minutes."""
    application = EVERY[name]
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
    chosen = [name for name in EVERY if name.startswith(values.task)]
    if not chosen:
        raise UserError(
            f"--task={values.task!r} begins no application; {did_you_mean(values.task, EVERY)}"
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
    for name, application in EVERY.items():
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
    for line, metrics in to_compare_with(application, ran).items():
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
    """The metrics of a row, with those of its translations, and the accuracy of each bAbI task."""
    of_tasks = {
        f"qa{task}_accuracy": metrics["accuracy"]
        for task, metrics in row.get("test_by_group", {}).items()
    }
    return row["summary"][application.split] | row.get("test_bleu", {}) | of_tasks


def to_compare_with(
    application: Application, ran: Mapping[str, Mapping[str, Any]]
) -> dict[str, Metrics]:
    """What is published, what linear models reach, and what the data tell, where a row has it."""
    linear = linear_accuracies(application.linear, application.split) if application.linear else {}
    return {
        **application.lines,
        **{line: {"accuracy": share} for line, share in linear.items()},
        **data_lines(application, ran),
    }


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
    if metric.endswith("accuracy"):
        return f"{100 * value:.1f}%"
    if isinstance(value, int):
        return f"{value:,}"
    if metric.endswith("bleu"):
        return f"{value:.1f}"
    return f"{value:.3f}" if value >= 0.001 else f"{value:.2g}"


if __name__ == "__main__":
    run_command(define_flags, main)
