"""The routes of the OpenFeature Remote Evaluation Protocol (`modelyard.server.flags`)."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from modelyard.server.auth import authorise, header
from modelyard.server.flags import PATH, PERMISSION, Flags, answer_all, answer_one
from modelyard.server.openapi import parameter, problems
from modelyard.server.service import Service, whole_body


def add_ofrep(app: FastAPI, service: Service) -> None:
    """Add both routes."""

    async def one(request: Request) -> Response:
        principal = authorise(request.scope, PERMISSION)
        body = await whole_body(request.receive, service.max_body_bytes)
        return _response(await service.run(answer_one, service.yard, principal, request.path_params["key"], body))

    async def everything(request: Request) -> Response:
        principal = authorise(request.scope, PERMISSION)
        body = await whole_body(request.receive, service.max_body_bytes)
        known = header(request.scope, b"if-none-match")
        return _response(await service.run(answer_all, service.yard, principal, body, known))

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


def _response(found: Flags) -> Response:
    headers = {"etag": found.tag} if found.tag else {}
    return Response(found.body, found.status, headers, "application/json" if found.body else None)


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
