"""Requests that no route takes: what is there instead; for people a page that says so."""

from __future__ import annotations

from typing import cast

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route

from modelyard.operations import DELETE
from modelyard.server.dashboard import Dashboard, is_looked_at
from modelyard.server.errors import problem, response_of
from modelyard.server.problems import not_by, nothing_there
from modelyard.server.responses import AnswerResponse

_ROUTING = frozenset({404, 405})


async def answer_lost(request: Request, error: Exception) -> Response:
    """FastAPI's handler for what Starlette refuses: a path that is not there, or not by this method."""
    refusal = cast("HTTPException", error)
    if refusal.status_code not in _ROUTING:
        return problem(refusal.status_code, "invalid_request", str(refusal.detail))
    routes = [route for route in request.app.routes if isinstance(route, Route)]
    # Deleting takes any reference, and so its path matches whatever is misspelt below /api/models/.
    fitting = [route for route in routes if route.name != DELETE.name and route.matches(request.scope)[0] != Match.NONE]
    if fitting:
        methods = {name for route in fitting for name in route.methods or ()}
        return response_of(not_by(request.method, request.url.path, methods))
    if is_looked_at(request.scope):
        built: Dashboard = request.app.state.dashboard
        return AnswerResponse(built.document.answer(request.scope, is_lost=True))
    return response_of(nothing_there(request.method, request.url.path, [route.path_format for route in routes]))
