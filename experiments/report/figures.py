"""The figures of the page: each is drawn from the committed rows of one experiment."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from experiments.ablations.run import compare
from experiments.article_claims.evidence import Evidence
from experiments.crossover.atlas import Atlas, Shape
from experiments.gradients.run import repeated
from experiments.long_range.run import models
from experiments.report.drawing import INK, colour, legend_below, line_of, new_figure
from experiments.sentiment.run import cells, linear_accuracy
from experiments.statistics import mean_and_interval
from experiments.sweep import rows_of

COMPARED = ("rnn", "lstm", "rglru", "ssd", "gated_deltanet", "attention")


class Picture(NamedTuple):
    """A figure of an experiment, what it shows in a sentence, and how it is drawn."""

    experiment: str
    name: str
    caption: str
    draw: Callable[[Path], Figure]


def times(work: str) -> Callable[[Path], Figure]:
    """Milliseconds by length, of one kind of work."""

    def draw(results: Path) -> Figure:
        atlas = Atlas(results)
        figure, axes = new_figure()
        for mixer in COMPARED:
            series = atlas.series(mixer, Shape(work))
            times = [row["milliseconds"] for row in series.values()]
            axes.plot(list(series), times, **line_of(mixer))
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        axes.set_xlabel("steps in the sequence")
        axes.set_ylabel("milliseconds")
        lengths = sorted({row["length"] for row in atlas.rows if row["batch"] == 8})
        axes.set_xticks(lengths, [f"{length:,}" for length in lengths])
        legend_below(figure, axes)
        return figure

    return draw


def norms(moment: str) -> Callable[[Path], Figure]:
    """What is left of a change, by distance."""

    def draw(results: Path) -> Figure:
        figure, axes = new_figure()
        names = ("rnn", "rnn, weights doubled", "lstm", "gru", "rglru", "attention")
        for name in names:
            rows = repeated(name, results)
            if not rows:
                continue
            curves = np.array([row[moment][1:] for row in rows], float)
            axes.plot(
                range(1, curves.shape[1] + 1),
                np.exp(np.log(np.maximum(curves, 1e-12)).mean(axis=0)),
                markevery=[0, 15, 31, 47, 62],
                **line_of(name),
            )
        axes.set_yscale("log")
        axes.set_ylim(1e-10, 1e5)
        axes.set_xlabel("steps back")
        axes.set_ylabel("norm of ∂h_T/∂h_t")
        legend_below(figure, axes, columns=2)
        return figure

    return draw


def extrapolation(probe: str) -> Callable[[Path], Figure]:
    """Accuracy by the length of the test examples, which training has not seen."""

    def draw(results: Path) -> Figure:
        figure, axes = new_figure()
        for (name, mixer), model in models().items():
            rows = model.rows(results)
            if name != probe or not rows:
                continue
            lengths = [part["to"] for part in rows[0]["test_by_length"]]
            accuracies = [[part["accuracy"] for part in row["test_by_length"]] for row in rows]
            axes.plot(
                lengths,
                100 * np.mean(accuracies, axis=0),
                **line_of(mixer),
            )
        axes.set_xscale("log", base=2)
        axes.set_xticks(lengths, [str(length) for length in lengths])
        axes.set_ylim(0, 104)
        axes.set_xlabel("length up to, steps")
        axes.set_ylabel("right answers, %")
        legend_below(figure, axes)
        return figure

    return draw


def effects(results: Path) -> Figure:
    """Differences that changes make, with their intervals."""
    found = compare(results)[::-1]
    figure, axes = new_figure(height=0.32 * len(found) + 1)
    for place, variant in enumerate(found):
        certain = variant.adjusted_p < 0.05
        axes.errorbar(
            variant.difference.mean,
            place,
            xerr=variant.difference.half_width,
            color=colour(1 if certain else 0),
            marker="D" if certain else "o",
            markersize=4,
            capsize=2,
        )
    labels = [f"{variant.model.split(',')[0]}: {variant.change}" for variant in found]
    axes.set_yticks(range(len(found)), [_broken(label) for label in labels], fontsize=7)
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.set_xlabel("test accuracy, points")
    return figure


def accuracies(results: Path) -> Figure:
    """Test accuracy on review snippets by model, beside the linear line."""
    groups = {model: rows_of(group, results) for model, group in cells().items()}
    groups = {model: rows for model, rows in groups.items() if rows}
    figure, axes = new_figure(height=0.35 * len(groups) + 1)
    for place, rows in enumerate(groups.values()):
        values = [100 * row["summary"]["test"]["accuracy"] for row in rows]
        mean, half = mean_and_interval(values)
        axes.errorbar(
            mean, place, xerr=None if math.isnan(half) else half, color=colour(0), marker="o"
        )
        axes.plot(values, [place - 0.2] * len(values), "|", color=colour(5), markersize=6)
    linear = 100 * linear_accuracy()
    axes.axvline(linear, color=colour(1), linestyle="--", label="tf-idf + logistic regression")
    axes.set_yticks(range(len(groups)), list(groups))
    axes.set_xlabel("test accuracy, %")
    legend_below(figure, axes)
    return figure


def _broken(label: str, width: int = 24) -> str:
    """A label in two lines where it is long."""
    if len(label) <= width:
        return label
    middle = label.rfind(" ", 0, width + 1)
    return f"{label[:middle]}\n{label[middle + 1 :]}"


PICTURES = (
    Picture(
        "crossover",
        "train",
        "Time of a train step by length: one block, batch 8, width 64.",
        times("train"),
    ),
    Picture(
        "crossover",
        "decode",
        "Time of one generated step after so many others.",
        times("decode"),
    ),
    Picture(
        "gradients",
        "start",
        "What is left of a change by distance, before training.",
        norms("norms_at_start"),
    ),
    Picture(
        "gradients",
        "after",
        "The same after training on recall of the first token.",
        norms("norms_after_training"),
    ),
    Picture(
        "long_range",
        "parity",
        "Parity at every step; training saw up to 40 steps.",
        extrapolation("parity"),
    ),
    Picture(
        "long_range",
        "induction",
        "Induction: what followed a token when it was last seen.",
        extrapolation("induction"),
    ),
    Picture(
        "ablations",
        "effects",
        "What a change does to test accuracy; a diamond is a difference that is more than chance.",
        effects,
    ),
    Picture(
        "sentiment",
        "accuracies",
        "Test accuracy on review snippets: means with 95% intervals over seeds, and every seed.",
        accuracies,
    ),
)


def drawn(evidence: Evidence) -> dict[Picture, Figure]:
    """All figures."""
    return {picture: picture.draw(evidence.results(picture.experiment)) for picture in PICTURES}
