"""How gradients fare over time: `python -m experiments.gradients.run`.

One block of a mixer learns to say, after the last of 64 steps, which token came first. Every
setting is tried with three learning rates, and the one that is best on validation examples is
repeated with ten more seeds. A row holds what was learned, how large the gradients were, and the
norms of `∂h_T/∂h_t` by distance before and after training.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np
from absl import flags
from absl.flags import FlagValues
from rich.console import Console

from experiments import command
from experiments.gradients.norms import norms_by_distance
from experiments.gradients.recall import RATES, Setting, train
from experiments.sweep import json_number, one_of, read_rows, run_cells
from seqjax.benchmarking.results import circumstances
from seqjax.command_line import run_command

RESULTS = Path(__file__).with_name("results.jsonl")
SEEDS = 10
LEARNED = 0.95  # the accuracy from which a seed has learned to recall
MEASURED = 16  # sequences that norms are measured on
QUICK_SETTINGS, QUICK_STEPS = ("rnn", "attention"), 4
SHORT = 16

MIXERS = (
    *("rnn", "lstm", "gru", "mingru", "minlstm", "lru", "rglru", "ssd", "gated_deltanet"),
    *("paragru", "paralstm", "attention"),
)
REMEDIES = {
    "": {},
    ", clipped": {"clip_norm": 1.0},
    ", normalised": {"normalised": True},
    ", SGD": {"optimizer": "sgd"},
}
SETTINGS = {
    **{mixer: Setting(mixer) for mixer in MIXERS},
    "rnn, 16 steps": Setting("rnn", length=SHORT),
    # Gradients fade with the usual recurrent weights, explode with large, vanish with small ones.
    **{
        f"rnn{weights}{remedy}": Setting("rnn", recurrent_gain=gain, **changes)
        for weights, gain in (("", 1.0), (", weights doubled", 2.0), (", weights halved", 0.5))
        for remedy, changes in REMEDIES.items()
    },
}


@dataclass(frozen=True)
class Trial:
    """A setting by its name, a learning rate and a seed."""

    name: str
    rate: float
    seed: int
    setting: Setting

    @property
    def identity(self) -> str:
        """The id of its row."""
        return f"gradients: {self.name}, {self.rate:g}, {self.seed}"

    @property
    def command(self) -> str:
        """What runs it alone."""
        return f"python -m experiments.gradients.run --only='{self.identity}'"

    def row(self, console: Console) -> dict[str, Any]:
        """Trains, and measures before and after."""
        started = time.monotonic()
        config = self.setting.model()
        tokens, _ = self.setting.examples(jax.random.key(2), MEASURED)
        trained = train(self.setting, self.seed, self.rate)
        norms = {
            "norms_at_start": norms_by_distance(config, self.setting.params(self.seed), tokens),
            "norms_after_training": norms_by_distance(config, trained.params, tokens),
        }
        return {
            "id": self.identity,
            "command": self.command,
            "setting": asdict(self.setting),
            "rate": self.rate,
            "seed": self.seed,
            "valid": json_number(trained.valid),
            "test": json_number(trained.test),
            "gradient_norms": _spread(trained.gradient_norms),
            **{
                name: [json_number(f"{norm:.4g}") for norm in found]
                for name, found in norms.items()
            },
            "seconds": round(time.monotonic() - started, 1),
            **circumstances(),
        }


def trials(name: str) -> list[Trial]:
    """The first seed with every learning rate."""
    setting = SETTINGS[name]
    return [Trial(name, rate, 0, setting) for rate in RATES[setting.optimizer]]


def repeats(name: str, results: Path) -> list[Trial]:
    """Other seeds with the best learning rate, the lower of equals; none while it is not known.

    The seed that has chosen would look better than it is.
    """
    rows, tried = read_rows(results), trials(name)
    if any(trial.identity not in rows for trial in tried):
        return []
    best = max(tried, key=lambda trial: rows[trial.identity]["valid"] or -math.inf)
    return [Trial(name, best.rate, seed, best.setting) for seed in range(1, SEEDS + 1)]


def repeated(name: str, results: Path) -> list[dict[str, Any]]:
    """The rows of those that have run."""
    rows = read_rows(results)
    return [rows[trial.identity] for trial in repeats(name, results) if trial.identity in rows]


def accuracy(row: dict[str, Any]) -> float:
    """The share of test sequences answered rightly; a model that is not finite answers nothing."""
    return row["test"] or 0.0


def learned(rows: Sequence[dict[str, Any]]) -> int:
    """How many of the seeds have learned to recall."""
    return sum(accuracy(row) >= LEARNED for row in rows)


def decay_per_step(norms: Sequence[float]) -> float:
    """The factor by which a norm changes with each step of distance, from 1 on, on average."""
    return (norms[-1] / norms[1]) ** (1 / (len(norms) - 2))


def table(results: Path) -> Sequence[str]:
    """The lines of Markdown of the README."""
    lines = [
        "| what | learning rate | seeds that learned | test accuracy, % | `∂h_T/∂h_t` per step at "
        "the start | after training | largest gradient | its spread, decades |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name in SETTINGS:
        rows = repeated(name, results)
        if not rows:
            continue
        accuracies = [100 * accuracy(row) for row in rows]
        start, after = (
            np.median([decay_per_step(row[moment]) for row in rows])
            for moment in ("norms_at_start", "norms_after_training")
        )
        largest = max(row["gradient_norms"]["largest"] for row in rows)
        spread = np.median([row["gradient_norms"]["spread"] for row in rows])
        lines.append(
            f"| {name} | {rows[0]['rate']:g} | {learned(rows)} of {len(rows)} "
            f"| {np.median(accuracies):.0f} ({min(accuracies):.0f}–{max(accuracies):.0f}) "
            f"| {start:.2f} | {after:.2f} | {largest:.2g} | {spread:.2f} |"
        )
    return lines


def define_flags(values: FlagValues) -> None:
    """The flags of this command."""
    command.define_flags(values)
    flags.DEFINE_string("only", None, "run the trial of this id again", flag_values=values)


def main(values: FlagValues) -> None:
    """Runs what is missing, then prints the table."""
    console = Console(stderr=True)
    if values.quick:
        for name in QUICK_SETTINGS:
            setting = Setting(SETTINGS[name].mixer, length=SHORT, steps=QUICK_STEPS)
            print(Trial(name, 1e-3, 0, setting).row(console))
        return
    if values.only:
        tried = [
            Trial(name, rate, seed, setting)
            for name, setting in SETTINGS.items()
            for rate in RATES[setting.optimizer]
            for seed in range(SEEDS + 1)
        ]
        print(one_of(tried, values.only).row(console))
        return
    ended = time.monotonic() + 60 * values.minutes
    for name in SETTINGS:
        for step in (trials, lambda name: repeats(name, RESULTS)):
            left = (ended - time.monotonic()) / 60
            run_cells(step(name), RESULTS, console, minutes=left)
    print("\n".join(table(RESULTS)))


def _spread(norms: np.ndarray) -> dict[str, float | None]:
    """The largest norm, and the standard deviation of their logarithms to base 10."""
    finite = norms[np.isfinite(norms) & (norms > 0)]
    return {
        "largest": json_number(f"{finite.max():.4g}"),
        "spread": json_number(f"{np.log10(finite).std():.4g}"),
        "not_finite": int(np.sum(~np.isfinite(norms))),
    }


if __name__ == "__main__":
    run_command(define_flags, main)
