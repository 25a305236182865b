"""Feature flags by the OpenFeature Remote Evaluation Protocol, so that any OpenFeature SDK can read them.

    POST /ofrep/v1/evaluate/flags/{key}    one flag
    POST /ofrep/v1/evaluate/flags          all flags that the caller may see, with an ETag

What the keys mean and how a context is read stands in `modelyard.domain.flags`.

Rules
- Bodies, answers and error codes are the protocol's; who has no access gets a problem document, as everywhere.
- A caller sees the endpoints of the models that he may predict with: an application asks about itself.
- The tag of all flags is the hash of the answer: equal answers have one, whatever was asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from blake3 import blake3
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from modelyard.domain.flags import (
    FLAG_NOT_FOUND,
    Evaluation,
    FlagContext,
    NoValue,
    context_of,
    evaluate,
    keys_of,
    parse_key,
)
from modelyard.domain.names import shown
from modelyard.domain.permissions import Principal
from modelyard.errors import InvalidRequest
from modelyard.metadata import endpoints
from modelyard.operations import PREDICT
from modelyard.registry.context import Yard
from modelyard.server.auth import authorise, header
from modelyard.server.openapi import parameter, problems
from modelyard.server.service import Service, whole_body

PATH: Final = "/ofrep/v1/evaluate/flags"
PERMISSION: Final = PREDICT
PARSE_ERROR, INVALID_CONTEXT = "PARSE_ERROR", "INVALID_CONTEXT"
_PAGE: Final = 500
_STATUS: Final = {FLAG_NOT_FOUND: 404}
_encode = msgspec.json.Encoder(order="sorted").encode


def add_ofrep(app: FastAPI, service: Service) -> None:
    """Add both routes."""

    async def one(request: Request) -> Response:
        principal = authorise(request.scope, PERMISSION)
        key: str = request.path_params["key"]
        context = _read_context(await whole_body(request.receive, service.max_body_bytes))
        if isinstance(context, NoValue):
            return _failed(key, context)
        found = await service.run(look, service.yard, principal, key, context)
        return _failed(key, found) if isinstance(found, NoValue) else _json(200, _success(key, found))

    async def everything(request: Request) -> Response:
        principal = authorise(request.scope, PERMISSION)
        context = _read_context(await whole_body(request.receive, service.max_body_bytes))
        if isinstance(context, NoValue):
            return _json(400, {"errorCode": context.code, "errorDetails": context.details})
        body = await service.run(look_at_all, service.yard, principal, context)
        tag = f'"{blake3(body).hexdigest()}"'
        if tag in header(request.scope, b"if-none-match"):
            return Response(status_code=304, headers={"etag": tag})
        return Response(body, 200, {"etag": tag}, "application/json")

    app.add_api_route(
        PATH, everything, methods=["POST"], operation_id="evaluate_flags",
        summary="Evaluate all feature flags for a context (OpenFeature)", response_class=Response,
        responses=_responses(), tags=["flags"], openapi_extra=_extra(),
    )  # fmt: skip
    app.add_api_route(
        PATH + "/{key:path}", one, methods=["POST"], operation_id="evaluate_flag",
        summary="Evaluate a feature flag for a context (OpenFeature)", response_class=Response,
        responses=_responses(), tags=["flags"],
        openapi_extra=_extra(parameter("path", "key", {"type": "string"}, required=True)),
    )  # fmt: skip


def look(yard: Yard, principal: Principal, key: str, context: FlagContext) -> Evaluation | NoValue:
    """Evaluate one flag.

    Raises:
        PermissionDenied: the caller may not see the endpoints of its model.
    """
    missing = NoValue(code=FLAG_NOT_FOUND, details=f"there is no flag {shown(key)}")
    wanted = parse_key(key)
    if wanted is None:
        return missing
    principal.require(PERMISSION, wanted.model)
    with yard.database.read() as tx:
        row = endpoints.by_name(tx, wanted.model, wanted.environment)
    return missing if row is None else evaluate(endpoints.route_of(row), wanted, context)


def look_at_all(yard: Yard, principal: Principal, context: FlagContext) -> bytes:
    """Return the answer that has all flags of the endpoints that the caller may see, as JSON."""
    found: list[dict[str, Any]] = []
    after, patterns = "", principal.models(PERMISSION)
    with yard.database.read() as tx:
        while rows := endpoints.page(tx, after=after, limit=_PAGE, patterns=patterns):
            for row in rows:
                route = endpoints.route_of(row)
                for key in keys_of(route, row.name, row.environment):
                    found += _listed(str(key), evaluate(route, key, context))
            after = rows[-1].id
    return _encode({"flags": sorted(found, key=lambda flag: str(flag["key"]))})


def _read_context(body: bytes) -> FlagContext | NoValue:
    try:
        given = msgspec.json.decode(body or b"{}")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return NoValue(code=PARSE_ERROR, details=f"the body is no JSON: {error}")
    if not isinstance(given, Mapping):
        return NoValue(code=PARSE_ERROR, details="the body is no object with a context")
    try:
        return context_of(given.get("context"))
    except InvalidRequest as error:
        return NoValue(code=INVALID_CONTEXT, details=error.message)


def _success(key: str, found: Evaluation) -> dict[str, Any]:
    return {
        "key": key,
        "value": found.value,
        "reason": found.reason,
        "variant": found.variant,
        "metadata": dict(found.metadata),
    }


def _refused(key: str, found: NoValue) -> dict[str, Any]:
    return {"key": key, "errorCode": found.code, "errorDetails": found.details}


def _listed(key: str, found: Evaluation | NoValue) -> list[dict[str, Any]]:
    """A flag among others; one that does not exist for this context is left out."""
    if isinstance(found, Evaluation):
        return [_success(key, found)]
    return [] if found.code == FLAG_NOT_FOUND else [_refused(key, found)]


def _failed(key: str, found: NoValue) -> Response:
    return _json(_STATUS.get(found.code, 400), _refused(key, found))


def _json(status: int, document: Mapping[str, Any]) -> Response:
    return Response(_encode(document), status, media_type="application/json")


def _responses() -> dict[int | str, dict[str, Any]]:
    answers = {200: "The value", 304: "Nothing changed", 400: "The context is not right", 404: "There is no such flag"}
    told: dict[int | str, dict[str, Any]] = {
        status: {"description": text, "content": {"application/json": {}}} for status, text in answers.items()
    }
    return {**told, **problems(401, 403, 503)}


def _extra(*parameters: dict[str, Any]) -> dict[str, Any]:
    context = {"type": "object", "properties": {"targetingKey": {"type": "string"}}, "additionalProperties": True}
    schema = {"type": "object", "properties": {"context": context}}
    content = {"schema": schema, "example": {"context": {"targetingKey": "user-4711", "x-channel": "beta"}}}
    return {
        "x-permission": PERMISSION,
        "parameters": list(parameters),
        "requestBody": {"required": False, "content": {"application/json": content}},
    }
