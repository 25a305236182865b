"""Sends what webhooks wait for: in a server's background, or in a process of its own.

Rules
- Any number of dispatchers may work on one registry; the claims of `registry.deliveries` keep them apart.
- `webhooks.threads` attempts run at once, and at most `PER_WEBHOOK` of them for one webhook, so that a receiver that
  does not answer does not hold up the others.
- It looks for work when the database changes, when an attempt has ended, and when the next pause is over.
- At its end no attempt is begun any more, and those that run are waited for.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, Self

from sqlalchemy import Row

from modelyard.config import Settings
from modelyard.domain.durations import later, parsed
from modelyard.domain.webhooks import Patience, is_delivered
from modelyard.errors import ModelyardError
from modelyard.metadata import deliveries
from modelyard.registry.context import Yard
from modelyard.registry.deliveries import RUN, Due, Post, give_back, in_time, look, settle, take
from modelyard.server.outbound import Outbound

PER_WEBHOOK = 2
TICK_S = 0.2
"""How often the database is asked whether it has changed."""
IDLE_S = 5.0
"""How long it waits at most until it looks for work although nothing told it to."""
FAULT_S = 1.0
"""How long a line rests after a fault of this side."""
TIDY_S = 3_600.0
KEPT_S = 30 * 86_400.0
"""How long a delivery is remembered after it was delivered."""

_log = logging.getLogger("modelyard.webhooks")


class Dispatcher:
    """Claims, sends and records.

    Args:
        yard: the registry.
        settings: the `webhooks.*` settings.
        changes: a number that stays the same as long as the database does, if there is one.
        post: what sends, instead of HTTP; for tests.
    """

    def __init__(
        self, yard: Yard, settings: Settings, *, changes: Callable[[], int] | None = None, post: Post | None = None
    ) -> None:
        self._yard = yard
        self._changes = changes or (lambda: 0)
        self._outbound = Outbound(
            allow_private=settings["webhooks.allow_private"], timeout=settings["webhooks.timeout_s"]
        )
        self._post: Post = post or self._outbound
        self._lease = max(float(settings["webhooks.lease_s"]), 3 * float(settings["webhooks.timeout_s"]))
        self._patience = Patience(
            first_pause=settings["webhooks.first_retry_s"],
            longest_pause=settings["webhooks.longest_retry_s"],
            give_up_after=settings["webhooks.give_up_after_s"],
        )
        self._threads: int = max(1, settings["webhooks.threads"])
        self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="modelyard-webhook")
        self._stopped, self._wake = threading.Event(), threading.Event()
        self._lock = threading.Lock()
        self._busy: Counter[str] = Counter()
        self._lines: set[tuple[str, str]] = set()
        self._tidy_at = 0.0
        self._thread: threading.Thread | None = None
        self.delivered, self.failed = 0, 0
        """How many attempts ended well, and how many did not."""

    def start(self) -> None:
        """Work in a thread of its own, until `stop`."""
        self._thread = threading.Thread(target=self.run, name="modelyard-webhooks", daemon=True)
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
        self._outbound.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def run(self) -> None:
        """Work until `stop` or `interrupt` is called from another thread."""
        while not self._stopped.is_set():
            seen = self._changes()
            due = self._looked()
            if due is None:
                self._stopped.wait(IDLE_S)
                continue
            self._launch(due.ready)
            self._rest(seen, due.next_at)

    def drain(self) -> None:
        """Send what is due, each delivery once unless it succeeds, and return when nothing is left to try."""
        tried: set[int] = set()
        while not self._stopped.is_set():
            ready = [row for row in look(self._yard).ready if row.id not in tried]
            self._wake.clear()
            tried |= self._launch(ready)
            with self._lock:
                working = bool(self._lines)
            if not ready and not working:
                return
            self._wake.wait(TICK_S)

    def _looked(self) -> Due | None:
        """What is to be done; None where the database does not answer."""
        self._wake.clear()
        try:
            self._tidy()
            return look(self._yard)
        except ModelyardError as error:
            _log.warning("webhooks wait: %s", error.message)
            return None

    def _tidy(self) -> None:
        """Forget now and then what was delivered long ago."""
        if time.monotonic() < self._tidy_at:
            return
        self._tidy_at = time.monotonic() + TIDY_S
        before = later(self._yard.clock(), -KEPT_S)
        with self._yard.database.read() as tx:
            old = deliveries.any_before(tx, before)
        if old:
            with self._yard.database.write() as tx:
                deliveries.forget(tx, before)

    def _launch(self, rows: Sequence[Row[Any]]) -> set[int]:
        """Begin as many lines as there are threads for; return the deliveries that they begin with."""
        begun: set[int] = set()
        for row in rows:
            line = (row.webhook_id, row.model_id)
            with self._lock:
                full = len(self._lines) >= self._threads
                if full or line in self._lines or self._busy[row.webhook_id] >= PER_WEBHOOK:
                    continue
                self._lines.add(line)
                self._busy[row.webhook_id] += 1
            begun.add(row.id)
            self._pool.submit(self._work, row)
        return begun

    def _rest(self, seen: int, next_at: str | None) -> None:
        """Wait until there may be work."""
        pause = IDLE_S if next_at is None else min(IDLE_S, self._seconds_until(next_at))
        end = time.monotonic() + pause
        while not self._wake.wait(max(0.0, min(TICK_S, end - time.monotonic()))):
            if time.monotonic() >= end or self._changes() != seen:
                return

    def _seconds_until(self, moment: str) -> float:
        now: datetime = parsed(self._yard.clock())
        return max(0.0, (parsed(moment) - now).total_seconds())

    def _work(self, row: Row[Any]) -> None:
        """Send a line, one event after the other, as long as all goes well."""
        try:
            self._send_line(row)
        except ModelyardError as error:
            _log.warning("a delivery waits: %s", error.message)
            self._stopped.wait(FAULT_S)
        except Exception:  # noqa: BLE001 - a thread of the pool has nobody to raise it to
            _log.exception("a delivery failed for a reason that nobody foresaw")
            self._stopped.wait(FAULT_S)
        finally:
            with self._lock:
                self._lines.discard((row.webhook_id, row.model_id))
                self._busy[row.webhook_id] -= 1
            self._wake.set()

    def _send_line(self, row: Row[Any]) -> None:
        parcel = take(self._yard, row, self._lease)
        for number in range(1, RUN + 1):
            if parcel is None:
                return
            if self._stopped.is_set() or not in_time(self._yard, parcel, self._lease):
                give_back(self._yard, parcel)
                return
            reply = self._post(parcel)
            good = reply.status is not None and is_delivered(reply.status)
            with self._lock:
                self.delivered += good
                self.failed += not good
            if not good:
                _log.info("webhook %s did not take %s: %s", parcel.webhook, parcel.message_id, reply.error)
            lease = self._lease if number < RUN and not self._stopped.is_set() else 0.0
            chance = random.random()  # noqa: S311 - it spreads attempts over time
            parcel = settle(self._yard, parcel, reply, patience=self._patience, chance=chance, lease=lease)
