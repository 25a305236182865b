"""Sends what channels wait for, in the background of a server.

Rules
- A channel has one attempt at a time in a process, so that a receiver that does not answer holds up nobody else.
- The rest is as in `modelyard.registry.sender`; the claims are those of `modelyard.watch.notifying`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Row

from modelyard.config import Settings
from modelyard.domain.webhooks import Patience
from modelyard.registry.context import Yard
from modelyard.registry.sender import Sender
from modelyard.watch.channels.message import Outside
from modelyard.watch.notifying import Due, attempt, in_time, look, settle, take


class Notifier(Sender):
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
        super().__init__(yard, "alerts", threads=settings["alerts.threads"], changes=changes)
        self._outside = outside
        self._environ = os.environ if environ is None else environ
        self._lease = max(float(settings["alerts.lease_s"]), 3 * float(settings["alerts.timeout_s"]))
        self._patience = Patience(
            first_pause=settings["alerts.first_retry_s"],
            longest_pause=settings["alerts.longest_retry_s"],
            give_up_after=settings["alerts.give_up_after_s"],
        )
        self._busy: set[str] = set()
        self.sent, self.failed = 0, 0
        """How many attempts ended well, and how many did not."""

    def look(self) -> Due:
        """Return what there is to send."""
        return look(self._yard)

    def claims(self, row: Row[Any]) -> bool:
        """Whether another attempt may begin: one at a time for each channel."""
        if row.channel_id in self._busy or len(self._busy) >= self._threads:
            return False
        self._busy.add(row.channel_id)
        return True

    def releases(self, row: Row[Any]) -> None:
        """The attempt has ended."""
        self._busy.discard(row.channel_id)

    @property
    def is_working(self) -> bool:
        """Whether an attempt runs."""
        return bool(self._busy)

    def attempt(self, row: Row[Any]) -> None:
        """Send a message."""
        parcel = None if self._stopped.is_set() else take(self._yard, row, self._lease)
        if parcel is None or not in_time(self._yard, parcel, self._lease):
            return
        result = attempt(self._outside, parcel, self._environ)
        with self._lock:
            self.sent += result.sent
            self.failed += not result.sent
        chance = self.chance.random()
        settle(self._yard, parcel, result, patience=self._patience, chance=chance, environ=self._environ)
