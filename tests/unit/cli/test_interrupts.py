"""Signals as events, wherever in the program they strike."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from modelyard.cli.interrupts import interruptible

PATIENCE_S = 30.0


def strike(number: signal.Signals = signal.SIGINT) -> None:
    """Send a signal to this process; its handler has run when this returns."""
    os.kill(os.getpid(), number)


def test_ctrl_c_is_an_event_and_no_exception():
    with interruptible() as interrupted:
        assert not interrupted.is_set()
        strike()
        assert interrupted.wait(PATIENCE_S)


def test_a_signal_that_strikes_while_the_event_is_waited_for_stops_nothing():
    with interruptible() as interrupted:
        # What `wait` does: it holds this lock, and a handler runs between any two of its steps.
        with interrupted._cond:  # type: ignore[attr-defined]
            strike()
        assert interrupted.wait(PATIENCE_S)


def test_signals_that_are_named_and_no_others_are_events():
    with interruptible(signal.SIGTERM) as interrupted:
        with pytest.raises(KeyboardInterrupt):
            strike()
        assert not interrupted.is_set()
        strike(signal.SIGTERM)
        assert interrupted.wait(PATIENCE_S)


def test_afterwards_signals_mean_what_they_did():
    before = signal.getsignal(signal.SIGINT)
    running = threading.active_count()
    with interruptible():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before
    assert threading.active_count() == running
