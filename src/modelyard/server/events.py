"""Events as they happen: `GET /api/events/stream`, server-sent events.

Rules
- A stream begins behind `Last-Event-ID`, else behind `after`, else now, and says where; it goes on as the list of
  events does, so that nothing is missed and nothing comes twice. `name`, `reference`, `types` and `actor` choose as
  they do there.
- Who follows is asked for the permission again whenever something happened, and with each sign of life: a stream does
  not outlive it.
- One poller looks for changes, however many follow, and none when nobody does. It wakes them when the feed has grown:
  what else is written, such as the figures of a live release, concerns no stream. Those who may see the same and have
  seen the same share the reading.
- A comment is sent when nothing was for `HEARTBEAT_S`, so that nobody on the way takes the connection for dead.
- A stream ends with its client, and at once when the server ends. There are at most `server.max_event_streams`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import NamedTuple

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from modelyard.domain.permissions import Principal
from modelyard.errors import ModelyardError
from modelyard.metadata.feed import Place
from modelyard.operations import LIST_EVENTS, ListEvents
from modelyard.registry.dispatch import perform
from modelyard.registry.feed import stand
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
from modelyard.server.sharing import Shared

LAST_WORDS_S = 1.0


class News(NamedTuple):
    """Events as they travel.

    Attributes:
        body: their frames.
        last: the sequence of the last one; where there are none, of the one that they would come behind.
        more: whether there are more.
    """

    body: bytes
    last: int
    more: bool


Look = Callable[[int], Awaitable[News]]
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
        self._place: Place | None = None
        self._reading: Shared[News] = Shared()
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

    async def look(self, wanted: ListEvents, principal: Principal) -> News:
        """Read events that somebody may see, together with all who may see the same."""
        state = self._service.watch.count(), self._place
        key = principal.reach, wanted.name, wanted.reference, *wanted.types, wanted.after
        return await self._reading.read(key, state, partial(self._service.run, self._read, wanted, principal))

    def _read(self, wanted: ListEvents, principal: Principal) -> News:
        page = perform(self._service.yard, LIST_EVENTS, wanted, principal=principal)
        last = page.events[-1].sequence if page.events else max(wanted.after, 0)
        return News(b"".join(map(frame, page.events)), last, bool(page.next_page_token))

    async def _poll(self) -> None:
        """Look at the feed when the database changes, or when what was kept back may have come free."""
        seen, kept_back = -1, False
        while True:
            state = self._service.watch.count()
            if state != seen or kept_back:
                # A database that is away for a moment ends no stream.
                with suppress(ModelyardError):
                    end, kept_back = await self._service.run(stand, self._service.yard)
                    seen = state
                    self._wake(end)
            await asyncio.sleep(TICK_S)

    def _wake(self, end: Place) -> None:
        """Wake the streams if the feed has grown."""
        if end == self._place:
            return
        self._place = end
        for follower in self._followers:
            follower.wake.set()


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
                news = await self._look(self._after)
            except ModelyardError:
                # The client connects again, and is then told why as an ordinary answer.
                return
            self._after = news.last
            if news.body:
                await send({"type": "http.response.body", "body": news.body, "more_body": True})
            if not news.more:
                await self._wait(send)

    async def _wait(self, send: Send) -> None:
        """Wait until something happened; after a while without, give a sign of life."""
        try:
            await asyncio.wait_for(self._follower.wake.wait(), HEARTBEAT_S)
        except TimeoutError:
            await send({"type": "http.response.body", "body": HEARTBEAT, "more_body": True})


def add_events(app: FastAPI, service: Service, *, most: int) -> Streams:
    """Add the route; gives what ends its streams."""
    streams = Streams(service, most)

    async def stream(request: Request) -> Response:
        scope = request.scope
        authorise(scope, PERMISSION)
        wanted = wanted_of(scope)

        async def look(after: int) -> News:
            await ask_again(scope)
            return await streams.look(replace(wanted, after=after), authorise(scope, PERMISSION))

        stated = stated_in(scope)
        # What is wrong with the request is told before the stream begins, when it still can be.
        news = await look(-1 if stated is None else stated)
        if stated is not None and not news.body:
            news = await look(-1)
        follower = streams.join()
        if follower is None:
            return response_of(too_many())
        return Stream(streams, follower, look, start_of(stated, news.last))

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
            parameter("query", "actor", text, text="Only what somebody of this name does."),
            parameter("header", "Last-Event-ID", number, text="As `after`; browsers send it when they connect again."),
        ],
    }
