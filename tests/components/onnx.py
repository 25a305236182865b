"""ONNX files and `MLmodel` files written by hand, for tests: what their readers must understand, and no more."""

from __future__ import annotations

import json
from collections.abc import Sequence

FLOAT, INT64, DOUBLE = 1, 7, 11


def varint(number: int) -> bytes:
    """Write a number as protocol buffers do."""
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def field(number: int, content: bytes | int) -> bytes:
    """Write a field: a number, or bytes with their length."""
    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    return varint(number << 3 | 2) + varint(len(content)) + content


def tensor(name: str, element: int, shape: Sequence[int | str | None] | None) -> bytes:
    """Write a ValueInfoProto; a dimension is a size, a name, or None for one that is not told."""
    described = field(1, element)
    if shape is not None:
        sizes = (
            field(1, size) if isinstance(size, int) else field(2, size.encode()) if size else b"" for size in shape
        )
        described += field(2, b"".join(field(1, size) for size in sizes))
    return value(name, field(1, described))


def value(name: str, kind: bytes) -> bytes:
    """Write a ValueInfoProto of any type."""
    return field(1, name.encode()) + field(2, kind)


def graph(inputs: Sequence[bytes], outputs: Sequence[bytes], weights: Sequence[tuple[str, bytes]] = ()) -> bytes:
    """Write a ModelProto as exporters do: the weights stand before the inputs and outputs."""
    initializers = [field(1, 4) + field(2, FLOAT) + field(8, name.encode()) + field(9, raw) for name, raw in weights]
    parts = [(5, item) for item in initializers] + [(11, item) for item in inputs] + [(12, item) for item in outputs]
    body = field(2, b"torch_jit") + b"".join(field(number, item) for number, item in parts)
    return field(1, 8) + field(2, b"pytorch") + field(7, body) + field(8, field(2, 17))


def simple(shape: Sequence[int | str | None] = ("batch", 4), element: int = FLOAT) -> bytes:
    """Write a model with one input `x` and one output `y`."""
    return graph([tensor("x", element, shape)], [tensor("y", FLOAT, ("batch",))])


def mlmodel(inputs: object, outputs: object = None) -> str:
    """Write an `MLmodel` file with a signature."""
    sides = {"inputs": inputs, "outputs": outputs}
    lines = [f"  {side}: '{json.dumps(columns)}'\n" for side, columns in sides.items() if columns is not None]
    return f"artifact_path: model\nflavors:\n  python_function:\n    env: conda.yaml\nsignature:\n{''.join(lines)}"
