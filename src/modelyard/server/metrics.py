"""`GET /metrics` for Prometheus, and the counting of HTTP requests for it.

Rules
- A request is counted when its answer ends, under the template of its route, never under its path. What the cache
  answers counts as `cached`, what no route answers as `unmatched`.
- Whoever reads it sees numbers of every model, so where callers have to prove who they are, it takes `metrics.read` on
  all models. Prometheus sends a token of such a principal as `Authorization: Bearer`.
- Scrapes themselves are not counted.
"""

from __future__ import annotations

from collections.abc import Awaitable
from http import HTTPStatus
from time import perf_counter

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from modelyard.domain.names import shown
from modelyard.domain.permissions import EVERYTHING
from modelyard.errors import InvalidRequest
from modelyard.operations import RESOLVE
from modelyard.server.auth import authorise
from modelyard.server.chat import COMPLETIONS, MODELS
from modelyard.server.infer import ROOT
from modelyard.server.inference import AFTER, BEFORE
from modelyard.server.openapi import parameter, problems
from modelyard.telemetry.totals import Histogram, Totals
from modelyard.watch.exporter import ALL, SCOPES, Exporter
from modelyard.watch.exposition import HTTP_REQUESTS, HTTP_SECONDS

PATH = "/metrics"
PERMISSION = "metrics.read"
UNMATCHED, CACHED = "unmatched", "cached"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_HOT = (
    (BEFORE, AFTER, f"{BEFORE}{{name}}{AFTER}"),
    (*RESOLVE.path.split("{reference}"), RESOLVE.path),
    (f"{MODELS}/", "", f"{MODELS}/{{model}}"),
    (ROOT, "", f"{ROOT}/{{path}}"),
)
"""How paths begin and end that no route of FastAPI answers, and the template that they count under."""


class Traffic:
    """Counts HTTP requests on their way to an application and back.

    Args:
        app: what answers them.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._counted: dict[tuple[str, str, int], Histogram] = {}
        """Method, route and class of the status → how long it took."""

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
            key = (scope["method"], route_of(scope, status), status // 100)
            histogram = self._counted.get(key)
            if histogram is None:
                histogram = self._counted[key] = Histogram()
            histogram.observe(perf_counter() - begun)

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


def add_metrics(app: FastAPI, exporter: Exporter) -> None:
    """Add the route."""

    async def metrics(request: Request) -> Response:
        authorise(request.scope, PERMISSION).require(PERMISSION, EVERYTHING)
        scope = request.query_params.get("scope", ALL)
        if scope not in SCOPES:
            raise InvalidRequest(f"there is no scope {shown(scope)}", hint=f"the scopes are {', '.join(SCOPES)}")
        body, content_type = await exporter.answer(request.headers.get("accept", ""), scope)
        return Response(body, headers={"content-type": content_type, "cache-control": "no-store"})

    app.add_api_route(
        PATH,
        metrics,
        methods=["GET"],
        operation_id="prometheus",
        summary="Tell Prometheus what the server and its models do",
        tags=["server"],
        responses={
            **problems(400, 401, 403),
            200: {"description": "Metrics", "content": {"text/plain": {}, "application/openmetrics-text": {}}},
        },
        openapi_extra={
            "x-permission": PERMISSION,
            "parameters": [
                parameter(
                    "query",
                    "scope",
                    {"type": "string", "enum": list(SCOPES), "default": ALL},
                    text="`all` adds up every server process of the registry, `process` tells of the one that answers.",
                )
            ],
        },
    )
