"""Sends what webhooks wait for: in a server's background, or in a process of its own.

Rules
- `webhooks.threads` attempts run at once, and at most `PER_WEBHOOK` of them for one webhook, so that a receiver that
  does not answer does not hold up the others.
- The rest is as in `modelyard.registry.sender`.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from sqlalchemy import Row

from modelyard.config import Settings
from modelyard.domain.durations import later
from modelyard.domain.posting import Reply
from modelyard.domain.webhooks import Patience, is_delivered
from modelyard.metadata import deliveries
from modelyard.outside.outbound import Outbound
from modelyard.registry.context import Yard
from modelyard.registry.deliveries import RUN, Due, Post, give_back, in_time, look, settle, take
from modelyard.registry.sender import Sender

PER_WEBHOOK = 2
TIDY_S = 3_600.0
KEPT_S = 30 * 86_400.0
"""How long a delivery is remembered after it was delivered."""


class Dispatcher(Sender):
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
        super().__init__(yard, "webhooks", threads=settings["webhooks.threads"], changes=changes)
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
        self._busy: Counter[str] = Counter()
        self._lines: set[tuple[str, str]] = set()
        self._tidy_at = 0.0
        self.delivered, self.failed = 0, 0
        """How many attempts ended well, and how many did not."""

    def stop(self) -> None:
        """End, and wait for the attempts that run; harmless when repeated."""
        super().stop()
        self._outbound.close()

    def look(self) -> Due:
        """Return what there is to do, and forget now and then what was delivered long ago."""
        self._tidy()
        return look(self._yard)

    def claims(self, row: Row[Any]) -> bool:
        """Whether another line may begin."""
        line = (row.webhook_id, row.model_id)
        is_full = len(self._lines) >= self._threads or self._busy[row.webhook_id] >= PER_WEBHOOK
        if is_full or line in self._lines:
            return False
        self._lines.add(line)
        self._busy[row.webhook_id] += 1
        return True

    def releases(self, row: Row[Any]) -> None:
        """The line has ended."""
        self._lines.discard((row.webhook_id, row.model_id))
        self._busy[row.webhook_id] -= 1

    @property
    def is_working(self) -> bool:
        """Whether a line runs."""
        return bool(self._lines)

    def attempt(self, row: Row[Any]) -> None:
        """Send a line, one event after the other, as long as all goes well."""
        parcel = take(self._yard, row, self._lease)
        for number in range(1, RUN + 1):
            if parcel is None:
                return
            if self._stopped.is_set() or not in_time(self._yard, parcel, self._lease):
                give_back(self._yard, parcel)
                return
            reply = Reply(error=parcel.trouble) if parcel.trouble else self._post(parcel)
            good = reply.status is not None and is_delivered(reply.status)
            with self._lock:
                self.delivered += good
                self.failed += not good
            if not good:
                self._log.info("webhook %s did not take %s: %s", parcel.webhook, parcel.message_id, reply.error)
            lease = self._lease if number < RUN and not self._stopped.is_set() else 0.0
            chance = self.chance.random()
            parcel = settle(self._yard, parcel, reply, patience=self._patience, chance=chance, lease=lease)

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
