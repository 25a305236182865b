"""Predictions in every protocol, and MLflow's: they are answered in the loop, and sent on from a thread.

Rules
- The body is read first, in the thread, and handed over whole; it is bounded by `server.max_body_bytes`.
- A whole answer comes back at once. A stream comes piece by piece, and the next one is fetched when the last was sent,
  so that a slow client makes its source wait.
- A stream that breaks cuts the connection, and a client that goes away in the middle of one ends the work on it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator

from flask import Request, Response

from modelyard.integrations.flask.exchange import made, whole_body
from modelyard.integrations.flask.site import Site
from modelyard.server.messages import Message, Receive, Scope, Send

Answered = Callable[[Scope, Receive, Send], Awaitable[bool]]
"""Answers a request if it is one of its own; tells whether it was."""

_QUEUED = 8
"""Pieces of a stream that wait to be sent at most."""


class Call:
    """One request on its way through the loop. Used in the loop only."""

    def __init__(self, answered: Answered, scope: Scope, body: bytes) -> None:
        self._answered, self._scope, self._body = answered, scope, body
        self._is_read = False
        self._gone = asyncio.Event()
        self._sent: asyncio.Queue[Message | None] = asyncio.Queue(_QUEUED)
        self._work: asyncio.Task[bool] | None = None

    async def begin(self) -> tuple[Message, list[bytes], bool] | None:
        """Begin to answer: the start, what there is of the body, and whether that is all; None where it is no call."""
        self._work = asyncio.ensure_future(self._answer())
        start = await self._sent.get()
        if start is None:
            if await self._work:
                raise _cut()
            return None
        first = await self._sent.get()
        if first is None:
            raise _cut()
        return start, [first.get("body", b"")], not first.get("more_body", False)

    async def next(self) -> bytes | None:
        """The next piece; None at the end.

        Raises:
            ConnectionError: there is no more although the end has not come.
        """
        message = await self._sent.get()
        if message is None:
            raise _cut()
        body: bytes = message.get("body", b"")
        return body if body or message.get("more_body", False) else None

    async def end(self) -> None:
        """The answer was sent, or nobody wants it any more."""
        self._gone.set()
        if self._work is not None:
            self._work.cancel()
            await asyncio.wait([self._work])

    async def _answer(self) -> bool:
        try:
            return await self._answered(self._scope, self._receive, self._sent.put)
        finally:
            # Nobody waits for the place of an answer that was cancelled.
            if not self._gone.is_set():
                await self._sent.put(None)

    async def _receive(self) -> Message:
        if self._is_read:
            await self._gone.wait()
            return {"type": "http.disconnect"}
        self._is_read = True
        return {"type": "http.request", "body": self._body, "more_body": False}


def _cut() -> ConnectionAbortedError:
    return ConnectionAbortedError("the answer ended before it was whole")


def call(site: Site, answered: Answered, request: Request, scope: Scope) -> Response | None:
    """Answer a request by what answers it in the loop; None where that does not know its path."""
    body = whole_body(request, site.service.max_body_bytes)
    made_call = site.run(_made(answered, scope, body))
    try:
        begun = site.run(made_call.begin())
    except BaseException:
        site.run(made_call.end())
        raise
    if begun is None:
        return None
    start, pieces, is_whole = begun
    if is_whole:
        return made(start["status"], start["headers"], pieces)
    return made(start["status"], start["headers"], _streamed(site, made_call, pieces[0]))


async def _made(answered: Answered, scope: Scope, body: bytes) -> Call:
    return Call(answered, scope, body)


def _streamed(site: Site, begun: Call, first: bytes) -> Generator[bytes]:
    """The pieces of a stream as they come."""
    try:
        yield first
        while (piece := site.run(begun.next())) is not None:
            yield piece
    finally:
        site.run(begun.end())
