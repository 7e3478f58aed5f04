"""What settles claims without training: `python -m experiments.article_claims.run`.

Counts parameters, reads compiled programs, compares gradients and shuffles inputs, and prints the
ledger: every claim with the verdict that the committed rows of all experiments give it.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from absl import flags
from absl.flags import FlagValues
from rich.console import Console

from experiments import command
from experiments.article_claims.evidence import Evidence
from experiments.article_claims.ledger import CLAIMS
from experiments.article_claims.measurements import MEASUREMENTS
from experiments.sweep import one_of, run_cells
from seqjax.benchmarking.results import circumstances
from seqjax.command_line import run_command

RESULTS = Path(__file__).with_name("results.jsonl")
QUICK = ("parameters_by_heads", "gradient_formulas")


class Measurement(NamedTuple):
    """One of `MEASUREMENTS` by its name."""

    name: str

    @property
    def identity(self) -> str:
        """The id of its row."""
        return f"article_claims: {self.name}"

    @property
    def command(self) -> str:
        """What runs it alone."""
        return f"python -m experiments.article_claims.run --only='{self.identity}'"

    def row(self, console: Console) -> dict[str, Any]:
        """Measures."""
        started = time.monotonic()
        return {
            "id": self.identity,
            "command": self.command,
            "figures": MEASUREMENTS[self.name](),
            "seconds": round(time.monotonic() - started, 1),
            **circumstances(),
        }


def table(results: Path) -> Sequence[str]:
    """The ledger as lines of Markdown; verdicts come from the rows of all experiments."""
    evidence = Evidence(results.parent.parent)
    lines = [
        "| | where | the claim | verdict | what was measured | experiment |",
        "|---|---|---|---|---|---|",
    ]
    for number, claim in enumerate(CLAIMS, 1):
        finding = claim.judge(evidence)
        lines.append(
            f"| {number} | {claim.section} | {claim.statement} | **{finding.verdict}** "
            f"| {finding.figure} | `{claim.experiment}` |"
        )
    return lines


def define_flags(values: FlagValues) -> None:
    """The flags of this command."""
    command.define_flags(values)
    flags.DEFINE_string("only", None, "run the measurement of this id again", flag_values=values)


def main(values: FlagValues) -> None:
    """Measures what is missing, then prints the ledger."""
    console = Console(stderr=True)
    if values.quick:
        for name in QUICK:
            print(Measurement(name).row(console))
        return
    every = [Measurement(name) for name in MEASUREMENTS]
    if values.only:
        print(one_of(every, values.only).row(console))
        return
    run_cells(every, RESULTS, console)
    print("\n".join(table(RESULTS)))


if __name__ == "__main__":
    run_command(define_flags, main)
