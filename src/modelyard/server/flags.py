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
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from blake3 import blake3

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

PATH: Final = "/ofrep/v1/evaluate/flags"
PERMISSION: Final = PREDICT
PARSE_ERROR, INVALID_CONTEXT = "PARSE_ERROR", "INVALID_CONTEXT"
_PAGE: Final = 500
_STATUS: Final = {FLAG_NOT_FOUND: 404}
_encode = msgspec.json.Encoder(order="sorted").encode


@dataclass(frozen=True, kw_only=True, slots=True)
class Flags:
    """An answer of the protocol: JSON, and the tag of all flags where it has one."""

    status: int
    body: bytes = b""
    tag: str = ""


def answer_one(yard: Yard, principal: Principal, key: str, body: bytes) -> Flags:
    """Answer the question for one flag; errors as in `look`."""
    context = _read_context(body)
    found = context if isinstance(context, NoValue) else look(yard, principal, key, context)
    if isinstance(found, NoValue):
        return Flags(status=_STATUS.get(found.code, 400), body=_encode(_refused(key, found)))
    return Flags(status=200, body=_encode(_success(key, found)))


def answer_all(yard: Yard, principal: Principal, body: bytes, known: str) -> Flags:
    """Answer the question for all flags; `known` is the `If-None-Match` header."""
    context = _read_context(body)
    if isinstance(context, NoValue):
        document = {"errorCode": context.code, "errorDetails": context.details}
        return Flags(status=400, body=_encode(document))
    found = look_at_all(yard, principal, context)
    tag = f'"{blake3(found).hexdigest()}"'
    return Flags(status=304, tag=tag) if tag in known else Flags(status=200, body=found, tag=tag)


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
