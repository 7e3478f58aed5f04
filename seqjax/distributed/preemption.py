"""Being told to end: a machine that is taken back sends SIGTERM, with some seconds to save.

A person's Ctrl-C, SIGINT, ends a run at once.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

import jax
from jax.experimental import multihost_utils


class Preempted(Exception):
    """The run was told to end, and the same command goes on with it; the message is for a person.

    Caught at the edge of every command, which ends with a status of its own.
    """


class Preemption:
    """Whether this host, or any other, was told to end."""

    def __init__(self) -> None:
        self._asked = 0
        self._told = False
        self._interrupted = False

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Where signals are heard; of several hosts JAX itself listens to SIGTERM on each."""
        heard = {}
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else it is ignored
            heard[signal.SIGINT] = self._interrupt
        if not jax.distributed.is_initialized():
            heard[signal.SIGTERM] = self._hear
        before = {number: signal.signal(number, handler) for number, handler in heard.items()}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def reached(self) -> bool:
        """Whether it is time to save and leave.

        Asked equally often on all hosts, between pieces of work that take seconds, it becomes true
        on all of them at the same time of asking. Raises KeyboardInterrupt where an earlier one got
        lost: Python drops what is raised in a finalizer or a callback of the garbage collector.
        """
        if self._interrupted:
            raise KeyboardInterrupt
        self._asked += 1
        if not self._told:
            self._told = multihost_utils.reached_preemption_sync_point(self._asked)
        return self._told

    def _hear(self, *_) -> None:
        if not self._asked:  # and there is nothing to save yet
            raise Preempted("told to end before training began; the same command starts it.")
        self._told = True

    def _interrupt(self, *_) -> None:
        self._interrupted = True
        raise KeyboardInterrupt
