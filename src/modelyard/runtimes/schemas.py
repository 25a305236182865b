"""What goes into a model and what comes out of it, read off an example or off a fitted estimator.

A schema is `{"fields": [{"name", "type", "shape", "optional"}]}`:

- `type`: `bool`, `int8` … `int64`, `uint8` … `uint64`, `float16` … `float64`, `complex64`, `complex128`, `string`,
  `bytes`, `datetime`, `timedelta`, or `any` where nothing more is known. Python's numbers are `int64` and `float64`;
- `shape`: the shape of the field in *one* row, `[]` for a single value, -1 for a length that varies. An array of
  shape (rows, 64) is one field of shape `[64]`, a table of four columns is four fields of shape `[]`;
- `optional`: the example has rows in which the value is missing (None, NaN, NaT, or no such key).

Names are distinct and not empty, as a signature wants them.
"""

from __future__ import annotations

import datetime as dt
import warnings
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, count
from pathlib import Path
from typing import Any

from modelyard.runtimes.examples import example_json, head, is_frame
from modelyard.runtimes.flavours import runner_of
from modelyard.runtimes.inputs import Reader
from modelyard.runtimes.runner import Ask, Facts

_ROWS = 1000
_KINDS = {"b": "bool", "U": "string", "T": "string", "S": "bytes", "M": "datetime", "m": "timedelta"}
_TYPES: tuple[tuple[type, str], ...] = (
    (bool, "bool"),
    (int, "int64"),
    (float, "float64"),
    (complex, "complex128"),
    (str, "string"),
    (bytes, "bytes"),
    (dt.date, "datetime"),
    (dt.timedelta, "timedelta"),
)


def infer_schema(example: Any, *, name: str = "input") -> dict[str, Any]:
    """The schema of an example.

    Args:
        example: an array, a table with named columns, a list of rows, a list of records (mappings), or a mapping of
            columns or of single values. In arrays and lists the first dimension counts the rows.
        name: the name of the only field where the example names none.
    """
    return {"fields": _distinct(list(_fields(example, name)))}


def model_schemas(model: Any, example: Any = None) -> tuple[dict[str, Any], dict[str, Any]]:
    """Input and output schema of a scikit-learn estimator; `{}` for what cannot be known.

    With an example, the input is the example's, and the output is that of the model's answer to its first rows; an
    example that the model does not answer is warned of. Without one, what the estimator learned while it was fitted is
    used: `feature_names_in_`, `n_features_in_`, `classes_`.
    """
    if example is None:
        return _fitted_input(model), _fitted_output(model)
    output: dict[str, Any] = {}
    if getattr(model, "predict", None) is not None:
        try:
            output = infer_schema(_answer(model, example), name="output")
        except Exception as error:  # noqa: BLE001  # the model's own code may raise anything
            warnings.warn(f"the model does not answer its input example: {str(error)[:300]}", stacklevel=2)
    return infer_schema(example), output or _fitted_output(model)


def _answer(model: Any, example: Any) -> Any:
    """The model's answer to the first rows; a booster, which takes types of its own, is asked as it will be served."""
    if type(model).__name__ != "Booster":
        return model.predict(head(example, 5))
    facts = Facts.of(Path(), {"input_schema": infer_schema(example), "input_example": example_json(example)})
    runner = runner_of(model, facts)
    return runner.run(Ask(given=Reader(runner.expected).read(facts.example)))


def _distinct(fields: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give each field a name of its own, as pandas does when it reads a table: `a`, `a.1`, `a.2`."""
    taken: set[str] = set()
    for index, field in enumerate(fields):
        base = field["name"] or f"column_{index}"
        field["name"] = next(name for name in chain([base], (f"{base}.{n}" for n in count(1))) if name not in taken)
        taken.add(field["name"])
    return fields


def _fields(example: Any, name: str) -> Iterable[dict[str, Any]]:
    if is_frame(example):
        return [_array(str(label), example.iloc[:, index]) for index, label in enumerate(example.columns)]
    if isinstance(example, Mapping):
        return [_column(str(key), value) for key, value in example.items()]
    names = getattr(getattr(example, "dtype", None), "names", None)
    if names:
        return [_array(str(label), example[label]) for label in names]
    if _is_list(example) and example and all(isinstance(row, Mapping) for row in example[:_ROWS]):
        return _records(example[:_ROWS])
    return [_column(name, example)]


def _records(rows: Sequence[Mapping[Any, Any]]) -> Iterable[dict[str, Any]]:
    names = dict.fromkeys(key for row in rows for key in row)
    for key in names:
        found = _column(str(key), [row[key] for row in rows if key in row])
        yield found | {"optional": found["optional"] or any(key not in row for row in rows)}


def _column(name: str, value: Any) -> dict[str, Any]:
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        return _array(name, value)
    if not _is_list(value):
        return _field(name, _common_type([value]), [], optional=_is_missing(value))
    shape, leaves = _unnested(value[:_ROWS])
    return _field(name, _common_type(leaves), shape[1:], optional=any(_is_missing(leaf) for leaf in leaves))


def _array(name: str, array: Any) -> dict[str, Any]:
    kind = getattr(array.dtype, "kind", "O")
    if kind == "O" or hasattr(array.dtype, "categories"):
        found = array.dropna() if hasattr(array, "dropna") else array
        leaves = list(_flat(found[:_ROWS] if found.shape else found))
        optional = any(map(_is_missing, leaves)) or len(leaves) == 0 or found.shape != array.shape
        return _field(name, _common_type(leaves), list(array.shape[1:]), optional=optional)
    typed = _KINDS.get(kind) or (str(array.dtype.name).lower() if kind in "iufc" else "any")
    return _field(name, typed, list(array.shape[1:]), optional=_has_missing(array, kind))


def _has_missing(array: Any, kind: str) -> bool:
    if hasattr(array, "isna"):
        return bool(array.isna().any())
    stored = getattr(array, "data", array) if hasattr(array, "toarray") else array
    # Only NaN and NaT differ from themselves.
    return kind in "fcMm" and bool((stored != stored).any())  # noqa: PLR0124


def _field(name: str, type_name: str, shape: Sequence[int], *, optional: bool) -> dict[str, Any]:
    return {"name": name, "type": type_name, "shape": list(shape), "optional": optional}


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple)


def _is_missing(value: Any) -> bool:
    return value is None or bool(isinstance(value, float | dt.date) and value != value)  # noqa: PLR0124


def _unnested(value: Any) -> tuple[list[int], list[Any]]:
    """Shape and leaves of nested lists; -1 for a dimension whose length varies."""
    if not _is_list(value):
        return [int(size) for size in getattr(value, "shape", ())], list(_flat(value))
    parts = [_unnested(part) for part in value]
    leaves = [leaf for _shape, part in parts for leaf in part]
    depth = min((len(shape) for shape, _leaves in parts), default=0)
    below = [{shape[level] for shape, _leaves in parts} for level in range(depth)]
    return [len(value), *(sizes.pop() if len(sizes) == 1 else -1 for sizes in below)], leaves


def _flat(value: Any) -> Iterable[Any]:
    if hasattr(value, "tolist"):
        value = value.tolist()
    if not _is_list(value):
        yield value
        return
    for part in value:
        yield from _flat(part)


def _common_type(leaves: Sequence[Any]) -> str:
    found = {_type_of(leaf) for leaf in leaves if not _is_missing(leaf)}
    if not found and any(isinstance(leaf, float) for leaf in leaves):
        return "float64"
    if found == {"int64", "float64"}:
        return "float64"
    return found.pop() if len(found) == 1 else "any"


def _type_of(value: Any) -> str:
    return next((name for kind, name in _TYPES if isinstance(value, kind)), "any")


def _fitted_input(model: Any) -> dict[str, Any]:
    names = getattr(model, "feature_names_in_", None)
    features = getattr(model, "n_features_in_", None)
    if names is not None:
        return {"fields": [_field(str(name), "any", [], optional=False) for name in names]}
    if isinstance(features, int):
        return {"fields": [_field("input", "any", [features], optional=False)]}
    return {}


def _fitted_output(model: Any) -> dict[str, Any]:
    classes = getattr(model, "classes_", None)
    if isinstance(classes, list) and classes and hasattr(classes[0], "dtype"):
        types = {_array("output", labels)["type"] for labels in classes}
        return {"fields": [_field("output", types.pop() if len(types) == 1 else "any", [len(classes)], optional=False)]}
    if hasattr(classes, "dtype"):
        return {"fields": [_array("output", classes)]}
    return {}
