"""The figures in the prose of the READMEs, made from the committed rows.

A quote is a phrase as a README has it, with the figures that the rows give. Where these change, the
README no longer contains it, and `python -m experiments.readmes --check` says what it should read.
Those of an experiment are in `quotes.py` beside its README, those of the repository in `report`.
"""

import importlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from experiments.sweep import ROOT
from seqjax.errors import UserError

WORDS = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def check(readmes: Iterable[Path]) -> None:
    """Refuses a README that has a figure otherwise than the rows have it."""
    for path in readmes:
        said = in_one_line(path.read_text(encoding="utf-8"))
        for quote in quotes_of(path):
            if quote not in said:
                raise UserError(
                    f'{path.relative_to(ROOT)} must say "{quote}", as the rows have it.'
                )


def quotes_of(readme: Path) -> Iterator[str]:
    """The quotes of a README; none of one that has no figures in its prose."""
    folder = ROOT / "experiments" / "report" if readme.parent == ROOT else readme.parent
    if (folder / "quotes.py").exists():
        yield from importlib.import_module(f"experiments.{folder.name}.quotes").quotes()


def in_one_line(text: str) -> str:
    """The text whatever its line breaks are."""
    return " ".join(text.split())


def between(figures: Sequence[float], form: str) -> str:
    """The least to the greatest of some figures, or the one that both are when rounded."""
    low, high = (format(find(figures), form) for find in (min, max))
    return low if low == high else f"{low.removesuffix('%')} to {high}"
