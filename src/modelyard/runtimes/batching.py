"""The calls that wait for a worker, and which of them go to it together.

Rules
1. An idle worker takes what waits, in the order in which it came, up to the bounds of a batch. So batches grow with the
   load by themselves, and a call that comes alone waits for nobody.
2. A call whose worker ended before it answered is tried once more, alone and before all others. If its worker ends
   again, the call fails: it may be what ends them.
3. Where a worker ended by its own doing, each of its calls is a *suspect*. One suspect is tried at a time, and only
   while another worker is there for everybody else: no input takes down all workers of a version.
4. A call that was given up (out of time, or its client is gone) is dropped and never reaches a worker.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

MOST_BATCH_BYTES = 16 << 20
"""Bodies of one batch; a call that is larger than that goes alone."""

MOST_TRIES = 2


@dataclass(eq=False, slots=True)
class Waiting:
    """One call on its way: `since` and `deadline` in the loop's time, `tries` that ended with their worker."""

    protocol: str
    body: bytes
    since: float
    deadline: float
    future: asyncio.Future[bytes]
    tries: int = 0
    suspect: bool = False


class CallQueue:
    """Waiting calls in their order."""

    def __init__(self) -> None:
        self._fresh: OrderedDict[Waiting, None] = OrderedDict()
        self._again: OrderedDict[Waiting, None] = OrderedDict()
        self._suspects: OrderedDict[Waiting, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._fresh) + len(self._again) + len(self._suspects)

    @property
    def oldest(self) -> Waiting | None:
        """The first of the calls that are tried for the first time."""
        return next(iter(self._fresh), None)

    @property
    def urgent(self) -> bool:
        """Whether something waits that has been tried before."""
        return bool(self._again or self._suspects)

    @property
    def fresh(self) -> int:
        """How many calls wait for their first try."""
        return len(self._fresh)

    def put(self, call: Waiting) -> None:
        """Add a call at the end."""
        self._fresh[call] = None

    def put_back(self, calls: Iterable[Waiting], *, suspect: bool) -> None:
        """Add calls that are to be tried again, each alone."""
        for call in calls:
            call.suspect = call.suspect or suspect
            (self._suspects if call.suspect else self._again)[call] = None

    def drop(self, call: Waiting) -> None:
        """Forget a call, wherever it waits; harmless if it does not."""
        for part in (self._fresh, self._again, self._suspects):
            part.pop(call, None)

    def take(self, most: int, *, suspects: bool) -> list[Waiting]:
        """Take the calls that go to a worker now.

        Args:
            most: calls of one batch.
            suspects: whether a suspect may be tried now.

        Returns:
            The batch; empty if nothing may go.
        """
        if self._again:
            return [self._again.popitem(last=False)[0]]
        if suspects and self._suspects:
            return [self._suspects.popitem(last=False)[0]]
        batch: list[Waiting] = []
        room = MOST_BATCH_BYTES
        while len(batch) < most and (call := self.oldest) is not None:
            room -= len(call.body)
            if batch and room < 0:
                break
            del self._fresh[call]
            batch.append(call)
        return batch

    def clear(self) -> list[Waiting]:
        """Take everything out."""
        every = [*self._again, *self._suspects, *self._fresh]
        for part in (self._again, self._suspects, self._fresh):
            part.clear()
        return every
