"""The answers of models: split by the calls that asked together, and as JSON values.

Rules
- An answer belongs to its rows if its first dimension counts them: of an array, a table, a list, or of each part of a
  mapping or a tuple. Any other answer cannot be split.
- A table becomes a list of records, a mapping keeps its names, arrays become nested lists, dates ISO 8601 text, bytes
  base64 text. NaN and infinite numbers become null.
- What JSON has no word for, an object of a class of the model's own, is the model's mistake.
"""

from __future__ import annotations

import base64
import datetime as dt
import math
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from modelyard.domain.tensors import DATATYPES, output_tensor
from modelyard.runtimes.examples import is_frame

_DATATYPES = {word: datatype for datatype, word in DATATYPES.items()}
_CLOSE = 1e-3
_TINY = 1e-6


def encoded(value: Any) -> bytes:
    """A JSON value as bytes; NaN and infinite numbers are written as null."""
    return msgspec.json.encode(value)


def split(answer: Any, sizes: Sequence[int]) -> list[Any] | None:
    """The parts of an answer for calls of so many rows each, in their order; None where it does not count the rows."""
    rows = sum(sizes)
    if isinstance(answer, Mapping):
        return _each({name: split(part, sizes) for name, part in answer.items()}, len(sizes))
    if isinstance(answer, tuple):
        found = _each(dict(enumerate(split(part, sizes) for part in answer)), len(sizes))
        return None if found is None else [tuple(part.values()) for part in found]
    if _length(answer) != rows:
        return None
    cut = answer.iloc if hasattr(answer, "iloc") else answer
    starts = [sum(sizes[:place]) for place in range(len(sizes))]
    return [cut[start : start + size] for start, size in zip(starts, sizes, strict=True)]


def _each(parts: Mapping[Any, list[Any] | None], count: int) -> list[Any] | None:
    found = {name: part for name, part in parts.items() if part is not None}
    if not found or len(found) < len(parts):
        return None
    return [{name: part[place] for name, part in found.items()} for place in range(count)]


def _length(answer: Any) -> int:
    shape = getattr(answer, "shape", None)
    if shape is not None:
        return int(shape[0]) if len(shape) else -1
    return len(answer) if isinstance(answer, list) else -1


def plain(value: Any) -> Any:
    """The JSON value of an answer; TypeError where it has none."""
    if value is None or isinstance(value, bool | int | float | str):
        return _bare(value)
    if is_frame(value):
        columns = {str(name): plain(value.iloc[:, place]) for place, name in enumerate(value.columns)}
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    array = _array(value)
    if array is not None:
        return _listed(array)
    if type(value).__name__ in {"NAType", "NaTType"}:
        return None
    for kinds, written in _WRITTEN:
        if isinstance(value, kinds):
            return written(value)
    raise TypeError(f"the model answers with an object of {type(value).__qualname__}, for which JSON has no word")


_WRITTEN: tuple[tuple[tuple[type, ...], Callable[[Any], Any]], ...] = (
    ((Mapping,), lambda value: {str(plain(key)): plain(part) for key, part in value.items()}),
    ((list, tuple, set, frozenset), lambda value: [plain(part) for part in value]),
    ((bytes, bytearray), lambda value: base64.b64encode(value).decode()),
    ((dt.date, dt.time), lambda value: value.isoformat()),
    ((complex, Decimal, dt.timedelta), str),
)


def _bare(value: Any) -> Any:
    """A value without a class of NumPy's, some of which are numbers of Python too."""
    return value.item() if hasattr(value, "item") else value


def _array(value: Any) -> Any:
    """A NumPy array or number of what is one: a tensor, a sparse matrix, a column of a table; None for all else."""
    if hasattr(value, "detach") and hasattr(value, "cpu"):
        value = value.detach().cpu()
        return (value.float() if str(value.dtype) == "torch.bfloat16" else value).numpy()
    if hasattr(value, "toarray"):
        return value.toarray()
    if hasattr(value, "iloc") and hasattr(value, "to_numpy"):
        return value.to_numpy()
    return value if hasattr(value, "dtype") and hasattr(value, "tolist") else None


def _listed(array: Any) -> Any:
    kind = array.dtype.kind
    if kind in "biufU":
        return array.tolist()
    if kind in "mM":
        # Texts of NumPy; a list of nanoseconds would come otherwise.
        texts = array.astype(str).tolist() if array.shape else str(array)
        return _without_nat(texts)
    return plain(array.tolist())


def _without_nat(texts: Any) -> Any:
    if isinstance(texts, list):
        return [_without_nat(text) for text in texts]
    return None if texts == "NaT" else texts


def similar(one: Any, two: Any) -> bool:
    """Whether two JSON values are the same, but for the last digits of numbers."""
    if isinstance(one, list) and isinstance(two, list):
        return len(one) == len(two) and all(map(similar, one, two))
    if isinstance(one, dict) and isinstance(two, dict):
        return one.keys() == two.keys() and all(similar(part, two[name]) for name, part in one.items())
    if isinstance(one, float) and isinstance(two, float):
        same = math.isclose(one, two, rel_tol=_CLOSE, abs_tol=_TINY)
        return same or (math.isnan(one) and math.isnan(two))
    return bool(one == two)


def named(answer: Any, name: str) -> dict[str, Any]:
    """The outputs of an answer by name: of a mapping and a table their own, of a tuple `NAME_0`, `NAME_1` and so on."""
    if is_frame(answer):
        return {str(label): answer.iloc[:, place] for place, label in enumerate(answer.columns)}
    if isinstance(answer, Mapping):
        return {str(key): part for key, part in answer.items()}
    if isinstance(answer, tuple):
        return {f"{name}_{place}": part for place, part in enumerate(answer)}
    return {name: answer}


def tensor(name: str, value: Any) -> dict[str, Any]:
    """An output as a tensor of the Open Inference Protocol; what is neither number nor text is its JSON text."""
    import numpy as np

    array = _array(value)
    if array is None:
        listed = plain(value)
        array = _numbers(listed) if isinstance(listed, list) else np.array([listed], dtype=object)
    array = np.atleast_1d(array)
    datatype = _DATATYPES.get(array.dtype.name)
    if datatype is None:
        texts = [part if isinstance(part, str) else encoded(part).decode() for part in map(plain, array.ravel())]
        return output_tensor(name, "BYTES", array.shape, texts)
    return output_tensor(name, datatype, array.shape, array.ravel().tolist())


def _numbers(listed: list[Any]) -> Any:
    """Regular lists of one kind of numbers as an array, else the members of the list as objects."""
    import numpy as np

    try:
        array = np.array(listed)
    except ValueError:
        array = np.empty(0, dtype=object)
    if array.dtype.kind in "biuf" and len(array) == len(listed):
        return array
    array = np.empty(len(listed), dtype=object)
    array[:] = listed
    return array
