"""Ctrl-C ends a run even where Python drops what its handler raises."""

import signal
import weakref

import pytest

from seqjax.distributed.preemption import Preemption


class Held:
    pass


# What Python drops, pytest tells as a warning.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupt_that_a_callback_swallows_is_raised_again():
    preemption, held = Preemption(), Held()
    with preemption.listening():
        assert not preemption.reached()
        watched = weakref.ref(held, lambda _: signal.raise_signal(signal.SIGINT))
        del held
        assert watched() is None
        with pytest.raises(KeyboardInterrupt):
            preemption.reached()


def test_an_interrupt_is_heard_at_once_and_only_while_listening():
    before = signal.getsignal(signal.SIGINT)
    with Preemption().listening(), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_an_interrupt_that_is_ignored_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Preemption().listening():
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
