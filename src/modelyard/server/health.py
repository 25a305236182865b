"""`/health`: the process answers. `/health/ready`: the database and the store answer too."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from modelyard.domain.permissions import PUBLIC
from modelyard.server.answers import answer
from modelyard.server.auth import authorise
from modelyard.server.openapi import problems
from modelyard.server.readiness import Health, Readiness, look
from modelyard.server.responses import AnswerResponse
from modelyard.server.service import Service

_EXTRA = {"x-permission": PUBLIC}


def add_health(app: FastAPI, service: Service) -> None:
    """Add both routes."""

    async def health(request: Request) -> Response:
        authorise(request.scope, PUBLIC)
        return AnswerResponse(answer(Health(), permission=PUBLIC))

    async def ready(request: Request) -> Response:
        authorise(request.scope, PUBLIC)
        return AnswerResponse(answer(await service.run(look, service.yard), permission=PUBLIC))

    app.add_api_route(
        "/health", health, operation_id="health", summary="Tell that the server runs", response_model=Health,
        tags=["server"], openapi_extra=_EXTRA,
    )  # fmt: skip
    # Load balancers ask with HEAD; it is no operation of its own in the documentation.
    app.add_api_route("/health", health, methods=["HEAD"], include_in_schema=False)
    app.add_api_route("/health/ready", ready, methods=["HEAD"], include_in_schema=False)
    app.add_api_route(
        "/health/ready", ready, operation_id="ready", summary="Tell whether the database and the store answer",
        response_model=Readiness, tags=["server"], openapi_extra=_EXTRA, responses=problems(503),
    )  # fmt: skip
