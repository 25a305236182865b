"""What a back end elsewhere keeps count of: the calls under way, so that it can be closed after the last of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Self

from modelyard.errors import ModelyardError, NotServing, PredictionFailed, TimedOut
from modelyard.runtimes.backend import Usage

DRAIN_S = 60.0
"""Seconds that closing waits for what is under way."""


class UnderWay:
    """Counts calls, and knows the last thing that went wrong."""

    def __init__(self) -> None:
        self.count = 0
        self.answered = 0
        self.last_error = ""
        self.is_open = False
        self._nothing: asyncio.Event = asyncio.Event()
        self._nothing.set()

    @contextmanager
    def call(self) -> Iterator[None]:
        """Count a call for as long as the block lasts.

        Raises:
            NotServing: the back end is not started, or closed.
        """
        if not self.is_open:
            raise NotServing("the back end is closed")
        self.count += 1
        self._nothing.clear()
        try:
            yield
            self.answered += 1
        except ModelyardError as error:
            self.last_error = error.message
            raise
        finally:
            self.count -= 1
            if not self.count:
                self._nothing.set()

    async def drained(self) -> None:
        """Take no more calls, and wait for those under way, `DRAIN_S` seconds at most."""
        self.is_open = False
        try:
            async with asyncio.timeout(DRAIN_S):
                await self._nothing.wait()
        except TimeoutError:
            self.last_error = f"closed with {self.count} calls under way"


class Stream:
    """The pieces of an answer, and what it took once it is whole.

    An error before the first piece is raised as it is. After it, the only errors are TimedOut and PredictionFailed:
    part of the answer is out, so nobody may ask again in silence.

    Attributes:
        usage: what the answer took; None until its end, and where nobody tells.
    """

    def __init__(self, pieces: Callable[[Stream], AsyncIterator[bytes]]) -> None:
        self.usage: Usage | None = None
        self._pieces = pieces(self)
        self._begun = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        try:
            piece = await anext(self._pieces)
        except ModelyardError as error:
            if not self._begun or isinstance(error, TimedOut | PredictionFailed):
                raise
            raise PredictionFailed(f"the answer broke off: {error.message}") from error
        self._begun = True
        return piece

    async def aclose(self) -> None:
        """End it, and the connection with it unless the answer is whole."""
        closing = getattr(self._pieces, "aclose", None)
        if closing is not None:
            await closing()
