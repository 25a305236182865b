"""From the arguments of a method to the request of an operation.

Rules
- A version is named by an id, by any reference, or by a record that stands for one; it is checked before it is sent, so
  that a wrong one raises the same error whether the registry is here or on a server.
- Metadata may be given under every name that `modelyard.domain.metadata` knows, with numpy values, dates and paths; a
  keyword that it does not know is refused with the nearest one, and never stored in silence.
- None stands for "not given".
- Types are exact: a number is no text, and a truth value is no number.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from difflib import get_close_matches
from pathlib import Path, PurePath
from typing import Any, TypeVar

import msgspec

from modelyard.domain.metadata import SYNONYMS, SYSTEM_FIELDS, check_extra, check_fields, normalise
from modelyard.domain.names import alias_name, model_name, shown
from modelyard.domain.references import PREFIX, Reference
from modelyard.domain.wire import METADATA_FIELDS, AliasRecord, ModelRecord, Resolved, VersionRecord
from modelyard.errors import (
    InvalidMetadata,
    InvalidMetric,
    InvalidName,
    InvalidReference,
    InvalidRequest,
    InvalidStage,
    InvalidVersion,
)

Request = TypeVar("Request")

LABEL = ("label", "status")
PARENT = ("parent", "parent_model", "parent_id", "parent_model_id")
"""The names under which a version's label and its parent may be given."""

_WHERE = re.compile(r"^(?P<what>.*?)(?: - at `(?:key` in `)?\$\.?(?P<field>\w*).*)?$", re.DOTALL)
_KINDS: dict[str, type[InvalidRequest]] = {
    **dict.fromkeys(METADATA_FIELDS, InvalidMetadata),
    **dict.fromkeys(("metrics", "training_metrics", "validation_metrics", "metric_samples"), InvalidMetric),
    **dict.fromkeys(("metric", "direction"), InvalidMetric),
    **dict.fromkeys(("name", "alias"), InvalidName),
    **dict.fromkeys(("stage", "target_stage"), InvalidStage),
    **dict.fromkeys(("reference", "parent", "version_a", "version_b"), InvalidReference),
    **dict.fromkeys(("status", "label"), InvalidMetadata),
    "version": InvalidVersion,
}


def build(kind: type[Request], values: Mapping[str, Any]) -> Request:
    """Make an operation's request of its fields; what is None takes the field's default.

    Raises:
        InvalidRequest: a value has the wrong type; the error's class is the one of that argument.
    """
    given = {name: value for name, value in values.items() if value is not None}
    try:
        return msgspec.convert(given, kind, strict=True)
    except msgspec.ValidationError as error:
        raise _wrong(str(error), given) from None


def name_of(value: object) -> str:
    """The name of a model, given by text or by a record."""
    return str(model_name(value.name if isinstance(value, ModelRecord | VersionRecord) else value))


def alias_of(value: object) -> str:
    """The name of an alias."""
    return str(alias_name(value))


def reference_of(value: object) -> str:
    """The reference that an argument stands for: a text, or a record.

    Raises:
        InvalidReference: it names no version.
    """
    if isinstance(value, VersionRecord | Resolved):
        return value.id
    if isinstance(value, ModelRecord):
        return value.name
    if isinstance(value, AliasRecord):
        return f"{value.name}@{value.alias}"
    if not isinstance(value, str):
        raise InvalidReference(f"a version is named by text, and {shown(value)} is of type {type(value).__name__}")
    text = str.__str__(value)
    Reference.parse(text)
    return text


def selector_of(value: object) -> str | None:
    """What names a version where the model is known: a text, a number, a record, or None for nothing."""
    if value is None:
        return None
    if isinstance(value, VersionRecord | Resolved | AliasRecord):
        return reference_of(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise InvalidReference(f"a version is named by text, and {shown(value)} is of type {type(value).__name__}")
    return str.__str__(value)


def selected(model: object, version: object = None, stage: object = None) -> str:
    """The reference of a version that is named by a reference, or by a model and a version or a stage of it."""
    if version is None and stage is None:
        return reference_of(model)
    if version is not None and stage is not None:
        raise InvalidRequest("version and stage are both given", hint="give one of them")
    selector = (stage_of(stage) if stage is not None else selector_of(version) or "").removeprefix(PREFIX)
    name = name_of(model)
    if selector.startswith((f"{name}/", f"{name}@")):
        return reference_of(selector)
    return str(Reference.within(name, selector))


def stage_of(value: object, *, none: str = "") -> str:
    """The word of a stage; `none` is what None means here.

    Raises:
        InvalidStage: it is no text.
    """
    if value is None:
        return none
    if not isinstance(value, str):
        raise InvalidStage(
            f"a stage is a text, not {type(value).__name__}", hint="pass ModelStage.STAGING or 'staging'"
        )
    return str.__str__(value)


def plain_requirements(requirements: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Requirements as a dictionary of plain values; what they mean is judged where they are met."""
    if requirements is None:
        return None
    if not isinstance(requirements, Mapping):
        raise InvalidRequest(
            f"requirements is of type {type(requirements).__name__}", hint="write requirements={'min_accuracy': 0.8}"
        )
    return {key: _plain_requirement(value) for key, value in requirements.items()}


def _plain_requirement(value: Any) -> Any:
    """The number in an array or a tensor of one; anything else as it is, for the judge of bounds to refuse."""
    try:
        return value.item()
    except (AttributeError, TypeError, ValueError, RuntimeError):
        return value


def metadata_of(method: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Metadata arguments under their canonical names, checked and plain.

    Raises:
        InvalidMetadata, InvalidMetric, InvalidName: an argument is unknown, or its value cannot be recorded.
    """
    plain = {key: _plain(value) for key, value in given.items() if value is not None}
    for key, value in plain.items():
        if key in SYSTEM_FIELDS or (key != "extra" and "extra" in normalise({key: value})):
            raise _unknown(method, key)
    check_extra(plain.get("extra"))
    return check_fields(normalise(plain))


def taken(given: dict[str, Any], names: Sequence[str]) -> Any:
    """Take the value of an argument that has several names out of the arguments; None where it is not given.

    Raises:
        InvalidRequest: two of the names have different values.
    """
    found = {name: given.pop(name) for name in names if name in given}
    values = [value for value in found.values() if value is not None]
    if any(value != values[0] for value in values[1:]):
        raise InvalidRequest(f"{' and '.join(found)} are given with different values", hint=f"give {names[0]} only")
    return values[0] if values else None


def count_of(what: str, value: object) -> int | None:
    """A number of things, 0 or more; None stays None.

    Raises:
        InvalidRequest: it is no whole number, or negative.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise InvalidRequest(f"{what} is {shown(value)}, not a whole number, 0 or more")
    return value


def moment_of(what: str, value: object) -> str | None:
    """A moment as text: ISO 8601 as it is, a date, or a datetime with a time zone; None stays None.

    Raises:
        InvalidRequest: it is none of these; a datetime without a time zone could mean any of two dozen hours.
    """
    if value is None or (isinstance(value, str) and value.strip()):
        return value
    if isinstance(value, datetime) and value.tzinfo is None:
        raise InvalidRequest(f"{what} is {value}, without a time zone", hint="write datetime(…, tzinfo=UTC)")
    if isinstance(value, date):
        return value.isoformat()
    raise InvalidRequest(f"{what} is {shown(value)}, which is no moment", hint=f"write {what}='2026-03-01T12:00Z'")


def path_of(what: str, value: object) -> Path:
    """A path on this machine, with `~` expanded.

    Raises:
        InvalidRequest: it is no text and no path, or nothing can have that name.
    """
    text = os.fspath(value) if isinstance(value, str | os.PathLike) else None
    if not isinstance(text, str) or "\0" in text or not text.strip():
        raise InvalidRequest(f"{what} is {shown(value)}, which is no path", hint=f"write {what}='folder/file'")
    try:
        os.fsencode(text)
        return Path(text).expanduser()
    except (UnicodeError, RuntimeError) as error:
        raise InvalidRequest(f"{what} {shown(text)} cannot be used: {error}", hint="write another path") from None


def texts_of(what: str, values: object) -> list[str] | None:
    """A list of texts; a single text is refused, for its letters are never what was meant."""
    if values is None:
        return None
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise InvalidRequest(f"{what} is {shown(values)}, not a list", hint=f"write {what}=['accuracy', 'f1_score']")
    return list(values)


def _plain(value: Any) -> Any:
    """Paths as text, however deep they lie; everything else is the checks' to judge."""
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _unknown(method: str, key: str) -> InvalidMetadata:
    near = get_close_matches(key, [*METADATA_FIELDS, *SYNONYMS, "label", "stage", "parent", "version"], n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    return InvalidMetadata(f"{method} has no argument {key!r}", hint=f"{hint}other facts go into extra={{…}}")


def _wrong(message: str, given: Mapping[str, Any]) -> InvalidRequest:
    """The error for what msgspec says of a value."""
    found = _WHERE.match(message)
    what, field = (found["what"], found["field"] or "") if found else (message, "")
    missing = re.search(r"required field `(\w+)`", what)
    if missing:
        return _KINDS.get(missing[1], InvalidRequest)(f"{missing[1]} is missing")
    words = what.replace("`", "").replace("Expected ", "expected ").replace("str", "text")
    value = f" {shown(given[field])}" if field in given else ""
    return _KINDS.get(field, InvalidRequest)(f"{field or 'the request'}{value} cannot be used: {words}")
