"""`/health`: the process answers. `/health/ready`: the database and the store answer too."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import FastAPI
from sqlalchemy import text
from starlette.requests import Request
from starlette.responses import Response

from modelyard._version import __version__
from modelyard.registry.context import Yard
from modelyard.server.answers import AnswerResponse, answer
from modelyard.server.auth import PUBLIC, authorise
from modelyard.server.openapi import problems
from modelyard.server.service import Service

_NO_DIGEST = "0" * 64
_EXTRA = {"x-permission": PUBLIC}


@dataclass(frozen=True, kw_only=True)
class Health:
    """The server answers."""

    status: str = "ok"
    modelyard: str = __version__


@dataclass(frozen=True, kw_only=True)
class Readiness:
    """The server can do its work: both parts that it depends on have answered just now."""

    status: str = "ready"
    database: str = "ok"
    store: str = "ok"


def look(yard: Yard) -> Readiness:
    """Ask the database and the store for something that costs nothing.

    Raises:
        RegistryUnusable: one of them does not answer.
    """
    with yard.database.read() as tx:
        tx.scalar(text("SELECT 1"))
    yard.store.exists(_NO_DIGEST)
    return Readiness()


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
