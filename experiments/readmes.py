"""The tables of the READMEs, made from the committed rows: `python -m experiments.readmes`.

A table stands between `<!-- table EXPERIMENT -->` and `<!-- end -->`, and is what `table(RESULTS)`
of `experiments/EXPERIMENT/run.py` gives; `EXPERIMENT.PART` names another module of it. With
`--check` nothing is written: the command ends with status 2 where a README says something else
than the rows.
"""

import importlib
import re
from collections.abc import Iterator
from pathlib import Path

from absl import flags
from absl.flags import FlagValues

from experiments.sweep import ROOT
from seqjax.command_line import run_command
from seqjax.errors import UserError

TABLE = re.compile(r"(<!-- table ([\w.]+) -->\n).*?(<!-- end -->)", re.DOTALL)
MARKER = re.compile(r"<!-- (?:table [\w.]+|end) -->\n")


def define_flags(values: FlagValues) -> None:
    """The flags of this command."""
    flags.DEFINE_bool("check", False, "write nothing, and refuse what is stale", flag_values=values)


def main(values: FlagValues) -> None:
    """Writes, or checks, every table."""
    for path in readmes():
        old = path.read_text(encoding="utf-8")
        new = with_tables(old)
        if new != old and values.check:
            raise UserError(
                f"{path.relative_to(ROOT)} says something else than the rows: run "
                f"`python -m experiments.readmes`."
            )
        path.write_text(new, encoding="utf-8")


def readmes() -> Iterator[Path]:
    """The README of the repository and those of the experiments."""
    yield ROOT / "README.md"
    yield from sorted(ROOT.glob("experiments/*/README.md"))


def with_tables(text: str) -> str:
    """The text with its tables made anew."""

    def made(found: re.Match) -> str:
        before, name, after = found.groups()
        module = name if "." in name else f"{name}.run"
        experiment = importlib.import_module(f"experiments.{module}")
        return f"{before}\n" + "\n".join(experiment.table(experiment.RESULTS)) + f"\n\n{after}"

    return TABLE.sub(made, text)


if __name__ == "__main__":
    run_command(define_flags, main)
