"""How a request becomes a URL, a query, headers and a body: the client side of the rules in `modelyard.operations`.

Rules
- Fields of the path are percent-encoded; `{reference}` alone keeps its slashes.
- `if_match` travels as a strong ETag in the header of that name.
- What equals the field's default is left out; lists in the query repeat their key; booleans are `true` and `false`.
- The body is JSON. What JSON cannot carry is refused here, because the server would see something else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from modelyard.domain.contract import IF_MATCH, PLACEHOLDER, Operation
from modelyard.domain.names import shown
from modelyard.errors import InvalidMetadata, InvalidRequest

_SLASHES_KEPT = "reference"
_encoder = msgspec.json.Encoder(enc_hook=str)


@dataclass(frozen=True, kw_only=True, slots=True)
class Bound:
    """A request as it travels: `target` is the path with its query, relative to the server's address."""

    method: str
    target: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


def bind(operation: Operation[Any, Any], request: Any) -> Bound:
    """Write an operation's request as HTTP carries it.

    Raises:
        InvalidRequest: a field of the path is empty, which would make another path.
        InvalidMetadata: a text holds half a surrogate pair.
    """
    values = dict(_given(request))
    path = PLACEHOLDER.sub(lambda found: _segment(found.group(1), values), operation.path)
    query = _query({name: values[name] for name in operation.query_fields if name in values})
    headers = {"Accept": "application/json"}
    if values.get(IF_MATCH) is not None:
        headers["If-Match"] = f'"{values[IF_MATCH]}"'
    body = b""
    if operation.body_fields:
        headers["Content-Type"] = "application/json"
        body = to_json({name: values[name] for name in operation.body_fields if name in values})
    return Bound(method=operation.method, target=path + query, headers=headers, body=body)


def to_json(value: Any) -> bytes:
    """Encode a request's values.

    Raises:
        InvalidMetadata: a text holds half a surrogate pair, which no encoding can carry.
    """
    try:
        return _encoder.encode(value)
    except UnicodeEncodeError as error:
        raise InvalidMetadata(
            f"the text {shown(error.object)} holds half a surrogate pair", hint="take it out, or encode it"
        ) from error


def request_json(request: Any) -> bytes:
    """Encode a request as a whole, without the fields that equal their defaults."""
    return to_json(dict(_given(request)))


def quoted(reference: str) -> str:
    """A reference as it stands in a path."""
    return quote(reference, safe="/")


def _given(request: Any) -> Iterator[tuple[str, Any]]:
    for item in fields(request):
        value = getattr(request, item.name)
        if value != _default(item):
            yield item.name, value


def _default(item: Field[Any]) -> Any:
    if item.default_factory is not MISSING:
        return item.default_factory()
    return item.default


def _segment(name: str, values: dict[str, Any]) -> str:
    text = str(values.get(name, ""))
    if not text or text in {".", ".."}:
        raise InvalidRequest(f"{name} is {shown(text)}, which is no part of an address")
    try:
        return quote(text, safe="/" if name == _SLASHES_KEPT else "")
    except UnicodeEncodeError as error:
        raise InvalidRequest(f"{name} is {shown(text)}, which holds half a surrogate pair") from error


def _query(values: dict[str, Any]) -> str:
    pairs = [
        (name, _text(item))
        for name, value in values.items()
        for item in (value if isinstance(value, list) else [value])
    ]
    if not pairs:
        return ""
    try:
        return "?" + urlencode(pairs)
    except UnicodeEncodeError as error:
        raise InvalidRequest(f"{shown(error.object)} holds half a surrogate pair", hint="take it out") from error


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
