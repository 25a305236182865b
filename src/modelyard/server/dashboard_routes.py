"""The dashboard's pages and files as routes; `modelyard.server.dashboard` has what they send."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from modelyard.domain.permissions import PUBLIC
from modelyard.server.auth import authorise
from modelyard.server.dashboard import ASSETS, METHODS, PAGES, Dashboard, File
from modelyard.server.errors import response_of
from modelyard.server.problems import nothing_there
from modelyard.server.responses import AnswerResponse
from modelyard.server.routes import RowRoute

PREFIX = "dashboard_"
"""How the names of these routes begin."""


def add_dashboard(app: FastAPI, built: Dashboard) -> None:
    """Add a route for each page, for each file beside the document, and one for all that it loads."""
    app.state.dashboard = built
    named = dict.fromkeys(PAGES, built.document) | {f"/{name}": file for name, file in built.others.items()}
    for path, file in named.items():
        _add(app, path, partial(_same, file))
    _add(app, f"{ASSETS}/{{file}}", lambda request: built.assets.get(request.path_params["file"]))


def _same(file: File, _request: Request) -> File:
    return file


def _add(app: FastAPI, path: str, find: Callable[[Request], File | None]) -> None:
    async def endpoint(request: Request) -> Response:
        authorise(request.scope, PUBLIC)
        file = find(request)
        if file is None:
            templates = [route.path_format for route in request.app.routes if isinstance(route, Route)]
            return response_of(nothing_there(request.method, request.url.path, templates))
        return AnswerResponse(file.answer(request.scope))

    name = f"{PREFIX}{len(app.router.routes)}"
    app.router.routes.append(RowRoute(path, endpoint, methods=list(METHODS), name=name, include_in_schema=False))
