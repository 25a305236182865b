"""Events as they happen, as server-sent events; each stream holds a thread of the WSGI server.

Rules
- As in `modelyard.server.events`: where a stream begins, what it shows, and that the permission is asked for again.
- A stream looks for changes by itself. That its client has gone is seen at once where the server lets its connection be
  looked at (gunicorn, the development server), else with the next thing that is sent.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Generator
from dataclasses import replace

from flask import Request, Response

from modelyard.domain.wire import EventPage
from modelyard.errors import ModelyardError
from modelyard.integrations.flask.exchange import has_gone, response_of
from modelyard.integrations.flask.site import Site
from modelyard.operations import LIST_EVENTS
from modelyard.registry.dispatch import perform
from modelyard.registry.feed import keeps_back
from modelyard.server import frames
from modelyard.server.auth import PRINCIPAL, authorise
from modelyard.server.messages import Scope


class Places:
    """How many streams there are, and may be."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken = 0
        self._lock = threading.Lock()

    def take(self) -> bool:
        """Take a place, if there is one."""
        with self._lock:
            is_free = self._taken < self._most
            self._taken += is_free
            return is_free

    def give_back(self) -> None:
        """Leave it to others."""
        with self._lock:
            self._taken -= 1

    @property
    def taken(self) -> int:
        """How many are taken."""
        return self._taken


class Watching:
    """One stream: what it shows, and how far it has come."""

    def __init__(self, site: Site, request: Request, scope: Scope) -> None:
        self._site, self._request, self._scope = site, request, scope
        self._wanted = frames.wanted_of(scope)
        self._seen, self._kept_back = -1, False
        stated = frames.stated_in(scope)
        # What is wrong with the request is told before the stream begins, when it still can be.
        page = self._look(-1 if stated is None else stated)
        if stated is not None and not page.events:
            page = self._look(-1)
        self._after = frames.start_of(stated, page.events[-1].sequence if page.events else 0)

    def frames(self) -> Generator[bytes]:
        """What to send, until the client goes, the server ends, or the permission is gone."""
        yield frames.greeting(self._after)
        while True:
            try:
                page = self._look(self._after)
            except ModelyardError:
                # The client connects again, and is then told why as an ordinary answer.
                return
            if page.events:
                self._after = page.events[-1].sequence
                yield b"".join(map(frames.frame, page.events))
            if not page.next_page_token and not (yield from self._wait()):
                return

    def _look(self, after: int) -> EventPage:
        self._scope[PRINCIPAL] = self._site.find(self._scope)
        principal = authorise(self._scope, frames.PERMISSION)
        return perform(self._site.yard, LIST_EVENTS, replace(self._wanted, after=after), principal=principal)

    def _wait(self) -> Generator[bytes, None, bool]:
        """Wait until something may have happened, with a sign of life now and then; False at the stream's end."""
        due = time.monotonic() + frames.HEARTBEAT_S
        while not self._site.service.ending.wait(frames.TICK_S):
            if has_gone(self._request):
                return False
            state = self._site.service.watch.count()
            if state != self._seen or self._kept_back:
                self._seen, self._kept_back = state, keeps_back(self._site.yard)
                return True
            if time.monotonic() >= due:
                due = time.monotonic() + frames.HEARTBEAT_S
                yield frames.HEARTBEAT
        return False


def stream(site: Site, places: Places, request: Request, scope: Scope) -> Response:
    """Follow what happens."""
    authorise(scope, frames.PERMISSION)
    watching = Watching(site, request, scope)
    if not places.take():
        return response_of(frames.too_many())
    response = Response(watching.frames(), 200, frames.HEADERS)
    response.call_on_close(places.give_back)
    return response
