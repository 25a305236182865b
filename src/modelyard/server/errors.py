"""Errors over HTTP: RFC 9457 problem documents, one for each error of the tree and for what HTTP itself gets wrong.

    {"type": "urn:modelyard:error:version_not_found", "title": "Version not found", "status": 404,
     "detail": "fraud has no version 9.9.9", "code": "version_not_found", "hint": "see …", "details": {…}}

`code`, `detail`, `hint` and `details` are those of the error class, so that a client can raise the same one again. What
nobody foresaw is a 500 with the code `internal_error` and a request id; the stack trace goes to the log only.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from typing import Any, cast

import msgspec
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from modelyard.errors import InvalidRequest, ModelyardError
from modelyard.server.refusing import headers_of_error

MEDIA_TYPE = "application/problem+json"
MOST_PROBLEMS = 20
ANSWERED = "modelyard.answered"
"""Key of a request's scope: a fault was logged and answered."""

_log = logging.getLogger("modelyard.server")
_encode = msgspec.json.Encoder(enc_hook=str).encode


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    hint: str = "",
    details: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A response with a problem document."""
    document = {
        "type": f"urn:modelyard:error:{code}",
        "title": code.replace("_", " ").capitalize(),
        "status": status,
        "detail": detail,
        "code": code,
        "hint": hint,
        "details": dict(details or {}),
    }
    return Response(_encode(document), status, dict(headers or {}), MEDIA_TYPE)


def of_error(error: ModelyardError, headers: Mapping[str, str] | None = None) -> Response:
    """The problem document of an error that modelyard raised on purpose."""
    if error.status >= 500:  # noqa: PLR2004
        _log.error("%s: %s", error.code, error.message, extra={"code": error.code, "details": error.details})
    told = {name.decode("ascii"): value.decode("ascii") for name, value in headers_of_error(error)}
    told |= headers or {}
    return problem(error.status, error.code, error.message, hint=error.hint, details=error.details, headers=told)


def of_validation(error: ValidationError, where: str) -> InvalidRequest:
    """What pydantic found in a query or a body, as an error that names each field by its path.

    Args:
        error: what was found.
        where: `query` or `body`.
    """
    found = error.errors(include_url=False, include_context=False, include_input=False)[:MOST_PROBLEMS]
    problems = [{"field": _path(item["loc"], where), "problem": item["msg"]} for item in found]
    first = problems[0]
    message = f"{first['field']}: {first['problem']}"
    return InvalidRequest(message, hint="correct the field and repeat", details={"in": where, "errors": problems})


def _path(location: tuple[str | int, ...], where: str) -> str:
    names = [f"[{part}]" if isinstance(part, int) else f".{part[:80]}" for part in location]
    return "".join(names).removeprefix(".") or where


async def answer_error(_request: Request, error: Exception) -> Response:
    """FastAPI's handler for errors of the tree."""
    return of_error(cast("ModelyardError", error))


async def answer_nobody(request: Request, _error: Exception) -> Response:
    """FastAPI's handler for a client that went away in the middle of its request; nobody reads the answer."""
    _log.info("a client went away during %s %s", request.method, request.url.path)
    return Response(status_code=400)


async def answer_fault(request: Request, error: Exception) -> Response:
    """FastAPI's handler for what nobody foresaw; Starlette raises the error again after it."""
    request.scope[ANSWERED] = True
    return unexpected(error)


def unexpected(error: BaseException) -> Response:
    """The answer to a fault of our own: nothing of it is told but an id under which the log has it all."""
    request_id = secrets.token_hex(8)
    _log.error("request %s failed", request_id, exc_info=error, extra={"request_id": request_id})
    return problem(
        500,
        "internal_error",
        "the server failed on this request; nothing was changed by it unless the registry says so",
        hint=f"the server's log tells more under the request id {request_id}",
        details={"request_id": request_id},
    )
