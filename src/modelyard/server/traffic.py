"""The counting of HTTP requests, for `/metrics`.

Rules
- A request is counted when its answer ends, under the template of its route, never under its path. What the cache
  answers counts as `cached`, what no route answers as `unmatched`.
- Scrapes themselves are not counted.
"""

from __future__ import annotations

from collections.abc import Awaitable
from http import HTTPStatus
from time import perf_counter

from modelyard.operations import RESOLVE
from modelyard.server.chat import COMPLETIONS, MODELS
from modelyard.server.infer import ROOT
from modelyard.server.inference import AFTER, BEFORE
from modelyard.server.messages import ASGIApp, Message, Receive, Scope, Send
from modelyard.telemetry.totals import Histogram, Totals
from modelyard.watch.exposition import HTTP_REQUESTS, HTTP_SECONDS

PATH = "/metrics"
UNMATCHED, CACHED = "unmatched", "cached"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_HOT = (
    (BEFORE, AFTER, f"{BEFORE}{{name}}{AFTER}"),
    (*RESOLVE.path.split("{reference}"), RESOLVE.path),
    (f"{MODELS}/", "", f"{MODELS}/{{model}}"),
    (ROOT, "", f"{ROOT}/{{path}}"),
)
"""How paths begin and end that no route of FastAPI answers, and the template that they count under."""


class Counts:
    """Requests that were counted since the last time that they were taken. Used by one thread."""

    def __init__(self) -> None:
        self._counted: dict[tuple[str, str, int], Histogram] = {}
        """Method, route and class of the status → how long it took."""

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request; called in the loop that takes. A status of 0 stands for no answer."""
        key = (method, route, status // 100)
        histogram = self._counted.get(key)
        if histogram is None:
            histogram = self._counted[key] = Histogram()
        histogram.observe(seconds)

    def take(self) -> Totals:
        """Take away what was counted; called in the loop that counts."""
        taken, self._counted = self._counted, {}
        totals = Totals()
        for (named, route, status), histogram in taken.items():
            method = named if named in METHODS else "other"
            # A client that went away before the answer began got none.
            totals.count((HTTP_REQUESTS, method, route, f"{status}xx" if status else "none"), sum(histogram.counts))
            totals.histogram((HTTP_SECONDS, method, route)).add(histogram)
        return totals


class Traffic(Counts):
    """Counts HTTP requests on their way to an application and back.

    Args:
        app: what answers them.
    """

    def __init__(self, app: ASGIApp) -> None:
        super().__init__()
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, and count it."""
        if scope["type"] != "http" or scope["path"] == PATH:
            await self._app(scope, receive, send)
            return
        begun = perf_counter()
        status = 0

        def noted(message: Message) -> Awaitable[None]:
            nonlocal status
            if not status and message["type"] == "http.response.start":
                status = message["status"]
            return send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            self.count(scope["method"], route_of(scope, status), status, perf_counter() - begun)


def route_of(scope: Scope, status: int) -> str:
    """Return the template of the route that a request came to, and was answered with a status."""
    route = scope.get("route")
    if route is not None:
        return str(getattr(route, "path", UNMATCHED)).replace(":path}", "}")
    path: str = scope["path"]
    if path in {COMPLETIONS, MODELS}:
        return path
    for before, after, template in _HOT:
        if path.startswith(before) and path.endswith(after):
            return template
    return CACHED if scope["method"] == "GET" and status == HTTPStatus.OK else UNMATCHED
