"""Predicts from a run's folder alone: `python -m seqjax.predict --workdir DIR < lines`.

One input a line on standard input, one prediction a line on standard output. A terminal shows texts
while they are written. Of a text that is too long to label or translate as a whole, standard error
tells which part was left out.

Where a run reads files, a line is the path of one. A picture or a clip is taken as it is: MNIST's
digits are light on dark, so for a run on them dark ink on light paper must be inverted before.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice

import jax
import numpy as np
from absl.flags import FlagValues

from seqjax.command_flags import define_workdir, workdir_of
from seqjax.command_line import run_command
from seqjax.data.arrays import Split
from seqjax.data.loader import Batches
from seqjax.option_flags import define_options, options_of
from seqjax.tasks import TASKS
from seqjax.tasks.task import Options
from seqjax.training.compiled import Compiled
from seqjax.training.trained import Trained, load_trained

LINES_AT_ONCE = 1024
BATCH_SIZE = 32


def define_flags(values: FlagValues) -> None:
    """The flags of this command: the options of every task, None where none is given."""
    define_workdir(values)
    define_options(values, list(TASKS))


def main(values: FlagValues) -> None:
    """Answers line by line on a terminal, else in batches."""
    trained = load_trained(workdir_of(values))
    options = options_of(values, trained.setup.config.task, list(TASKS))
    for note in trained.notes:
        print(note, file=sys.stderr)
    sys.stdin.reconfigure(encoding="utf-8", errors="replace", newline="\n")
    setup = trained.setup
    stream = setup.task.streamer(setup.model, options) if sys.stdout.isatty() else None
    if stream:
        for piece in streamed(trained, sys.stdin, stream):
            print(piece, end="", flush=True)
        return
    at_once = 1 if sys.stdin.isatty() else LINES_AT_ONCE
    for answer in answers(trained, sys.stdin, at_once, options):
        print(answer, flush=sys.stdin.isatty())


def answers(
    trained: Trained, lines: Iterable[str], at_once: int, options: Options
) -> Iterator[str]:
    """One answer for each line, in order."""
    setup = trained.setup
    predict = Compiled(jax.jit(partial(setup.task.predict, setup.model, options=options)))
    lines, first = iter(lines), 0
    while chunk := list(islice(lines, at_once)):
        batches = batches_of(trained, chunk, first, min(BATCH_SIZE, at_once))
        found: dict[int, str] = {}
        with setup.context():
            for step in range(batches.steps_per_epoch):
                batch = batches.batch(step)
                predictions = jax.device_get(predict(trained.params, batch))
                said = setup.task.answers(
                    predictions, batch, setup.facts, trained.tokenizer, options
                )
                found.update(zip(batches.row_numbers(step), said, strict=True))
        yield from (found[row] for row in range(len(chunk)))
        first += len(chunk)


def streamed(trained: Trained, lines: Iterable[str], stream: Callable) -> Iterator[str]:
    """The answers to the lines, one after the other, in pieces as they come."""
    with trained.setup.context():
        for number, line in enumerate(lines):
            batch = batches_of(trained, [line], number, 1).batch(0)
            yield from stream(trained.params, batch, trained.tokenizer)
            yield "\n"


def batches_of(trained: Trained, lines: Sequence[str], first: int, batch_size: int) -> Batches:
    """Batches of typed lines, the first of which has the number `first`."""
    setup = trained.setup
    typed = [line.rstrip("\r\n") for line in lines]
    for sentence in setup.config.data.unread(typed, trained.tokenizer):
        print(sentence, file=sys.stderr)
    split = setup.config.data.read(typed, setup.facts, trained.tokenizer)
    numbers = np.arange(first, first + len(typed), dtype=np.int32)
    return Batches(
        Split(split.columns | {"row": numbers}),
        batch_size=batch_size,
        boundaries=setup.facts.boundaries,
        seed=0,
        shuffle=False,
    )


if __name__ == "__main__":
    run_command(define_flags, main)
