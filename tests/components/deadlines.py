"""Waiting for what has to come about, in tests of several threads or processes."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE = 30.0


def until(holds: Callable[[], object], what: str, seconds: float = PATIENCE) -> None:
    """Ask until something holds; fail, saying what was waited for, if it does not."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"did not come about: {what}"
        time.sleep(0.01)
