"""Sends what channels wait for, in the background of a server.

Rules
- Any number of senders may work on one registry; the claims of `modelyard.watch.notifying` keep them apart.
- A channel has one attempt at a time in a process, so that a receiver that does not answer holds up nobody else.
- It looks for work when the database changes, when an attempt has ended, and when the next pause is over.
- At its end no attempt is begun any more, and those that run are waited for.
"""

from __future__ import annotations

import logging
import os
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

from sqlalchemy import Row

from modelyard.config import Settings
from modelyard.domain.durations import parsed
from modelyard.domain.webhooks import Patience
from modelyard.errors import ModelyardError
from modelyard.registry.context import Yard
from modelyard.watch.channels.message import Outside
from modelyard.watch.notifying import Due, attempt, in_time, look, settle, take

TICK_S = 0.2
"""How often the database is asked whether it has changed."""
IDLE_S = 5.0
FAULT_S = 1.0
"""How long a channel rests after a fault of this side."""

_log = logging.getLogger("modelyard.alerts")


class Notifier:
    """Claims, sends and records.

    Args:
        yard: the registry.
        settings: the `alerts.*` settings.
        outside: the way out of this machine.
        changes: a number that stays the same as long as the database does, if there is one.
        environ: the variables that channels name; the process's own where it is left out.
    """

    def __init__(
        self,
        yard: Yard,
        settings: Settings,
        outside: Outside,
        *,
        changes: Callable[[], int] | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._yard, self._outside = yard, outside
        self._changes = changes or (lambda: 0)
        self._environ = os.environ if environ is None else environ
        self._lease = max(float(settings["alerts.lease_s"]), 3 * float(settings["alerts.timeout_s"]))
        self._patience = Patience(
            first_pause=settings["alerts.first_retry_s"],
            longest_pause=settings["alerts.longest_retry_s"],
            give_up_after=settings["alerts.give_up_after_s"],
        )
        self._threads: int = max(1, settings["alerts.threads"])
        self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="modelyard-alert")
        self._stopped, self._wake = threading.Event(), threading.Event()
        self._lock = threading.Lock()
        self._busy: set[str] = set()
        self._thread: threading.Thread | None = None
        self.sent, self.failed = 0, 0
        """How many attempts ended well, and how many did not."""

    def start(self) -> None:
        """Work in a thread of its own, until `stop`."""
        self._thread = threading.Thread(target=self.run, name="modelyard-alerts", daemon=True)
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
                due = look(self._yard)
            except ModelyardError as error:
                _log.warning("messages wait: %s", error.message)
                self._stopped.wait(IDLE_S)
                continue
            self._launch(due.ready)
            self._rest(seen, due)

    def drain(self) -> None:
        """Send what is due, each message once, and return when nothing is left to try."""
        tried: set[str] = set()
        while not self._stopped.is_set():
            ready = [row for row in look(self._yard).ready if row.id not in tried]
            self._wake.clear()
            tried |= self._launch(ready)
            with self._lock:
                working = bool(self._busy)
            if not ready and not working:
                return
            self._wake.wait(TICK_S)

    def _launch(self, rows: Sequence[Row[Any]]) -> set[str]:
        """Begin as many attempts as there are threads for; return the messages."""
        begun: set[str] = set()
        for row in rows:
            with self._lock:
                if row.channel_id in self._busy or len(self._busy) >= self._threads:
                    continue
                self._busy.add(row.channel_id)
            begun.add(row.id)
            self._pool.submit(self._work, row)
        return begun

    def _rest(self, seen: int, due: Due) -> None:
        """Wait until there may be work."""
        pause = IDLE_S
        if due.next_at is not None:
            left = (parsed(due.next_at) - parsed(self._yard.clock())).total_seconds()
            pause = min(IDLE_S, max(0.0, left))
        end = time.monotonic() + pause
        while not self._wake.wait(max(0.0, min(TICK_S, end - time.monotonic()))):
            if time.monotonic() >= end or self._changes() != seen:
                return

    def _work(self, row: Row[Any]) -> None:
        try:
            self._send(row)
        except ModelyardError as error:
            _log.warning("a message waits: %s", error.message)
            self._stopped.wait(FAULT_S)
        except Exception:  # noqa: BLE001 - a thread of the pool has nobody to raise it to
            _log.exception("a message could not be sent for a reason that nobody foresaw")
            self._stopped.wait(FAULT_S)
        finally:
            with self._lock:
                self._busy.discard(row.channel_id)
            self._wake.set()

    def _send(self, row: Row[Any]) -> None:
        parcel = None if self._stopped.is_set() else take(self._yard, row, self._lease)
        if parcel is None or not in_time(self._yard, parcel, self._lease):
            return
        result = attempt(self._outside, parcel, self._environ)
        with self._lock:
            self.sent += result.sent
            self.failed += not result.sent
        chance = random.random()  # noqa: S311 - it spreads attempts over time
        settle(self._yard, parcel, result, patience=self._patience, chance=chance, environ=self._environ)
