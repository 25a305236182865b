"""The rows of the operations table: bind a request, run the use case, encode its answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import Request, Response

from modelyard.integrations.flask.exchange import has_gone, response_of, whole_body
from modelyard.integrations.flask.site import Site
from modelyard.operations import DEPLOY, Operation
from modelyard.registry.dispatch import perform
from modelyard.server.answers import answer
from modelyard.server.auth import authorise, header
from modelyard.server.background import SERVED_WITHIN_S
from modelyard.server.following import ended
from modelyard.server.messages import Scope
from modelyard.server.paths import REROUTING, binder_of
from modelyard.server.waiting import split_wait

View = Callable[[Request, Scope, Mapping[str, str]], Response]
"""Answers a request: Flask's request, its head, and the values in its path."""


def row(site: Site, operation: Operation[Any, Any]) -> View:
    """What answers the requests of one row."""

    def view(request: Request, scope: Scope, values: Mapping[str, str]) -> Response:
        principal = authorise(scope, operation.permission)
        body = whole_body(request, site.service.max_body_bytes)
        # Waiting is no part of the row: it changes when the answer comes, and not what is done.
        query, wait = split_wait(scope["query_string"]) if operation is DEPLOY else (scope["query_string"], 0.0)
        wanted = binder_of(operation.name).bind(values, query, header(scope, b"if-match"), body)
        key = header(scope, b"idempotency-key") if operation.mutates else ""
        record = perform(site.yard, operation, wanted, principal=principal, idempotency_key=key)
        ready = answer(record, permission=operation.permission, status=operation.status)
        if operation.name in REROUTING:
            site.run(site.delivery.caught_up(SERVED_WITHIN_S))
        if wait:

            async def gone() -> bool:
                return has_gone(request)

            ready = site.run(ended(site.service, ready, wait, principal, gone))
        return response_of(ready)

    return view
