"""Which mixer fails which of bAbI's tasks: `python -m experiments.babi.run`.

Models of `size=tiny`, 100,000 parameters outside their tables, are trained on one task each, and on
all of them at once, by the settings of `configs/babi.py`; of all at once also with each question
before its story. Every mixer gets the same tuning: three learning rates on qa1, of which the best
of the validation split is for all tasks, and three with the question first. The stories of the set
`en-10k` lie in `data/babi_en10k`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from absl import flags
from absl.flags import FlagValues

from experiments import command
from experiments.babi import shortcuts
from experiments.command import run_stages
from experiments.sweep import Cell, rows_of
from experiments.tuning import RATES, Tuned
from seqjax.command_line import run_command

RESULTS = Path(__file__).with_name("results.jsonl")
TASKS = (1, 4, 6, 9, 15, 20)
MIXERS = ("lstm", "gru", "gated_deltanet", "transformer")
STEPS = 1_500
# Of 32 questions each: of a trial about as many as stand in the stories of 2 * STEPS.
TRIAL_STEPS, LONG_STEPS = 10_000, 30_000
MOST_SECONDS = 3_600.0  # of a cell, on a machine that others use as well
SOLVED = 0.95  # the accuracy at which Weston et al. (2015) call a task solved
# What a model is trained on.
ALONE, TOGETHER, QUESTION_FIRST = "one task", "all", "all, question first"


def cell(mixer: str, tasks: tuple[int, ...]) -> Cell:
    """One model, trained on some tasks, at a learning rate that is still to be chosen."""
    whole = Cell(f"configs/babi.py:{mixer}", details=("test_by_group",), most_seconds=MOST_SECONDS)
    return whole.where(
        data__source="files",
        data__folder=shortcuts.FOLDER,
        data__tasks=tasks,
        data__buckets=2,
        train__epochs=0,
        train__steps=STEPS * (1 if len(tasks) == 1 else 2),
        train__evaluate_every=STEPS // 3,
    )


def cell_question_first(mixer: str, steps: int) -> Cell:
    """One model for all tasks that reads each question before its story."""
    return cell(mixer, TASKS).where(
        data__questions="first", train__steps=steps, train__evaluate_every=TRIAL_STEPS // 10
    )


def tuned(mixer: str) -> Tuned:
    """The model that is tried with every learning rate, on the first task."""
    return Tuned(cell(mixer, TASKS[:1]), "accuracy", seeds=1)


def question_first(mixer: str) -> Tuned:
    """One model for all tasks that reads each question before its story, tried alike."""
    return Tuned(cell_question_first(mixer, TRIAL_STEPS), "accuracy", seeds=1)


def lent(mixer: str, tasks: tuple[int, ...], results: Path) -> list[Cell]:
    """The cell of some tasks at the rate that the first chose; none while it is not chosen."""
    return tuned(mixer).lend(cell(mixer, tasks), results)


def trained(mixer: str, how: str, results: Path) -> list[Cell]:
    """The cells of a mixer that are trained alone, together or with the question first."""
    if how == ALONE:
        return [cell for task in TASKS for cell in lent(mixer, (task,), results)]
    if how == TOGETHER:
        return lent(mixer, TASKS, results)
    return question_first(mixer).lend(cell_question_first(mixer, LONG_STEPS), results)


def define_flags(values: FlagValues) -> None:
    """The flags of this command."""
    command.define_scalable_flags(values)
    flags.DEFINE_list("mixers", list(MIXERS), "only these mixers", flag_values=values)


def main(values: FlagValues) -> None:
    """Runs what is missing, all mixers' cells of a task before the next, then all tasks at once."""

    def trials(results: Path, *, of: Callable[[str], Tuned]) -> list[Cell]:
        return [trial for mixer in values.mixers for trial in of(mixer).trials()]

    def others(results: Path, *, tasks: tuple[int, ...]) -> list[Cell]:
        return [found for mixer in values.mixers for found in lent(mixer, tasks, results)]

    def longer(results: Path) -> list[Cell]:
        return [
            found for mixer in values.mixers for found in trained(mixer, QUESTION_FIRST, results)
        ]

    groups = [*((task,) for task in TASKS[1:]), TASKS]
    stages = (
        partial(trials, of=tuned),
        *(partial(others, tasks=tasks) for tasks in groups),
        partial(trials, of=question_first),
        longer,
    )
    run_stages(values, stages, RESULTS, table)


def table(results: Path) -> Sequence[str]:
    """The lines of Markdown of the README: a mixer and how it was trained, a column for a task."""
    lines = [
        "| mixer | learning rate | trained on "
        f"| {' | '.join(f'qa{task}' for task in TASKS)} | fails |",
        f"|---|---|---|{'---|' * len(TASKS)}---|",
    ]
    for mixer in MIXERS:
        for rate, how, found in runs(mixer, results):
            if found:
                lines.append(line(f"`{mixer}`", f"{rate:g}", how, found))
    return [*lines, line("a guess that ignores who is asked about", "", "", shortcuts.accuracies())]


def runs(mixer: str, results: Path) -> Iterator[tuple[float | None, str, Mapping[int, float]]]:
    """The rate of each line of a mixer, what it was trained on, and what it reaches of each task.

    Of the trials on qa1 the chosen one is a line of its own.
    """
    alone, first = tuned(mixer), question_first(mixer)
    for rate, trial in zip(RATES, alone.trials(), strict=True):
        if rate != alone.rate(results):
            yield rate, "qa1, as a trial", accuracies([trial], results)
    for how in (ALONE, TOGETHER):
        yield alone.rate(results), how, reached(mixer, how, results)
    for rate, trial in zip(RATES, first.trials(), strict=True):
        yield rate, f"{QUESTION_FIRST}, as a trial", accuracies([trial], results)
    yield first.rate(results), QUESTION_FIRST, reached(mixer, QUESTION_FIRST, results)


def line(name: str, rate: str, how: str, found: Mapping[int, float]) -> str:
    """A line of the table: the accuracy of each task that there is one of, and which fail."""
    shown = [f"{100 * found[task]:.1f}" if task in found else "" for task in TASKS]
    failed = ", ".join(f"qa{task}" for task in found if found[task] < SOLVED)
    return f"| {name} | {rate} | {how} | {' | '.join(shown)} | {failed or '–'} |"


def reached(mixer: str, how: str, results: Path) -> dict[int, float]:
    """The test accuracy of each task that the mixer was trained on."""
    return accuracies(trained(mixer, how, results), results)


def solved(how: str, results: Path) -> dict[str, int]:
    """How many tasks each mixer solves, of those mixers that have run on all of them."""
    found = {mixer: reached(mixer, how, results) for mixer in MIXERS}
    return {
        mixer: sum(share >= SOLVED for share in shares.values())
        for mixer, shares in found.items()
        if shares.keys() == set(TASKS)
    }


def accuracies(cells: Sequence[Cell], results: Path) -> dict[int, float]:
    """The test accuracy of each task that the rows of some cells are about."""
    return {
        int(task): metrics["accuracy"]
        for row in rows_of(cells, results)
        for task, metrics in row["test_by_group"].items()
    }


if __name__ == "__main__":
    run_command(define_flags, main)
