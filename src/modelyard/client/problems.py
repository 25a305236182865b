"""What the server answers when it refuses: a problem document becomes the error class that an embedded registry raises.

Rules
- `code` finds the class; `detail`, `hint` and `details` are the server's.
- An answer without a code that this version knows is judged by its status; what is no answer of modelyard's at all is
  `RemoteUnavailable`.
"""

from __future__ import annotations

from typing import Any

import msgspec

from modelyard.errors import (
    BY_CODE,
    Conflict,
    InvalidRequest,
    ModelyardError,
    NotFound,
    Overloaded,
    PermissionDenied,
    PreconditionFailed,
    RemoteUnavailable,
    TimedOut,
    TooLarge,
    Unauthenticated,
)

_BY_STATUS: dict[int, type[ModelyardError]] = {
    400: InvalidRequest,
    401: Unauthenticated,
    403: PermissionDenied,
    404: NotFound,
    409: Conflict,
    412: PreconditionFailed,
    413: TooLarge,
    422: InvalidRequest,
    429: Overloaded,
    504: TimedOut,
}
_PASSING = frozenset({502, 503, 504})
_LASTING = frozenset({"registry_corrupt", "registry_read_only", "registry_too_new", "timed_out", "prediction_failed"})
"""What a repetition would not change, though the status says that it may pass."""
_REDIRECTS = range(300, 400)


def error_of(status: int, content_type: str, body: bytes, address: str) -> ModelyardError:
    """The error that an answer stands for.

    Args:
        status: the HTTP status, 300 or more.
        content_type: what the answer says that its body is.
        body: the body, as far as it was read.
        address: the server, for messages.
    """
    document = _document(content_type, body)
    details = document.get("details")
    facts: dict[str, Any] = details if isinstance(details, dict) else {}
    kind = BY_CODE.get(str(document.get("code", "")))
    detail = document.get("detail") or document.get("title")
    if not document or not isinstance(detail, str):
        return _stranger(status, address)
    if kind is None:
        kind = _BY_STATUS.get(status, RemoteUnavailable)
        facts = {**facts, "status": status, **({"code": document["code"]} if "code" in document else {})}
    hint = document.get("hint")
    return kind(detail, hint=hint if isinstance(hint, str) else None, details=facts)


def is_passing(status: int, content_type: str, body: bytes) -> bool:
    """Whether the same request may well succeed a moment later."""
    return status in _PASSING and _document(content_type, body).get("code") not in _LASTING


def _document(content_type: str, body: bytes) -> dict[str, Any]:
    if "json" not in content_type:
        return {}
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
    return document if isinstance(document, dict) else {}


def _stranger(status: int, address: str) -> ModelyardError:
    if status in _REDIRECTS:
        return RemoteUnavailable(
            f"{address} redirects to another address (status {status})", hint="use the address that it leads to"
        )
    if status in {401, 403}:
        return _BY_STATUS[status](f"{address} refuses this caller (status {status})", hint="check the token")
    return RemoteUnavailable(
        f"{address} did not answer as modelyard does (status {status})", details={"status": status}
    )
