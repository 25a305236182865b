"""`predict`: ask what is served; and rows from a file, for that and for models that are loaded here.

A JSON file holds a list of rows, or an object with that list under `instances`, `inputs` or `data`; a row is a list of
values, or an object by feature name. In a CSV file a first line that holds something other than numbers is a header.
"""

from __future__ import annotations

import csv
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import msgspec

from modelyard.cli.lazy import tables
from modelyard.cli.options import Document, pairs, parse_json, read_document
from modelyard.cli.session import Session, pass_session
from modelyard.cli.shape import command
from modelyard.cli.text import safe
from modelyard.domain.names import shown
from modelyard.errors import InvalidArtifact, InvalidRequest

ENVELOPES = ("instances", "inputs", "data")


@command(
    "predict",
    "modelyard predict fraud --input '[[0.1, 3.0, 0.7]]'",
    "modelyard predict fraud --input @rows.csv --key user-17 --output json",
    "modelyard predict gemini --input 'Explain AI in one sentence'",
)
@click.argument("name", metavar="MODEL")
@click.option(
    "--input", "given", required=True, metavar="JSON|@FILE|TEXT", help="What to predict from; - for standard input."
)
@click.option("-e", "--environment", default="production", show_default=True, metavar="NAME", help="Which endpoint.")
@click.option("--key", metavar="TEXT", help="What sticks to a version: a user, a session.")
@click.option("--header", multiple=True, metavar="NAME=VALUE", help="A header that flags look at; may be repeated.")
@click.option("--parameters", type=Document(), help="Parameters for the model, by name.")
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), metavar="S", help="Time for the answer.")
@pass_session
def predict(session: Session, /, name: str, given: str, **options: Any) -> None:
    """Ask whatever version is served for a prediction.

    The input is JSON, a file of rows (JSON or CSV, behind an @), or else a text.
    """
    more = {"parameters": options["parameters"]} if options["parameters"] else {}
    record = session.open().predict(
        name,
        input_of(given),
        key=options["key"],
        environment=options["environment"],
        headers=pairs(options["header"]),
        timeout=options["timeout"],
        **more,
    )
    session.note(f"answered by {record.name}/{record.version}")
    session.emit(record, lambda: _output(record.output))


def input_of(text: str) -> Any:
    """Return what an input stands for: the rows of a file, the value of a JSON text, or the text.

    Raises:
        InvalidRequest: the file cannot be read, or what looks like an object or a list is no JSON.
    """
    if text.startswith("@"):
        return read_rows(Path(text[1:]))
    if text == "-":
        text = sys.stdin.read()
    try:
        return parse_json(text, "the input")
    except ValueError as error:
        if text.lstrip()[:1] in {"{", "["}:
            raise InvalidRequest(str(error)) from error
        return text


def _output(value: Any) -> tables.Printable:
    """Return an output as people read it: a text as it is, a list row by row, anything else as JSON."""
    if isinstance(value, str):
        return safe(value, lines=True)
    if isinstance(value, list):
        rows = [(place, row if isinstance(row, str) else _json(row)) for place, row in enumerate(value, 1)]
        return tables.table(("ROW", "OUTPUT"), rows, right=("ROW",), empty="no rows")
    return safe(_json(value))


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def read_rows(path: Path) -> list[Any]:
    """Return the rows of a file: lists of values, or objects by feature name.

    Raises:
        InvalidRequest: the file holds no rows, or rows of different widths.
    """
    rows = _csv_rows(path) if path.suffix.lower() == ".csv" else _json_rows(path)
    if not rows:
        raise InvalidRequest(f"{path} holds no rows")
    widths = {len(row) if isinstance(row, list | dict) else 0 for row in rows}
    if len(widths) > 1:
        listed = ", ".join(str(width) for width in sorted(widths))
        raise InvalidRequest(f"the rows of {path} have different numbers of values: {listed}")
    return rows


def predictions_of(model: object, rows: list[Any]) -> list[Any]:
    """Return a model's predictions as plain values.

    Raises:
        InvalidArtifact: the model has no `predict`.
        InvalidRequest: it does not take these rows.
    """
    method = getattr(model, "predict", None)
    if not callable(method):
        raise InvalidArtifact(
            f"a {type(model).__qualname__} has no predict method", hint="load it in a program of your own"
        )
    try:
        found = method(_inputs(model, rows))
    except (ValueError, TypeError, KeyError, IndexError) as error:
        message = f"the model does not take these rows: {type(error).__name__}: {str(error)[:500]}"
        raise InvalidRequest(
            message, hint="compare them with the version's input_schema: `modelyard show REFERENCE`"
        ) from error
    values = found.tolist() if hasattr(found, "tolist") else found
    return list(values) if isinstance(values, list | tuple) else [values]


def _inputs(model: object, rows: list[Any]) -> Any:
    """Return the rows as an array; objects are put in the order of the model's own feature names where it has them."""
    numpy = import_module("numpy")
    if isinstance(rows[0], dict):
        names = [str(name) for name in getattr(model, "feature_names_in_", rows[0])]
        if lacking := [name for name in names if name not in rows[0]]:
            raise InvalidRequest(
                f"the rows have no {shown(lacking[0])}", hint=f"the features are: {', '.join(names[:20])}"
            )
        rows = [[row.get(name) for name in names] for row in rows]
    return numpy.asarray(rows)


def _json_rows(path: Path) -> list[Any]:
    try:
        document = read_document(str(path))
    except ValueError as error:
        raise InvalidRequest(str(error)) from error
    if isinstance(document, dict):
        document = next((document[name] for name in ENVELOPES if name in document), [document])
    if not isinstance(document, list):
        raise InvalidRequest(f"{path} holds no list of rows", hint="write [[1.0, 2.0], [3.0, 4.0]]")
    return document


def _csv_rows(path: Path) -> list[Any]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            lines = [line for line in csv.reader(stream) if line]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidRequest(f"{path} cannot be read as CSV: {error}") from error
    if not lines:
        return []
    head = [_value(text) for text in lines[0]]
    if all(isinstance(value, float) for value in head):
        return [[_value(text) for text in line] for line in lines]
    for number, line in enumerate(lines, 1):
        if len(line) != len(head):
            raise InvalidRequest(f"{path}: line {number} has {len(line)} values, and the header has {len(head)}")
    return [dict(zip(lines[0], map(_value, line), strict=True)) for line in lines[1:]]


def _value(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
