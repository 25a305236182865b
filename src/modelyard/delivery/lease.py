"""The lease of the controller: of all processes on a registry one controls, and who was late writes nothing.

Rules
- It is taken only while there is something to control, and made longer at a third of its time; nothing is written
  for an idle registry.
- Each change that a controller makes looks in the same transaction whether the lease is still its own.
- Who ends in order gives it back; who dies is followed when it has run out.
"""

from __future__ import annotations

import threading
import time

from modelyard.domain.durations import later
from modelyard.errors import LeaseLost
from modelyard.metadata import leases
from modelyard.metadata.database import Transaction
from modelyard.registry.context import Yard

NAME = "controller"


class Lease:
    """One process's hold on the lease.

    Args:
        yard: the registry.
        seconds: how long it lasts without being made longer.
    """

    def __init__(self, yard: Yard, seconds: float) -> None:
        self._yard, self._seconds = yard, seconds
        self.owner = yard.new_id("ct")
        self._fence: int | None = None
        self._renew_at = 0.0
        self._lock = threading.Lock()

    def hold(self) -> bool:
        """Take the lease or keep it; False where another process has it."""
        with self._lock:
            if self._fence is not None and time.monotonic() < self._renew_at:
                return True
            began = time.monotonic()
            now = self._yard.clock()
            with self._yard.database.write() as tx:
                self._fence = leases.take(tx, NAME, owner=self.owner, now=now, until=later(now, self._seconds))
            self._renew_at = began + self._seconds / 3
            return self._fence is not None

    def check(self, tx: Transaction) -> None:
        """Make sure that the lease is this process's own until the transaction ends.

        Raises:
            LeaseLost: it is not.
        """
        fence = self._fence
        if fence is None or not leases.holds(tx, NAME, owner=self.owner, fence=fence):
            self._fence = None
            raise LeaseLost("another process controls the deployments by now", hint="nothing has to be done")

    def give_back(self) -> None:
        """Let another process take over at once."""
        with self._lock:
            if self._fence is not None:
                self._fence = None
                with self._yard.database.write() as tx:
                    leases.give_back(tx, NAME, owner=self.owner, now=self._yard.clock())
