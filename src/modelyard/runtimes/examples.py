"""The stored input example: the first rows of what the user gave, as JSON values of bounded size."""

from __future__ import annotations

import base64
import datetime as dt
import json
import math
from collections.abc import Mapping
from typing import Any

ROWS = 5
MAX_BYTES = 64 << 10

# The marks of pandas, told by their names because pandas may not be there.
_MISSING = frozenset({"NAType", "NaTType"})


class _TooLarge(Exception):
    """The example has more values than fit."""


def example_json(example: Any, rows: int = ROWS) -> Any:
    """The first rows of an example as JSON values, at most 64 KiB of text; None when not even one row fits.

    A table becomes `{"columns": [names], "data": [rows]}`, an array nested lists, bytes base64 text, dates ISO 8601
    text. NaN and infinite numbers, which JSON cannot write, become null.
    """
    for count in range(rows, 0, -1):
        try:
            value = _Plain().of(head(example, count))
        except _TooLarge:
            continue
        if len(json.dumps(value, ensure_ascii=False).encode()) <= MAX_BYTES:
            return value
    return None


def head(example: Any, rows: int) -> Any:
    """The first rows of an example, in the example's own type; of a mapping, the first rows of each column."""
    if is_frame(example):
        return example.iloc[:rows]
    if isinstance(example, Mapping):
        return {key: head(value, rows) for key, value in example.items()}
    if isinstance(example, list | tuple) or getattr(example, "shape", None):
        return example[:rows]
    return example


def is_frame(example: Any) -> bool:
    """Whether the example is a table with named columns, as pandas has them."""
    return hasattr(example, "iloc") and hasattr(example, "columns")


class _Plain:
    """Turns values into JSON values, and stops when there are more than could fit."""

    def __init__(self) -> None:
        # Each value takes two characters at least, itself and a comma.
        self._left = MAX_BYTES // 2

    def of(self, value: Any) -> Any:
        if is_frame(value):
            self._fits(value.size)
            columns = [str(name) for name in value.columns]
            return {
                "columns": columns,
                "data": [self.of(list(row)) for row in value.itertuples(index=False, name=None)],
            }
        if hasattr(value, "toarray"):
            self._fits(math.prod(value.shape))
            value = value.toarray()
        if hasattr(value, "tolist"):
            self._fits(getattr(value, "size", 1))
            value = value.tolist()
        self._fits(1)
        self._left -= 1
        if isinstance(value, Mapping):
            return {_text(str(key)): self.of(part) for key, part in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.of(part) for part in value]
        return _scalar(value)

    def _fits(self, count: int) -> None:
        if count > self._left:
            raise _TooLarge


def _scalar(value: Any) -> Any:
    if isinstance(value, bool | int):
        return value
    if value is None or type(value).__name__ in _MISSING:
        return None
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    return _text(value if isinstance(value, str) else str(value))


def _text(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
