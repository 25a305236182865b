"""Puts the ASGI application together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from difflib import get_close_matches

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Receive, Scope, Send

from modelyard.config import Settings
from modelyard.errors import ModelyardError
from modelyard.operations import DELETE
from modelyard.registry.context import Yard
from modelyard.server.auth import Guard
from modelyard.server.docs import add_docs
from modelyard.server.errors import answer_error, answer_fault, answer_nobody, problem
from modelyard.server.health import add_health
from modelyard.server.hot import FrontDoor
from modelyard.server.routes import add_routes
from modelyard.server.service import Service
from modelyard.server.stream import add_downloads
from modelyard.server.uploads import add_uploads

CACHE_BYTES = 64 << 20


class Application:
    """An ASGI application over a yard; it closes the yard at the end of its lifespan, or by `close`.

    Attributes:
        api: the FastAPI application inside, whose `routes` and `openapi` others may look at.
        service: the parts that the routes work with.
    """

    def __init__(self, yard: Yard, settings: Settings, *, host: str, cache_bytes: int) -> None:
        self.service = Service(yard, settings, cache_bytes=cache_bytes)
        self.api = FastAPI(
            title="modelyard", openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False, lifespan=self._lifespan
        )
        self.api.add_exception_handler(ModelyardError, answer_error)
        self.api.add_exception_handler(HTTPException, _no_route)
        self.api.add_exception_handler(ConnectionAbortedError, answer_nobody)
        self.api.add_exception_handler(Exception, answer_fault)
        add_health(self.api, self.service)
        add_docs(self.api)
        add_uploads(self.api, self.service)
        add_downloads(self.api, self.service)
        add_routes(self.api, self.service)
        self._door = FrontDoor(self.api, self.service, Guard(host))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI interface."""
        await self._door(scope, receive, send)

    @asynccontextmanager
    async def _lifespan(self, _api: FastAPI) -> AsyncIterator[None]:
        yield
        self.close()

    def close(self) -> None:
        """End the threads and close the database; harmless when repeated."""
        self.service.close()


def create_app(yard: Yard, settings: Settings, *, host: str | None = None, cache_bytes: int = CACHE_BYTES) -> Application:
    """An ASGI application that serves a registry.

    Args:
        yard: the registry's parts, made with `open_yard(settings, expose_paths=False)`.
        settings: the `server.*` settings are read.
        host: the address that the server listens on, where it is not `server.host`.
        cache_bytes: the most memory for cached answers.
    """
    return Application(yard, settings, host=host or settings["server.host"], cache_bytes=cache_bytes)


async def _no_route(request: Request, error: Exception) -> Response:
    """What Starlette refuses: no such path, or not by this method."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status not in {404, 405}:
        return problem(status, "invalid_request" if status < 500 else "internal_error", str(getattr(error, "detail", "")))  # noqa: PLR2004
    routes = [route for route in request.app.routes if isinstance(route, Route)]
    # Deleting takes any reference, and so its path matches whatever is misspelt below /api/models/.
    fitting = [route for route in routes if route.name != DELETE.name and route.matches(request.scope)[0] != Match.NONE]
    path, method = request.url.path[:200], request.method
    if fitting:
        allowed = ", ".join(sorted({name for route in fitting for name in route.methods or ()}))
        return problem(
            405, "method_not_allowed", f"{method} is not possible on {path}", hint=f"use {allowed}", headers={"Allow": allowed}
        )
    near = get_close_matches(path, [route.path_format for route in routes], n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}? " if near else ""
    return problem(404, "not_found", f"there is nothing at {method} {path}", hint=f"{hint}/docs lists all paths")
