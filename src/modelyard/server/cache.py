"""A bounded cache of encoded answers that the next change of the database empties."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from modelyard.server.answers import Answer

Key: TypeAlias = tuple[str, bytes, str]
"""Path and raw query string of a GET, and what its sender may do: only those who may do the same share an answer."""

_OVERHEAD = 1_000
"""Bytes that an entry takes besides its body, roughly."""


class AnswerCache:
    """Answers of one state of the database. Used in the event loop only.

    Args:
        count: the number of the present state, as of `ChangeWatch.count`.
        limit: the most bytes that the answers may take; the oldest are dropped first.
    """

    def __init__(self, count: Callable[[], int], *, limit: int) -> None:
        self._count = count
        self._limit = limit
        self._size = 0
        self._answers: dict[Key, Answer] = {}
        self.state = -1
        """The state that was seen last. Whoever reads the database takes it along *before* that, for `put`."""

    def get(self, key: Key) -> Answer | None:
        """The answer to a request if it is still what the database says; asks for the present state."""
        state = self._count()
        if state != self.state:
            self._answers.clear()
            self.state, self._size = state, 0
        return self._answers.get(key)

    def put(self, key: Key, state: int, answer: Answer) -> None:
        """Keep an answer that was read from the database after `state` had been seen."""
        size = answer.size + _OVERHEAD
        if self.state != state or size > self._limit // 4 or key in self._answers:
            return
        while self._size + size > self._limit:
            dropped = self._answers.pop(next(iter(self._answers)))
            self._size -= dropped.size + _OVERHEAD
        self._answers[key] = answer
        self._size += size
