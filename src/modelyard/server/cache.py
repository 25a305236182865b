"""A bounded cache of encoded answers that the next change of the database empties.

Rules
- An answer is what the database said when its reading began, or later. It is given to whoever asks as long as no change
  has been noticed since, and for some seconds at most where it depends on the clock as well.
- Who asks for what is being read already waits for that (`modelyard.server.sharing`): many who hear of a change at
  once cost one reading.
- Only those who may do the same share an answer, and whether they may is asked before, of each request.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from functools import partial
from time import monotonic
from typing import NamedTuple, TypeAlias

from modelyard.server.answers import Answer
from modelyard.server.sharing import Shared

Key: TypeAlias = tuple[str, bytes, str]
"""Path and raw query string of a GET, and what its sender may do: only those who may do the same share an answer."""

_OVERHEAD = 1_000
"""Bytes that an entry takes besides its body, roughly."""


class _Kept(NamedTuple):
    answer: Answer
    until: float


class AnswerCache:
    """Answers of one state of the database. Used in the event loop only.

    Args:
        count: the number of the present state, as of `ChangeWatch.count`.
        limit: the most bytes that the answers may take; the oldest are dropped first.
        clock: seconds that never go back.
    """

    def __init__(self, count: Callable[[], int], *, limit: int, clock: Callable[[], float] = monotonic) -> None:
        self._count = count
        self._limit = limit
        self._clock = clock
        self._size = 0
        self._answers: dict[Key, _Kept] = {}
        self._reading: Shared[Answer] = Shared()
        self.state = -1
        """The state that was seen last. Whoever reads the database takes it along *before* that, for `put`."""

    def get(self, key: Key) -> Answer | None:
        """The answer to a request if it is still what the database says; asks for the present state."""
        self._look()
        kept = self._answers.get(key)
        if kept is not None and kept.until <= self._clock():
            self._drop(key)
            return None
        return None if kept is None else kept.answer

    def put(self, key: Key, state: int, answer: Answer, seconds: float = math.inf) -> None:
        """Keep an answer that was read from the database after `state` had been seen, for some seconds at most."""
        size = answer.size + _OVERHEAD
        if self.state != state or size > self._limit // 4 or key in self._answers:
            return
        while self._size + size > self._limit:
            self._drop(next(iter(self._answers)))
        self._answers[key] = _Kept(answer, self._clock() + seconds)
        self._size += size

    async def read(self, key: Key, make: Callable[[], Awaitable[Answer]], seconds: float = math.inf) -> Answer:
        """The answer to a request that `get` did not know: read it, or wait for who reads it already.

        Args:
            key: of the request.
            make: reads the answer.
            seconds: how long it is kept at most.
        """
        state = self._look()
        return await self._reading.read(key, state, partial(self._made, key, state, make, seconds))

    def _look(self) -> int:
        state = self._count()
        if state != self.state:
            self._answers.clear()
            self.state, self._size = state, 0
        return state

    async def _made(self, key: Key, state: int, make: Callable[[], Awaitable[Answer]], seconds: float) -> Answer:
        # Its age counts from here: this is the moment that it tells of.
        begun = self._clock()
        answer = await make()
        self.put(key, state, answer, seconds - (self._clock() - begun))
        return answer

    def _drop(self, key: Key) -> None:
        self._size -= self._answers.pop(key).answer.size + _OVERHEAD
