"""Claims about gradients, from `experiments.gradients`."""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from experiments.article_claims.evidence import (
    DEPENDS,
    HOLDS,
    SMALLEST,
    Evidence,
    Finding,
    Row,
    holds_if,
    holds_if_all,
    of_gain,
)
from experiments.gradients.run import REMEDIES as SETTINGS
from experiments.gradients.run import accuracy, learned, repeated, trials
from experiments.statistics import Difference, corrected, paired_difference

FAR = 63  # steps
EXPLODING, VANISHING, USUAL = "rnn, weights doubled", "rnn, weights halved", "rnn"
REMEDIES = {  # settings without and with what is to help, and against what
    ("clipping", "exploding"): (EXPLODING, f"{EXPLODING}, clipped"),
    ("clipping", "vanishing"): (VANISHING, f"{VANISHING}, clipped"),
    ("normalisation", "exploding"): (EXPLODING, f"{EXPLODING}, normalised"),
    ("normalisation", "vanishing"): (VANISHING, f"{VANISHING}, normalised"),
    ("Adam", "exploding"): (f"{EXPLODING}, SGD", EXPLODING),
    ("Adam", "vanishing"): (f"{VANISHING}, SGD", VANISHING),
    ("Adam", "fading"): (f"{USUAL}, SGD", USUAL),
}
CLIPPED = SETTINGS[", clipped"]["clip_norm"]
LEVEL = 0.02  # how far from 1 a factor per step may be that neither fades nor grows


def vanishing(evidence: Evidence) -> Finding:
    """Whether a plain RNN's gradient fades with distance."""
    rows = _rows(evidence, "rnn")
    left = _left(rows)
    return Finding(
        holds_if(left < 0.1),
        f"Of a change one step back, {left:.1g} is left {FAR} steps back, before training "
        f"(orthogonal recurrent weights, tanh).",
        _ids(rows),
    )


def exploding(evidence: Evidence) -> Finding:
    """Whether it grows where recurrent weights are large."""
    rows, usual = _rows(evidence, "rnn, weights doubled"), _rows(evidence, "rnn")
    left = _left(rows)
    largest = max(row["gradient_norms"]["largest"] for row in rows)
    ordinary = max(row["gradient_norms"]["largest"] for row in usual)
    return Finding(
        holds_if(left > 10 and largest > 10 * ordinary),
        f"With recurrent weights twice as large a change grows {left:,.0f}-fold over {FAR} steps, "
        f"and training meets gradients of norm {largest:,.0f} (usual weights: {ordinary:,.0f}).",
        _ids([*rows, *usual]),
    )


def gates_mitigate(evidence: Evidence) -> Finding:
    """Whether LSTM and GRU keep more of a gradient than a plain RNN, and learn the task."""
    found = {name: _rows(evidence, name) for name in ("rnn", "lstm", "gru")}
    left = {name: _left(rows) for name, rows in found.items()}
    better = [left[name] > left["rnn"] for name in ("lstm", "gru")]
    parts = "; ".join(
        f"{name} {left[name]:.0e}, {learned(rows)} of {len(rows)} seeds"
        for name, rows in found.items()
    )
    return Finding(
        holds_if_all(better),
        f"Left of a change after {FAR} steps, before training, and how many recall the first of 64 "
        f"tokens after it: {parts}.",
        _ids([row for rows in found.values() for row in rows]),
    )


def helps(remedy: str, problem: str) -> Callable[[Evidence], Finding]:
    """Judges whether an RNN recalls more with a remedy than without it, seed by seed.

    The verdict is "depends" where more is recalled and yet no seed learns the task.
    """

    def judge(evidence: Evidence) -> Finding:
        names = REMEDIES[remedy, problem]
        without, using = (_rows(evidence, name) for name in names)
        gain = _gains(evidence)[remedy, problem]
        verdict = of_gain(gain.mean, gain.half_width, gain.p_value, SMALLEST)
        if verdict == HOLDS and not learned(using):
            verdict = DEPENDS
        return Finding(
            verdict,
            f"Recall of the first of 64 tokens, “{names[1]}” less “{names[0]}”: {gain.mean:+.1f} ± "
            f"{gain.half_width:.1f} points of accuracy over {gain.pairs} seeds, "
            f"p = {gain.p_value:.2f}, both "
            f"corrected{_nothing_clipped(remedy, without)}. The task is learned {_shown(using)} "
            f"with it and {_shown(without)} without, each at the rate of three that another seed "
            f"chose.",
            _ids([*without, *using]),
        )

    return judge


def _gains(evidence: Evidence) -> Mapping[tuple[str, str], Difference]:
    """What every remedy adds in points of accuracy, corrected for their number."""

    def gain(names: Sequence[str]) -> Difference:
        pairs = {row["seed"]: row for row in _rows(evidence, names[0])}
        using = [row for row in _rows(evidence, names[1]) if row["seed"] in pairs]
        return paired_difference(
            [100 * accuracy(row) for row in using],
            [100 * accuracy(pairs[row["seed"]]) for row in using],
        )

    return corrected({key: gain(names) for key, names in REMEDIES.items()})


def _nothing_clipped(remedy: str, without: Sequence[Row]) -> str:
    """What is to be added where no gradient is so large that it would be clipped."""
    largest = max(row["gradient_norms"]["largest"] or math.inf for row in without)
    if remedy != "clipping" or largest > CLIPPED:
        return ""
    return f" (no gradient has a norm above {largest:.2f}, so that none is clipped)"


def attention_is_more_stable(evidence: Evidence) -> Finding:
    """Whether attention's gradient is the same at all distances, and steadier in training.

    Its size in training is compared at the same learning rates.
    """
    found = {name: _rows(evidence, name) for name in ("rnn", "attention")}
    factor = {name: _factor(rows) for name, rows in found.items()}
    tried = {name: _tried(evidence, name) for name in found}
    largest, spread = (
        {name: [row["gradient_norms"][what] for row in rows] for name, rows in tried.items()}
        for what in ("largest", "spread")
    )
    level = {name: abs(factor[name] - 1) < LEVEL for name in factor}
    steadier = [all(np.less(figures["attention"], figures["rnn"])) for figures in (largest, spread)]
    rates = [row["rate"] for row in tried["rnn"]]
    return Finding(
        holds_if_all([level["attention"] and not level["rnn"], *steadier]),
        f"Before training a change goes by {100 * (factor['attention'] - 1):+.1f}% a step in "
        f"attention and by {100 * (factor['rnn'] - 1):+.0f}% in the RNN. In training, at learning "
        f"rates {_listed(rates)}, the largest gradients have norms {_listed(largest['attention'])} "
        f"and {_listed(largest['rnn'])}, and their logarithms to base 10 spread by "
        f"{_listed(spread['attention'])} and {_listed(spread['rnn'])}.",
        _ids([row for name in found for row in (*found[name], *tried[name])]),
    )


def good_at_short_range(evidence: Evidence) -> Finding:
    """Whether an RNN whose gradient vanishes over 64 steps learns over 16."""
    near, far = _rows(evidence, "rnn, 16 steps"), _rows(evidence, "rnn")
    return Finding(
        holds_if(learned(near) == len(near)),
        f"The first token is recalled after 16 steps {_shown(near)}, after 64 {_shown(far)}.",
        _ids([*near, *far]),
    )


def _rows(evidence: Evidence, name: str) -> list[dict]:
    return repeated(name, evidence.results("gradients"))


def _tried(evidence: Evidence, name: str) -> list[dict]:
    """The first seed with every learning rate."""
    rows = evidence.rows("gradients")
    return [rows[trial.identity] for trial in trials(name)]


def _listed(values: Sequence[float]) -> str:
    return ", ".join(f"{value:.2g}" for value in values)


def _shown(rows: list[dict]) -> str:
    return f"by {learned(rows)} of {len(rows)} seeds"


def _left(rows: list[dict]) -> float:
    norms = np.array([row["norms_at_start"] for row in rows])
    return float(np.exp(np.log(norms[:, FAR] / norms[:, 1]).mean()))


def _factor(rows: list[dict]) -> float:
    return _left(rows) ** (1 / (FAR - 1))


def _ids(rows: list[dict]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(row["id"] for row in rows))
