"""`/openapi.json` and `/docs`: the document of all routes, and the page that shows it (`modelyard.server.pages`)."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import msgspec
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from modelyard.domain.permissions import PUBLIC
from modelyard.server.auth import authorise
from modelyard.server.openapi import document_of, for_viewer
from modelyard.server.pages import FILES, FOLDER, HEADERS, PAGE, START
from modelyard.server.routes import described_routes


def add_docs(app: FastAPI) -> None:
    """Add `/openapi.json` and `/docs`; the document is made when it is first asked for."""

    @cache
    def document() -> dict[str, Any]:
        return document_of([*app.routes, *described_routes()])

    @cache
    def encoded() -> bytes:
        return msgspec.json.encode(document())

    @cache
    def for_the_viewer() -> bytes:
        return msgspec.json.encode(for_viewer(document()))

    _add(app, "/openapi.json", lambda: Response(encoded(), media_type="application/json"))
    _add(app, "/docs", lambda: Response(PAGE, media_type="text/html"))
    _add(app, "/docs/start.js", lambda: Response(START, media_type="text/javascript"))
    _add(app, "/docs/openapi.json", lambda: Response(for_the_viewer(), media_type="application/json"))
    for name in FILES:
        _add(app, f"/docs/{name}", partial(_file, name))


def _file(name: str) -> Response:
    return FileResponse(FOLDER / name, media_type=FILES[name])


def _add(app: FastAPI, path: str, make: Callable[[], Response]) -> None:
    async def endpoint(request: Request) -> Response:
        authorise(request.scope, PUBLIC)
        response = make()
        response.headers.update(HEADERS)
        return response

    app.add_route(path, endpoint, include_in_schema=False)
