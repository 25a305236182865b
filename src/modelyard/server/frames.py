"""Server-sent events: what a stream is asked for, and how an event travels.

: modelyard
retry: 2000
id: 1041

id: 1042
event: version.stage_moved
data: {"sequence":1042,"model":"fraud",…}
"""

from __future__ import annotations

from dataclasses import replace

import msgspec

from modelyard.domain.names import shown
from modelyard.domain.paging import check_sequence
from modelyard.domain.wire import EventRecord
from modelyard.errors import InvalidRequest
from modelyard.operations import LIST_EVENTS, ListEvents
from modelyard.server.auth import header
from modelyard.server.binding import query_values
from modelyard.server.messages import Scope
from modelyard.server.paths import binder_of
from modelyard.server.problems import Problem, problem_of

PATH = "/api/events/stream"
PERMISSION = LIST_EVENTS.permission
HEARTBEAT_S = 15.0
TICK_S = 0.2
"""How often the database is asked whether it has changed, while somebody follows."""
PAGE = 500
RETRY_S = 5

HEARTBEAT = b": still here\n\n"
HEADERS = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-store",
    # Some proxies keep an answer until it is complete, unless they are told.
    "x-accel-buffering": "no",
}
_encode = msgspec.json.Encoder(enc_hook=str).encode


def wanted_of(scope: Scope) -> ListEvents:
    """Which events a stream shows; `after` is set page by page.

    Raises:
        InvalidRequest: the query is none of a list of events, or says where or how to end.
    """
    asked: ListEvents = binder_of(LIST_EVENTS.name).bind({}, scope["query_string"], "", b"")
    if asked.until or asked.newest_first:
        raise InvalidRequest("a stream goes on as things happen", hint="leave until and newest_first out")
    return replace(asked, limit=PAGE, page_token="")


def start_of(stated: int | None, end: int) -> int:
    """The sequence behind which a stream begins.

    Args:
        stated: what the client said, if it did.
        end: the last event behind it, or the last of all where none is. What is stated behind that is of another record
            of events, such as a backup's that was put back, and would keep the stream silent until that one is as long.
    """
    return end if stated is None else min(stated, end)


def greeting(after: int) -> bytes:
    """The first words of a stream: where it begins, so that who saw no event yet misses none after a loss either."""
    return b": modelyard\nretry: 2000\nid: %d\n\n" % after


def frame(event: EventRecord) -> bytes:
    """An event as it travels."""
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (event.sequence, event.type.encode(), _encode(event))


def too_many() -> Problem:
    """The answer where as many follow as may do so."""
    return problem_of(
        503,
        "too_many_streams",
        "as many follow the events as may do so at once",
        hint="try again later",
        headers={"Retry-After": str(RETRY_S)},
    )


def stated_in(scope: Scope) -> int | None:
    """Where the stream begins, if the client says so."""
    last = header(scope, b"last-event-id").strip()
    if last:
        if not (last.isascii() and last.isdecimal() and len(last) < 19):  # noqa: PLR2004 - what a database can count to
            raise InvalidRequest(f"Last-Event-ID is {shown(last)}", hint="send the id of the last event that was seen")
        return int(last)
    query = query_values(scope["query_string"], frozenset({"types"}))
    if "after" not in query:
        return None
    if int(query["after"]) < 0:
        raise InvalidRequest("a stream cannot begin before the end", hint="ask /api/events for the last events first")
    return check_sequence(int(query["after"]), "after")
