"""Evaluates a run on a whole split: `python -m seqjax.evaluate --workdir DIR --split test`.

Prints one JSON object, with a score of the answers where they are texts. Needs the split's data,
and of the run nothing but its folder. A model that is too large for one host is evaluated by the
same command on several, all of which see the folder.
"""

import json
import sys
from typing import Any

from absl import flags
from absl.flags import FlagValues

from seqjax.command_flags import define_distributed, define_workdir, workdir_of
from seqjax.command_line import run_command
from seqjax.data.arrays import Split
from seqjax.data.prepare import default_cache_folder
from seqjax.distributed import hosts
from seqjax.errors import UserError
from seqjax.option_flags import define_options, options_of
from seqjax.tasks import TASKS
from seqjax.training.details import by_group, by_length, by_position, confusion, score
from seqjax.training.trained import Trained, load_trained

DETAILS = {
    "by_length": (by_length, "the metrics of inputs of like length, from short to long"),
    "by_position": (by_position, "the metrics at each step of the inputs, from first to last"),
    "by_group": (by_group, "the metrics of each kind of inputs, such as each task of bAbI"),
    "confusion": (confusion, "how often each label was answered by each other"),
}
WRITING = [name for name, task in TASKS.items() if task.writes]


def define_flags(values: FlagValues) -> None:
    """The flags of this command."""
    define_workdir(values)
    define_distributed(values)
    flags.DEFINE_enum(
        "split", "test", ["train", "valid", "test"], "what to evaluate on", flag_values=values
    )
    for name, (_, description) in DETAILS.items():
        flags.DEFINE_bool(name, False, description, flag_values=values)
    define_options(values, WRITING)


def main(values: FlagValues) -> None:
    """Evaluates the best checkpoint."""
    hosts.join(values.distributed)
    trained = load_trained(workdir_of(values))
    setup = trained.setup
    options = options_of(values, setup.config.task, WRITING)
    references = None
    with hosts.together():  # each host has a cache of its own
        split = read_split(trained, values.split)
        if setup.task.writes:
            references = setup.config.data.read_references(
                values.split, trained.tokenizer, default_cache_folder()
            )
    result: dict[str, Any] = {
        "split": values.split,
        "step": trained.step,
        "examples": len(split),
    }
    with setup.context():
        evaluation = setup.evaluation()
        # First, since one that the data do not have is refused before anything is computed.
        details = {
            name: measure(setup, evaluation, trained.params, split)
            for name, (measure, _) in DETAILS.items()
            if values[name].value
        }
        result |= evaluation(trained.params, split).metrics
        if references is not None:
            result |= score(trained, evaluation, split, references, options)
        result |= details
    if hosts.is_first():
        for note in trained.notes:
            print(note, file=sys.stderr)
        print(json.dumps(result))


def read_split(trained: Trained, name: str) -> Split:
    """A split of the run's data."""
    facts = trained.setup.facts
    if name not in facts.splits:
        raise UserError(f"--split={name}: the run's data has only {', '.join(facts.splits)}.")
    return trained.setup.config.data.read_split(
        name, facts, trained.tokenizer, default_cache_folder()
    )


if __name__ == "__main__":
    run_command(define_flags, main)
