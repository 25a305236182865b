"""`GET /metrics` for Prometheus.

Rules
- Whoever reads it sees numbers of every model, so where callers have to prove who they are, it takes `metrics.read` on
  all models. Prometheus sends a token of such a principal as `Authorization: Bearer`.
"""

from __future__ import annotations

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from modelyard.domain.names import shown
from modelyard.domain.permissions import EVERYTHING
from modelyard.errors import InvalidRequest
from modelyard.server.auth import authorise
from modelyard.server.openapi import parameter, problems
from modelyard.server.traffic import PATH
from modelyard.watch.exporter import ALL, SCOPES, Exporter

PERMISSION = "metrics.read"


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
