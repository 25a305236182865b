"""From an HTTP request to an operation's request: its path, its query, its `If-Match` header and its body.

Rules
- Fields bind by name, as `modelyard.operations` says. What no field takes is refused, with the nearest name as a hint:
  a misspelt filter must not select everything.
- Query values are texts and are read as the field's type; a list takes repeated keys and commas. A key that is no list
  and comes twice is refused.
- JSON is read strictly: UTF-8, no NaN, no halves of surrogate pairs, types as declared (`"3"` is no number).
- An object inside the body that stands for a record is held to the record's fields in the same way.
- `If-Match` takes one strong tag, `"7"`, or `7`; `*` demands nothing. An operation that cannot honour it refuses it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from difflib import get_close_matches
from functools import partial
from typing import Annotated, Any, get_args, get_origin, get_type_hints
from urllib.parse import parse_qsl

import msgspec
from pydantic import BeforeValidator, ConfigDict, Field, ValidationError, create_model

from modelyard.domain import metadata as rules
from modelyard.domain.names import shown
from modelyard.errors import InvalidRequest
from modelyard.operations import IF_MATCH, REGISTER_VERSION, Operation, RegisterVersion
from modelyard.server.problems import of_validation

_REVISION = re.compile(r'"?([0-9]{1,15})"?')
_VERSIONS_WORD = re.compile(r"([^/@]+)/versions/(.+)", re.DOTALL)
_decode = msgspec.json.Decoder().decode


class Fields:
    """Some fields of a request type, checked together.

    Args:
        request: the dataclass that has the fields.
        names: the fields.
        where: `query` or `body`, for messages; query values are texts.
    """

    def __init__(self, request: type[Any], names: tuple[str, ...], where: str) -> None:
        self.names = names
        self.where = where
        hints = get_type_hints(request)
        declared = {item.name: item for item in fields(request)}
        typed: dict[str, Any] = {name: (_nested(hints[name]), _default(declared[name])) for name in names}
        self.lists = frozenset(name for name in names if get_origin(hints[name]) is list)
        self.model = create_model(request.__name__, __config__=ConfigDict(strict=where == "body"), **typed)

    def read(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The fields as Python values, with the defaults of those that are missing.

        Raises:
            InvalidRequest: a field is unknown, missing, or of another type.
        """
        refuse_unknown(given, self.names, self.where)
        try:
            checked = self.model.model_validate(dict(given))
        except ValidationError as error:
            raise of_validation(error, self.where) from None
        return {name: getattr(checked, name) for name in self.names}

    def schema(self) -> dict[str, Any]:
        """The JSON schema of an object with these fields."""
        schema = self.model.model_json_schema()
        kept = {key: value for key, value in schema.items() if key not in {"title", "description", "$defs"}}
        whole: dict[str, Any] = _whole(kept, schema.get("$defs", {}))
        return whole


def _nested(hint: Any) -> Any:
    """A field's type, so that an object stands for the record that the type names."""
    kinds = [kind for kind in (hint, *get_args(hint)) if is_dataclass(kind)]
    return Annotated[hint, BeforeValidator(partial(_record, kinds[0]))] if kinds else hint


def _record(kind: Any, value: Any) -> Any:
    """The record that an object stands for; strict validation alone would take nothing but the record itself."""
    if isinstance(value, list):
        return [_record(kind, item) for item in value]
    if not isinstance(value, dict):
        return value
    refuse_unknown(value, tuple(item.name for item in fields(kind)), "object")
    try:
        return msgspec.convert(value, kind, strict=True)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None


def _whole(node: Any, definitions: Mapping[str, Any]) -> Any:
    """A schema with the schemas that it refers to in their places; the document that it becomes part of has none."""
    if isinstance(node, list):
        return [_whole(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return _whole(definitions[node["$ref"].rpartition("/")[2]], definitions)
    return {key: _whole(value, definitions) for key, value in node.items()}


def _default(declared: Any) -> Any:
    """The default of a dataclass field in pydantic's words."""
    if declared.default_factory is not MISSING:
        return Field(default_factory=declared.default_factory)
    return ... if declared.default is MISSING else declared.default


OWN_FIELDS = ("version", "status", "stage", "parent", "create")
"""The fields of `RegisterVersion` that are no metadata, its name left out."""

_OWN = Fields(RegisterVersion, OWN_FIELDS, "body")


class Binder:
    """Makes the requests of one operation."""

    def __init__(self, operation: Operation[Any, Any]) -> None:
        self.operation = operation
        self.query = Fields(operation.request, operation.query_fields, "query")
        self.body = Fields(operation.request, operation.body_fields, "body")
        self._free = operation is REGISTER_VERSION

    def bind(self, path: Mapping[str, str], query: bytes, if_match: str, body: bytes) -> Any:
        """The request that an HTTP request stands for.

        Args:
            path: the values of the path's placeholders.
            query: the raw query string.
            if_match: the `If-Match` header, empty if it was not sent.
            body: the raw body.

        Raises:
            InvalidRequest: it stands for none; the message names the field.
        """
        values: dict[str, Any] = {**path, **self.query.read(query_values(query, self.query.lists))}
        if "reference" in path:
            values["reference"] = plain_reference(path["reference"])
        if if_match and self.operation.mutates:
            if not self.operation.movable:
                hint = "repeat it without the header"
                raise InvalidRequest(
                    f"{self.operation.name} does not take If-Match: it changes nothing movable", hint=hint
                )
            values[IF_MATCH] = revision_of(if_match)
        document = json_object(body) if self.operation.body_fields or body.strip() else {}
        if self._free:
            return registration(*split_own(document), **values)
        return self.operation.request(**values, **self.body.read(document))


def registration(own: Mapping[str, Any], document: Mapping[str, Any], **decided: Any) -> RegisterVersion:
    """The version that a caller wants to register.

    Args:
        own: fields of `RegisterVersion` that are no metadata (`OWN_FIELDS`), as the caller named them.
        document: metadata under all the names that `modelyard.domain.metadata` knows; what nobody knows goes to
        `extra`.
            It may also say which version it is, where `own` does not.
        decided: values over all others.

    Raises:
        InvalidRequest: a value is not what its field takes.
    """
    told = rules.identity(document)
    known = {"status": told.get("label"), **{name: told.get(name) for name in ("version", "stage", "parent")}}
    stated = _OWN.read({name: value for name, value in known.items() if value is not None} | dict(own))
    return RegisterVersion(**{**stated, **decided}, **rules.check_fields(rules.normalise(document)))


def split_own(document: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """A document in two: the fields that are no metadata, and the rest."""
    own = {name: document[name] for name in OWN_FIELDS if name in document}
    return own, {name: value for name, value in document.items() if name not in own}


def plain_reference(text: str) -> str:
    """A reference as it stands in a path: `fraud/versions/1.4.2` is `fraud/1.4.2`."""
    return _VERSIONS_WORD.sub(r"\1/\2", text, count=1) if "/versions/" in text else text


def query_values(query: bytes, lists: frozenset[str] = frozenset()) -> dict[str, Any]:
    """The values of a query string by key.

    Raises:
        InvalidRequest: it is not UTF-8, or a key that is no list comes twice.
    """
    if not query:
        return {}
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=1000)
    except (UnicodeDecodeError, ValueError) as error:
        raise InvalidRequest(f"the query string cannot be read: {error}", hint="percent-encode it as UTF-8") from None
    values: dict[str, Any] = {}
    for key, value in pairs:
        if key in lists:
            values.setdefault(key, []).extend(part.strip() for part in value.split(",") if part.strip())
        elif key in values:
            raise InvalidRequest(f"the query has {shown(key)} twice", hint="give it once")
        else:
            values[key] = value
    return values


def json_object(body: bytes) -> dict[str, Any]:
    """The JSON object of a body; an empty body is an empty object.

    Raises:
        InvalidRequest: it is no JSON object.
    """
    if not body.strip():
        return {}
    document = json_value(body, "the body")
    if not isinstance(document, dict):
        raise InvalidRequest(
            f"the body is {shown(document)}, not a JSON object", hint='send an object such as {"name": "fraud"}'
        )
    return document


def json_value(text: bytes, what: str) -> Any:
    """The value of a JSON text.

    Raises:
        InvalidRequest: it is not JSON.
    """
    try:
        return _decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        hint = "send JSON in UTF-8, with Content-Type: application/json"
        raise InvalidRequest(f"{what} is not JSON: {error}", hint=hint) from None
    except RecursionError:
        raise InvalidRequest(
            f"{what} is nested too deep", hint="put structured data into a file of the version"
        ) from None


def refuse_unknown(given: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    """Refuse a field that nobody would look at.

    Raises:
        InvalidRequest: there is one; the hint is the nearest known name.
    """
    for name in given:
        if name not in known:
            near = get_close_matches(name[:100], known, n=1)
            fields_are = f"the fields are {', '.join(known)}" if known else f"there are no fields in the {where}"
            raise InvalidRequest(
                f"unknown field {shown(name)} in the {where}",
                hint=f"did you mean '{near[0]}'?" if near else fields_are,
                details={"in": where, "field": shown(name), "known": list(known)},
            )


def revision_of(if_match: str) -> int | None:
    """The revision that an `If-Match` header demands; None for `*`.

    Raises:
        InvalidRequest: it is no tag that this server gives.
    """
    text = if_match.strip()
    if text == "*":
        return None
    found = _REVISION.fullmatch(text)
    if found is None or text.count('"') == 1:
        hint = 'send the ETag of the answer that you saw, such as "7"'
        raise InvalidRequest(f"If-Match is {shown(text)}, which is no strong ETag of this server", hint=hint)
    return int(found[1])
