"""The tables of the READMEs, made from the committed rows: `python -m experiments.readmes`.

A table stands between `<!-- table EXPERIMENT -->` and `<!-- end -->`, and is what `table(RESULTS)`
of `experiments/EXPERIMENT/run.py` gives; `EXPERIMENT.PART` names another module of it. Between
`<!-- hours EXPERIMENT -->` and `<!-- end -->` stands how long its training runs took. With
`--check` nothing is written: the command ends with status 2 where a README says something else than
the rows. Figures in prose are not written, but checked in either case (`experiments.quoted`).
"""

import importlib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from absl import flags
from absl.flags import FlagValues

from experiments import quoted
from experiments.sweep import ROOT, read_rows
from seqjax.command_line import run_command
from seqjax.errors import UserError

GENERATED = re.compile(r"(<!-- (table|hours) ([\w.]+) -->\n).*?(<!-- end -->)", re.DOTALL)
MARKER = re.compile(r"<!-- (?:(?:table|hours) [\w.]+|end) -->\n")


def define_flags(values: FlagValues) -> None:
    """The flags of this command."""
    flags.DEFINE_bool("check", False, "write nothing, and refuse what is stale", flag_values=values)


def main(values: FlagValues) -> None:
    """Writes, or checks, every table; checks the figures between them."""
    for path in readmes():
        old = path.read_text(encoding="utf-8")
        new = with_tables(old)
        if new == old:
            continue
        if values.check:
            raise UserError(
                f"{path.relative_to(ROOT)} says something else than the rows: run "
                f"`python -m experiments.readmes`."
            )
        path.write_text(new, encoding="utf-8")
    quoted.check(readmes())


def readmes() -> Iterator[Path]:
    """The README of the repository and those of the experiments."""
    yield ROOT / "README.md"
    yield from sorted(ROOT.glob("experiments/*/README.md"))


def with_tables(text: str) -> str:
    """The text with its tables made anew."""

    def made(found: re.Match) -> str:
        before, kind, name, after = found.groups()
        lines = hours(name) if kind == "hours" else table(name)
        return f"{before}\n" + "\n".join(lines) + f"\n\n{after}"

    return GENERATED.sub(made, text)


def table(name: str) -> Sequence[str]:
    """The lines of an experiment, or of a part of it."""
    experiment = importlib.import_module(f"experiments.{name if '.' in name else f'{name}.run'}")
    return experiment.table(experiment.RESULTS)


def hours(name: str) -> Sequence[str]:
    """How many runs an experiment has, and what they took."""
    files = (ROOT / "experiments" / name).glob("*.jsonl")
    rows = [row for path in files for row in read_rows(path).values()]
    seconds = [found for row in rows if (found := seconds_of(row)) is not None]
    return [f"The {len(seconds)} runs of the committed rows took {sum(seconds) / 3600:.1f} hours."]


def seconds_of(row: Mapping[str, Any]) -> float | None:
    """What a training run took; None of a row that is none, or came to no end."""
    return row["summary"]["wall_seconds"] if "summary" in row else row.get("seconds")


if __name__ == "__main__":
    run_command(define_flags, main)
