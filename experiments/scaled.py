"""Cells for a faster machine: the same models and data, a factor larger and longer."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from rich.console import Console

from experiments.sweep import Cell
from seqjax.models.matching import outside
from seqjax.training.presets import split_preset


@dataclass(frozen=True)
class Scaled:
    """A cell whose model has `factor` times the parameters outside the tables, and as many steps.

    Its row has the identity of the cell itself, in a file of its own (`scaled_results`), so that
    tables and later stages find it there.
    """

    cell: Cell
    factor: int

    @property
    def identity(self) -> str:
        """That of the cell itself."""
        return self.cell.identity

    @property
    def command(self) -> str:
        """What trains the larger model."""
        return self.larger.command

    @property
    def most_seconds(self) -> float:
        """What the larger cell may take, too."""
        return self.cell.most_seconds

    @cached_property
    def larger(self) -> Cell:
        """The cell that is run instead."""
        config = self.cell.resolve()
        path, _, preset = self.cell.config.partition(":")
        word, pairs = split_preset(preset)
        settings = [f"{key}={text}" for key, text in pairs if key != "size"]
        if parameters := outside(config.model):
            settings.append(f"size={self.factor * parameters}")
        changed = replace(self.cell, config=f"{path}:{','.join([word, *settings])}")
        if not config.train.steps:
            return changed.where(train__epochs=self.factor * config.train.epochs)
        return changed.where(
            train__steps=self.factor * config.train.steps,
            train__evaluate_every=self.factor * config.train.evaluate_every,
        )

    def row(self, console: Console) -> dict[str, Any]:
        """Trains, and tells of it."""
        return self.larger.row(console) | {"id": self.identity}


def scaled(cells: Sequence[Cell], factor: int) -> Sequence[Cell | Scaled]:
    """The cells, or larger ones in their place."""
    return cells if factor == 1 else [Scaled(cell, factor) for cell in cells]


def scaled_results(results: Path, factor: int) -> Path:
    """Where the rows of larger cells are kept, beside those of the cells themselves."""
    return results if factor == 1 else results.with_stem(f"{results.stem}_x{factor}")
