"""What each kind of model reaches on each task, in one table: that of the README.

A line is an application of this folder, a probe of `long_range`, the snippets of `sentiment` or the
stories of `babi`, with the first of its metrics.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments.applications.catalogue import APPLICATIONS, Application
from experiments.applications.run import (
    RESULTS,
    data_lines,
    figure,
    measured,
    not_run,
    rows_by_word,
)
from experiments.babi import run as babi
from experiments.long_range.run import models as probes
from experiments.sentiment import imdb, snippets
from experiments.sentiment.contest import by_seed
from experiments.sentiment.run import linear_accuracies
from experiments.sweep import read_rows
from experiments.tuning import Tuned

__all__ = ["RESULTS", "table"]

# The kinds of models, and the words of each, of which the best on the validation split is told, and
# beside it the variants, whose names have a comma behind the word.
KINDS = {
    "RNN": ("rnn",),
    "LSTM": ("lstm",),
    "linear recurrence": ("lru", "rglru", "mingru", "gated_deltanet"),
    "Transformer": ("transformer",),
    "hybrid": ("hybrid",),
    "bag of words": ("bag",),
}


class Line(NamedTuple):
    """A task, what each word reaches, the best first, and what that is to be compared with."""

    task: str
    reached: Mapping[str, str]
    compare: str = ""


def table(results: Path) -> Sequence[str]:
    """The lines of Markdown."""
    folder = results.parent.parent
    lines = [
        f"| task and metric | {' | '.join(KINDS)} | to compare with |",
        "|---|" + "---|" * (len(KINDS) + 1),
    ]
    for line in (
        *_applications(results),
        *_sentiment(folder / "sentiment"),
        _babi(folder / "babi" / "results.jsonl"),
        *_probes(folder / "long_range" / "results.jsonl"),
    ):
        cells = [_of_kind(line.reached, words) for words in KINDS.values()]
        if any(cells):
            lines.append(f"| {' | '.join([line.task, *cells, line.compare])} |")
    return lines


def _of_kind(reached: Mapping[str, str], words: Sequence[str]) -> str:
    told = []
    if found := [word for word in reached if word in words]:
        told.append(reached[found[0]] + (f" ({found[0]})" if len(words) > 1 else ""))
    told += [
        value + variant.removeprefix(f"{word},")
        for word in words
        for variant, value in reached.items()
        if variant.startswith(f"{word},")
    ]
    return ", ".join(told)


def _applications(results: Path) -> Iterator[Line]:
    rows = read_rows(results)
    for name, application in APPLICATIONS.items():
        metric = application.metrics[0]
        ran = rows_by_word(application, rows)
        reached = {
            word: not_run(row)
            if "skipped" in row
            else figure(metric, measured(application, row)[metric])
            for word, row in ran.items()
        }
        yield Line(f"{name}: {_named(metric)}", reached, _compared(application, ran, metric))


def _compared(application: Application, ran: Mapping, metric: str) -> str:
    lines = {**application.lines, **data_lines(application, ran)}
    return ", ".join(
        f"{line} {figure(metric, metrics[metric])}"
        for line, metrics in lines.items()
        if metric in metrics
    )


def _sentiment(folder: Path) -> Iterator[Line]:
    for task, corpus, models, results in (
        ("sentiment", "rotten_tomatoes", snippets.models(), folder / "results.jsonl"),
        ("imdb, 30,000 parameters", "imdb", imdb.models(), folder / "imdb.jsonl"),
    ):
        lines = linear_accuracies(corpus)
        compare = ", ".join(f"{line} {figure('accuracy', value)}" for line, value in lines.items())
        yield Line(f"{task}: accuracy", _accuracies(models, results), compare)


def _accuracies(models: Mapping[str, Tuned], results: Path) -> dict[str, str]:
    return {
        word: figure("accuracy", np.mean(list(by_seed(rows).values())) / 100)
        for word, rows in _best_first(models, results).items()
    }


def _babi(results: Path) -> Line:
    reached = {}
    for mixer in babi.MIXERS:
        shares = babi.alone(mixer, results)
        if len(shares) == len(babi.TASKS):
            solved = sum(share >= babi.SOLVED for share in shares.values())
            reached[mixer] = f"{solved} of {len(shares)}"
    return Line("babi: tasks solved", reached)


def _probes(results: Path) -> Iterator[Line]:
    by_probe: dict[str, dict[str, Tuned]] = {}
    for (probe, mixer), model in probes().items():
        by_probe.setdefault(probe, {})[mixer] = model
    for probe, models in by_probe.items():
        rows = _best_first(models, results)
        reached = {
            mixer: _inside_and_beyond(models[mixer].metric, found) for mixer, found in rows.items()
        }
        metric = next(iter(models.values())).metric
        yield Line(f"{probe}: {_named(metric)}, as trained / longer", reached)


def _best_first(models: Mapping[str, Tuned], results: Path) -> dict[str, list[dict]]:
    """The rows of each model that has run, the best on the validation split first."""
    rows = {word: found for word, model in models.items() if (found := model.rows(results))}
    order = sorted(rows, key=lambda word: models[word].score(rows[word]), reverse=True)
    return {word: rows[word] for word in order}


def _inside_and_beyond(metric: str, rows: Sequence[Mapping]) -> str:
    means = (
        np.mean([row["summary"][split][metric] for row in rows]) for split in ("valid", "test")
    )
    return " / ".join(figure(metric, mean) for mean in means)


def _named(metric: str) -> str:
    return metric.replace("_", " ")
