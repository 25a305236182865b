"""Problem documents (RFC 9457): one for each error of the tree, and for what HTTP itself gets wrong.

    {"type": "urn:modelyard:error:version_not_found", "title": "Version not found", "status": 404,
     "detail": "fraud has no version 9.9.9", "code": "version_not_found", "hint": "see …", "details": {…}}

`code`, `detail`, `hint` and `details` are those of the error class, so that a client can raise the same one again. What
nobody foresaw is a 500 with the code `internal_error` and a request id; the stack trace goes to the log only.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

import msgspec
from pydantic import ValidationError

from modelyard.errors import InvalidRequest, ModelyardError
from modelyard.server.refusing import headers_of_error

MEDIA_TYPE = "application/problem+json"
MOST_PROBLEMS = 20

_log = logging.getLogger("modelyard.server")
_encode = msgspec.json.Encoder(enc_hook=str).encode


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """An answer that tells what went wrong; its content type is `MEDIA_TYPE`."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def problem_of(
    status: int,
    code: str,
    detail: str,
    *,
    hint: str = "",
    details: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Problem:
    """A problem document."""
    document = {
        "type": f"urn:modelyard:error:{code}",
        "title": code.replace("_", " ").capitalize(),
        "status": status,
        "detail": detail,
        "code": code,
        "hint": hint,
        "details": dict(details or {}),
    }
    return Problem(status=status, body=_encode(document), headers=dict(headers or {}))


def problem_of_error(error: ModelyardError, headers: Mapping[str, str] | None = None) -> Problem:
    """The problem document of an error that modelyard raised on purpose."""
    if error.status >= 500:  # noqa: PLR2004
        _log.error("%s: %s", error.code, error.message, extra={"code": error.code, "details": error.details})
    told = {name.decode("ascii"): value.decode("ascii") for name, value in headers_of_error(error)}
    told |= headers or {}
    return problem_of(error.status, error.code, error.message, hint=error.hint, details=error.details, headers=told)


def problem_of_fault(error: BaseException) -> Problem:
    """The answer to a fault of our own: nothing of it is told but an id under which the log has it all."""
    request_id = secrets.token_hex(8)
    _log.error("request %s failed", request_id, exc_info=error, extra={"request_id": request_id})
    return problem_of(
        500,
        "internal_error",
        "the server failed on this request; nothing was changed by it unless the registry says so",
        hint=f"the server's log tells more under the request id {request_id}",
        details={"request_id": request_id},
    )


def nothing_there(method: str, path: str, templates: Iterable[str]) -> Problem:
    """The answer to a path that no route takes; the hint is the template that is nearest to it."""
    near = get_close_matches(path[:200], list(templates), n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}? " if near else ""
    return problem_of(
        404, "not_found", f"there is nothing at {method} {path[:200]}", hint=f"{hint}/docs lists all paths"
    )


def not_by(method: str, path: str, methods: Iterable[str]) -> Problem:
    """The answer to a path that routes take by other methods only."""
    allowed = ", ".join(sorted(methods))
    detail = f"{method} is not possible on {path[:200]}"
    return problem_of(405, "method_not_allowed", detail, hint=f"use {allowed}", headers={"Allow": allowed})


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
