"""The inputs and outputs that an `MLmodel` file tells, as MLflow writes it beside a model.

Its `signature` has `inputs` and `outputs`, each a JSON text: a list of columns such as
`{"name": "age", "type": "long", "required": true}`, or of tensors such as `{"name": "x", "type": "tensor",
"tensor-spec": {"dtype": "float32", "shape": [-1, 64]}}`. Columns without names are called `column_0`, `column_1`; the
only tensor without a name is called `input` or `output`. Arrays, objects and maps keep these words as their types.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

LARGEST = 1 << 18
"""Bytes of such a file; MLflow's own have a few thousand."""

_SIGNATURE = re.compile(r"^signature:.*\n?(?:[ \t].*\n?|\n)*", re.MULTILINE)
"""The only part of the file that is read as YAML: the lines under its own key."""
_WORDS = {
    "boolean": "bool", "integer": "int32", "long": "int64", "float": "float32", "double": "float64",
    "string": "string", "binary": "bytes", "datetime": "datetime",
}  # fmt: skip


def mlflow_schemas(text: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the input and the output schema of an `MLmodel` file; `{}` for a side that it does not tell.

    Raises:
        ValueError, TypeError: it is no YAML, or its signature is not what MLflow writes.
    """
    import yaml  # noqa: PLC0415  # only files of this kind pay for the import

    found = _SIGNATURE.search(text.decode("utf-8-sig").replace("\r\n", "\n"))
    # The loader in Python: that in C overflows its stack on text that is nested deep enough, and ends the process.
    document = yaml.load(found[0], yaml.SafeLoader) if found else {}
    signature = document.get("signature")
    if not isinstance(signature, Mapping):
        return {}, {}
    return _schema(signature.get("inputs"), "input"), _schema(signature.get("outputs"), "output")


def _schema(value: Any, name: str) -> dict[str, Any]:
    listed = msgspec.json.decode(value) if isinstance(value, str) else value
    if not isinstance(listed, list) or not listed:
        return {}
    fields = [_field(item, f"column_{place}" if len(listed) > 1 else name) for place, item in enumerate(listed)]
    return {"fields": fields}


def _field(item: Any, name: str) -> dict[str, Any]:
    if not isinstance(item, Mapping):
        raise TypeError("a column that is no object")
    word, shape = str(item.get("type", "any")), []
    spec = item.get("tensor-spec")
    if word == "tensor" and isinstance(spec, Mapping):
        word, shape = str(spec.get("dtype", "any")), list(spec.get("shape", []))
    elif "type" in item:
        word = _WORDS.get(word, word)
    optional = item.get("required") is False or item.get("optional") is True
    return {"name": str(item.get("name") or name), "type": word.lower(), "shape": shape, "optional": optional}
