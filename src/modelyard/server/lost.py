"""Requests that no route takes: what is there instead."""

from __future__ import annotations

from difflib import get_close_matches
from typing import cast

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route

from modelyard.operations import DELETE
from modelyard.server.errors import problem

_ROUTING = frozenset({404, 405})


async def answer_lost(request: Request, error: Exception) -> Response:
    """FastAPI's handler for what Starlette refuses: a path that is not there, or not by this method."""
    refusal = cast("HTTPException", error)
    if refusal.status_code not in _ROUTING:
        return problem(refusal.status_code, "invalid_request", str(refusal.detail))
    routes = [route for route in request.app.routes if isinstance(route, Route)]
    # Deleting takes any reference, and so its path matches whatever is misspelt below /api/models/.
    fitting = [route for route in routes if route.name != DELETE.name and route.matches(request.scope)[0] != Match.NONE]
    path, method = request.url.path[:200], request.method
    if fitting:
        allowed = ", ".join(sorted({name for route in fitting for name in route.methods or ()}))
        detail = f"{method} is not possible on {path}"
        return problem(405, "method_not_allowed", detail, hint=f"use {allowed}", headers={"Allow": allowed})
    near = get_close_matches(path, [route.path_format for route in routes], n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}? " if near else ""
    return problem(404, "not_found", f"there is nothing at {method} {path}", hint=f"{hint}/docs lists all paths")
