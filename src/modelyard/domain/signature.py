"""What a version takes and gives: the fields of its inputs and outputs.

A schema is a JSON mapping in one of these forms, and is stored in the form in which it came:

    {"age": "int64", "income": "float64"}                                   name → type
    {"fields": [{"name": "age", "type": "int64", "shape": [-1], "optional": false}]}   modelyard's own form
    anything else, such as a JSON Schema                                    kept as it is, with no fields known

A mapping with `$schema` or `$ref`, or whose `type` is `object`, is a JSON Schema, even where all its values are texts.

In the own form `shape` and `optional` may be left out. A shape lists the sizes of the dimensions, -1 for any size; no
shape is a single value. Types are the words of the framework (`float32`, `string`); they are not interpreted here.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from blake3 import blake3

from modelyard.domain.checks import check_json
from modelyard.domain.names import shown
from modelyard.errors import InvalidMetadata

_HINT = "a field looks like {'name': 'age', 'type': 'int64', 'shape': [-1], 'optional': False}"
_KEYS = frozenset({"name", "type", "shape", "optional"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """One input or output: its name, its type, the sizes of its dimensions (-1 for any), whether it may be absent."""

    name: str
    type: str
    shape: tuple[int, ...] = ()
    optional: bool = False

    def to_json(self) -> dict[str, Any]:
        """The field as the own form writes it."""
        return {"name": self.name, "type": self.type, "shape": list(self.shape), "optional": self.optional}


@dataclass(frozen=True, kw_only=True, slots=True)
class Signature:
    """The fields that a version takes and those that it gives."""

    inputs: tuple[Field, ...] = field(default=())
    outputs: tuple[Field, ...] = field(default=())

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Signature:
        """Read `{"input_schema": …, "output_schema": …}`; a schema that is absent has no fields.

        Raises:
            InvalidMetadata: a schema is no mapping, or its own form is broken.
        """
        schemas = [check_schema(document.get(name) or {}, name) for name in ("input_schema", "output_schema")]
        return cls(inputs=fields_of(schemas[0]), outputs=fields_of(schemas[1]))

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Signature:
        """The signature that checked metadata holds."""
        schemas = (document.get("input_schema", {}), document.get("output_schema", {}))
        return cls(inputs=fields_of(schemas[0]), outputs=fields_of(schemas[1]))

    @property
    def fingerprint(self) -> str:
        """A digest that equal signatures share; empty where no field is known."""
        if not (self.inputs or self.outputs):
            return ""
        return blake3(json.dumps(self.to_json(), sort_keys=True).encode()).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """Both schemas in modelyard's own form."""
        return {
            "input_schema": {"fields": [item.to_json() for item in self.inputs]},
            "output_schema": {"fields": [item.to_json() for item in self.outputs]},
        }


def check_schema(value: object, what: str = "the schema") -> dict[str, Any]:
    """The schema as it will be stored.

    Raises:
        InvalidMetadata: it is no JSON mapping, or it has `fields` that are not fields.
    """
    schema = check_json(what, value)
    if not isinstance(schema, dict):
        raise InvalidMetadata(
            f"{what} is {shown(value)}, not a mapping", hint="write {'age': 'int64', 'income': 'float64'}"
        )
    fields_of(schema)
    return schema


def fields_of(schema: Mapping[str, Any]) -> tuple[Field, ...]:
    """The fields of a schema in one of the two first forms; none where it has another form.

    Raises:
        InvalidMetadata: it has `fields` that are not fields, or two of one name.
    """
    listed = schema.get("fields")
    if isinstance(listed, list):
        found = tuple(_field(item) for item in listed)
    elif not _is_json_schema(schema) and all(isinstance(word, str) for word in schema.values()):
        found = tuple(Field(name=str(name), type=word) for name, word in schema.items())
    else:
        return ()
    if twice := [name for name, times in Counter(item.name for item in found).items() if times > 1]:
        raise InvalidMetadata(f"the schema has the field {shown(twice[0])} twice", hint="give every field its own name")
    return found


def _is_json_schema(schema: Mapping[str, Any]) -> bool:
    return not schema.keys().isdisjoint(("$schema", "$ref")) or schema.get("type") == "object"


def _field(item: object) -> Field:
    if not isinstance(item, Mapping) or not item.keys() <= _KEYS:
        raise InvalidMetadata(f"the schema has the field {shown(item)}", hint=_HINT)
    name, word, shape, optional = (item.get(key) for key in ("name", "type", "shape", "optional"))
    if not (_is_word(name) and _is_word(word)):
        raise InvalidMetadata(f"the field {shown(item)} needs a name and a type", hint=_HINT)
    sizes = [] if shape is None else shape
    if not isinstance(sizes, list) or not all(map(_is_size, sizes)):
        raise InvalidMetadata(f"the field {shown(name)} has the shape {shown(shape)}", hint=_HINT)
    if not isinstance(optional, bool | None):
        raise InvalidMetadata(f"the field {shown(name)} has optional = {shown(optional)}", hint=_HINT)
    return Field(name=str(name), type=str(word), shape=tuple(sizes), optional=bool(optional))


def _is_word(word: object) -> bool:
    return isinstance(word, str) and bool(word)


def _is_size(size: object) -> bool:
    return isinstance(size, int) and not isinstance(size, bool) and size >= -1
