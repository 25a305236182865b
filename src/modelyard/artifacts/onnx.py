"""The inputs and outputs of an ONNX file, read off its bytes without any package for ONNX.

An ONNX file is a protocol buffer: fields, each a key (number and wire type) and a value. Only these are looked at:

    ModelProto       7 graph
    GraphProto       5 initializer (its name), 11 input, 12 output
    TensorProto      8 name
    ValueInfoProto   1 name, 2 type
    TypeProto        1 tensor_type, 4 sequence_type, 5 map_type, 8 sparse_tensor_type, 9 optional_type
    Tensor           1 elem_type, 2 shape;   TensorShapeProto  1 dim;   Dimension  1 dim_value

Rules
- Everything else is passed over by its length, so the weights are not read. The work is bounded: so many fields, so
  many inputs, so many bytes of one; a file beyond a bound, and one that is no protocol buffer, has no known schema.
- An initializer that is listed among the inputs, as older files do with every weight, is none that callers send; it is
  left out, as ONNX Runtime does.
- Shapes are those of the graph, the batch dimension included; -1 stands for a dimension that is named or not told. One
  tensor without any shape leaves its whole side unknown: its rank could not be compared.
- Sequences and maps have the types `sequence` and `map`, and no shape.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

MOST_FIELDS = 200_000
MOST_VALUES = 10_000
MOST_BYTES = 1 << 22
"""Bytes of all descriptions together."""
MOST_NESTING = 8

_VARINT, _BYTES = 0, 2
_WIDTHS = {1: 8, 5: 4}
_LONGEST_VARINT = 10
_MORE = 0x80
_LARGEST_SIZE = 1 << 62
_GRAPH, _INITIALIZER, _INPUT, _OUTPUT, _TENSOR_NAME = 7, 5, 11, 12, 8
_NAME, _TYPE = 1, 2
_TENSORS, _WORDS, _OPTIONAL = {1, 8}, {4: "sequence", 5: "map"}, 9
_ELEMENT, _SHAPE = 1, 2
_FIRST = 1
"""Number of the element type of an optional, of the dimensions of a shape, and of the size of a dimension."""
_TYPES = {
    1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 8: "string", 9: "bool",
    10: "float16", 11: "float64", 12: "uint32", 13: "uint64", 14: "complex64", 15: "complex128", 16: "bfloat16",
}  # fmt: skip


class Window(Protocol):
    """Bytes that can be read anywhere."""

    @property
    def size(self) -> int:
        """How many there are."""
        ...

    def read(self, start: int, end: int) -> bytes:
        """The bytes from `start` up to `end`; fewer only where they end."""
        ...


class NoOnnxError(ValueError):
    """The bytes are no ONNX file, or one beyond the bounds."""


class _Part(NamedTuple):
    """A field: its number, its value if it is a number, and the place of its bytes if it has some."""

    number: int
    value: int
    start: int
    end: int


class _Bytes:
    """A piece in memory as a window."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size = len(data)

    def read(self, start: int, end: int) -> bytes:
        return self._data[start:end]


class _Reader:
    """Walks over fields, and counts them."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._left = MOST_FIELDS
        self._bytes_left = MOST_BYTES

    def fields(self, start: int, end: int) -> Iterator[_Part]:
        """Yield the fields of a message that lies from `start` to `end`."""
        place = start
        while place < end:
            self._left -= 1
            if self._left < 0:
                raise NoOnnxError("too many fields")
            key, place = self._varint(place, end)
            number, kind = key >> 3, key & 7
            if kind == _VARINT:
                value, place = self._varint(place, end)
                yield _Part(number, value, place, place)
                continue
            length = _WIDTHS.get(kind, -1)
            if kind == _BYTES:
                length, place = self._varint(place, end)
            if length < 0 or place + length > end or number == 0:
                raise NoOnnxError(f"a field at byte {place} that no protocol buffer has")
            yield _Part(number, 0, place, place + length)
            place += length

    def bytes_of(self, part: _Part) -> bytes:
        """Return the bytes of a description."""
        self._bytes_left -= part.end - part.start
        if self._bytes_left < 0:
            raise NoOnnxError("descriptions that are too long")
        return self._window.read(part.start, part.end)

    def _varint(self, place: int, end: int) -> tuple[int, int]:
        value = 0
        for index, byte in enumerate(self._window.read(place, min(place + _LONGEST_VARINT, end))):
            value |= (byte & 0x7F) << (7 * index)
            if byte < _MORE:
                return value, place + index + 1
        raise NoOnnxError(f"a number without an end at byte {place}")


def onnx_schemas(window: Window) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the input and the output schema; `{}` for a side that cannot be known.

    Raises:
        NoOnnxError: it is no ONNX file, or one beyond the bounds.
    """
    reader = _Reader(window)
    inputs: list[dict[str, Any]] = []
    outputs: list[dict[str, Any]] = []
    defaults: set[str] = set()
    graphs = [part for part in reader.fields(0, window.size) if part.number == _GRAPH]
    if len(graphs) != 1:
        raise NoOnnxError("no graph")
    for part in reader.fields(graphs[0].start, graphs[0].end):
        if part.number == _INITIALIZER:
            found = (field for field in reader.fields(part.start, part.end) if field.number == _TENSOR_NAME)
            defaults |= {_text(reader.bytes_of(field)) for field in found}
        elif part.number in {_INPUT, _OUTPUT}:
            side = inputs if part.number == _INPUT else outputs
            side.append(_value(reader.bytes_of(part)))
            if len(side) > MOST_VALUES:
                raise NoOnnxError("too many inputs or outputs")
    return _schema([field for field in inputs if field["name"] not in defaults]), _schema(outputs)


def _schema(fields: list[dict[str, Any]]) -> dict[str, Any]:
    names = {field["name"] for field in fields}
    sound = fields and "" not in names and len(names) == len(fields)
    known = all(field["shape"] is not None for field in fields)
    return {"fields": fields} if sound and known else {}


def _value(data: bytes) -> dict[str, Any]:
    name, found = "", _type(b"", 0)
    for part, body in _parts(data):
        if part.number == _NAME:
            name = _text(body)
        elif part.number == _TYPE:
            found = _type(body, MOST_NESTING)
    return {"name": name, **found}


def _type(data: bytes, depth: int) -> dict[str, Any]:
    found: dict[str, Any] = {"type": "any", "shape": None, "optional": False}
    for part, body in _parts(data):
        if part.number in _TENSORS:
            found = {**_tensor(body), "optional": False}
        elif part.number in _WORDS:
            found = {"type": _WORDS[part.number], "shape": [], "optional": False}
        elif part.number == _OPTIONAL and depth:
            inner = next((piece for field, piece in _parts(body) if field.number == _FIRST), b"")
            found = {**_type(inner, depth - 1), "optional": True}
    return found


def _tensor(data: bytes) -> dict[str, Any]:
    word, shape = "any", None
    for part, body in _parts(data):
        if part.number == _ELEMENT:
            word = _TYPES.get(part.value, "any")
        elif part.number == _SHAPE:
            shape = [_size(dimension) for field, dimension in _parts(body) if field.number == _FIRST]
    return {"type": word, "shape": shape}


def _size(data: bytes) -> int:
    sizes = [part.value for part, _ in _parts(data) if part.number == _FIRST]
    return sizes[-1] if sizes and sizes[-1] < _LARGEST_SIZE else -1


def _parts(data: bytes) -> Iterator[tuple[_Part, bytes]]:
    for part in _Reader(_Bytes(data)).fields(0, len(data)):
        yield part, data[part.start : part.end]


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
