"""The REST routes, made from the operations table: one endpoint a row.

Rules
- Their order is that of `paths`.
- An endpoint checks the permission, reads the body up to its limit, binds, and runs the use case in a thread.
- Answers of GET rows are kept in the cache until the database changes, except those that tell more than the database
  knows; those that depend on the clock besides, for a second at most.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from functools import cache, partial
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from modelyard.domain.permissions import SELF, Principal
from modelyard.operations import (
    COMPARE_WITHIN,
    DEPLOY,
    EXPORT,
    GET_ALERT,
    GET_PROMOTION,
    LIST_ALERTS,
    LIST_EVENTS,
    LIST_PROMOTIONS,
    LIST_SILENCES,
    METRICS,
    STATS,
    VERIFY_RECORD,
    WHO_WAS_LIVE,
    Operation,
)
from modelyard.server.answers import Answer
from modelyard.server.auth import authorise, header
from modelyard.server.following import ended
from modelyard.server.messages import Receive, Scope, Send
from modelyard.server.openapi import describe
from modelyard.server.paths import REROUTING, binder_of, in_order
from modelyard.server.responses import AnswerResponse
from modelyard.server.service import Service, whole_body
from modelyard.server.waiting import split_wait

ALWAYS_FRESH = frozenset(
    {EXPORT.name, LIST_EVENTS.name, STATS.name, VERIFY_RECORD.name, WHO_WAS_LIVE.name}
    | {GET_PROMOTION.name, LIST_PROMOTIONS.name}
)
"""Rows whose answers depend on the clock or on the store, or that look for changes which nobody announced.

The feed of events shows more, too, when another transaction ends that changed nothing."""

BRIEF = frozenset({METRICS.name, COMPARE_WITHIN.name, LIST_ALERTS.name, GET_ALERT.name, LIST_SILENCES.name})
"""Rows whose answers depend on the database and on the clock, of which a second more or less does not matter.

They are what many people look at together while a release is live."""

BRIEF_S = 1.0
"""How long they are kept at most."""

LARGE_BODY = 1 << 16
"""Bytes from which on a body is read in a thread, so that other requests need not wait for it."""

Endpoint = Callable[[Request], Awaitable[Response]]


def starlette_path(template: str) -> str:
    """A path template of the table as Starlette writes it."""
    return template.replace("{reference}", "{reference:path}")


class RowRoute(Route):
    """The route of a row. It tells the scope that it was chosen, as FastAPI's router does for its own routes alone."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        scope["route"] = self
        await super().handle(scope, receive, send)


def add_routes(app: FastAPI, service: Service) -> None:
    """Add an endpoint for each row of the table."""
    for operation in in_order():
        route = RowRoute(
            starlette_path(operation.path),
            endpoint_of(service, operation),
            name=operation.name,
            include_in_schema=False,
        )
        # Starlette would let every GET answer HEAD too; here a method is what the row says.
        route.methods = {operation.method}
        app.router.routes.append(route)


@cache
def described_routes() -> tuple[BaseRoute, ...]:
    """The rows as FastAPI describes them, for the document alone.

    Their response models take as long to make as everything else of an application, and no request needs them.
    """
    paper = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    for operation in in_order():
        paper.add_api_route(
            starlette_path(operation.path),
            _described,
            methods=[operation.method],
            name=operation.name,
            operation_id=operation.name,
            summary=operation.summary,
            status_code=operation.status,
            response_model=operation.response,
            **describe(operation),
        )
    return tuple(paper.routes)


async def _described(request: Request) -> Response:
    raise AssertionError(f"{request.url.path} was called on paper")


def endpoint_of(service: Service, operation: Operation[Any, Any]) -> Endpoint:
    """The endpoint of one row."""
    # An answer about the caller alone is nobody else's, though they may do the same.
    cached = not operation.mutates and operation.name not in ALWAYS_FRESH and operation.permission != SELF

    async def endpoint(request: Request) -> Response:
        scope = request.scope
        principal = authorise(scope, operation.permission)
        body = await whole_body(request.receive, service.max_body_bytes)
        # Waiting is no part of the row: it changes when the answer comes, and not what is done.
        query, wait = split_wait(scope["query_string"]) if operation is DEPLOY else (scope["query_string"], 0.0)
        given = (request.path_params, query, header(scope, b"if-match"), body)
        bind = binder_of(operation.name).bind
        wanted = bind(*given) if len(body) < LARGE_BODY else await service.run(bind, *given)
        if cached:
            return AnswerResponse(await read_answer(service, operation, wanted, scope, principal))
        key = header(scope, b"idempotency-key") if operation.mutates else ""
        ready = await service.answered(operation, wanted, principal=principal, idempotency_key=key)
        if operation.name in REROUTING and service.served is not None:
            await service.served()
        if wait:
            ready = await ended(service, ready, wait, principal, request.is_disconnected)
        return AnswerResponse(ready)

    return endpoint


async def read_answer(
    service: Service, operation: Operation[Any, Any], wanted: object, scope: Scope, principal: Principal
) -> Answer:
    """The answer of a GET row, read from the database once for all who ask for it now, and kept for the next."""
    key = (scope["path"], scope["query_string"], principal.reach)
    seconds = BRIEF_S if operation.name in BRIEF else math.inf
    return await service.cache.read(key, partial(service.answered, operation, wanted, principal=principal), seconds)
