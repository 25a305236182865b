"""JSON values to arrays: their shape is found and checked first, then their type, by the words of a schema.

Rules
- Lists within lists are an array if they are regular. Where a schema has -1 for a size they may differ in it: such rows
  stay lists. What differs elsewhere is refused.
- A number stands for itself only: texts are no numbers, and 5.1 is no integer. true and false count as 1 and 0 where a
  number is wanted, and 3.0 as an integer.
- null is NaN in numbers and a missing value elsewhere. It is refused in integers, texts and truth values that are not
  optional.
- bytes are base64 text, dates and times ISO 8601 text or nanoseconds, complex numbers text such as `1+2j`.
- Where the type is not known, numbers with or without null become numbers, everything else stays as it is.
- The kinds of values are found before NumPy sees them: it would turn numbers beside a text into texts, each as wide as
  the longest.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import math
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any

from modelyard.domain.element_types import SAYS_NOTHING, canonical
from modelyard.domain.names import shown
from modelyard.domain.signature import Field
from modelyard.errors import InvalidInput

_NUMBERS = {bool, int, float}
_MOST_DIMENSIONS = 32


def as_array(values: Any, *, ragged: bool = False) -> Any:
    """A JSON value as an array: numbers as numbers, all else as objects.

    Args:
        values: a single value, lists within lists, or an array, which is given back.
        ragged: whether lists of different lengths below the first dimension may stay lists.

    Raises:
        InvalidInput: lists of different lengths, or lists beside single values.
    """
    if hasattr(values, "dtype"):
        return values
    if not isinstance(values, list):
        return _from_leaves([values], {type(values)}).reshape(())
    level, shape = values, [len(values)]
    kinds = set(map(type, level))
    while list in kinds:
        sizes = set(map(len, level)) if kinds == {list} else set()
        if len(sizes) != 1 or len(shape) == _MOST_DIMENSIONS:
            if ragged and len(shape) == 1:
                return _objects(values)
            raise InvalidInput(f"the lists are ragged: {_ragged(level)}", hint="give all rows the same length")
        shape.append(sizes.pop())
        level = list(chain.from_iterable(level))
        kinds = set(map(type, level))
    return _from_leaves(level, kinds).reshape(shape)


def cast(values: Any, field: Field, what: str) -> Any:
    """An array of the field's type.

    Args:
        values: an array of any type.
        field: whose type is wanted.
        what: the field, as a message shall name it.

    Raises:
        InvalidInput: a value is none of this type.
    """
    word = canonical(field.type)
    if values.dtype == object and values.ndim == 1 and any(isinstance(row, list) for row in values):
        for row in values:
            cast(as_array(row, ragged=True), field, what)
        return values
    array = _from_leaves(values.ravel().tolist(), None).reshape(values.shape) if values.dtype == object else values
    if word in SAYS_NOTHING:
        return array
    if word.startswith("float"):
        return _floats(array, word, what)
    if word.startswith(("int", "uint")):
        return _integers(array, word, field, what)
    made = _BY_WORD.get(word)
    return array if made is None else made(array, field, what)


def _from_leaves(leaves: list[Any], kinds: set[type] | None) -> Any:
    import numpy as np

    found = set(map(type, leaves)) if kinds is None else kinds
    if found <= _NUMBERS:
        # An integer beyond 64 bits makes an array of objects, or loses digits as a floating-point number.
        return np.array(leaves)
    if found <= _NUMBERS | {type(None)} and found & {int, float}:
        try:
            return np.array([math.nan if leaf is None else leaf for leaf in leaves], dtype=np.float64)
        except OverflowError as error:
            raise InvalidInput("an integer is too large for a number") from error
    return _objects(leaves)


def _objects(values: Sequence[Any]) -> Any:
    import numpy as np

    array = np.empty(len(values), dtype=object)
    # Assigned one by one: NumPy would look into rows that are lists of one length.
    for place, value in enumerate(values):
        array[place] = value
    return array


def _ragged(level: list[Any]) -> str:
    first = level[0]
    place = next((place for place, part in enumerate(level) if _size(part) != _size(first)), 0)
    return f"{shown(first, 40)} beside {shown(level[place], 40)}"


def _size(part: Any) -> int:
    return len(part) if isinstance(part, list) else -1


def _floats(array: Any, word: str, what: str) -> Any:
    import numpy as np

    if array.dtype == object:
        array = _each(array, _float, np.float64, (what, word))
    elif array.dtype.kind not in "buif":
        raise _no(array.ravel()[0], what, word)
    with np.errstate(over="ignore"):
        made = array.astype(_width(word, "float64"), copy=False)
    if made.dtype.itemsize < array.dtype.itemsize and (lost := np.isinf(made) & np.isfinite(array)).any():
        raise _no(array[lost].ravel()[0], what, word)
    return made


def _integers(array: Any, word: str, field: Field, what: str) -> Any:
    import numpy as np

    if array.dtype == object:
        if field.optional and all(leaf is None for leaf in array.ravel()):
            return np.full(array.shape, math.nan)
        raise _no(next(leaf for leaf in array.ravel() if type(leaf) not in _NUMBERS or abs(leaf) >> 63), what, word)
    if array.dtype.kind == "f" and _has_holes(array, word, field, what):
        return array
    bounds = np.iinfo(_width(word, "int64"))
    over, under = array > bounds.max, array < bounds.min
    if over.any() or under.any():
        raise _no(array[over | under].ravel()[0], what, word)
    return array.astype(bounds.dtype, copy=False)


def _has_holes(array: Any, word: str, field: Field, what: str) -> bool:
    """Whether some of these numbers are missing; InvalidInput where others are no integers, or none may be missing."""
    import numpy as np

    missing = np.isnan(array)
    wrong = ~np.isfinite(array) | (array != np.trunc(array))
    wrong &= ~(missing & field.optional)
    if wrong.any():
        first = array[wrong].ravel()[0]
        raise _no(first, what, word, missing=bool(np.isnan(first)))
    return bool(missing.any())


def _booleans(array: Any, field: Field, what: str) -> Any:
    return array if array.dtype.kind == "b" else _kept(array, bool, field, what, "bool")


def _texts(array: Any, field: Field, what: str) -> Any:
    return _kept(array, str, field, what, "string")


def _kept(array: Any, kind: type, field: Field, what: str, word: str) -> Any:
    """Objects of one class, and None where the field is optional."""
    for leaf in array.ravel().tolist():
        if not isinstance(leaf, kind):
            missing = leaf is None or leaf != leaf  # noqa: PLR0124 - only NaN differs from itself
            if not (missing and field.optional):
                raise _no(leaf, what, word, missing=missing)
    return array.astype(object, copy=False)


def _bytes(array: Any, field: Field, what: str) -> Any:
    def decoded(leaf: Any) -> Any:
        return leaf if leaf is None and field.optional else base64.b64decode(leaf, validate=True)

    return _each(array, decoded, object, (what, "bytes as base64 text"))


def _moments(array: Any, _field: Field, what: str) -> Any:
    import numpy as np

    def read(leaf: Any) -> Any:
        if leaf is None or leaf != leaf:  # noqa: PLR0124 - only NaN differs from itself
            return np.datetime64("NaT", "ns")
        if isinstance(leaf, int):
            return np.datetime64(leaf, "ns")
        moment = dt.datetime.fromisoformat(leaf)
        return np.datetime64(moment.astimezone(dt.UTC).replace(tzinfo=None) if moment.tzinfo else moment, "ns")

    return _each(array, read, "datetime64[ns]", (what, "datetime"))


def _spans(array: Any, _field: Field, what: str) -> Any:
    import numpy as np

    def read(leaf: Any) -> Any:
        if leaf is None or leaf != leaf:  # noqa: PLR0124 - only NaN differs from itself
            return np.timedelta64("NaT", "ns")
        if isinstance(leaf, int):
            return np.timedelta64(leaf, "ns")
        import pandas as pd

        return pd.Timedelta(leaf).to_timedelta64()

    return _each(array, read, "timedelta64[ns]", (what, "timedelta"))


def _complex(array: Any, field: Field, what: str) -> Any:
    def read(leaf: Any) -> complex:
        return complex(math.nan) if leaf is None else complex(leaf)

    return _each(array, read, canonical(field.type), (what, canonical(field.type)))


_BY_WORD: dict[str, Callable[[Any, Field, str], Any]] = {
    "bool": _booleans,
    "string": _texts,
    "bytes": _bytes,
    "datetime": _moments,
    "timedelta": _spans,
    "complex64": _complex,
    "complex128": _complex,
}


def _each(array: Any, read: Callable[[Any], Any], dtype: Any, names: tuple[str, str]) -> Any:
    """An array of what each value reads as; `names` are the field and the type for the message."""
    import numpy as np

    made = np.empty(array.size, dtype=dtype)
    for place, leaf in enumerate(array.ravel().tolist()):
        try:
            made[place] = read(leaf)
        except (ValueError, TypeError, OverflowError, binascii.Error) as error:
            raise _no(leaf, *names) from error
    return made.reshape(array.shape)


def _float(leaf: Any) -> float:
    if leaf is None:
        return math.nan
    if type(leaf) not in _NUMBERS:
        raise TypeError
    return float(leaf)


def _width(word: str, default: str) -> str:
    """The word where NumPy knows it, else the widest of its kind: a schema may say `float128` or `int4`."""
    return (
        word if word.removeprefix("u").removeprefix("int").removeprefix("float") in {"8", "16", "32", "64"} else default
    )


def _no(leaf: Any, what: str, word: str, *, missing: bool = False) -> InvalidInput:
    if missing:
        return InvalidInput(f"{what} has a row without a value, and is not optional")
    plain = leaf.item() if hasattr(leaf, "item") else leaf
    return InvalidInput(f"{what} takes {word}, and not {shown(plain)}")
