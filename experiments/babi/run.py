"""Which mixer fails which of bAbI's tasks: `python -m experiments.babi.run`.

Models of `size=tiny`, 100,000 parameters outside their tables, are trained on one task each, and on
all of them at once, by the settings of `configs/babi.py`. The stories of the set `en-10k` lie in
`data/babi_en10k`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from absl import flags
from absl.flags import FlagValues

from experiments import command
from experiments.command import run_experiment
from experiments.sweep import Cell, read_rows
from seqjax.command_line import run_command

RESULTS = Path(__file__).with_name("results.jsonl")
TASKS = (1, 4, 6, 9, 15, 20)
MIXERS = ("lstm", "gru", "gated_deltanet", "transformer")
STEPS = 1_500
MOST_SECONDS = 3_600.0  # of a cell, on a machine that others use as well
SOLVED = 0.95  # the accuracy at which Weston et al. (2015) call a task solved


def cell(mixer: str, tasks: tuple[int, ...]) -> Cell:
    """One model, trained on some tasks."""
    whole = Cell(f"configs/babi.py:{mixer}", details=("test_by_group",), most_seconds=MOST_SECONDS)
    return whole.where(
        data__source="files",
        data__folder="data/babi_en10k",
        data__tasks=tasks,
        data__buckets=2,
        train__epochs=0,
        train__steps=STEPS * (1 if len(tasks) == 1 else 2),
        train__evaluate_every=STEPS // 3,
    )


def cells(mixers: Sequence[str]) -> list[Cell]:
    """Every task alone, of all mixers before the next task, then all at once."""
    groups = [(task,) for task in TASKS] + [TASKS]
    return [cell(mixer, tasks) for tasks in groups for mixer in mixers]


def define_flags(values: FlagValues) -> None:
    """The flags of this command."""
    command.define_scalable_flags(values)
    flags.DEFINE_list("mixers", list(MIXERS), "only these mixers", flag_values=values)


def main(values: FlagValues) -> None:
    """Runs what is missing, then prints the table."""
    run_experiment(values, cells(values.mixers), RESULTS, table)


def table(results: Path) -> Sequence[str]:
    """The lines of Markdown of the README: a mixer and how it was trained, a column for a task."""
    rows = read_rows(results)
    lines = [
        f"| mixer | trained on | {' | '.join(f'qa{task}' for task in TASKS)} | fails |",
        f"|---|---|{'---|' * len(TASKS)}---|",
    ]
    for mixer in MIXERS:
        for trained, found in (
            ("one task", alone(mixer, rows)),
            ("all", accuracies(rows.get(cell(mixer, TASKS).identity))),
        ):
            if found:
                shown = [f"{100 * found[task]:.1f}" if task in found else "" for task in TASKS]
                failed = ", ".join(f"qa{task}" for task in found if found[task] < SOLVED)
                lines.append(f"| `{mixer}` | {trained} | {' | '.join(shown)} | {failed or '–'} |")
    return lines


def alone(mixer: str, rows: Mapping[str, Mapping[str, Any]]) -> dict[int, float]:
    """The test accuracy of each task that the mixer was trained on alone."""
    found = [accuracies(rows.get(cell(mixer, (task,)).identity)) for task in TASKS]
    return {task: share for shares in found for task, share in shares.items()}


def accuracies(row: Mapping[str, Any] | None) -> dict[int, float]:
    """The test accuracy of each task that a row is about; none where there is no such row."""
    groups = (row or {}).get("test_by_group", {})
    return {int(task): metrics["accuracy"] for task, metrics in groups.items()}


if __name__ == "__main__":
    run_command(define_flags, main)
