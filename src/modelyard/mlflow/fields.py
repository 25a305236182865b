"""The fields of MLflow's requests: what is there, of which type.

Rules
1. A required field that is missing or empty is refused by its name, before anything else is looked at.
2. Whole numbers come as numbers or as text. Where one text is expected, the first of a repeated parameter counts.
3. A field of another type is refused by its name; fields that nobody knows are ignored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from modelyard.domain.mlflow import names
from modelyard.domain.names import printable
from modelyard.errors import InvalidName
from modelyard.mlflow.desk import Fields, Refusal, invalid

LARGEST = 1 << 62


def required(fields: Fields, *wanted: str) -> None:
    """Refuse a request that lacks a field, or has it empty.

    Raises:
        Refusal: naming the first one that is missing.
    """
    for name in wanted:
        if fields.get(name) in (None, "", []):
            raise invalid(f"Missing value for required parameter '{name}'")


def text(fields: Fields, name: str, default: str = "") -> str:
    """A text.

    Raises:
        Refusal: it is none, or holds half a character.
    """
    value = _one(fields.get(name))
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise bad(name, value)
    made = str(value)
    if "\0" in made or not names.is_whole(made):
        raise bad(name, made)
    return made


def texts(fields: Fields, name: str) -> list[str]:
    """A list of texts; one text stands for a list of one.

    Raises:
        Refusal: it is neither.
    """
    value = fields.get(name)
    if value is None:
        return []
    items = value if isinstance(value, list) else [value]
    if not all(isinstance(item, str) for item in items):
        raise bad(name, value)
    return list(items)


def number(fields: Fields, name: str, default: int) -> int:
    """A whole number, or its text.

    Raises:
        Refusal: it is neither.
    """
    value = _one(fields.get(name))
    if value is None or value == "":
        return default
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise bad(name, value)
    try:
        made = int(value)
    except ValueError:
        raise bad(name, value) from None
    if abs(made) >= LARGEST:
        raise bad(name, value)
    return made


def flag(fields: Fields, name: str) -> bool:
    """Yes or no; no where it is left out.

    Raises:
        Refusal: it is something else.
    """
    value = _one(fields.get(name))
    if value is None:
        return False
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in {"true", "false"}:
        return value.lower() == "true"
    raise bad(name, value)


def tags(fields: Fields) -> dict[str, str]:
    """The tags that something is made with, `[{"key": …, "value": …}]`.

    Raises:
        Refusal: they have another shape, or a key or a value that cannot be.
    """
    value = fields.get("tags")
    if value is None:
        return {}
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise bad("tags", value)
    made: dict[str, str] = {}
    for entry in value:
        if not isinstance(entry, Mapping):
            raise bad("tags", value)
        key, content = tag(entry)
        made[key] = content
    return made


def tag(fields: Fields) -> tuple[str, str]:
    """Key and value of a tag that is to be set.

    Raises:
        Refusal: one of them cannot be.
    """
    required(fields, "key")
    key, value = text(fields, "key"), text(fields, "value")
    trouble = names.trouble_with_key(key) or names.trouble_with_value(value)
    if trouble:
        raise invalid(trouble)
    _printable(key, "key")
    return key, value


def model_name(fields: Fields, name: str = "name") -> str:
    """The name of a model that is to be.

    Raises:
        Refusal: no model can have it.
    """
    made = text(fields, name)
    trouble = names.trouble_with_model(made)
    if trouble:
        raise invalid(trouble)
    return made


def version_number(fields: Fields) -> int:
    """The number of a version; 0 for one that no version has.

    Raises:
        Refusal: it is no whole number.
    """
    value = text(fields, "version")
    found = names.number_of(value)
    if found is None:
        raise invalid(f"Parameter 'version' must be an integer, got '{value}'.")
    return found


def bad(name: str, value: object) -> Refusal:
    """The refusal of a field's type."""
    return invalid(f"Invalid value {str(value)[:200]} for parameter '{name}' supplied")


def _printable(value: str, name: str) -> None:
    try:
        printable(value, name)
    except InvalidName as error:
        raise invalid(error.message) from None


def _one(value: Any) -> Any:
    return value[0] if isinstance(value, list) and value else value
