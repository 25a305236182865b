"""Lengths of time as people write them: `90s`, `30m`, `12h`, `7d`, `2w`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from modelyard.domain.names import shown
from modelyard.errors import InvalidRequest

_FORM: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?) ?(s|m|h|d|w)")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_LONGEST_SECONDS: Final = 100 * 365 * 86_400
_MOMENT: Final = "%Y-%m-%dT%H:%M:%S.%fZ"


def is_duration(value: object) -> bool:
    """Whether a value is a text of the form that `seconds` reads."""
    return isinstance(value, str) and _FORM.fullmatch(value.strip().lower()) is not None


def seconds(value: object, what: str = "the duration") -> float:
    """Return a duration in seconds.

    Raises:
        InvalidRequest: the value is not a positive length of time, or is longer than a hundred years.
    """
    match = _FORM.fullmatch(value.strip().lower()) if isinstance(value, str) else None
    length = float(match[1]) * _SECONDS[match[2]] if match else 0.0
    if not 0 < length <= _LONGEST_SECONDS:
        raise InvalidRequest(f"{what} is {shown(value)}", hint="write a time such as 90s, 30m, 12h, 7d or 2w")
    return length


def later(moment: str, length: float) -> str:
    """Return the moment that comes `length` seconds after another, in the form that records have."""
    return (parsed(moment) + timedelta(seconds=length)).strftime(_MOMENT)


def elapsed(since: str, now: str) -> float:
    """Return the seconds from one moment to another; never less than none, as clocks may differ."""
    return max(0.0, (parsed(now) - parsed(since)).total_seconds())


def parsed(moment: str) -> datetime:
    """Return a record's moment as a time with its zone."""
    return datetime.fromisoformat(moment).astimezone(UTC)


def told(length: float) -> str:
    """Return a length of time for people, in its largest whole unit: `3d`, `90m`, `2.5s`."""
    for unit, size in sorted(_SECONDS.items(), key=lambda item: -item[1]):
        if length >= size and length % size == 0:
            return f"{length / size:g}{unit}"
    return f"{length:g}s"
