"""The bodies of predictions: which value was sent, and its rows in the order and the types that the model takes.

    {"input": X} {"inputs": X} {"instances": X}          X is one of
    {"dataframe_split": {"columns": […], "data": […]}}     a list of rows, or one row
    {"dataframe_records": [{…}, …]}                        a list of records, or one record
    {"columns": […], "data": […]}                          a mapping of columns
    X, where it is a list                                  {"columns": […], "data": […]}

Rules
- Other members of the body are left alone, but `parameters`: `{"method": "predict_proba"}` asks another method.
- Columns and records are put into the order of the model's own names, of the schema's where it has none. Missing names,
  but for optional fields, and unknown ones are refused. Where no names are known, only the order that
  `columns` gives is one.
- A flat list is one row where a row has that many values, else many rows of one value; where nothing is known, numbers
  are one row and texts are rows.
- No rows at all are refused: there is nothing to answer.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec

from modelyard.domain.names import shown
from modelyard.domain.signature import Field
from modelyard.domain.tensors import DATATYPES, Tensor
from modelyard.errors import InvalidInput
from modelyard.runtimes.casting import as_array, cast
from modelyard.runtimes.runner import Batch, Expected

ENVELOPES = ("input", "inputs", "instances", "dataframe_split", "dataframe_records")
_HINT = 'send {"input": [[…], …]}, or one of: ' + ", ".join(ENVELOPES[1:])
_MOST_NAMES = 10


def decoded(body: bytes) -> Any:
    """The JSON value of a body; InvalidInput where it is none."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise InvalidInput(f"the body is no JSON: {str(error)[:200]}", hint=_HINT) from error


def unwrapped(body: Any) -> tuple[Any, Mapping[str, Any]]:
    """The value that was sent, and the parameters.

    Raises:
        InvalidInput: there is no value, or there are two.
    """
    if isinstance(body, list):
        return body, {}
    if not isinstance(body, Mapping):
        raise InvalidInput(f"the body is {shown(body)}, not an object", hint=_HINT)
    parameters = body.get("parameters")
    if parameters is not None and not isinstance(parameters, Mapping):
        raise InvalidInput(f"parameters is {shown(parameters)}, not an object")
    found = [name for name in ENVELOPES if name in body]
    if len(found) > 1:
        raise InvalidInput(f"the body has both {found[0]} and {found[1]}", hint="send one of them")
    if found:
        return body[found[0]], parameters or {}
    if _is_split(body):
        return body, parameters or {}
    raise InvalidInput(f"the body has no input: its members are {_names(list(body))}", hint=_HINT)


class Reader:
    """Turns values into batches of what a model takes."""

    def __init__(self, expected: Expected) -> None:
        self._fields = expected.fields
        self._by_name = {item.name: item for item in expected.fields}
        self._is_table = expected.is_table

    def read(self, value: Any) -> Batch:
        """The rows of a JSON value; InvalidInput where the model does not take them."""
        if isinstance(value, Mapping):
            if _is_split(value) and not self._by_name.keys() >= {"columns", "data"}:
                return self._split(value["columns"], value["data"])
            return self._mapping(value)
        if isinstance(value, list) and value and isinstance(value[0], Mapping):
            return self._records(value)
        if value == []:
            return _batch({})
        return self._positional(value)

    def read_tensors(self, tensors: Sequence[Tensor]) -> Batch:
        """The rows of tensors: one for all, whatever its name, or one for each field."""
        arrays = {tensor.name: _from_tensor(tensor) for tensor in tensors}
        if len(arrays) == 1 and not self._by_name.keys() & arrays.keys() and (len(self._fields) == 1 or self._is_table):
            return self._positional(next(iter(arrays.values())))
        if not self._fields and len(arrays) == 1:
            return _batch(arrays)
        return self._columns({name: self._squeezed(name, array) for name, array in arrays.items()})

    def _squeezed(self, name: str, array: Any) -> Any:
        """A column of single values may come as rows of one."""
        known = self._by_name.get(name)
        single = known is not None and not known.shape and array.ndim == 2 and array.shape[1] == 1  # noqa: PLR2004 - rows, columns
        return array.reshape(-1) if single else array

    def _split(self, columns: Any, rows: Any) -> Batch:
        names, count = [str(name) for name in columns], len(columns)
        if len(set(names)) < count:
            raise InvalidInput("two columns have the same name", hint="give every column its own name")
        if wrong := [row for row in rows if not isinstance(row, list) or len(row) != count]:
            raise InvalidInput(f"the row {shown(wrong[0])} does not have the {count} values of the columns")
        if len(self._fields) == 1 and not self._by_name.keys() & set(names):
            # The model's features have no names, so that the order decides.
            return self._positional(rows)
        return self._columns(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)) if rows else {})

    def _records(self, records: list[Any]) -> Batch:
        names: dict[str, None] = {}
        for record in records:
            if not isinstance(record, Mapping):
                raise InvalidInput(f"{shown(record)} stands among records, and is none")
            names |= dict.fromkeys(record)
        self._unordered(list(names))
        for place, record in enumerate(records):
            for name in names.keys() - record.keys():
                if not (name in self._by_name and self._by_name[name].optional):
                    raise InvalidInput(f"row {place} has no {shown(name)}", hint=self._hint())
        return self._columns({name: [record.get(name) for record in records] for name in names})

    def _mapping(self, value: Mapping[str, Any]) -> Batch:
        if not value:
            raise InvalidInput("the input is an empty object", hint=self._hint())
        name, part = next(
            ((name, part) for name, part in value.items() if name in self._by_name), next(iter(value.items()))
        )
        if self._fields:
            known = self._by_name.get(name)
            is_record = _depth(part) <= len(known.shape if known else ())
        else:
            is_record = not all(isinstance(part, list) for part in value.values())
        self._unordered(list(value))
        return self._columns({name: [part] for name, part in value.items()} if is_record else dict(value))

    def _unordered(self, names: Sequence[str]) -> None:
        """Refuse names where the model's features have none: nothing tells which is which."""
        one = self._fields[0] if len(self._fields) == 1 else None
        if one and one.name not in names and one.shape:
            raise InvalidInput(
                f"the model does not know its features by name: {_names(names)}",
                hint=f"send rows of {math.prod(one.shape)} values" if min(one.shape) > 0 else "send rows of values",
            )

    def _columns(self, columns: Mapping[str, Any]) -> Batch:
        if not self._fields:
            return _batch({name: cast(as_array(part, ragged=True), _ANY, name) for name, part in columns.items()})
        self._check_names(columns)
        rows = {name: self._column(self._by_name[name], part) for name, part in columns.items()}
        count = len(next(iter(rows.values()))) if rows else 0
        return _batch(
            {item.name: rows[item.name] if item.name in rows else _absent(item, count) for item in self._fields}
        )

    def _check_names(self, names: Collection[str]) -> None:
        missing = [item.name for item in self._fields if not item.optional and item.name not in names]
        unknown = [name for name in names if name not in self._by_name]
        parts = [f"{word} {_names(found)}" for word, found in (("missing:", missing), ("unknown:", unknown)) if found]
        if parts:
            raise InvalidInput(f"the names do not fit: {'; '.join(parts)}", hint=self._hint())

    def _column(self, item: Field, values: Any) -> Any:
        what = f"the field {shown(item.name)}"
        array = _shaped(as_array(values, ragged=-1 in item.shape), item, what)
        return cast(array, item, what)

    def _positional(self, value: Any) -> Batch:
        if not self._fields:
            return _batch({"input": _guessed(as_array(value, ragged=True))})
        if self._is_table:
            return self._rows(as_array(value))
        if len(self._fields) > 1:
            raise InvalidInput("the model takes several inputs, each by its name", hint=self._hint())
        (only,) = self._fields
        array = as_array(value, ragged=-1 in only.shape)
        return _batch({only.name: cast(_shaped(_as_rows(array, only), only, "a row"), only, "the input")})

    def _rows(self, array: Any) -> Batch:
        """The columns of rows that hold one value for each field."""
        width = len(self._fields)
        table = array.reshape(1, -1) if array.ndim == 1 else array
        if table.ndim != 2 or table.shape[1] != width:  # noqa: PLR2004 - rows, columns
            raise InvalidInput(f"a row has {width} values, and was sent with {_sent(table)}", hint=self._hint())
        fields = enumerate(self._fields)
        return _batch(
            {item.name: cast(table[:, place], item, f"the field {shown(item.name)}") for place, item in fields}
        )

    def _hint(self) -> str:
        return f"the model takes {_names([item.name for item in self._fields])}" if self._fields else ""


_ANY = Field(name="input", type="any")


def made_up(expected: Expected) -> Batch:
    """Three different rows of small numbers; InvalidInput where not all fields are numbers of a known shape."""
    import numpy as np

    parts = {}
    for item in expected.fields:
        if -1 in item.shape or not item.type.startswith(("float", "int", "uint", "bool")):
            raise InvalidInput(f"nothing can be made up for {shown(item.name)}")
        parts[item.name] = np.stack([np.full(item.shape, value, dtype=item.type) for value in (0.0, 1.0, 0.5)])
    return _batch(parts)


def _from_tensor(tensor: Tensor) -> Any:
    import numpy as np

    if tensor.datatype == "BYTES":
        return as_array(tensor.data).reshape(tensor.shape)
    try:
        with np.errstate(over="ignore"):
            return np.array(tensor.data, dtype=DATATYPES[tensor.datatype]).reshape(tensor.shape)
    except OverflowError as error:
        raise InvalidInput(f"input {shown(tensor.name)}: an integer is too large for {tensor.datatype}") from error


def _batch(parts: Mapping[str, Any]) -> Batch:
    """The parts as a batch; InvalidInput where they have different numbers of rows, or none."""
    counts = {name: len(part) if part.ndim else 0 for name, part in parts.items()}
    if len(set(counts.values())) > 1:
        raise InvalidInput(f"the columns have different numbers of rows: {shown(counts)}")
    rows = next(iter(counts.values()), 0)
    if not rows:
        raise InvalidInput("the input has no rows", hint="send at least one row")
    return Batch(parts, rows)


def _as_rows(array: Any, only: Field) -> Any:
    """A single row as rows of one, and values in a flat list as rows, where the field has one value."""
    dimensions = len(only.shape)
    if array.dtype == object and array.ndim == 1 and array.size and isinstance(array[0], list):
        return array
    if only.shape == (1,) and array.ndim == 1 and len(array) != 1:
        return array.reshape(-1, 1)
    if not dimensions and array.ndim == 2 and array.shape[1] == 1:  # noqa: PLR2004 - rows, columns
        return array.reshape(-1)
    return array.reshape(1, *array.shape) if array.ndim == dimensions else array


def _shaped(array: Any, item: Field, what: str) -> Any:
    """The array, if its rows have the field's shape; rows of different lengths, which are objects, pass."""
    shape = array.shape[1:]
    ragged = array.dtype == object and array.ndim == 1 and -1 in item.shape
    fits = len(shape) == len(item.shape) and all(
        want in (-1, size) for want, size in zip(item.shape, shape, strict=True)
    )
    if array.ndim == 0 or not (fits or ragged):
        raise InvalidInput(f"{what} has the shape {list(item.shape)}, and not {list(shape)}")
    return array


def _guessed(array: Any) -> Any:
    """The rows of an array of which nothing is known; numbers in a flat list are one row."""
    if array.ndim == 0:
        return array.reshape(1)
    return array.reshape(1, -1) if array.ndim == 1 and array.dtype != object and array.size else array


def _absent(item: Field, rows: int) -> Any:
    """A column of missing values, for an optional field that was left out."""
    return cast(as_array([None] * rows), item, item.name)


def _is_split(value: Mapping[str, Any]) -> bool:
    return isinstance(value.get("columns"), list) and isinstance(value.get("data"), list)


def _sent(table: Any) -> str:
    return f"{table.shape[1]}" if table.ndim == 2 else f"the shape {list(table.shape[1:])}"  # noqa: PLR2004 - rows, columns


def _depth(value: Any) -> int:
    return 1 + _depth(value[0] if value else None) if isinstance(value, list) else 0


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(shown(name, 40) for name in names[:_MOST_NAMES]) + more
