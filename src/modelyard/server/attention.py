"""Notices that a client has gone away while its request is being answered, and cancels the work on it.

Watching costs more than most answers do, so it begins only when an answer has been under way for a while.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from modelyard.server.messages import Receive

PATIENCE_S = 0.25


class Attention:
    """A block in which the present task is cancelled if the client goes away; use it with `async with`.

    The request's body must have been read. The block ends in `ConnectionAbortedError` then.

    Args:
        receive: gives the messages of the client.
        patience: seconds until the watch begins.
    """

    def __init__(self, receive: Receive, patience: float = PATIENCE_S) -> None:
        self._receive, self._patience = receive, patience
        self._watch: asyncio.Task[None] | None = None
        self._has_gone = False

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self._timer = loop.call_later(self._patience, self._begin)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        if self._watch is not None:
            self._watch.cancel()
        if self._has_gone and self._task is not None and isinstance(error, asyncio.CancelledError):
            self._task.uncancel()
            raise ConnectionAbortedError("the client went away") from None

    def _begin(self) -> None:
        self._watch = asyncio.get_running_loop().create_task(self._attend())

    async def _attend(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._has_gone = True
        if self._task is not None:
            self._task.cancel()
