"""Training data as a profile: tables, arrays, columns, records, or a file; nothing but the profile leaves the caller.

Rules
- Data are a pandas DataFrame, an array of rows, a mapping of columns, a list of records or of rows, or the path of a
  file in CSV (`.csv`, `.tsv`, with a head) or JSON lines (`.jsonl`, `.ndjson`).
- Of more than `MOST_ROWS` rows so many are taken, evenly spread: more of them tell nothing more. A file is read twice
  for that, and may be larger than memory.
- A text that came less often than `RARE` is its hash, as in profiles of live traffic: names and addresses of people
  stay at home, even where somebody forgot to exclude their column.
- In a file a column is of numbers if every value in it is one, and none begins with a zero that a number has not, as
  postcodes do. Empty cells are missing; `true` and `false`, in any case, are truth values.
- Predictions are a column of the data, or values of their own; what is excluded is not counted at all.
"""

from __future__ import annotations

import csv
import math
import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import chain, islice
from pathlib import Path
from typing import Any, Final

import msgspec

from modelyard.domain.features import PREDICTION, Row, flat, rows_in, spread
from modelyard.domain.names import shown
from modelyard.domain.profiles import RARE, Profile
from modelyard.domain.wire import ProfileDocument
from modelyard.errors import InvalidRequest
from modelyard.facade.arguments import path_of

MOST_ROWS: Final = 100_000
_NUMBER: Final = re.compile(r"[+-]?(?:0|[1-9][0-9]*|[0-9]*\.[0-9]+|[1-9][0-9]*\.)(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?")
_MISSING: Final = frozenset({"", "na", "nan", "null", "none"})
_TRUTHS: Final = {"true": True, "false": False}
_PANDAS_MISSING: Final = frozenset({"NAType", "NaTType"})
_HINT: Final = "give a DataFrame, a mapping of columns, a list of records, or the path of a CSV or JSON lines file"


def profile_of(data: object, predictions: object = None, exclude: Collection[str] = ()) -> ProfileDocument:
    """Return the profile of training data.

    Args:
        data: the data; see the module's rules.
        predictions: the column that holds the model's predictions, or the predictions themselves.
        exclude: columns that do not go into the model, such as the label.

    Raises:
        InvalidRequest: the data are none of these, cannot be read, or have no rows, or a column is not there.
    """
    rows = _rows(data)
    if not rows:
        raise InvalidRequest("the data have no rows", hint="give at least one row")
    column = predictions if isinstance(predictions, str) else None
    left_out = {*exclude, *([column] if column is not None else [])}
    _check_columns(rows, left_out)
    if column is not None:
        predictions = [row.get(column) for row in rows]
    answers = [] if predictions is None else _values(predictions)
    made = Profile()
    made.add(
        ({name: value for name, value in row.items() if name not in left_out} if left_out else row for row in rows),
        (flat(_plain(value), "" if isinstance(value, Mapping) else PREDICTION) for value in spread(answers, MOST_ROWS)),
    )
    return made.to_document(rare=RARE)


def _check_columns(rows: Sequence[Row], named: Collection[str]) -> None:
    there = set(chain.from_iterable(rows)) if named else set()
    for name in sorted(named):
        if name not in there:
            raise InvalidRequest(
                f"the data have no column {shown(name)}", hint=f"they have {', '.join(map(shown, sorted(there)[:10]))}"
            )


def _rows(data: object) -> list[Row]:
    if isinstance(data, str | os.PathLike):
        return _file_rows(path_of("data", data))
    if hasattr(data, "iloc") and hasattr(data, "columns"):
        names = [str(name) for name in data.columns]
        table: Any = data.iloc[list(spread(range(len(data)), MOST_ROWS))]  # type: ignore[arg-type] # a table has a length
        columns = [table.iloc[:, place].tolist() for place in range(len(names))]
        return [
            {name: _plain(value) for name, value in zip(names, row, strict=True)}
            for row in zip(*columns, strict=True)
        ]  # fmt: skip
    if isinstance(data, Mapping):
        return [flat(_plain(row)) for row in spread(_records(data), MOST_ROWS)]
    values = _values(data)
    return [flat(_plain(row)) for row in spread(rows_in(list(values)) if values else [], MOST_ROWS)]


def _records(columns: Mapping[Any, Any]) -> Sequence[Row]:
    """The rows of a mapping of columns."""
    lists = {str(name): _values(values) for name, values in columns.items()}
    if len(set(map(len, lists.values()))) > 1:
        raise InvalidRequest("the columns have different lengths", hint="give every column a value for each row")
    return [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)]


def _values(data: object) -> Sequence[Any]:
    """The members of a list, an array or a column."""
    listed = data.tolist() if hasattr(data, "tolist") else data
    if isinstance(listed, list | tuple):
        return listed
    if isinstance(listed, Iterable) and not isinstance(listed, str | bytes | Mapping):
        return list(listed)
    raise InvalidRequest(f"{shown(data)} holds no data", hint=_HINT)


def _plain(value: Any) -> Any:
    """A value as JSON has it; what it has no word for is its text."""
    if value is None or isinstance(value, bool | int | float | str | Decimal):
        return _bare(value)
    if type(value).__name__ in _PANDAS_MISSING:
        return None
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(part) for part in value]
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _bare(value: Any) -> Any:
    """A value without a class of NumPy's, some of which are numbers and texts of Python too, or of `decimal`."""
    if isinstance(value, Decimal):
        # A signalling NaN cannot become a float.
        return None if value.is_nan() else float(value)
    return value.item() if hasattr(value, "item") else value


def _file_rows(path: Path) -> list[Row]:
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise InvalidRequest(f"{shown(path.name)} is no file that can be read here", hint=_HINT)
    try:
        return reader(path)
    except (OSError, UnicodeDecodeError, csv.Error, msgspec.DecodeError) as error:
        raise InvalidRequest(
            f"{shown(str(path))} cannot be read: {error}", hint="check the path and the format"
        ) from None


def _json_rows(path: Path) -> list[Row]:
    decode = msgspec.json.Decoder().decode
    return [flat(decode(line)) for line in _picked(lambda: _json_lines(path))]


def _json_lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from (line for line in file if line.strip())


def _csv_rows(path: Path) -> list[Row]:
    names = next(_csv_lines(path), [])
    rows = _picked(lambda: islice(_csv_lines(path), 1, None))
    columns = {
        name: _typed([row[place] if place < len(row) else "" for row in rows]) for place, name in enumerate(names)
    }
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _csv_lines(path: Path) -> Iterator[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, delimiter="\t" if path.suffix.lower() == ".tsv" else ",")
        yield from (row for row in reader if row)


def _picked(read: Callable[[], Iterator[Any]]) -> list[Any]:
    """At most `MOST_ROWS` of what can be read again from its beginning, evenly spread; only these are held at once."""
    chosen = set(spread(range(sum(1 for _ in read())), MOST_ROWS))
    return [row for place, row in enumerate(read()) if place in chosen]


_READERS: Final = {".csv": _csv_rows, ".tsv": _csv_rows, ".jsonl": _json_rows, ".ndjson": _json_rows}


def _typed(texts: Sequence[str]) -> list[Any]:
    """The values of a column of texts."""
    stripped = [text.strip().lower() for text in texts]
    present = [text for text in stripped if text not in _MISSING]
    if present and all(map(_NUMBER.fullmatch, present)):
        return [math.nan if text in _MISSING else float(text) for text in stripped]
    if present and all(map(_TRUTHS.__contains__, present)):
        return list(map(_TRUTHS.get, stripped))
    return [text or None for text in texts]
