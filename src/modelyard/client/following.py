"""Following the events of a server: one stream after another, each behind the last event that was seen.

Rules
- A stream that breaks, or brings no sign of life, is begun again behind the last event. Only when the server has not
  been reached for `PATIENCE_S` is that an error. What it refuses is one at once.
- Fields of an event come as lines (server-sent events); what this version does not know is passed over.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

import msgspec

from modelyard.client.binding import bind
from modelyard.client.transport import Call, Passing, Transport
from modelyard.domain.wire import EventRecord
from modelyard.errors import RemoteUnavailable, TimedOut
from modelyard.operations import LIST_EVENTS, ListEvents

if TYPE_CHECKING:
    import httpx2

PATIENCE_S = 60.0
FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 5.0
SILENCE_S = 60.0
"""How long a stream may bring nothing; servers send a sign of life more often than that."""

_STREAM = "/stream"
_event = msgspec.json.Decoder(EventRecord)


def follow(transport: Transport, request: ListEvents) -> Generator[EventRecord]:
    """Yield events behind `request.after` as they happen; it never ends by itself.

    Raises:
        ModelyardError: what the server refuses; RemoteUnavailable where it stays out of reach.
    """
    path, _, query = bind(LIST_EVENTS, request).target.partition("?")
    target = f"{path}{_STREAM}" + (f"?{query}" if query else "")
    last, reached, pause = str(request.after), time.monotonic(), FIRST_PAUSE_S
    while True:
        call = Call(
            method="GET",
            target=target,
            headers={"Accept": "text/event-stream", "Last-Event-ID": last},
            timeout=SILENCE_S,
        )
        try:
            with transport.opened(call) as answer:
                reached, pause = time.monotonic(), FIRST_PAUSE_S
                for event in _events(answer):
                    last = str(event.sequence)
                    yield event
        except (Passing, TimedOut) as fault:
            if time.monotonic() - reached > PATIENCE_S:
                raise fault.error if isinstance(fault, Passing) else fault from fault.__cause__
        if transport.rest(pause):
            return
        pause = min(pause * 2, LONGEST_PAUSE_S)


def _events(answer: httpx2.Response) -> Iterator[EventRecord]:
    """The events of one stream."""
    for line in answer.iter_lines():
        name, _, value = line.partition(":")
        if name == "data":
            try:
                yield _event.decode(value)
            except msgspec.DecodeError as error:
                raise RemoteUnavailable(f"the stream of events cannot be read: {error}") from error
