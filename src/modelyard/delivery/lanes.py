"""A version's lane: how many requests its back end works on at once, who waits, and when it is better left alone.

Rules
- At most `concurrency` requests are under way; `queue` more wait, first come first served; the next one is refused with
  the seconds after which it may come again.
- A waiting request that is cancelled, because its time is over or its client went away, leaves the queue at once.
- The circuit opens after some failures in a row. While it is open, nothing is sent; after a pause one request tries,
  and decides whether it closes or stays open, for twice as long. A back end that answers, be it with an error of the
  model, closes it: only what did not answer counts.
- A lane outlives the routes that lead into it: a new epoch finds the same queue and the same circuit.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from dataclasses import dataclass

from modelyard.errors import NotServing, Overloaded
from modelyard.runtimes.backend import Backend

_LONGEST_PAUSE_S = 30.0
_LONGEST_WAIT_S = 60
_SMOOTHING = 0.05


@dataclass(frozen=True, kw_only=True)
class Patience:
    """What a lane bears.

    Attributes:
        failures: failures in a row after which the circuit opens.
        pause_s: seconds of the first pause; each further one is twice as long.
        recovery_s: seconds that a request waits for a back end that was lost to come back.
    """

    failures: int = 5
    pause_s: float = 1.0
    recovery_s: float = 15.0


class Circuit:
    """Counts failures in a row; all times are seconds of one clock."""

    __slots__ = ("_failures", "_open_until", "_patience", "_pause", "_trying")

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._failures = 0
        self._open_until = 0.0
        self._pause = patience.pause_s
        self._trying = False

    @property
    def is_open(self) -> bool:
        """Whether requests are refused, or only one may try."""
        return self._failures >= self._patience.failures

    def enter(self, now: float) -> None:
        """Let a request pass; whoever passed tells how it ended by one of the methods below.

        Raises:
            NotServing: the circuit is open; `details["retry_after"]` tells for how many seconds.
        """
        if self._failures < self._patience.failures:
            return
        if self._trying or now < self._open_until:
            wait = max(1, math.ceil(self._open_until - now))
            raise NotServing(
                f"the version failed {self._failures} times in a row and is left alone for a moment",
                details={"retry_after": wait},
            )
        self._trying = True

    def succeeded(self) -> None:
        """The back end answered."""
        self._failures, self._trying = 0, False
        self._pause = self._patience.pause_s

    def failed(self, now: float) -> None:
        """It did not."""
        self._failures += 1
        if self._failures == self._patience.failures or self._trying:
            self._open_until = now + self._pause
            self._pause = min(2 * self._pause, _LONGEST_PAUSE_S)
            self._trying = False

    def abandoned(self) -> None:
        """Nobody knows: the request was cancelled."""
        self._trying = False


class Lane:
    """The way to one back end.

    Args:
        backend: what answers.
        concurrency: requests under way at once.
        queue: requests that may wait.
        patience: when the circuit opens.
    """

    __slots__ = ("_busy", "_concurrency", "_mean", "_queue", "_waiting", "backend", "circuit", "patience")

    def __init__(self, backend: Backend, *, concurrency: int, queue: int, patience: Patience) -> None:
        self.backend = backend
        self.circuit = Circuit(patience)
        self.patience = patience
        self._concurrency, self._queue = max(1, concurrency), queue
        self._busy = 0
        self._mean = 0.0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def busy(self) -> int:
        """Requests under way."""
        return self._busy

    @property
    def waiting(self) -> int:
        """Requests that wait."""
        return len(self._waiting)

    def widen(self, backend: Backend, concurrency: int, queue: int) -> None:
        """Go on with other bounds, and with the back end that took the place of the old one."""
        if backend is not self.backend:
            self.backend, self.circuit = backend, Circuit(self.patience)
        self._concurrency, self._queue = max(1, concurrency), queue
        self._admit()

    async def enter(self) -> None:
        """Wait for a place; `leave` gives it back.

        Raises:
            Overloaded: too many wait; `details["retry_after"]` tells for how many seconds to stay away.
        """
        if self._busy < self._concurrency and not self._waiting:
            self._busy += 1
            return
        if len(self._waiting) >= self._queue:
            raise Overloaded(
                f"{self._busy} requests are under way and {len(self._waiting)} wait",
                details={"retry_after": self._seconds_to_wait()},
            )
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if not place.cancelled():
                # The place was given in the very moment in which nobody wanted it any more.
                self.leave()
            elif place in self._waiting:
                self._waiting.remove(place)
            raise

    def enter_now(self) -> bool:
        """Take a place if one is free."""
        if self._busy >= self._concurrency or self._waiting:
            return False
        self._busy += 1
        return True

    def leave(self, seconds: float = 0.0) -> None:
        """Give a place back, to whoever waits longest; `seconds` tells how long an answer took."""
        if seconds:
            self._mean += _SMOOTHING * (seconds - self._mean)
        self._busy -= 1
        self._admit()

    def _admit(self) -> None:
        while self._waiting and self._busy < self._concurrency:
            place = self._waiting.popleft()
            if not place.done():
                self._busy += 1
                place.set_result(None)

    def _seconds_to_wait(self) -> int:
        ahead = (self._busy + len(self._waiting)) / self._concurrency
        return min(_LONGEST_WAIT_S, max(1, math.ceil(ahead * self._mean)))
