"""Is a trained recurrence solved in parallel? `python -m experiments.gradients.trained`.

Recurrences of `experiments.gradients.run` are trained once more, at the learning rates that were
chosen there and with the same seeds. Before and after it, Newton's method solves all steps of some
sequences at once, every sequence by itself, and their largest Lyapunov exponents are measured.
"""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from absl.flags import FlagValues
from jaxtyping import Array, Bool, Float, Int
from rich.console import Console

from experiments.certificates.cases import CELLS
from experiments.gradients import run
from experiments.gradients.lyapunov import Prediction, prediction
from experiments.gradients.recall import WIDTH, Setting, train
from experiments.gradients.run import Trial, define_flags, repeats
from experiments.sweep import json_number, one_of, read_lines, run_cells
from seqjax.benchmarking.results import circumstances
from seqjax.command_line import run_command
from seqjax.models import Params
from seqjax.ops.lyapunov import largest_lyapunov_exponent
from seqjax.ops.parallel_recurrence import parallel_recurrence
from seqjax.ops.step_products import product_of_steps

RESULTS = Path(__file__).with_name("trained.jsonl")
NAMES = ("rnn", "rnn, 16 steps", "rnn, weights doubled", "gru", "lstm", "paragru", "paralstm")
MOMENTS = ("at_start", "after_training")


@dataclass(frozen=True)
class Solved:
    """A recurrence that is solved in parallel before and after a trial of its training."""

    trial: Trial

    @property
    def identity(self) -> str:
        """The id of its row."""
        return f"trained: {self.trial.name}, {self.trial.seed}"

    @property
    def command(self) -> str:
        """What runs it alone."""
        return f"python -m experiments.gradients.trained --only='{self.identity}'"

    def row(self, console: Console) -> dict[str, Any]:
        """Solves, trains, and solves again."""
        started = time.monotonic()
        setting, seed = self.trial.setting, self.trial.seed
        tokens, _ = setting.examples(jax.random.key(2), run.MEASURED)
        trained = train(setting, seed, self.trial.rate)
        moments = zip(MOMENTS, (setting.params(seed), trained.params), strict=True)
        return {
            "id": self.identity,
            "command": self.command,
            "name": self.trial.name,
            "setting": asdict(setting),
            "rate": self.trial.rate,
            "seed": seed,
            "test": json_number(trained.test),
            **{moment: told(setting, params, tokens) for moment, params in moments},
            "seconds": round(time.monotonic() - started, 1),
            **circumstances(),
        }


def told(setting: Setting, params: Params, tokens: Int[Array, "batch time"]) -> dict[str, list]:
    """Of every sequence: its exponent, whether its solution is certified, and the iterations."""
    exponents, certified, iterations = map(np.asarray, solve(setting, params, tokens))
    return {
        "exponents": [float(f"{exponent:.4g}") for exponent in exponents],
        "certified": certified.tolist(),
        "iterations": iterations.tolist(),
    }


@partial(jax.jit, static_argnums=0)
def solve(
    setting: Setting, params: Params, tokens: Int[Array, "batch time"]
) -> tuple[Float[Array, " batch"], Bool[Array, " batch"], Int[Array, " batch"]]:
    """The largest Lyapunov exponents, what is certified, and the iterations of Newton's method."""

    def of_one(tokens: Int[Array, " time"]) -> tuple[Array, Array, Array]:
        inputs, weight, bias, state, peepholes = recurrence_of(setting, params, tokens[None])
        given = CELLS[setting.mixer], inputs, weight, bias, state
        exponent = largest_lyapunov_exponent(
            *given, peepholes=peepholes, transient=setting.length // 4
        )
        *_, certificate = parallel_recurrence(*given, peepholes=peepholes)
        return exponent[0], certificate.certified[0], certificate.iterations

    return jax.vmap(of_one)(tokens)


def recurrence_of(
    setting: Setting, params: Params, tokens: Int[Array, "batch time"]
) -> tuple[Any, ...]:
    """The recurrence inside a model: inputs, weight, bias, state and peepholes, as it has them."""
    cell, block = CELLS[setting.mixer], params["segment_0"]["block_0"][setting.mixer]
    x = params["frontend"]["embedding"]["embedding"][tokens.T]
    inputs = product_of_steps(x, block["input_kernel"]) + block["bias"][None, None]
    weight = block["recurrent_kernel"]
    if setting.mixer.startswith("para"):
        weight = weight.reshape(-1)
    bias = jnp.zeros(cell.gates * WIDTH)
    if "recurrent_bias" in block:  # a GRU's, inside its last gate
        bias = bias.at[-WIDTH:].set(block["recurrent_bias"])
    state = (jnp.zeros((len(tokens), WIDTH)),) * cell.states
    return inputs, weight, bias, state, tuple(block.get("peepholes", ()))


def table(results: Path) -> Sequence[str]:
    """The lines of Markdown of the README."""
    lines = [
        "| recurrence | at the start: exponent, certified, iterations | trained, did not learn "
        "| trained, learned | exponent with iterations | certified has the lower |",
        "|---|---|---|---|---|---|",
    ]
    for name, rows in by_name(results).items():
        figures = [
            shown(cases(rows, "at_start")),
            *(
                f"{len(some)} seeds: {shown(cases(some, 'after_training'))}" if some else ""
                for some in (those(rows, learned=False), those(rows, learned=True))
            ),
            *_told(predicted(rows)),
        ]
        lines.append(f"| {name} | {' | '.join(figures)} |")
    return lines


def by_name(results: Path) -> dict[str, list[dict[str, Any]]]:
    """The rows of each recurrence that has any."""
    rows = read_lines(results)
    found = {name: [row for row in rows if row["name"] == name] for name in NAMES}
    return {name: some for name, some in found.items() if some}


def those(rows: Sequence[dict[str, Any]], *, learned: bool) -> list[dict[str, Any]]:
    """The rows of the seeds that learned to recall, or of those that did not."""
    return [row for row in rows if (run.learned([row]) == 1) == learned]


def cases(rows: Sequence[Mapping[str, Any]], moment: str) -> list[dict[str, Any]]:
    """The sequences of some rows, one by one."""
    return [
        {"exponent": exponent, "certified": certified, "iterations": iterations}
        for row in rows
        for exponent, certified, iterations in zip(*row[moment].values(), strict=True)
    ]


def shown(found: Sequence[Mapping[str, Any]]) -> str:
    """The median exponent, the share that is certified, and the median of its iterations."""
    exponent = np.median([case["exponent"] for case in found])
    certified = [case["iterations"] for case in found if case["certified"]]
    iterations = f", {np.median(certified):g}" if certified else ""
    return f"{exponent:.2f}, {len(certified) / len(found):.0%}{iterations}"


def predicted(rows: Sequence[Mapping[str, Any]]) -> Prediction:
    """What the exponents of some rows tell, those before and after training together."""
    return prediction([case for moment in MOMENTS for case in cases(rows, moment)])


def _told(said: Prediction) -> list[str]:
    """The figures of a prediction; nothing where there is nothing to tell apart."""
    figures = (said.iterations, "+.2f"), (said.certified, ".2f")
    return ["" if math.isnan(figure) else format(figure, form) for figure, form in figures]


def main(values: FlagValues) -> None:
    """Runs what is missing, then prints the table."""
    console = Console(stderr=True)
    if values.quick:
        setting = Setting("rnn", length=16, steps=run.QUICK_STEPS)
        print(Solved(Trial("rnn", 1e-3, 1, setting)).row(console))
        return
    cells = [Solved(trial) for name in NAMES for trial in repeats(name, run.RESULTS)]
    if values.only:
        print(one_of(cells, values.only).row(console))
        return
    run_cells(cells, RESULTS, console, minutes=values.minutes)
    print("\n".join(table(RESULTS)))


if __name__ == "__main__":
    run_command(define_flags, main)
