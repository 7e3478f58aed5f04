"""What each kind of model reaches on each task, in one table: that of the README.

A line is one of `applications`, a probe of `long_range`, the texts of `sentiment` or the stories of
`babi`, with the first of its metrics. Parameters are those outside the tables; minutes
are those of a run, as a mean over seeds and tasks.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments.applications.catalogue import APPLICATIONS, Application
from experiments.applications.run import (
    RESULTS,
    figure,
    measured,
    not_run,
    rows_by_word,
    to_compare_with,
)
from experiments.babi import run as babi
from experiments.long_range.guesses import guesses
from experiments.long_range.run import models as probes
from experiments.sentiment import imdb, snippets
from experiments.sentiment.contest import by_seed
from experiments.sentiment.run import linear_accuracies
from experiments.sweep import read_rows, rows_of
from experiments.tuning import Tuned

__all__ = ["RESULTS", "table"]

# The kinds of models, and the words of each, of which the best on the validation split is told, and
# beside it the variants, whose names have a comma behind the word.
KINDS = {
    "RNN": ("rnn",),
    "LSTM": ("lstm",),
    "GRU": ("gru",),
    "linear recurrence": ("lru", "rglru", "mingru", "gated_deltanet"),
    "Transformer": ("transformer",),
    "hybrid": ("hybrid",),
    "bag of words": ("bag",),
}


class Reached(NamedTuple):
    """What a model reaches, and what a run of it is: minutes, and parameters outside its tables."""

    result: str
    minutes: float = 0.0
    parameters: float = 0.0


class Line(NamedTuple):
    """A task, what each word reaches, the best first, and what that is to be compared with."""

    task: str
    reached: Mapping[str, Reached]
    compare: str = ""


def table(results: Path) -> Sequence[str]:
    """The lines of Markdown."""
    folder = results.parent.parent
    lines = [
        f"| task and metric | parameters | {' | '.join(KINDS)} | to compare with |",
        "|---|---|" + "---|" * (len(KINDS) + 1),
    ]
    for line in (
        *_applications(results),
        *_sentiment(folder / "sentiment"),
        *_babi(folder / "babi" / "results.jsonl"),
        *_probes(folder / "long_range" / "results.jsonl"),
    ):
        cells = [_of_kind(line.reached, words) for words in KINDS.values()]
        if any(cells):
            told = [line.task, _parameters(line.reached), *cells, line.compare]
            lines.append(f"| {' | '.join(told)} |")
    return lines


def _of_kind(reached: Mapping[str, Reached], words: Sequence[str]) -> str:
    told = []
    if found := [word for word in reached if word in words]:
        told.append(_cell(reached[found[0]], found[0] if len(words) > 1 else ""))
    told += [
        _cell(value, variant.removeprefix(f"{word},").strip())
        for word in words
        for variant, value in reached.items()
        if variant.startswith(f"{word},")
    ]
    return ", ".join(told)


def _cell(reached: Reached, name: str) -> str:
    """A result, and in brackets what it is of and how long that takes."""
    minutes = f"{reached.minutes:.{0 if reached.minutes >= 10 else 1}f} min"
    remarks = [name] * bool(name) + [minutes] * bool(reached.minutes)
    return reached.result + (f" ({', '.join(remarks)})" if remarks else "")


def _parameters(reached: Mapping[str, Reached]) -> str:
    """How many parameters the models have outside their tables, the bag's none left out."""
    sizes = [float(f"{each.parameters:.2g}") for each in reached.values() if each.parameters]
    return "–".join(f"{size:,.0f}" for size in sorted({min(sizes), max(sizes)})) if sizes else ""


def _run(result: str, rows: Sequence[Mapping]) -> Reached:
    """What some rows reach, with the means of what their runs are."""
    summaries = [row["summary"] for row in rows]
    minutes = np.mean([summary.get("wall_seconds", 0.0) for summary in summaries]) / 60
    parameters = np.mean([summary["parameters_outside_embedding"] for summary in summaries])
    return Reached(result, float(minutes), float(parameters))


def _applications(results: Path) -> Iterator[Line]:
    rows = read_rows(results)
    for name, application in APPLICATIONS.items():
        metric = application.metrics[0]
        ran = rows_by_word(application, rows)
        reached = {
            word: Reached(not_run(row))
            if "skipped" in row
            else _run(figure(metric, measured(application, row)[metric]), [row])
            for word, row in ran.items()
        }
        yield Line(f"{name}: {_named(metric)}", reached, _compared(application, ran, metric))


def _compared(application: Application, ran: Mapping, metric: str) -> str:
    return ", ".join(
        f"{line} {figure(metric, metrics[metric])}"
        for line, metrics in to_compare_with(application, ran).items()
        if metric in metrics
    )


def _sentiment(folder: Path) -> Iterator[Line]:
    for task, corpus, models, results in (
        ("sentiment", "rotten_tomatoes", snippets.models(), folder / "results.jsonl"),
        ("imdb, smaller", "imdb", imdb.models(), folder / "imdb.jsonl"),
    ):
        lines = linear_accuracies(corpus)
        compare = ", ".join(f"{line} {figure('accuracy', value)}" for line, value in lines.items())
        yield Line(f"{task}: accuracy", _accuracies(models, results), compare)


def _accuracies(models: Mapping[str, Tuned], results: Path) -> dict[str, Reached]:
    return {
        word: _run(figure("accuracy", np.mean(list(by_seed(rows).values())) / 100), rows)
        for word, rows in _best_first(models, results).items()
    }


def _babi(results: Path) -> Iterator[Line]:
    for how in (babi.ALONE, babi.QUESTION_FIRST):
        reached = {
            mixer: _run(
                f"{solved} of {len(babi.TASKS)}",
                rows_of(babi.trained(mixer, how, results), results),
            )
            for mixer, solved in babi.solved(how, results).items()
        }
        yield Line(f"babi, trained on {how}: tasks solved, {babi.SOLVED:.0%} right", reached)


def _probes(results: Path) -> Iterator[Line]:
    by_probe: dict[str, dict[str, Tuned]] = {}
    for (probe, mixer), model in probes().items():
        by_probe.setdefault(probe, {})[mixer] = model
    for probe, models in by_probe.items():
        metric = next(iter(models.values())).metric
        reached = {
            mixer: _run(_inside_and_beyond([row["summary"] for row in rows], metric), rows)
            for mixer, rows in _best_first(models, results).items()
        }
        guessed = {split: {metric: share} for split, share in guesses()[probe].items()}
        compare = f"guessing {_inside_and_beyond([guessed], metric)}"
        yield Line(f"{probe}: {_named(metric)}, as trained / longer", reached, compare)


def _best_first(models: Mapping[str, Tuned], results: Path) -> dict[str, list[dict]]:
    """The rows of each model that has run, the best on the validation split first."""
    rows = {word: found for word, model in models.items() if (found := model.rows(results))}
    order = sorted(rows, key=lambda word: models[word].score(rows[word]), reverse=True)
    return {word: rows[word] for word in order}


def _inside_and_beyond(summaries: Sequence[Mapping], metric: str) -> str:
    means = (
        np.mean([summary[split][metric] for summary in summaries]) for split in ("valid", "test")
    )
    return " / ".join(figure(metric, mean) for mean in means)


def _named(metric: str) -> str:
    return metric.replace("_", " ")
