"""What the commands of the experiments share: flags, which cells run, the quick version."""

import math
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from absl import flags
from absl.flags import FlagValues
from rich.console import Console

from experiments.scaled import scaled, scaled_results
from experiments.sweep import Cell, run_cells

# A cell of the quick version differs from the committed one in these alone, which make it short.
QUICK_CELLS = 3
QUICK = {"train__steps": 6, "train__evaluate_every": 3, "train__batch_size": 8}


def define_flags(values: FlagValues) -> None:
    """The flags of an experiment that trains."""
    flags.DEFINE_bool(
        "quick", False, "train for a few steps, and write no rows", flag_values=values
    )
    flags.DEFINE_float(
        "minutes", math.inf, "start no cell later; the rest is for another time", flag_values=values
    )


def define_scalable_flags(values: FlagValues) -> None:
    """The same, and one that makes all models larger: they are of `size=`, not the article's."""
    define_flags(values)
    flags.DEFINE_integer(
        "scale",
        1,
        "for an accelerator: models with so many times the parameters, trained for so many times "
        "the steps; rows go to a file of their own",
        1,
        flag_values=values,
    )


def run_experiment(
    values: FlagValues,
    cells: Sequence[Cell],
    results: Path,
    table: Callable[[Path], Sequence[str]],
) -> None:
    """Runs the cells that are missing and prints the table."""
    run_stages(values, (lambda results: cells,), results, table)


def run_stages(
    values: FlagValues,
    stages: Sequence[Callable[[Path], Sequence[Cell]]],
    results: Path,
    table: Callable[[Path], Sequence[str]],
) -> None:
    """The same, one stage after the other: a later one's cells depend on the rows of earlier ones.

    The quick version runs a few of the first.
    """
    console = Console(stderr=True)
    scale = values.scale if "scale" in values else 1
    results = scaled_results(results, scale)
    if values.quick:
        print(quick_rows(stages[0](results), console), end="")
        return
    started = time.monotonic()
    for stage in stages:
        left = values.minutes - (time.monotonic() - started) / 60
        run_cells(scaled(stage(results), scale), results, console, minutes=left)
    print("\n".join(table(results)))


def quick_rows(cells: Sequence[Cell], console: Console) -> str:
    """The rows of short versions of a few cells, evenly chosen, which nothing keeps."""
    chosen = cells[:: -(-len(cells) // QUICK_CELLS)]
    with tempfile.TemporaryDirectory() as folder:
        rows = Path(folder) / "results.jsonl"
        run_cells([cell.where(**QUICK) for cell in chosen], rows, console)
        return rows.read_text()


def by_variant(groups: Mapping[str, Sequence[Cell]]) -> list[Cell]:
    """All cells, the first seed of every variant before the second of any."""
    longest = max(map(len, groups.values()))
    return [cells[n] for n in range(longest) for cells in groups.values() if n < len(cells)]
