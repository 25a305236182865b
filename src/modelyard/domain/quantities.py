"""Quantities as people write them: `500/min`, `0.5%`, `80ms`, and how a new version may differ: `errors x2`.

Rules
1. A plain number is taken too: requests per minute, a share of 1, seconds. A text that is to be a time needs its unit,
   for people would take 80 for milliseconds.
2. Nothing is guessed: what has another form is refused, with forms that are taken.
"""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import Final

from modelyard.domain.names import shown
from modelyard.domain.releases import Effect
from modelyard.errors import InvalidRequest

_NUMBER: Final = r"([0-9]{1,12}(?:\.[0-9]{1,12})?|\.[0-9]{1,12})"
_TRAFFIC: Final = re.compile(rf"{_NUMBER} ?([kM]?) ?/ ?(s|sec|second|min|m|minute|h|hour|d|day)")
_PER_MINUTE: Final = {"s": 60.0, "m": 1.0, "h": 1 / 60, "d": 1 / 1440}
_MANY: Final = {"": 1.0, "k": 1e3, "M": 1e6}
_SHARE: Final = re.compile(rf"{_NUMBER} ?(%?)")
_LENGTH: Final = re.compile(rf"{_NUMBER} ?(us|ms|s|m|min|h|d)")
_SECONDS: Final = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}
_PART: Final = re.compile(rf"(errors|latency|tokens) ?(?:x ?{_NUMBER}|([+-]) ?{_NUMBER} ?%|{_NUMBER} ?%)")
_AFTER: Final = re.compile(r"(.*?) after ([0-9]{1,9})")
MOST_RATIO: Final = 1000.0
"""Beyond this many times the old version's rate or size nothing is more interesting."""
EFFECTS_HINT: Final = "write it like `errors x2`, `errors 5%`, `latency +20%`, `tokens x1.5, errors x2` or `no change`"


def per_minute(value: object) -> float:
    """Return an amount of traffic in requests per minute.

    Raises:
        InvalidRequest: the value is none.
    """
    match = _TRAFFIC.fullmatch(value.strip()) if isinstance(value, str) else None
    number = float(match[1]) * _MANY[match[2]] * _PER_MINUTE[match[3][0]] if match else _plain(value)
    if not 0 < number <= 1e9:  # noqa: PLR2004 - more than any endpoint gets
        raise InvalidRequest(f"the traffic is {shown(value)}", hint="write it like 500/min, 20/s, 3k/hour or 2M/day")
    return number


def share(value: object, what: str) -> float:
    """Return a share in 0..1, from a percentage or a plain number.

    Raises:
        InvalidRequest: the value is none.
    """
    match = _SHARE.fullmatch(value.strip()) if isinstance(value, str) else None
    number = float(match[1]) / (100.0 if match[2] else 1.0) if match else _plain(value)
    if not 0 <= number <= 1:
        raise InvalidRequest(f"{what} is {shown(value)}", hint="write a share like 0.5% or 0.005")
    return number


def length_s(value: object, what: str) -> float:
    """Return a length of time in seconds, from a text such as 80ms or a plain number of seconds.

    Raises:
        InvalidRequest: the value is none, is not positive, or longer than ten days.
    """
    if isinstance(value, str):
        match = _LENGTH.fullmatch(value.strip())
        number = float(match[1]) * _SECONDS[match[2]] if match else math.nan
    else:
        number = _plain(value)
    if not 0 < number <= 864_000:  # noqa: PLR2004 - ten days
        raise InvalidRequest(f"{what} is {shown(value)}", hint="write a time like 80ms, 1.5s or 10m")
    return number


def effect(text: object) -> Effect:
    """Return what is different about a new version.

    Args:
        text: parts with commas between them, each like `errors x2`, `latency +20%` or `errors 5%`, the latter for a
            rate that is no ratio; behind them perhaps `after 10000`, in requests. `no change` for nothing.

    Raises:
        InvalidRequest: it has another form, or names something twice.
    """
    if not isinstance(text, str):
        raise InvalidRequest(f"the effect {shown(text)} says nothing", hint=EFFECTS_HINT)
    plain = " ".join(text.split()).lower()
    after = _AFTER.fullmatch(plain)
    body = after[1] if after else plain
    found = Effect(name=plain, after=int(after[2]) if after else 0)
    if body == "no change":
        return found
    seen: set[str] = set()
    for part in body.split(","):
        match = _PART.fullmatch(part.strip())
        if match is None or match[1] in seen:
            raise InvalidRequest(f"the effect {shown(text)} says nothing", hint=EFFECTS_HINT)
        seen.add(match[1])
        found = _with(found, match, text)
    return found


def _with(found: Effect, match: re.Match[str], text: object) -> Effect:
    name, times, sign, change, rate = match.groups()
    if rate is not None:
        if name != "errors" or float(rate) > 100:  # noqa: PLR2004 - percent
            raise InvalidRequest(f"the effect {shown(text)} says nothing", hint=EFFECTS_HINT)
        return replace(found, error_rate=float(rate) / 100.0)
    ratio = float(times) if times is not None else 1.0 + float(f"{sign}{change}") / 100.0
    if not 1 / MOST_RATIO <= ratio <= MOST_RATIO:
        raise InvalidRequest(f"the effect {shown(text)} is too large, or too small", hint=EFFECTS_HINT)
    return _changed(found, name, ratio)


def _changed(found: Effect, name: str, ratio: float) -> Effect:
    if name == "errors":
        return replace(found, errors=ratio)
    return replace(found, latency=ratio) if name == "latency" else replace(found, tokens=ratio)


def _plain(value: object) -> float:
    """The number that a value is, or a text stands for; nan for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return math.nan
    try:
        return float(value)
    except (ValueError, OverflowError):
        return math.nan
