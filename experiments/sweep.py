"""Sweeps: cells that run once, resume where they stopped, and can each be rerun by one command.

A cell is a training command. Its row in `results.jsonl` holds the command, the configuration, the
run's summary (seed, device and versions among it) and its learning curve; a cell whose row is there
is not run again, and one that was interrupted resumes from its checkpoint. One that would take
longer than it may is skipped, and one may diverge, which its row says.
"""

import dataclasses
import hashlib
import importlib.util
import json
import math
import shlex
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import jax
from filelock import FileLock
from rich.console import Console
from rich.progress_bar import ProgressBar

from experiments.details import DETAILS
from seqjax.benchmarking.results import circumstances
from seqjax.data.loader import Batches
from seqjax.data.prepare import default_cache_folder, prepare
from seqjax.distributed.shardings import batch_sharding, place_batch
from seqjax.errors import Diverged, UserError
from seqjax.training.compiled import Compiled
from seqjax.training.config import Config, from_dict
from seqjax.training.devices import devices_of_run
from seqjax.training.folder import RunFolder
from seqjax.training.run import run
from seqjax.training.setup import Setup

ROOT = Path(__file__).parent.parent
RUNS = ROOT / "runs" / "experiments"
MOST_SECONDS = 600.0  # of a cell that says nothing else
PILOT_STEPS, PILOT_TAKES = 5, 3  # batches that an estimate is made from, and steps on each
# What leaves the time that a cell takes as it is.
NO_COST = ("seed", "optimizer.learning_rate")


@dataclass(frozen=True)
class Cell:
    """One training run: `configs/NAME.py:PRESET` and `(path, value)` pairs that override it.

    `details` names what its row tells beside the summary (`experiments.details`). A cell that would
    take longer than `most_seconds` is skipped.
    """

    config: str
    settings: tuple[tuple[str, Any], ...] = ()
    details: tuple[str, ...] = ()
    most_seconds: float = MOST_SECONDS

    @property
    def command(self) -> str:
        """What a person types to run this cell alone."""
        flags = [f"--config.{path}={value}" for path, value in self.settings]
        return shlex.join(["python", "-m", "seqjax.train", "--config", self.config, *flags])

    @property
    def identity(self) -> str:
        """Twelve hexadecimal digits that name the cell's row."""
        return hashlib.sha256(self.command.encode()).hexdigest()[:12]

    def where(self, **settings: Any) -> "Cell":
        """The cell with other settings; a double underscore stands for the dot of a path."""
        named = {path.replace("__", "."): value for path, value in settings.items()}
        return dataclasses.replace(self, settings=tuple((dict(self.settings) | named).items()))

    def row(self, console: Console) -> dict[str, Any]:
        """Trains, and tells of it."""
        return run_cell(self, console)

    def resolve(self) -> Config:
        """The whole configuration that the command stands for."""
        path, _, preset = self.config.partition(":")
        spec = importlib.util.spec_from_file_location(Path(path).stem, ROOT / path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        values = module.get_config(*[preset] if preset else []).to_dict()
        for dotted, value in self.settings:
            *groups, leaf = dotted.split(".")
            group = values
            for name in groups:
                group = group[name]
            group[leaf] = value
        return from_dict(values)


class Runnable(Protocol):
    """What a sweep runs once: a `Cell`, or whatever else leaves a row."""

    @property
    def identity(self) -> str:
        """The `id` of the row."""

    @property
    def command(self) -> str:
        """What a person types to run it alone."""

    def row(self, console: Console) -> dict[str, Any]:
        """What is kept of it."""


def read_lines(results: Path) -> list[dict[str, Any]]:
    """The rows of a results file in their order; none where there is no file."""
    if not results.exists():
        return []
    state = results.stat()
    return list(_parsed(results, state.st_size, state.st_mtime_ns))


@lru_cache(maxsize=32)  # every table asks for the same files, once a model
def _parsed(results: Path, size: int, changed: int) -> tuple[dict[str, Any], ...]:
    """The rows of a file as it was when it had this size and was last changed."""
    lines = results.read_text().splitlines(keepends=True)
    return tuple(json.loads(line) for line in lines if line.endswith("\n"))  # else a crash cut it


def read_rows(results: Path) -> dict[str, dict[str, Any]]:
    """The rows of a results file by their identity."""
    return {row["id"]: row for row in read_lines(results)}


def rows_of(cells: Sequence[Cell], results: Path) -> list[dict[str, Any]]:
    """The rows of the cells that have run, in the order of the cells."""
    rows = read_rows(results)
    found = [rows[cell.identity] for cell in cells if cell.identity in rows]
    return [row for row in found if "summary" in row]


def shared_seeds(
    first: Sequence[dict[str, Any]], second: Sequence[dict[str, Any]]
) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """The rows of two models in pairs, those of the seeds that both have run with."""
    one, other = ({row["summary"]["seed"]: row for row in rows} for rows in (first, second))
    return [(one[seed], other[seed]) for seed in sorted(one.keys() & other.keys())]


def one_of(cells: Sequence[Runnable], identity: str) -> Runnable:
    """The cell of an id."""
    for cell in cells:
        if cell.identity == identity:
            return cell
    raise UserError(f"--only={identity!r} names no row: ids are like {cells[0].identity!r}.")


def run_cells(
    cells: Sequence[Runnable], results: Path, console: Console, *, minutes: float = math.inf
) -> None:
    """Runs the cells whose rows are missing and appends them to `results`.

    None is started after so many minutes: the same command goes on from there.
    """
    rows = read_rows(results)
    missing = [cell for cell in cells if _is_missing(cell, rows.get(cell.identity))]
    started = time.monotonic()
    for done, cell in enumerate(missing):
        if time.monotonic() - started > 60 * minutes:
            console.print(f"{len(missing) - done} cells are left for another time.")
            return
        console.rule(f"cell {done + 1} of {len(missing)}{_remaining(started, done, len(missing))}")
        console.print(ProgressBar(total=len(missing), completed=done))
        console.print(cell.command, highlight=False, soft_wrap=True)
        append_row(cell.row(console), results)


def json_number(value: float | str) -> float | None:
    """The number; None where it is not finite, which JSON has no number for."""
    return float(value) if math.isfinite(float(value)) else None


def append_row(row: dict[str, Any], results: Path) -> None:
    """Adds a line to a results file, which other processes may do as well.

    What a crash has left of a line is cut off first.
    """
    RUNS.mkdir(parents=True, exist_ok=True)
    with FileLock(RUNS / "rows.lock"):
        text = results.read_text() if results.exists() else ""
        if text and not text.endswith("\n"):
            results.write_text(text[: text.rfind("\n") + 1])
        with open(results, "a") as file:
            file.write(json.dumps(row) + "\n")


def _is_missing(cell: Runnable, row: dict[str, Any] | None) -> bool:
    """Whether there is no row, or one of a cell that was skipped and now may take its time."""
    if row is None:
        return True
    return "skipped" in row and row["skipped"]["estimated_seconds"] <= cell.most_seconds


def run_cell(cell: Cell, console: Console) -> dict[str, Any]:
    """The row of a cell."""
    config = cell.resolve()
    row = {"id": cell.identity, "command": cell.command, "config": dataclasses.asdict(config)}
    costly = tuple(pair for pair in cell.settings if pair[0] not in NO_COST)
    seconds = expected_seconds(dataclasses.replace(cell, settings=costly))
    if seconds > cell.most_seconds:
        console.print(f"Skipped: it would take about {seconds / 60:.0f} min.")
        skipped = {"estimated_seconds": seconds, "most_seconds": cell.most_seconds}
        return row | {"skipped": skipped} | circumstances()
    folder = RunFolder(RUNS / cell.identity)
    try:
        row["summary"] = run(config, folder, console)
    except Diverged as error:
        console.print(f"Diverged: {error}")
        return row | {"diverged": str(error)} | circumstances()
    row["curve"] = learning_curve(folder)
    for name in cell.details:
        row[name] = DETAILS[name](folder)
    return row


@lru_cache(maxsize=256)
def expected_seconds(cell: Cell) -> float:
    """The seconds of all steps of a cell, from the fastest ones on some batches; no evaluations.

    The first step on a batch of a new length is slower than those that follow, and any may be held
    up by something else.
    """
    config = cell.resolve()
    data = prepare(config.data, default_cache_folder())
    setup = Setup(config, data.facts, devices_of_run(config, data.facts))
    size = config.train.batch_size
    batches = Batches(
        data.splits["train"], batch_size=size, boundaries=data.facts.boundaries, seed=0
    )
    sharding = batch_sharding(setup.mesh, setup.config.mesh)
    told, step, fastest = setup.hyperparameters(), Compiled(setup.train_step()), []
    with setup.context():
        state = setup.first_state()
        for number in range(PILOT_STEPS):
            batch = place_batch(sharding, batches.batch(number), size)
            execute, seconds = step.executable(state, batch, told), []
            for _ in range(PILOT_TAKES):
                begun = time.perf_counter()
                state, _ = jax.block_until_ready(execute(state, batch, told))
                seconds.append(time.perf_counter() - begun)
            fastest.append(min(seconds))
    return statistics.mean(fastest) * setup.total_steps


def learning_curve(folder: RunFolder) -> list[dict[str, float]]:
    """The loss, the task's metrics and the seconds since the start at every evaluation on valid."""
    rows = map(json.loads, (folder.path / "metrics.jsonl").read_text().splitlines())
    dull = ("split", "ms_per_step", "examples_per_second")
    return [
        {name: value for name, value in row.items() if name not in dull}
        for row in rows
        if row["split"] == "valid"
    ]


def _remaining(started: float, done: int, total: int) -> str:
    if not done:
        return ""
    seconds = (time.monotonic() - started) / done * (total - done)
    return f", about {seconds / 60:.0f} min to go"
