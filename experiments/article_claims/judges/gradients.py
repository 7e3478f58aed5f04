"""Claims about gradients, from `experiments.gradients`."""

from collections.abc import Sequence

import numpy as np

from experiments.article_claims.evidence import Evidence, Finding, holds_if, holds_if_all
from experiments.gradients.run import repeated, trials

FAR = 63  # steps
LEARNED, CHANCE = 0.95, 1 / 8
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
    parts = "; ".join(f"{name} {left[name]:.0e} and {_shown(rows)}" for name, rows in found.items())
    return Finding(
        holds_if_all(better),
        f"Left of a change after {FAR} steps, before training, and recall of the first of 64 "
        f"tokens after it: {parts}.",
        _ids([row for rows in found.values() for row in rows]),
    )


def clipping_helps_exploding(evidence: Evidence) -> Finding:
    """Whether clipping lets an RNN with exploding gradients learn."""
    return _lets_learn(evidence, "rnn, weights doubled", "rnn, weights doubled, clipped")


def adaptive_rates_help(evidence: Evidence) -> Finding:
    """Whether Adam learns what SGD does not, at the same number of rates tried."""
    return _lets_learn(evidence, "rnn, SGD", "rnn")


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
        holds_if(_test(near) > LEARNED),
        f"Recall of the first token after 16 and after 64 steps: {_shown(near)}, and "
        f"{_shown(far)} (chance {100 * CHANCE:.0f}%).",
        _ids([*near, *far]),
    )


def _lets_learn(evidence: Evidence, without: str, using: str) -> Finding:
    """Whether the task is learned in one setting and not in the other."""
    before, after = _rows(evidence, without), _rows(evidence, using)
    return Finding(
        holds_if(_test(before) < LEARNED <= _test(after)),
        f"Recall of the first of 64 tokens, chance {100 * CHANCE:.0f}%: {_shown(before)} "
        f"({without}), and {_shown(after)} ({using}), the best of three learning rates each.",
        _ids([*before, *after]),
    )


def _rows(evidence: Evidence, name: str) -> list[dict]:
    return repeated(name, evidence.results("gradients"))


def _tried(evidence: Evidence, name: str) -> list[dict]:
    """The first seed with every learning rate."""
    rows = evidence.rows("gradients")
    return [rows[trial.identity] for trial in trials(name)]


def _listed(values: Sequence[float]) -> str:
    return ", ".join(f"{value:.2g}" for value in values)


def _accuracy(row: dict) -> float:
    """A model that is no longer finite answers nothing."""
    return row["test"] or 0.0


def _test(rows: list[dict]) -> float:
    return float(np.median([_accuracy(row) for row in rows]))


def _shown(rows: list[dict]) -> str:
    """The median, and what it is of, since seeds learn all or nothing."""
    if len(rows) == 1:
        return f"{100 * _test(rows):.0f}%"
    seeds = ", ".join(f"{100 * _accuracy(row):.0f}" for row in rows)
    return f"{100 * _test(rows):.0f}% (seeds: {seeds})"


def _left(rows: list[dict]) -> float:
    norms = np.array([row["norms_at_start"] for row in rows])
    return float(np.exp(np.log(norms[:, FAR] / norms[:, 1]).mean()))


def _factor(rows: list[dict]) -> float:
    return _left(rows) ** (1 / (FAR - 1))


def _ids(rows: list[dict]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(row["id"] for row in rows))
