"""Tensors as the Open Inference Protocol (version 2) writes them in JSON, and what a schema is in its words.

    {"name": "x", "shape": [2, 3], "datatype": "FP32", "data": [1, 2, 3, 4, 5, 6]}

Rules
- `data` is flat, in row-major order, or nested as the shape says; both count as many values as the shape.
- BOOL holds true and false, INT8 … UINT64 integers within their range, FP16 … FP64 numbers, BYTES texts. JSON has no
  NaN: null stands for it in FP16 … FP64, and is refused elsewhere.
- Values come in the body itself. The binary extension, which puts them behind it, is refused.
- In the metadata of a model the first dimension counts the rows, and is -1. A schema's shape that begins with -1 and
  goes on has this dimension already, as the schemas of ONNX and MLflow files do; every other shape is that of one row.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final

from modelyard.domain.element_types import canonical
from modelyard.domain.names import shown
from modelyard.domain.signature import fields_of
from modelyard.errors import InvalidInput

DATATYPES: Final = {
    "BOOL": "bool",
    **{f"INT{bits}": f"int{bits}" for bits in (8, 16, 32, 64)},
    **{f"UINT{bits}": f"uint{bits}" for bits in (8, 16, 32, 64)},
    **{f"FP{bits}": f"float{bits}" for bits in (16, 32, 64)},
    "BYTES": "string",
}
"""Datatype of the protocol → type in a schema."""

_OF_TYPE: Final = {word: datatype for datatype, word in DATATYPES.items()}
_MOST_DIMENSIONS: Final = 32
_HINT: Final = "a tensor looks like {'name': 'x', 'shape': [1, 3], 'datatype': 'FP64', 'data': [1, 2, 3]}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Tensor:
    """A tensor that was sent; `data` holds its values flat, in row-major order."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    data: list[Any]

    def nested(self) -> Any:
        """The values as nested lists of the tensor's shape."""
        return _nested(self.data, self.shape)


@dataclass(frozen=True, kw_only=True, slots=True)
class InferRequest:
    """A request for inference: its tensors, and the names of the outputs that are wanted, none for all."""

    id: str = ""
    tensors: tuple[Tensor, ...]
    outputs: tuple[str, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)


def datatype_of(word: str) -> str:
    """The datatype for a type of a schema; BYTES for all that the protocol has no word for."""
    return _OF_TYPE.get(canonical(word), "BYTES")


def tensors_of(schema: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A schema as the inputs or outputs of a model's metadata; empty where the schema's fields are not known."""
    return [
        {
            "name": item.name,
            "datatype": datatype_of(item.type),
            "shape": [-1, *row_shape(item.shape)],
        }
        for item in fields_of(schema)
    ]


def row_shape(shape: Sequence[int]) -> tuple[int, ...]:
    """The shape of one row, of a shape that may begin with the number of rows; see the module's rules."""
    has_rows = len(shape) > 1 and shape[0] == -1
    return tuple(shape[1:] if has_rows else shape)


def read_request(document: object) -> InferRequest:
    """Read the decoded body of a request for inference.

    Raises:
        InvalidInput: it is not what the protocol says.
    """
    if not isinstance(document, Mapping) or not isinstance(document.get("inputs"), list) or not document["inputs"]:
        raise InvalidInput("the request has no list of inputs", hint=_HINT)
    tensors = tuple(_tensor(item) for item in document["inputs"])
    names = [tensor.name for tensor in tensors]
    if len(set(names)) < len(names):
        raise InvalidInput("two inputs have the same name", hint="give every input its own name")
    parameters = document.get("parameters")
    if parameters is not None and not isinstance(parameters, Mapping):
        raise InvalidInput(f"parameters is {shown(parameters)}, not an object")
    return InferRequest(
        id=_text(document.get("id") or "", "id"),
        tensors=tensors,
        outputs=_wanted(document.get("outputs")),
        parameters=parameters or {},
    )


def _wanted(outputs: object) -> tuple[str, ...]:
    if outputs is None:
        return ()
    if not isinstance(outputs, list) or not all(isinstance(item, Mapping) and "name" in item for item in outputs):
        raise InvalidInput("outputs is no list of objects with a name", hint="leave it out to get all outputs")
    return tuple(_text(item["name"], "the name of an output") for item in outputs)


def _tensor(item: object) -> Tensor:
    if not isinstance(item, Mapping):
        raise InvalidInput(f"the input {shown(item)} is no object", hint=_HINT)
    name = _text(item.get("name"), "the name of an input")
    datatype = item.get("datatype")
    if not isinstance(datatype, str) or datatype not in DATATYPES:
        raise InvalidInput(
            f"input {shown(name)}: datatype {shown(datatype)} is not known", hint=f"use one of {', '.join(DATATYPES)}"
        )
    shape, data = _shape(item.get("shape"), name), item.get("data")
    if not isinstance(data, list):
        raise InvalidInput(f"input {shown(name)} has no list of data", hint="send the values in the JSON body itself")
    values = _flat(data, shape, name)
    _check(values, datatype, name)
    return Tensor(name=name, datatype=datatype, shape=shape, data=values)


def _shape(shape: object, name: str) -> tuple[int, ...]:
    usable = isinstance(shape, list) and 1 <= len(shape) <= _MOST_DIMENSIONS
    if not usable or not all(isinstance(size, int) and not isinstance(size, bool) and size >= 0 for size in shape):  # type: ignore[attr-defined] # a list, as `usable` says
        raise InvalidInput(f"input {shown(name)} has the shape {shown(shape)}", hint=_HINT)
    return tuple(shape)  # type: ignore[arg-type] # a list of sizes, as was just checked


def _flat(data: list[Any], shape: tuple[int, ...], name: str) -> list[Any]:
    """The values of flat or nested data, of which there are as many as the shape says."""
    values, sizes = data, [len(data)]
    while values and isinstance(values[0], list):
        inner = {len(part) if isinstance(part, list) else -1 for part in values}
        if len(inner) > 1 or len(sizes) >= _MOST_DIMENSIONS:
            raise InvalidInput(f"input {shown(name)}: its nested data are ragged")
        sizes.append(inner.pop())
        values = list(chain.from_iterable(values))
    nested_otherwise = len(sizes) > 1 and tuple(sizes) != shape
    if nested_otherwise or len(values) != math.prod(shape):
        raise InvalidInput(
            f"input {shown(name)}: data of shape {sizes} do not fit the shape {list(shape)}",
            hint="send as many values as the shape says, flat or nested",
        )
    return values


def _check(values: Sequence[Any], datatype: str, name: str) -> None:
    kinds = set(map(type, values))
    allowed = _allowed(datatype)
    if not kinds <= allowed:
        wrong = next(value for value in values if type(value) not in allowed)
        raise InvalidInput(f"input {shown(name)}: {shown(wrong)} is no {datatype}")
    if "INT" in datatype and values:
        _check_range(min(values), max(values), datatype, name)


def _allowed(datatype: str) -> set[type]:
    if datatype in {"BOOL", "BYTES"}:
        return {bool if datatype == "BOOL" else str}
    return {int} if "INT" in datatype else {int, float, type(None)}


def _check_range(least: int, most: int, datatype: str, name: str) -> None:
    bits = int(datatype.rpartition("T")[2])
    low, high = (0, (1 << bits) - 1) if datatype.startswith("U") else (-(1 << bits - 1), (1 << bits - 1) - 1)
    if least < low or most > high:
        raise InvalidInput(f"input {shown(name)}: {shown(least if least < low else most)} is no {datatype}")


def _text(value: object, what: str) -> str:
    if not isinstance(value, str):
        raise InvalidInput(f"{what} is {shown(value)}, not a text", hint=_HINT)
    return value


def _nested(values: list[Any], shape: tuple[int, ...]) -> list[Any]:
    if len(shape) == 1:
        return values
    step = math.prod(shape[1:])
    return [_nested(values[place * step : (place + 1) * step], shape[1:]) for place in range(shape[0])]


def output_tensor(name: str, datatype: str, shape: Iterable[int], data: list[Any]) -> dict[str, Any]:
    """An output as an answer holds it; `data` flat, in row-major order."""
    return {"name": name, "datatype": datatype, "shape": list(shape), "data": data}
