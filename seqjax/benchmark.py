"""Times mixers over length, batch and width: `python -m seqjax.benchmark [--output FILE]`.

A short run of every mixer (train step, forward pass, decoding of one step), or
  --full     the atlas: more lengths, batches, widths and all methods; takes hours, in parts
  --article  the whole train step of the article's models; with --peers also in PyTorch, Keras, Flax
  --depth    how many steps of each form of a recurrence wait for one another, at length 10,000
One of these at a time, and --mixers, --lengths … pick from it. What --output FILE holds already is
not measured again, so the same command goes on where it was stopped.
"""

import dataclasses
import json
import os
import sys
from pathlib import Path
from typing import Any

import jax
from absl import flags
from absl.flags import FlagValues
from rich.console import Console

from seqjax.benchmarking import article, atlas, depth, screen
from seqjax.benchmarking.grid import FULL, SHORT
from seqjax.benchmarking.results import Results, circumstances
from seqjax.command_line import run_command
from seqjax.errors import UserError

WORDS, SIZES = ("mixers", "methods", "works"), ("lengths", "batches", "widths")

Rows = list[dict[str, Any]]


def define_flags(values: FlagValues) -> None:
    """The flags of this command."""
    flags.DEFINE_bool("full", False, "measure the atlas", flag_values=values)
    flags.DEFINE_bool("article", False, "measure the article's train steps", flag_values=values)
    flags.DEFINE_bool(
        "depth", False, "count sequential steps, at length 10,000", flag_values=values
    )
    flags.DEFINE_bool("peers", False, "with --article: in other frameworks too", flag_values=values)
    flags.DEFINE_string(
        "peer_python",
        sys.executable,
        "a Python that has the extra `bench`; by default the running one",
        flag_values=values,
    )
    for name in WORDS:
        flags.DEFINE_list(name, None, f"only these {name}, as in --{name}=A,B", flag_values=values)
    for name in SIZES:
        flags.DEFINE_list(
            name, None, f"these {name} instead, as in --{name}=64,256", flag_values=values
        )
    flags.DEFINE_integer("rounds", 7, "interleaved rounds", 3, flag_values=values)
    flags.DEFINE_float(
        "cell_seconds", 30.0, "what needs longer is skipped, and recorded so", 0, flag_values=values
    )
    flags.DEFINE_string("output", None, "add JSON lines to this file", flag_values=values)
    flags.DEFINE_bool("json", False, "print JSON lines, not a table", flag_values=values)


def main(values: FlagValues) -> None:
    """Measures, and prints a table or JSON lines."""
    modes = [f"--{name}" for name in ("full", "article", "depth") if values[name].value]
    if len(modes) > 1:
        raise UserError(f"{' and '.join(modes)} are {len(modes)} measurements: choose one of them.")
    if values.peers and not values.article:
        raise UserError("--peers is for --article, whose train steps other frameworks take too.")
    if values.article:
        # Several processes share an accelerator.
        os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    # What another run has left would make compilation look free.
    jax.config.update("jax_enable_compilation_cache", False)
    results = Results(values.output and Path(values.output), circumstances())
    measure, show = atlas_rows, screen.show_cells
    if values.article:
        measure, show = article_rows, article.show
    if values.depth:
        measure, show = depth_rows, depth.show
    rows = measure(values, results, Console(stderr=True))
    if values.json:
        print("\n".join(map(json.dumps, rows)))
    else:
        show(Console(), rows)


def atlas_rows(values: FlagValues, results: Results, console: Console) -> Rows:
    """One row a cell."""
    words = {name: tuple(values[name].value or ()) for name in WORDS}
    sizes = {name: sizes_of(values, name) for name in SIZES}
    chosen = {name: picked for name, picked in (words | sizes).items() if picked}
    grid = dataclasses.replace(FULL if values.full else SHORT, **chosen)
    patience = atlas.Patience(values.rounds, cell_seconds=values.cell_seconds)
    return atlas.measure(grid.cells(), results, patience, console)


def article_rows(values: FlagValues, results: Results, console: Console) -> Rows:
    """One row a model and length."""
    for name in ("methods", "works", "batches", "widths"):
        if values[name].value:
            raise UserError(f"--{name} picks nothing from --article, whose settings are fixed.")
    contenders = article.OWN + (article.PEERS if values.peers else ())
    items = article.items(values.mixers, sizes_of(values, "lengths"))
    return article.measure(items, contenders, values.peer_python, values.rounds, results, console)


def depth_rows(values: FlagValues, results: Results, console: Console) -> Rows:
    """One row a form of a recurrence."""
    for name in (*WORDS, *SIZES):
        if values[name].value:
            raise UserError(f"--{name} picks nothing from --depth, whose settings are fixed.")
    return depth.measure(results, console)


def sizes_of(values: FlagValues, flag: str) -> tuple[int, ...]:
    """The numbers of a flag that lists some."""
    listed = values[flag].value or ()
    for text in listed:
        if not text.isdecimal() or int(text) < 1:
            raise UserError(f"--{flag}={text} must be whole numbers from 1, as in --{flag}=64,256.")
    return tuple(map(int, listed))


if __name__ == "__main__":
    run_command(define_flags, main)
