"""Runs `seqjax.train` and signals its own process: `signalled.py SIGNAL MOMENT STEP FLAGS…`."""

import os
import signal
import sys
import time

from seqjax.command_line import run_command
from seqjax.train import define_flags, main
from seqjax.training import evaluation
from seqjax.training.checkpoint import Checkpoints
from seqjax.training.loop import Loop


def in_a_step(tell, step):
    take = Loop._take
    taken = []

    def tell_and_take(self, *arguments):
        taken.append(arguments)
        if len(taken) == step:
            tell()
        return take(self, *arguments)

    Loop._take = tell_and_take


def in_evaluation(tell, step):
    place_batch = evaluation.place_batch
    placed = []

    def tell_and_place(*arguments):
        placed.append(arguments)
        if len(placed) == step:
            tell()
        return place_batch(*arguments)

    evaluation.place_batch = tell_and_place


def while_saving(tell, step):
    save = Checkpoints.save

    def save_and_tell(self, state, progress):
        save(self, state, progress)
        if progress.step == step:
            tell()

    Checkpoints.save = save_and_tell


if __name__ == "__main__":
    name, moment, step, *sys.argv[1:] = sys.argv[1:]

    def tell():
        print(f"signalled at {time.time()}", file=sys.stderr, flush=True)
        os.kill(os.getpid(), signal.Signals[name])

    globals()[moment](tell, int(step))
    run_command(define_flags, main)
