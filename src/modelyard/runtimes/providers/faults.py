"""What the status and the words of a server's refusal mean.

| status | error |
|---|---|
| 429, Anthropic's 529 | Overloaded, with the seconds to wait if the server tells them |
| 401, 403, a key that is not valid | PredictionFailed, naming the variable of the key |
| 400, 413, 415, 422 | InvalidInput with the server's words; PredictionFailed where they name what the version records |
| 408, 504 | TimedOut |
| 5xx | BackendLost |
| others, and redirects | PredictionFailed |

The server's own words about a key are not handed on: some repeat a part of it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import msgspec

from modelyard.errors import InvalidInput, ModelyardError, Overloaded, PredictionFailed, TimedOut
from modelyard.runtimes.backend import BackendLost
from modelyard.runtimes.providers.client import Reply

LONGEST_WORDS = 500
LONGEST_WAIT_S = 86_400.0
_BUSY = frozenset({HTTPStatus.TOO_MANY_REQUESTS, 529})
_SLOW = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.GATEWAY_TIMEOUT})
_DENIED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_MISTAKEN = frozenset({400, 413, 415, 422})
_ABOUT_INPUT = re.compile(r"context|prompt|input|messages|contents", re.IGNORECASE)
_BAD_KEY = frozenset({"API_KEY_INVALID", "invalid_api_key", "authentication_error", "permission_error"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """Who answered."""

    where: str
    """What messages call it."""
    variables: tuple[str, ...] = ()
    """The variables that hold its keys."""
    recorded: Collection[str] = field(default=())
    """Names of the parameters that the version records, which a caller cannot be blamed for."""


def is_success(status: int) -> bool:
    """Whether a status is one of 2xx."""
    return HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES


def fault_of(source: Source, reply: Reply, now: datetime | None = None) -> ModelyardError:
    """The error that an answer other than 2xx stands for; `now` is for waits that end at a date."""
    document = decoded(reply.body)
    words = words_of(document) or _beginning(reply.body)
    status = reply.status
    if status in _DENIED or _marks(document) & _BAD_KEY:
        return _denied(source, status)
    if status in _BUSY:
        return overloaded(source, words, _wait(reply, document, now or datetime.now(UTC)))
    if status in _SLOW:
        return TimedOut(f"{source.where} ran out of time: {words}")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return BackendLost(f"{source.where} failed with status {status}: {words}")
    if status in _MISTAKEN and not _is_recorded(source, document, words):
        return InvalidInput(f"{source.where} refused the request: {words}", hint="correct the request")
    what = "a redirect, which is not followed" if status < HTTPStatus.BAD_REQUEST else f"status {status}: {words}"
    return PredictionFailed(f"{source.where} answered with {what}", details={"status": status})


def told_fault(source: Source, document: Any) -> ModelyardError:
    """The error that a provider tells inside a stream, where no status can be sent any more."""
    marks, words = _marks(document), words_of(document)
    if marks & _BAD_KEY:
        return _denied(source, HTTPStatus.UNAUTHORIZED)
    if marks & {"overloaded_error", "rate_limit_error", "rate_limit_exceeded", "RESOURCE_EXHAUSTED"}:
        return overloaded(source, words, None)
    if marks & {"invalid_request_error", "INVALID_ARGUMENT"}:
        return InvalidInput(f"{source.where} refused the request: {words}", hint="correct the request")
    return BackendLost(f"{source.where} failed: {words}")


def overloaded(source: Source, words: str, wait: float | None) -> Overloaded:
    """The error of a server that takes no more for now; `wait` in seconds."""
    details = {} if wait is None else {"retry_after": wait}
    return Overloaded(f"{source.where} takes no more requests now: {words}", details=details)


def decoded(body: bytes) -> Any:
    """The value of a JSON body, or None."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def words_of(document: Any) -> str:
    """What a server says of a refusal; empty where it says nothing that is known."""
    error = document.get("error", document) if isinstance(document, dict) else document
    found = error.get("message", error.get("detail")) if isinstance(error, dict) else error
    return _shortened(found) if isinstance(found, str) else ""


def _denied(source: Source, status: int) -> PredictionFailed:
    names = " and ".join(source.variables)
    hint = f"check {names} in the server's environment" if names else "it asks for proof of who asks"
    return PredictionFailed(f"{source.where} does not accept the key", hint=hint, details={"status": int(status)})


def _marks(document: Any) -> set[str]:
    """The words for programs in a refusal: types, codes, reasons."""
    error = document.get("error") if isinstance(document, dict) else None
    if not isinstance(error, dict):
        return set()
    found = {error.get(name) for name in ("type", "code", "status")}
    details = error.get("details")
    if isinstance(details, list):
        found |= {item.get("reason") for item in details if isinstance(item, dict)}
    return {mark for mark in found if isinstance(mark, str)}


def _is_recorded(source: Source, document: Any, words: str) -> bool:
    """Whether a refusal is about what the version records: then no caller could do better."""
    error = document.get("error") if isinstance(document, dict) else None
    named = error.get("param") if isinstance(error, dict) else None
    recorded = {_folded(name) for name in source.recorded}
    if isinstance(named, str) and named:
        return _folded(named) in recorded | {"model"}
    if _ABOUT_INPUT.search(words):
        return False
    said = _folded(words)
    return any(name in said for name in recorded)


def _folded(text: str) -> str:
    return text.replace("_", "").lower()


def _wait(reply: Reply, document: Any, now: datetime) -> float | None:
    """Seconds to wait before the next try, as the server tells them."""
    for name, factor in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        text = reply.headers.get(name, "")
        seconds = _seconds(text, factor) if text else None
        if seconds is None and text:
            seconds = _until(text, now)
        if seconds is not None:
            return seconds
    return next((found for found in map(_told_wait, _details(document)) if found is not None), None)


def _details(document: Any) -> list[Any]:
    error = document.get("error") if isinstance(document, dict) else None
    details = error.get("details") if isinstance(error, dict) else None
    return details if isinstance(details, list) else []


def _told_wait(detail: Any) -> float | None:
    """Google's `"retryDelay": "31s"`."""
    delay = detail.get("retryDelay") if isinstance(detail, dict) else None
    return _seconds(delay.removesuffix("s"), 1.0) if isinstance(delay, str) else None


def _seconds(text: str, factor: float) -> float | None:
    try:
        number = float(text) * factor
    except ValueError:
        return None
    return min(max(0.0, number), LONGEST_WAIT_S) if math.isfinite(number) else None


def _until(text: str, now: datetime) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max(0.0, (moment - now).total_seconds()), LONGEST_WAIT_S)


def _beginning(body: bytes) -> str:
    return _shortened(body[:LONGEST_WORDS].decode("utf-8", "replace")) or "no words"


def _shortened(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text[:LONGEST_WORDS]).strip()
