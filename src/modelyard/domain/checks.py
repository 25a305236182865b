"""What a recorded value may be. Each check takes a value of any type and returns it as it will be stored, or raises.

Rules
1. Numbers are finite. Python's, numpy's and their like count as numbers; booleans and texts never do.
2. Texts have no control characters but tab and line breaks, and no halves of surrogate pairs.
3. JSON values are plain: mappings by text, lists, texts, finite numbers, booleans, None. Tuples, numpy arrays and
   scalars and dates are turned into these. Integers fit in 64 bits, and no text holds a NUL: PostgreSQL and the wire
   format could not carry them.
4. Times are stored in UTC with a `Z`; a time without an offset is taken as UTC.
5. Everything has a limit, so that one value cannot make a record too heavy to list.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from modelyard.domain.names import metric_name, shown, tag_key
from modelyard.errors import InvalidMetadata, InvalidMetric

LABELS = ("stable", "beta", "experimental")
MOST_ENTRIES = 1_000
LONGEST_TAG = 100_000
LONGEST_TEXT = 100_000
LARGEST_JSON = 1 << 20
DEEPEST_JSON = 64
MOST_SAMPLES = 100_000
"""Scores stored for all metrics of a version together; more do not make a comparison surer."""

_METRIC_HINT = "metrics are finite numbers by name, such as {'accuracy': 0.93}"


def check_number(value: object) -> float:
    """The value as a float.

    Raises:
        ValueError: it is not a finite number; the message completes a sentence that names it.
    """
    if isinstance(value, bool | str | bytes | bytearray) or type(value).__name__ in ("bool", "bool_"):
        raise ValueError(f"a {type(value).__name__} and not a number")
    if isinstance(value, int | float) or hasattr(value, "__float__"):
        try:
            number = float(value)
        except (OverflowError, TypeError, ValueError) as error:
            raise ValueError("not one number that fits in 64 bits") from error
        if math.isfinite(number):
            return number
        raise ValueError("not finite")
    raise ValueError(f"a {type(value).__name__} and not a number")


def check_metrics(metrics: object, what: str = "metrics") -> dict[str, float]:
    """Metrics by name, as floats. `what` is what messages call them.

    Raises:
        InvalidMetric: it is no mapping, a value is no finite number, or there are more than `MOST_ENTRIES`.
        InvalidName: a name is not usable.
    """
    checked = {}
    for name, value in _entries(metrics, what, InvalidMetric):
        key = str(metric_name(name))
        try:
            checked[key] = check_number(value)
        except ValueError as error:
            raise InvalidMetric(f"{what}: {shown(name)} is {shown(value)}, {error}", hint=_METRIC_HINT) from None
    return checked


def check_samples(samples: object) -> dict[str, list[float]]:
    """Scores per fold or per example by metric name, as lists of floats.

    Raises:
        InvalidMetric: a metric has no list of finite numbers, or there are more than `MOST_SAMPLES` scores.
        InvalidName: a name is not usable.
    """
    checked: dict[str, list[float]] = {}
    for name, values in _entries(samples, "metric_samples", InvalidMetric):
        plain = values.tolist() if hasattr(values, "tolist") else values
        if not isinstance(plain, list | tuple):
            hint = "give a list of scores for each metric, such as {'accuracy': [0.91, 0.93, 0.9]}"
            raise InvalidMetric(f"metric_samples: {shown(name)} is {shown(values)}, not a list of numbers", hint=hint)
        if sum(map(len, checked.values())) + len(plain) > MOST_SAMPLES:
            hint = "store scores per fold, or of a random part of the examples"
            raise InvalidMetric(f"metric_samples has more than {MOST_SAMPLES:,} scores", hint=hint)
        checked[str(metric_name(name))] = [_score(name, value) for value in plain]
    return checked


def check_tags(tags: object) -> dict[str, str]:
    """Tags by key, with numbers and booleans turned into text (`True` is "true").

    Raises:
        InvalidMetadata: a value is none of these, or too long, or there are more than `MOST_ENTRIES`.
        InvalidName: a key is not usable.
    """
    return {str(tag_key(key)): check_tag(key, value) for key, value in _entries(tags, "tags", InvalidMetadata)}


def check_tag(key: object, value: object) -> str:
    """The text of one tag's value; see `check_tags`."""
    plain = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(plain, bool):
        return "true" if plain else "false"
    if isinstance(plain, int | float):
        return str(_plain_number(f"the tag {shown(key)}", plain))
    if not isinstance(plain, str):
        hint = "a tag holds text; structured values belong into extra"
        raise InvalidMetadata(f"the tag {shown(key)} is {shown(value)} of type {type(value).__name__}", hint=hint)
    return check_text(f"the tag {shown(key)}", plain, LONGEST_TAG)


def check_text(field: str, value: object, limit: int = LONGEST_TEXT) -> str:
    """A text of at most `limit` characters, unchanged.

    Raises:
        InvalidMetadata: it is no text, too long, or has characters that cannot be stored or shown.
    """
    if not isinstance(value, str):
        raise InvalidMetadata(f"{field} is {shown(value)} of type {type(value).__name__}", hint="give a text")
    if len(value) > limit:
        hint = "put long documents into a file of the version"
        raise InvalidMetadata(f"{field} has {len(value):,} characters, more than {limit:,}", hint=hint)
    for character in value:
        if not character.isprintable() and _is_harmful(character):
            raise InvalidMetadata(f"{field} has the character U+{ord(character):04X}", hint="take it out")
    return value


def check_json(field: str, value: object, limit: int = LARGEST_JSON) -> Any:
    """A plain JSON value of at most `limit` bytes and `DEEPEST_JSON` levels.

    Raises:
        InvalidMetadata: something in it has no place in JSON; the message gives its path.
    """
    plain = _plain(field, value, DEEPEST_JSON)
    size = len(json.dumps(plain, ensure_ascii=False, separators=(",", ":")).encode())
    if size > limit:
        hint = "put large values into a file of the version"
        raise InvalidMetadata(f"{field} takes {size:,} bytes as JSON, more than {limit:,}", hint=hint)
    return plain


def check_label(value: object) -> str:
    """One of `LABELS`, in lower case; None and an empty text are no label and give "".

    Raises:
        InvalidMetadata: it is another word.
    """
    word = "" if value is None else str(value).strip().lower()
    if word and word not in LABELS:
        raise InvalidMetadata(f"there is no label {shown(value)}", hint=f"labels are {', '.join(LABELS)}")
    return word


def check_timestamp(field: str, value: object) -> str:
    """A time in ISO 8601 (or a datetime), in UTC: `2024-10-15T12:45:00Z`. Without an offset it is taken as UTC.

    Raises:
        InvalidMetadata: it is no such time.
    """
    try:
        moment = value if isinstance(value, datetime) else _parsed_time(value)
        utc = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (OverflowError, TypeError, ValueError):
        hint = "write times as 2024-10-15T12:45:00Z"
        raise InvalidMetadata(f"{field} is {shown(value)}, which is no time in ISO 8601", hint=hint) from None
    return utc.isoformat().replace("+00:00", "Z")


def check_count(field: str, value: object) -> int:
    """A whole number from 1 to 10^15.

    Raises:
        InvalidMetadata: it is none.
    """
    try:
        number = check_number(value)
    except ValueError as error:
        raise InvalidMetadata(f"{field} is {shown(value)}, {error}", hint="give a whole number, 1 or more") from None
    if number != int(number) or not 1 <= number <= 1e15:  # noqa: PLR2004
        raise InvalidMetadata(f"{field} is {shown(value)}", hint="give a whole number, 1 or more")
    return int(number)


def _parsed_time(value: object) -> datetime:
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    if not isinstance(value, str):
        raise TypeError
    return datetime.fromisoformat(value.strip())


def _score(name: object, value: object) -> float:
    try:
        return check_number(value)
    except ValueError as error:
        raise InvalidMetric(f"metric_samples: a score of {shown(name)} is {shown(value)}, {error}") from None


def _entries(mapping: object, what: str, error: type[InvalidMetadata | InvalidMetric]) -> Iterable[tuple[object, Any]]:
    if not isinstance(mapping, Mapping):
        raise error(f"{what}: {shown(mapping)} is no mapping", hint=f"give {what} as names with their values")
    if len(mapping) > MOST_ENTRIES:
        raise error(
            f"{what} has {len(mapping):,} entries, more than {MOST_ENTRIES:,}", hint="record the ones that matter"
        )
    return mapping.items()


def _is_harmful(character: str) -> bool:
    number = ord(character)
    control = (number < 0x20 or 0x7F <= number <= 0x9F) and character not in "\t\n\r"  # noqa: PLR2004
    return control or 0xD800 <= number <= 0xDFFF  # noqa: PLR2004


def _plain(path: str, value: object, depth: int) -> Any:
    if depth == 0:
        raise InvalidMetadata(f"{path[:200]} is nested too deep", hint=f"at most {DEEPEST_JSON} levels are stored")
    if value is None or isinstance(value, bool | str | int | float):
        return _plain_scalar(path, value)
    if isinstance(value, Mapping):
        return {_plain_key(path, key): _plain(_below(path, key), item, depth - 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(f"{path[:200]}[{index}]", item, depth - 1) for index, item in enumerate(value)]
    if isinstance(value, date) or hasattr(value, "tolist"):
        return _plain(path, value.isoformat() if isinstance(value, date) else value.tolist(), depth - 1)
    hint = "record texts, numbers, lists and mappings; str(value) keeps anything else readable"
    raise InvalidMetadata(f"{path[:200]} is of type {type(value).__name__}, which JSON does not know", hint=hint)


def _plain_scalar(path: str, value: str | float | None) -> str | int | float | None:
    if isinstance(value, str):
        return _plain_text(path, value)
    return value if value is None or isinstance(value, bool) else _plain_number(path, value)


def _below(path: str, key: str | int) -> str:
    # The path is for messages only; a key of a megabyte must not be copied for each value under it.
    return f"{path[:200]}.{str(key)[:80]}"


def _plain_key(path: str, key: object) -> str:
    if not isinstance(key, str | int) or isinstance(key, bool):
        raise InvalidMetadata(f"{path[:200]} has the key {shown(key)}", hint="keys are texts")
    return _plain_text(f"a key of {path}", str(key))


def _plain_text(path: str, text: str) -> str:
    # A subclass of str, such as a numpy text or an Enum member, is no type that the wire format knows.
    plain = str.__str__(text)
    if "\x00" in plain or not _encodable(plain):
        raise InvalidMetadata(f"{path[:200]} has a NUL or half a surrogate pair", hint="take it out, or encode it")
    return plain


def _plain_number(path: str, number: float) -> int | float:
    if isinstance(number, int):
        if -(1 << 63) <= number < 1 << 63:
            return int(number)
        raise InvalidMetadata(f"{path[:200]} does not fit in 64 bits", hint="record it as a text")
    if not math.isfinite(number):
        raise InvalidMetadata(
            f"{path[:200]} is {number}, which JSON cannot hold", hint="leave it out, or record a text"
        )
    return float(number)


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
