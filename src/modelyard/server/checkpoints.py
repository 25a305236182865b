"""Makes a checkpoint now and then while the server runs.

Several servers of one registry may all do so: where nothing has happened since the last checkpoint, none is made.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Thread


class Ticker:
    """Calls something at intervals, in a thread of its own, until it is closed.

    Args:
        work: what to call; it must not raise.
        seconds: the interval; 0 never calls it.
    """

    def __init__(self, work: Callable[[], None], seconds: float) -> None:
        self._work = work
        self._seconds = seconds
        self._closed = Event()
        self._thread = Thread(target=self._run, name="modelyard-checkpoints", daemon=True)

    def start(self) -> None:
        """Begin to wait for the first interval to pass."""
        if self._seconds > 0:
            self._thread.start()

    def close(self) -> None:
        """Let the call that is running end, and call no more."""
        self._closed.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._closed.wait(self._seconds):
            self._work()
