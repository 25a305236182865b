"""Events as they happen: `GET /api/events/stream`, server-sent events.

Rules
- A stream begins behind `Last-Event-ID`, else behind `after`, else now, and says where; it goes on as the list of
  events does, so that nothing is missed and nothing comes twice. `name`, `reference` and `types` choose as they do
  there.
- Who follows is asked for the permission again whenever something happened: a stream does not outlive it.
- One poller looks for changes, however many follow, and none when nobody does.
- A comment is sent when nothing was for `HEARTBEAT_S`, so that nobody on the way takes the connection for dead.
- A stream ends with its client, and at once when the server ends. There are at most `server.max_event_streams`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from modelyard.domain.wire import EventPage
from modelyard.errors import ModelyardError
from modelyard.operations import LIST_EVENTS
from modelyard.registry.dispatch import perform
from modelyard.registry.feed import keeps_back
from modelyard.server.auth import ask_again, authorise
from modelyard.server.errors import response_of
from modelyard.server.frames import (
    HEADERS,
    HEARTBEAT,
    HEARTBEAT_S,
    PATH,
    PERMISSION,
    TICK_S,
    frame,
    greeting,
    start_of,
    stated_in,
    too_many,
    wanted_of,
)
from modelyard.server.messages import Receive, Scope, Send
from modelyard.server.openapi import parameter, problems
from modelyard.server.service import Service

LAST_WORDS_S = 1.0

Look = Callable[[int], Awaitable[EventPage]]
"""Asks for the events behind a sequence, and for the permission to see them."""


@dataclass(eq=False)
class Follower:
    """One stream: what wakes it, and what ends it."""

    loop: asyncio.AbstractEventLoop
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)


class Streams:
    """All streams of a server, and the poller that they share.

    Args:
        service: the parts of the server.
        most: how many there may be.
    """

    def __init__(self, service: Service, most: int) -> None:
        self._service = service
        self._most = most
        self._followers: set[Follower] = set()
        self._poller: asyncio.Task[None] | None = None
        self._ended = False

    def join(self) -> Follower | None:
        """Begin a stream; None if there are as many as there may be, or the server is ending."""
        if self._ended or len(self._followers) >= self._most:
            return None
        follower = Follower(asyncio.get_running_loop())
        self._followers.add(follower)
        if self._poller is None:
            self._poller = asyncio.ensure_future(self._poll())
        return follower

    def leave(self, follower: Follower) -> None:
        """End a stream."""
        self._followers.discard(follower)
        if not self._followers and self._poller is not None:
            self._poller.cancel()
            self._poller = None

    def end(self) -> None:
        """End all streams, from any thread."""
        self._ended = True
        for follower in list(self._followers):
            with suppress(RuntimeError):  # The loop is closed already, and the stream with it.
                follower.loop.call_soon_threadsafe(follower.over.set)

    async def _poll(self) -> None:
        """Wake the streams when the database changes, or when what was kept back may have come free."""
        seen, kept_back = -1, False
        while True:
            state = self._service.watch.count()
            if state != seen or kept_back:
                with suppress(ModelyardError):
                    kept_back = await self._service.run(keeps_back, self._service.yard)
                seen = state
                for follower in self._followers:
                    follower.wake.set()
            await asyncio.sleep(TICK_S)


class Stream(Response):
    """Sends events for as long as somebody listens."""

    def __init__(self, streams: Streams, follower: Follower, look: Look, after: int) -> None:
        super().__init__(status_code=200, headers=HEADERS)
        del self.headers["content-length"]
        self._streams, self._follower = streams, follower
        self._look, self._after = look, after

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - the ASGI signature
        """Send events until the client goes, the server ends, or the permission is gone."""
        gone = asyncio.ensure_future(_gone(receive))
        over = asyncio.ensure_future(self._follower.over.wait())
        pump = asyncio.ensure_future(self._pump(send))
        try:
            await asyncio.wait({gone, over, pump}, return_when=asyncio.FIRST_COMPLETED)
            if not gone.done():
                pump.cancel()
                await asyncio.wait({pump})
                last = send({"type": "http.response.body", "body": b"", "more_body": False})
                with suppress(TimeoutError):
                    await asyncio.wait_for(last, LAST_WORDS_S)
        finally:
            self._streams.leave(self._follower)
            for task in (gone, over, pump):
                task.cancel()

    async def _pump(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": greeting(self._after), "more_body": True})
        while True:
            self._follower.wake.clear()
            try:
                page = await self._look(self._after)
            except ModelyardError:
                # The client connects again, and is then told why as an ordinary answer.
                return
            if page.events:
                self._after = page.events[-1].sequence
                body = b"".join(map(frame, page.events))
                await send({"type": "http.response.body", "body": body, "more_body": True})
            if not page.next_page_token:
                await self._wait(send)

    async def _wait(self, send: Send) -> None:
        """Wait until something may have happened, with a sign of life now and then."""
        while True:
            try:
                await asyncio.wait_for(self._follower.wake.wait(), HEARTBEAT_S)
            except TimeoutError:
                await send({"type": "http.response.body", "body": HEARTBEAT, "more_body": True})
            else:
                return


def add_events(app: FastAPI, service: Service, *, most: int) -> Streams:
    """Add the route; gives what ends its streams."""
    streams = Streams(service, most)

    async def stream(request: Request) -> Response:
        scope = request.scope
        authorise(scope, PERMISSION)
        wanted = wanted_of(scope)

        async def look(after: int) -> EventPage:
            await ask_again(scope)
            principal = authorise(scope, PERMISSION)
            ask = replace(wanted, after=after)
            return await service.run(perform, service.yard, LIST_EVENTS, ask, principal=principal)

        stated = stated_in(scope)
        # What is wrong with the request is told before the stream begins, when it still can be.
        page = await look(-1 if stated is None else stated)
        if stated is not None and not page.events:
            page = await look(-1)
        follower = streams.join()
        if follower is None:
            return response_of(too_many())
        return Stream(streams, follower, look, start_of(stated, page))

    app.add_api_route(
        PATH,
        stream,
        operation_id="stream_events",
        summary="Follow what happens, as server-sent events",
        response_class=Response,
        responses={
            200: {"description": "Events", "content": {"text/event-stream": {}}},
            **problems(400, 401, 403, 404, 503),
        },
        tags=["registry"],
        openapi_extra=_extra(),
    )
    return streams


async def _gone(receive: Receive) -> None:
    """Return when the client has gone away."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _extra() -> dict[str, object]:
    text, number = {"type": "string"}, {"type": "integer"}
    return {
        "x-permission": PERMISSION,
        "parameters": [
            parameter("query", "after", number, text="The sequence of the last event that was seen; now if left out."),
            parameter("query", "name", text, text="Only events of this model."),
            parameter("query", "reference", text, text="Only events of this version."),
            parameter("query", "types", {"type": "array", "items": text}, text="Only types such as `version.*`."),
            parameter("header", "Last-Event-ID", number, text="As `after`; browsers send it when they connect again."),
        ],
    }
