"""From the JSON bodies of predictions to rows of features: what a profile counts.

Rules
- A row is feature → value. Whatever the form of the body, the same values have the same names: columns and records have
  theirs; a row without names has the features `[0]`, `[1]` and so on; what lies deeper is `name.key` and `name[2]`.
- A text of more than `LONGEST_TEXT` characters has its length beside it, as `name.characters`.
- Of a chat only numbers are taken: how many messages and characters, the parameters, the tokens, why it ended.
- An answer's value is `prediction`, of a list `prediction[0]` and so on; records and several outputs have their names.
- Of many rows in one body, `MOST_ROWS` are taken, evenly spread. No row has more than `MOST_FEATURES` features.
- Nothing is refused here: what is not understood has no rows. The model has judged the input already.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import msgspec

from modelyard.domain.profiles import LONGEST_TEXT, MOST_FEATURES

MOST_ROWS: Final = 20
MOST_DEPTH: Final = 5
PREDICTION: Final = "prediction"

Row: TypeAlias = dict[str, object]

_ENVELOPES: Final = ("input", "inputs", "instances", "dataframe_split", "dataframe_records")
_CHAT_NUMBERS: Final = ("temperature", "top_p", "max_tokens", "max_completion_tokens", "n")
_decode = msgspec.json.Decoder().decode


def rows_of(protocol: str, body: bytes) -> list[Row]:
    """Return the rows of inputs in the body of a call; none where it is not understood.

    Args:
        protocol: `predict`, `v2` or `chat`, as back ends are told.
        body: JSON.
    """
    return _read(_INPUTS, protocol, body)


def answers_of(protocol: str, output: bytes) -> list[Row]:
    """Return the rows of outputs in an answer; arguments as in `rows_of`."""
    return _read(_OUTPUTS, protocol, output)


def rows_in(value: Any) -> Sequence[Any]:
    """Return the rows of a JSON value as a model's input: records, lists of values, or single values."""
    if isinstance(value, Mapping):
        return _rows_of_columns(value)
    if not isinstance(value, list):
        return [value]
    has_rows = any(isinstance(item, list | dict) for item in value) or all(isinstance(item, str) for item in value)
    return value if has_rows else [value]


def _rows_of_columns(value: Mapping[str, Any]) -> Sequence[Any]:
    """The rows of a table in either of its forms, names and data or name → column; else the one record that it is."""
    if isinstance(value.get("columns"), list) and isinstance(value.get("data"), list):
        names = [str(name) for name in value["columns"]]
        return [dict(zip(names, row, strict=False)) for row in value["data"] if isinstance(row, list)]
    columns = [part for part in value.values() if isinstance(part, list)]
    if columns and len(columns) == len(value) and len(set(map(len, columns))) == 1:
        return [dict(zip(value, row, strict=True)) for row in zip(*columns, strict=True)]
    return [value]


def spread(rows: Sequence[Any], most: int = MOST_ROWS) -> Sequence[Any]:
    """Return at most so many of some rows, evenly spread."""
    return rows if len(rows) <= most else [rows[place * len(rows) // most] for place in range(most)]


def flat(value: Any, name: str = "") -> Row:
    """Return a row as feature → value, for a JSON value: a record, a list of values, or a single value."""
    into: Row = {}
    _flatten(value if name or isinstance(value, Mapping | list) else [value], name, into, MOST_DEPTH)
    return into


def _read(readers: Mapping[str, Callable[[Any], Iterable[Row]]], protocol: str, body: bytes) -> list[Row]:
    reader = readers.get(protocol)
    try:
        return list(reader(_decode(body))) if reader is not None else []
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return []


def _flatten(value: Any, name: str, into: Row, depth: int) -> None:
    if len(into) >= MOST_FEATURES:
        return
    if depth and isinstance(value, Mapping):
        for key, part in value.items():
            _flatten(part, f"{name}.{key}" if name else key, into, depth - 1)
    elif depth and isinstance(value, list):
        for place, part in enumerate(value[:MOST_FEATURES]):
            _flatten(part, f"{name}[{place}]", into, depth - 1)
    else:
        into[name] = value
        if isinstance(value, str) and len(value) > LONGEST_TEXT:
            into[f"{name}.characters"] = len(value)


def _predict_rows(body: Any) -> Iterable[Row]:
    value = body
    if not isinstance(body, list):
        if not isinstance(body, Mapping):
            return []
        found = [name for name in _ENVELOPES if name in body]
        if not found and "columns" not in body:
            return []
        value = body[found[0]] if found else body
    return [flat(row) for row in spread(rows_in(value))]


def _predict_answers(output: Any) -> Iterable[Row]:
    if isinstance(output, Mapping):
        columns = rows_in(output)
        return [flat(row) for row in spread(columns)]
    rows = output if isinstance(output, list) else [output]
    return [flat(row, "" if isinstance(row, Mapping) else PREDICTION) for row in spread(rows)]


def _tensor_rows(tensors: Any, only: str) -> Iterable[Row]:
    """The rows of tensors: the first dimension counts them. A single tensor's features are named after `only`."""
    if not isinstance(tensors, list):
        return []
    parts: dict[str, Sequence[Any]] = {}
    for tensor in tensors:
        values = _tensor_values(tensor)
        if values:
            parts[only if len(tensors) == 1 else str(tensor.get("name"))] = values
    count = max(map(len, parts.values()), default=0)
    places = spread(range(count))
    return [_joined({name: part[place] for name, part in parts.items() if place < len(part)}) for place in places]


def _joined(parts: Mapping[str, Any]) -> Row:
    into: Row = {}
    for name, part in parts.items():
        into |= flat(part, name)
    return into


def _tensor_values(tensor: Any) -> Sequence[Any]:
    """One value or one list of values for each row; none where the tensor is not what it says."""
    if not isinstance(tensor, Mapping):
        return []
    shape, data = tensor.get("shape"), tensor.get("data")
    sizes = shape if isinstance(shape, list) and all(type(size) is int and size >= 0 for size in shape) else []
    if not sizes or not isinstance(data, list):
        return []
    return _split(data, sizes[0], math.prod(sizes[1:]))


def _split(data: list[Any], count: int, width: int) -> Sequence[Any]:
    """The data of a tensor in rows: they come flat, or nested already."""
    if width == 1:
        # A column of single values may come as rows of one.
        return [part[0] if isinstance(part, list) and part else part for part in data]
    if len(data) != count * width:
        return data if len(data) == count else []
    return [data[start : start + width] for start in range(0, len(data), width)] if width else []


def _infer_rows(body: Any) -> Iterable[Row]:
    return _tensor_rows(body.get("inputs"), "") if isinstance(body, Mapping) else []


def _infer_answers(output: Any) -> Iterable[Row]:
    return _tensor_rows(output.get("outputs"), PREDICTION) if isinstance(output, Mapping) else []


def _chat_rows(body: Any) -> Iterable[Row]:
    if not isinstance(body, Mapping) or not isinstance(body.get("messages"), list):
        return []
    messages = body["messages"]
    row: Row = {"messages": len(messages), "characters": sum(map(_characters, messages))}
    tools = body.get("tools")
    row["tools"] = len(tools) if isinstance(tools, list) else 0
    return [row | {name: body[name] for name in _CHAT_NUMBERS if isinstance(body.get(name), int | float)}]


def _chat_answers(output: Any) -> Iterable[Row]:
    if not isinstance(output, Mapping):
        return []
    choices, usage = output.get("choices"), output.get("usage")
    rows: list[Row] = []
    for choice in spread(choices) if isinstance(choices, list) else []:
        if isinstance(choice, Mapping):
            reason = choice.get("finish_reason")
            row: Row = {"characters": _characters(choice.get("message"))}
            row["finish_reason"] = reason if isinstance(reason, str) else None
            rows.append(row | _tokens(usage))
    return rows


def _tokens(usage: Any) -> Row:
    names = ("prompt_tokens", "completion_tokens")
    return {name: usage[name] for name in names if isinstance(usage.get(name), int)} if isinstance(usage, dict) else {}


def _characters(message: Any) -> int:
    """How many characters the texts of a message have."""
    content = message.get("content") if isinstance(message, Mapping) else None
    parts = content if isinstance(content, list) else [content]
    texts = [part.get("text") if isinstance(part, Mapping) else part for part in parts]
    return sum(len(text) for text in texts if isinstance(text, str))


_INPUTS: Final[Mapping[str, Callable[[Any], Iterable[Row]]]] = {
    "predict": _predict_rows,
    "v2": _infer_rows,
    "chat": _chat_rows,
}
_OUTPUTS: Final[Mapping[str, Callable[[Any], Iterable[Row]]]] = {
    "predict": _predict_answers,
    "v2": _infer_answers,
    "chat": _chat_answers,
}
PROTOCOLS: Final = frozenset(_INPUTS)
"""The protocols that are understood."""
