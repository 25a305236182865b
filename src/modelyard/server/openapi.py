"""The OpenAPI document: what FastAPI does not know of routes that are made from the table, or written by hand.

Parameters, bodies and examples are read off the rows; every operation names its permission (`x-permission`), and every
error is a problem document. The bundled viewer reads OpenAPI 3.0 only, so it gets the document said in those words.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_origin, get_type_hints

from fastapi.openapi.utils import get_openapi
from starlette.routing import BaseRoute

from modelyard._version import __version__
from modelyard.operations import DEPLOY, REGISTER_VERSION, Operation
from modelyard.server.binding import Fields
from modelyard.server.problems import MEDIA_TYPE
from modelyard.server.waiting import LONGEST_S, WAIT

PROBLEM: dict[str, Any] = {
    "type": "object",
    "title": "Problem",
    "description": "An error (RFC 9457): `code` is stable, `hint` tells the next step, `details` holds facts.",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string", "example": "urn:modelyard:error:version_not_found"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "example": "version_not_found"},
        "hint": {"type": "string"},
        "details": {"type": "object"},
    },
}

_MEANINGS = {
    400: "What was asked cannot be right",
    401: "The caller did not prove who it is",
    403: "Not allowed",
    404: "It does not exist",
    409: "Not possible in the present state",
    412: "It has changed since the caller looked",
    413: "Too large",
    416: "The file has no such range",
    422: "The requirements are not met; each verdict is listed",
    429: "Too many requests wait; come again after the seconds of `Retry-After`",
    500: "Stored bytes are damaged, or the server failed",
    502: "The model or its provider failed",
    503: "The registry cannot serve now",
    504: "It took longer than the caller, or the endpoint, allows",
}

REFERENCE_HELP = (
    "Names a version: `name@alias`, `name/3`, `name/1.4.2`, `name/^1.4`, `name/production`, `name/latest`, an id or"
    " a digest. It may hold slashes; `name/versions/1.4.2` is `name/1.4.2`."
)
_IF_MATCH = "The ETag that the caller saw; the change is refused with 412 if it is not the present one."
_WAIT = "Seconds to wait for the deployment's end; the record is answered as it is then."
_IDEMPOTENCY = "Repeats of a request under one key run once and get the first answer."


NAMING = frozenset({"id", "name", "reference", "webhook", "token", "principal", "version_a", "version_b"})
"""Request fields that name something which may not exist."""


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that can fail with these statuses."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": _MEANINGS[status], "content": content} for status in sorted(statuses)}


def describe(operation: Operation[Any, Any]) -> dict[str, Any]:
    """What FastAPI must be told of a row: `responses`, `tags`, `openapi_extra`."""
    extra: dict[str, Any] = {"x-permission": operation.permission, "parameters": _parameters(operation)}
    if operation.body_fields:
        extra["requestBody"] = _body(operation)
    statuses = {400, 401, 403, 503}
    statuses |= {404} if NAMING.intersection((*operation.path_fields, *operation.query_fields)) else set()
    statuses |= {409, 413} if operation.mutates else set()
    statuses |= {412} if operation.movable else set()
    statuses |= {422} if operation.permission == "stage.move" else set()
    return {"responses": problems(*statuses), "tags": [tag_of(operation.path)], "openapi_extra": extra}


def tag_of(path: str) -> str:
    """The group that the documentation shows a path in."""
    if "aliases" in path:
        return "aliases"
    if "{reference}" in path or "versions" in path:
        return "versions"
    return "models" if path.startswith("/api/models") else "registry"


def parameter(
    place: str, name: str, schema: dict[str, Any], *, required: bool = False, text: str = ""
) -> dict[str, Any]:
    """One parameter of an operation."""
    return {
        "in": place,
        "name": name,
        "required": required,
        "schema": schema,
        **({"description": text} if text else {}),
    }


def _parameters(operation: Operation[Any, Any]) -> list[dict[str, Any]]:
    found = [
        parameter("path", name, {"type": "string"}, required=True, text=REFERENCE_HELP if name == "reference" else "")
        for name in operation.path_fields
    ]
    schema = Fields(operation.request, operation.query_fields, "query").schema()
    required = schema.get("required", ())
    hints = get_type_hints(operation.request)
    for name, one in schema.get("properties", {}).items():
        text = "May be repeated, or given with commas." if get_origin(hints[name]) is list else ""
        found.append(parameter("query", name, _without_title(one), required=name in required, text=text))
    if operation is DEPLOY:
        found.append(parameter("query", WAIT, {"type": "number", "minimum": 0, "maximum": LONGEST_S}, text=_WAIT))
    if operation.movable:
        found.append(parameter("header", "If-Match", {"type": "string"}, text=_IF_MATCH))
    if operation.mutates:
        found.append(parameter("header", "Idempotency-Key", {"type": "string", "maxLength": 255}, text=_IDEMPOTENCY))
    return found


def _body(operation: Operation[Any, Any]) -> dict[str, Any]:
    schema = Fields(operation.request, operation.body_fields, "body").schema()
    schema["properties"] = {name: _without_title(one) for name, one in schema["properties"].items()}
    if operation is not REGISTER_VERSION:
        schema["additionalProperties"] = False
    content: dict[str, Any] = {"schema": schema}
    if operation.example:
        content["example"] = operation.example
    return {"required": bool(schema.get("required")), "content": {"application/json": content}}


def _without_title(schema: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key != "title"}


def document_of(routes: Sequence[BaseRoute]) -> dict[str, Any]:
    """The OpenAPI 3.1 document of some routes."""
    document: dict[str, Any] = get_openapi(
        title="modelyard",
        version=__version__,
        summary="A model registry that also ships the models.",
        description="Errors are problem documents (RFC 9457). Lists are paged by `next_page_token`.",
        routes=routes,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )
    document["components"]["schemas"]["Problem"] = PROBLEM
    document["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    # Nobody is asked where `auth.enabled` is off, and nobody ever for what is public.
    document["security"] = [{"token": []}, {}]
    return document


def for_viewer(node: Any) -> Any:
    """An OpenAPI 3.1 document, or a part of it, in the words of OpenAPI 3.0."""
    if isinstance(node, list):
        return [for_viewer(item) for item in node]
    if not isinstance(node, dict):
        return node
    plain = {
        key: for_viewer(value)
        for key, value in node.items()
        if key not in {"summary", "identifier"} or "openapi" not in node
    }
    if str(plain.get("openapi", "")).startswith("3.1"):
        plain["openapi"] = "3.0.3"
    choices = plain.get("anyOf")
    if isinstance(choices, list) and {"type": "null"} in choices:
        rest = [choice for choice in choices if choice != {"type": "null"}]
        del plain["anyOf"]
        plain |= {**(rest[0] if len(rest) == 1 else {"anyOf": rest}), "nullable": True}
    return plain
