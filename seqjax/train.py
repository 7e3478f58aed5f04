"""Trains a model: `python -m seqjax.train --config configs/sentiment.py:rnn [--workdir DIR]`.

The same command resumes a run that was stopped, and prints the summary of one that has finished.
"""

import json

from absl import flags
from absl.flags import FlagValues
from rich.console import Console

from seqjax.command_flags import config_of, define_config, define_distributed
from seqjax.command_line import run_command
from seqjax.distributed import hosts
from seqjax.distributed.cores import divide_cpu
from seqjax.training.config import digest
from seqjax.training.describe import print_description
from seqjax.training.folder import RunFolder
from seqjax.training.run import run


def define_flags(values: FlagValues) -> None:
    """The flags of this command."""
    define_config(values)
    flags.DEFINE_string(
        "workdir",
        None,
        "folder of the run; by default runs/NAME-PRESET-HASH, from the configuration",
        flag_values=values,
    )
    flags.DEFINE_bool(
        "shared_workdir",
        False,
        "of several hosts, say that all see the same folder at --workdir",
        flag_values=values,
    )
    define_distributed(values)
    flags.DEFINE_bool(
        "describe", False, "print the model part by part, and stop", flag_values=values
    )


def main(values: FlagValues) -> None:
    """Trains or resumes, and prints the summary as JSON."""
    config = config_of(values)
    if values.describe:
        print_description(config, Console())
        return
    hosts.join(values.distributed)
    divide_cpu(config.mesh, config.train.batch_size // config.train.accumulate)
    folder = RunFolder(values.workdir or f"runs/{config.name}-{config.preset}-{digest(config)}")
    console = Console(stderr=True, quiet=not hosts.is_first())
    summary = run(config, folder, console, shared_workdir=values.shared_workdir)
    if hosts.is_first():
        print(json.dumps(summary, indent=2))


if __name__ == "__main__":
    run_command(define_flags, main)
