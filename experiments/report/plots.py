"""How figures are drawn from the rows of an experiment."""

import math
import textwrap
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import NullFormatter

from experiments.ablations.run import compare
from experiments.crossover.atlas import Atlas, Shape
from experiments.gradients.run import repeated
from experiments.long_range import state_size
from experiments.long_range.run import MIXERS as WORDS
from experiments.long_range.run import models
from experiments.report.drawing import INK, SIZE, colour, legend_below, line_of, new_figure
from experiments.scaling import run as scaling
from experiments.sentiment.run import cells, linear_accuracy
from experiments.sentiment.snippets import models as snippet_models
from experiments.statistics import SIGNIFICANT, mean_and_interval
from experiments.sweep import rows_of

COLUMNS = {
    "rnn": "rnn",
    "lstm": "lstm",
    "gru": "gru",
    "rglru": "rglru",
    "gated_deltanet": "gated\ndeltanet",
    "hybrid": "hybrid",
    "transformer": "trans-\nformer",
    "attention": "attention\nalone",
}
SPLITS = ("valid", "test")
SUM_VARIANCE = 1 / 6  # of the sum of two numbers between 0 and 1, the answer of `adding`
COMPARED = ("rnn", "lstm", "mingru", "rglru", "gated_deltanet", "attention")


def times(work: str) -> Callable[[Path], Figure]:
    """Milliseconds by length, of one kind of work."""

    def draw(results: Path) -> Figure:
        figure, axes = new_figure()
        plot_times(axes, results, work)
        legend_below(figure, axes)
        return figure

    return draw


def plot_times(axes: Axes, results: Path, work: str) -> None:
    """The lines of `times`."""
    atlas = Atlas(results, "cpu")
    found = {mixer: atlas.series(mixer, Shape(work)) for mixer in COMPARED}
    for mixer, series in found.items():
        if not series:
            continue
        milliseconds = [row["milliseconds"] for row in series.values()]
        axes.plot(list(series), milliseconds, **line_of(mixer))
    lengths = sorted({length for series in found.values() for length in series})
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter("{x:,.10g}")
    axes.yaxis.set_minor_formatter(NullFormatter())
    crowded = {short for short, long in pairwise(lengths) if long < 3 * short}
    labels = ["" if length in crowded else f"{length:,}" for length in lengths]
    axes.set_xticks(lengths, labels)
    axes.set_xlabel("steps in the sequence")
    axes.set_ylabel("milliseconds")


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
        plot_extrapolation(axes, results, probe)
        legend_below(figure, axes)
        return figure

    return draw


def plot_extrapolation(axes: Axes, results: Path, probe: str) -> None:
    """The lines of `extrapolation`."""
    lengths: set[int] = set()
    for (name, mixer), model in models().items():
        rows = model.rows(results) if name == probe else []
        if not rows:
            continue
        upto = [part["to"] for part in rows[0]["test_by_length"]]
        accuracies = [[part["accuracy"] for part in row["test_by_length"]] for row in rows]
        axes.plot(upto, 100 * np.mean(accuracies, axis=0), **line_of(mixer))
        lengths |= set(upto)
    axes.set_xscale("log", base=2)
    axes.set_xticks(sorted(lengths), [str(length) for length in sorted(lengths)])
    axes.set_ylim(0, 104)
    axes.set_xlabel("length up to, steps")
    axes.set_ylabel("right answers, %")


def learned(results: Path) -> Figure:
    """What each mixer learns of each probe: a darker cell is a better answer."""
    tuned = models()
    ran = {key: rows for key, model in tuned.items() if (rows := model.rows(results))}
    probes = list(dict.fromkeys(probe for probe, _ in ran))
    mixers = [word for word in COLUMNS if any(word == mixer for _, mixer in ran)]
    figure, axes = new_figure(SIZE[0], 0.6 + 0.34 * len(probes))
    for (probe, mixer), rows in ran.items():
        x, y = mixers.index(mixer), probes.index(probe)
        valid, test = (_share(tuned[probe, mixer].metric, rows, split) for split in SPLITS)
        box = Rectangle((x - 0.48, y - 0.46), 0.96, 0.92, color=colour(0), alpha=0.6 * valid, lw=0)
        axes.add_patch(box)
        told = f"{100 * valid:.0f}\n{100 * test:.0f}"
        axes.text(x, y, told, ha="center", va="center", fontsize=7.5, linespacing=1)
    axes.set_xlim(-0.5, len(mixers) - 0.5)
    axes.set_ylim(len(probes) - 0.5, -0.5)
    axes.set_xticks(range(len(mixers)), [COLUMNS[mixer] for mixer in mixers])
    axes.set_yticks(range(len(probes)), [_broken(probe, 14) for probe in probes])
    axes.tick_params(length=0, labeltop=True, labelbottom=False, labelsize=7)
    axes.spines[:].set_visible(False)
    axes.grid(False)
    return figure


def by_state_size(results: Path) -> Figure:
    """What is recalled by the bytes that a model keeps of a sequence."""
    figure, axes = new_figure()
    for mixer in state_size.MIXERS:
        if reached := state_size.by_size(mixer, results):
            kept, shares = zip(*reached.values(), strict=True)
            axes.plot(kept, 100 * np.array(shares), **line_of(mixer))
    axes.set_xscale("log")
    axes.set_ylim(0, 104)
    axes.set_xlabel("bytes kept of a sequence")
    axes.set_ylabel("right answers, %")
    legend_below(figure, axes, columns=2)
    return figure


def _share(metric: str, rows: Sequence[Mapping[str, Any]], split: str) -> float:
    """The mean accuracy, or what is explained of the variance that a loss is about."""
    value = float(np.mean([row["summary"][split][metric] for row in rows]))
    return max(0.0, 1 - value / SUM_VARIANCE) if metric == "loss" else value


def effects(results: Path) -> Figure:
    """Differences that changes make, with their intervals."""
    found = compare(results)[::-1]
    figure, axes = new_figure(height=0.32 * len(found) + 1)
    for place, variant in enumerate(found):
        certain = variant.adjusted_p < SIGNIFICANT
        axes.errorbar(
            variant.difference.mean,
            place,
            xerr=variant.half_width,
            color=colour(1 if certain else 0),
            marker="D" if certain else "o",
            markersize=4,
            capsize=2,
        )
    labels = [f"{variant.model.split(',')[0]}: {variant.change}" for variant in found]
    axes.set_yticks(range(len(found)), [_broken(label, 24) for label in labels], fontsize=7)
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


def learning(of_steps: Callable[[Mapping[str, Any]], float], label: str) -> Callable:
    """Accuracy on valid by what training has cost, of each mixer: means of its seeds."""

    def draw(results: Path) -> Figure:
        figure, axes = new_figure()
        models_of = snippet_models()
        for word in ("bag", *WORDS):
            rows = models_of[word].rows(results)
            if rows:
                costs = [[point["step"] * of_steps(row) for point in row["curve"]] for row in rows]
                shares = [[point["accuracy"] for point in row["curve"]] for row in rows]
                axes.plot(np.mean(costs, axis=0), 100 * np.mean(shares, axis=0), **line_of(word))
        axes.set_xlabel(label)
        axes.set_ylabel("right on valid, %")
        legend_below(figure, axes)
        return figure

    return draw


def seconds(row: Mapping[str, Any]) -> float:
    """Of one step, which is not compiling."""
    return row["summary"]["ms_per_step"] / 1e3


def epochs(row: Mapping[str, Any]) -> float:
    """Of one step."""
    return row["summary"]["epochs"] / row["summary"]["steps"]


def scaled(
    groups: Callable[[str, Path], Mapping[int, list[dict]]], places: Sequence[int], label: str
) -> Callable:
    """Loss of language models by parameters or by steps."""

    def draw(results: Path) -> Figure:
        figure, axes = new_figure()
        for mixer in scaling.MIXERS:
            found = groups(mixer, results)
            means = [np.mean(scaling.losses(rows)) for rows in found.values()]
            if means:
                axes.plot(list(found), means, **line_of(mixer))
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter("{x:g}")
        axes.set_xticks(places, [f"{place:,}" for place in places])
        axes.set_xticks([], minor=True)
        axes.set_xlabel(label)
        axes.set_ylabel("nats per character, valid")
        legend_below(figure, axes)
        return figure

    return draw


def context(results: Path) -> Figure:
    """Loss of the largest language models by the place of the token that is asked for."""
    figure, axes = new_figure()
    for mixer in scaling.MIXERS:
        for row in scaling.by_size(mixer, results).get(scaling.SIZES[-1], ()):
            axes.plot(scaling.PLACES, scaling.by_place(row), **line_of(mixer))
    axes.set_xscale("log", base=2)
    axes.set_xticks(scaling.PLACES, [str(place) for place in scaling.PLACES])
    axes.set_xlabel("place in the sequence, up to")
    axes.set_ylabel("nats per token, valid")
    legend_below(figure, axes)
    return figure


def _broken(label: str, width: int) -> str:
    """A label in several lines where it is long."""
    return textwrap.fill(label, width, break_long_words=False)
