"""Does the largest Lyapunov exponent tell how many iterations Newton's method needs?

Of the random recurrences of `experiments/certificates`, those whose steps are solved all at once
without damping. A negative exponent says that small changes die out: then Newton's method is known
to converge in few iterations (Gonzalez et al. 2025, "Predictability enables parallelization of
nonlinear state space models").
"""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

from experiments.certificates.run import RESULTS, SETTINGS
from experiments.sweep import read_lines
from seqjax.ops.newton import DEFAULT

__all__ = ["RESULTS", "table"]

CELLS = [name for name, setting in SETTINGS.items() if setting.newton == DEFAULT]
EDGES = (-np.inf, -1.0, -0.5, -0.2, -0.05, 0.0, np.inf)  # of groups of exponents, per step


class Prediction(NamedTuple):
    """What the exponent tells of the cases of a cell.

    `iterations` is its rank correlation with the iterations of certified cases (Spearman), and
    `certified` the chance that of two cases, one certified and one not, the certified one has the
    lower exponent; NaN where all are alike.
    """

    iterations: float
    certified: float


def table(results: Path) -> Sequence[str]:
    """The lines of Markdown: a line for each cell, its cases by exponent."""
    groups = [f"{low:g} to {high:g}" for low, high in pairwise(EDGES)]
    groups[0], groups[-1] = f"below {EDGES[1]:g}", "above 0"
    lines = [
        f"| cell | {' | '.join(groups)} | exponent with iterations | certified has the lower |",
        "|---|" + "---|" * (len(groups) + 2),
    ]
    rows = read_lines(results)
    for name in CELLS:
        some = [row for row in rows if row["setting"] == name]
        if some:
            said = prediction(some)
            cells = [_shown(some, low, high) for low, high in pairwise(EDGES)]
            lines.append(
                f"| {name} | {' | '.join(cells)} | {said.iterations:+.2f} | {said.certified:.2f} |"
            )
    return lines


def prediction(rows: Sequence[Mapping[str, Any]]) -> Prediction:
    """What the exponents of these cases tell."""
    certified = [row for row in rows if row["certified"]]
    others = [row["exponent"] for row in rows if not row["certified"]]
    exponents = [row["exponent"] for row in certified]
    iterations = [row["iterations"] for row in certified]
    correlation = lower = math.nan
    if len(set(exponents)) > 1 and len(set(iterations)) > 1:
        correlation = stats.spearmanr(exponents, iterations).statistic
    if exponents and others:
        lower = stats.mannwhitneyu(others, exponents).statistic / (len(others) * len(exponents))
    return Prediction(float(correlation), float(lower))


def _shown(rows: Sequence[Mapping[str, Any]], low: float, high: float) -> str:
    """How many cases of a group of exponents are certified, and in how many iterations."""
    group = [row for row in rows if low < row["exponent"] <= high]
    if not group:
        return ""
    iterations = [row["iterations"] for row in group if row["certified"]]
    median = f", {np.median(iterations):g}" if iterations else ""
    return f"{len(iterations)} of {len(group)}{median}"
