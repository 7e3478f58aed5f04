"""The options of tasks as flags of a command."""

import dataclasses
from collections.abc import Sequence

from absl import flags
from absl.flags import FlagValues

from seqjax.errors import UserError
from seqjax.tasks import TASKS
from seqjax.tasks.task import Options

DEFINE = {
    int: flags.DEFINE_integer,
    float: flags.DEFINE_float,
    bool: flags.DEFINE_bool,
    str: flags.DEFINE_string,
}


def define_options(values: FlagValues, tasks: Sequence[str]) -> None:
    """A flag for every option of these tasks, None where it is not given."""
    for name, whose in tasks_of_options(tasks).items():
        field = next(f for f in dataclasses.fields(TASKS[whose[0]].options) if f.name == name)
        help_text = f"{field.metadata['help']} ({', '.join(whose)}; default {field.default})"
        DEFINE[type(field.default)](name, None, help_text, flag_values=values)


def options_of(values: FlagValues, task: str, tasks: Sequence[str]) -> Options:
    """What was chosen for a run's task; an option that only others of `tasks` have is refused."""
    given = {}
    for name, whose in tasks_of_options(tasks).items():
        if values[name].value is not None:
            if task not in whose:
                raise UserError(
                    f"--{name}={values[name].value} is an option of {', '.join(whose)}, and this "
                    f"run's task is {task}: leave it out."
                )
            given[name] = values[name].value
    return TASKS[task].options(**given)


def tasks_of_options(tasks: Sequence[str]) -> dict[str, list[str]]:
    """Those of the tasks that have an option, by its name."""
    found: dict[str, list[str]] = {}
    for name in tasks:
        for field in dataclasses.fields(TASKS[name].options):
            found.setdefault(field.name, []).append(name)
    return found
