"""What works off a queue in the background: webhooks' deliveries and alerts' messages are sent by such.

Rules
- Any number of senders may work on one registry; claims in the database keep them apart.
- It looks for work when the database changes, when an attempt has ended, and when the next pause is over.
- Where the database does not answer it waits.
- At its end no attempt is begun any more, and those that run are waited for.
"""

from __future__ import annotations

import logging
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from random import Random
from typing import Any, Protocol, Self

from sqlalchemy import Row

from modelyard.domain.durations import elapsed
from modelyard.errors import ModelyardError
from modelyard.registry.context import Yard

TICK_S = 0.2
"""How often the database is asked whether it has changed."""
IDLE_S = 5.0
"""How long it waits at most until it looks for work although nothing told it to."""
FAULT_S = 1.0
"""How long a line of attempts rests after a fault of this side."""


class Due(Protocol):
    """What a queue has to do."""

    @property
    def ready(self) -> Sequence[Row[Any]]:
        """What can be tried now."""

    @property
    def next_at(self) -> str | None:
        """When the next pause is over; None where nothing pauses."""


class Sender(ABC):
    """Works off a queue until it is stopped.

    Args:
        yard: the registry.
        name: what it sends, for threads and logs.
        threads: attempts that run at once at most.
        changes: a number that stays the same as long as the database does, if there is one.
    """

    def __init__(self, yard: Yard, name: str, *, threads: int, changes: Callable[[], int] | None) -> None:
        self._yard, self._name, self._threads = yard, name, max(1, threads)
        self._changes = changes or (lambda: 0)
        self._pool: Executor = ThreadPoolExecutor(self._threads, thread_name_prefix=f"modelyard-{name}")
        self._stopped, self._wake = threading.Event(), threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._log = logging.getLogger(f"modelyard.{name}")
        self.chance = Random()  # noqa: S311 - it spreads attempts over time

    @abstractmethod
    def look(self) -> Due:
        """Return what there is to do."""

    @abstractmethod
    def claims(self, row: Row[Any]) -> bool:
        """Whether an attempt may begin now beside those that run; where it may, it counts as running."""

    @abstractmethod
    def releases(self, row: Row[Any]) -> None:
        """The attempt has ended, however it did."""

    @abstractmethod
    def attempt(self, row: Row[Any]) -> None:
        """Try it; called in a thread of the pool."""

    @property
    @abstractmethod
    def is_working(self) -> bool:
        """Whether an attempt runs."""

    def start(self) -> None:
        """Work in a thread of its own, until `stop`."""
        self._thread = threading.Thread(target=self.run, name=f"modelyard-{self._name}", daemon=True)
        self._thread.start()

    def interrupt(self) -> None:
        """Begin no attempt any more."""
        self._stopped.set()
        self._wake.set()

    def stop(self) -> None:
        """End, and wait for the attempts that run; harmless when repeated."""
        self.interrupt()
        if self._thread is not None:
            self._thread.join()
        self._pool.shutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def run(self) -> None:
        """Work until `stop` or `interrupt` is called from another thread."""
        while not self._stopped.is_set():
            seen = self._changes()
            self._wake.clear()
            try:
                due = self.look()
            except ModelyardError as error:
                self._log.warning("%s wait: %s", self._name, error.message)
                self._stopped.wait(IDLE_S)
                continue
            self._launch(due.ready)
            self._rest(seen, due.next_at)

    def drain(self) -> None:
        """Try all that is due once, what follows at once from a success too; return when nothing is left to try."""
        tried: set[object] = set()
        while not self._stopped.is_set():
            ready = [row for row in self.look().ready if row.id not in tried]
            self._wake.clear()
            tried |= self._launch(ready)
            with self._lock:
                working = self.is_working
            if not ready and not working:
                return
            self._wake.wait(TICK_S)

    def _launch(self, rows: Sequence[Row[Any]]) -> set[object]:
        """Begin as many attempts as may run at once; return what they begin with."""
        begun: set[object] = set()
        for row in rows:
            with self._lock:
                may_begin = self.claims(row)
            if may_begin:
                begun.add(row.id)
                self._pool.submit(self._work, row)
        return begun

    def _work(self, row: Row[Any]) -> None:
        try:
            self.attempt(row)
        except ModelyardError as error:
            self._log.warning("%s wait: %s", self._name, error.message)
            self._stopped.wait(FAULT_S)
        except Exception:  # noqa: BLE001 - a thread of the pool has nobody to raise it to
            self._log.exception("%s wait for a reason that nobody foresaw", self._name)
            self._stopped.wait(FAULT_S)
        finally:
            with self._lock:
                self.releases(row)
            self._wake.set()

    def _rest(self, seen: int, next_at: str | None) -> None:
        """Wait until there may be work."""
        pause = IDLE_S if next_at is None else min(IDLE_S, elapsed(self._yard.clock(), next_at))
        end = time.monotonic() + pause
        while not self._wake.wait(max(0.0, min(TICK_S, end - time.monotonic()))):
            if time.monotonic() >= end or self._changes() != seen:
                return
