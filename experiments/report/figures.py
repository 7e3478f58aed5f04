"""The figures of the page: each is drawn from the committed rows of one experiment."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from matplotlib.figure import Figure

from experiments.article_claims.evidence import Evidence
from experiments.report import plots
from experiments.report.drawing import SIZE, styled
from experiments.scaling import run as scaling


class Picture(NamedTuple):
    """A figure of an experiment, what it shows in a sentence, and how it is drawn."""

    experiment: str
    name: str
    caption: str
    draw: Callable[[Path], Figure]


PICTURES = (
    Picture(
        "crossover",
        "train",
        "Time of a train step by length: one block, batch 8, width 64.",
        plots.times("train"),
    ),
    Picture(
        "crossover",
        "decode",
        "Time of one generated step after so many others.",
        plots.times("decode"),
    ),
    Picture(
        "gradients",
        "start",
        "What is left of a change by distance, before training.",
        plots.norms("norms_at_start"),
    ),
    Picture(
        "gradients",
        "after",
        "The same after training on recall of the first token.",
        plots.norms("norms_after_training"),
    ),
    Picture(
        "long_range",
        "probes",
        "Right answers in % as trained (above) and on longer examples (below) by models of 100,000 "
        "parameters; of adding, the explained variance.",
        plots.learned,
    ),
    Picture(
        "long_range",
        "parity",
        "Parity at every step; training saw up to 40 steps.",
        plots.extrapolation("parity"),
    ),
    Picture(
        "long_range",
        "state",
        "Recall of eight pairs (MQAR) by models of 30,000 to 300,000 parameters; one seed.",
        plots.by_state_size,
    ),
    Picture(
        "scaling",
        "parameters",
        "Loss of language models by parameters outside the tables, after as many steps.",
        plots.scaled(scaling.by_size, scaling.SIZES, "parameters"),
    ),
    Picture(
        "scaling",
        "steps",
        f"Loss by training steps of {scaling.BATCH * scaling.LENGTH:,} tokens, with "
        f"{scaling.MIDDLE:,} parameters.",
        plots.scaled(scaling.by_steps, scaling.STEPS, "steps"),
    ),
    Picture(
        "scaling",
        "context",
        f"Loss of models of {scaling.SIZES[-1]:,} parameters by the token's place in the sequence.",
        plots.context,
    ),
    Picture(
        "ablations",
        "effects",
        "What a change does to test accuracy; a diamond is a difference that is more than chance.",
        plots.effects,
    ),
    Picture(
        "sentiment",
        "accuracies",
        "Test accuracy on review snippets: means with 95% intervals over seeds, and every seed.",
        plots.accuracies,
    ),
    Picture(
        "sentiment",
        "seconds",
        "Accuracy on valid by the time of all steps so far; mixers of equal size, and the bag.",
        plots.learning(plots.seconds, "seconds of steps"),
    ),
    Picture(
        "sentiment",
        "epochs",
        "The same by epochs.",
        plots.learning(plots.epochs, "epochs"),
    ),
)


def finding(evidence: Evidence) -> Figure:
    """The figure of the README: speed beside ability."""
    with styled():
        figure = Figure(figsize=(2 * SIZE[0], SIZE[1]))
        speed, ability = figure.subplots(1, 2)
        plots.plot_times(speed, evidence.results("crossover"), "train")
        plots.plot_extrapolation(ability, evidence.results("long_range"), "parity")
        speed.set_title("A train step on two CPU cores", fontsize=10)
        ability.set_title("Parity; training saw up to 40 steps", fontsize=10)
        for axes in (speed, ability):
            axes.legend(ncols=2)
        return figure


def drawn(evidence: Evidence) -> dict[Picture, Figure]:
    """All figures but those whose experiment has not run."""
    figures = {picture: picture.draw(evidence.results(picture.experiment)) for picture in PICTURES}
    return {
        picture: figure
        for picture, figure in figures.items()
        if any(axes.has_data() for axes in figure.axes)
    }
