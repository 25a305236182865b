"""Spans of time that predictions are counted by: minutes, which become hours, which become days.

Rules
- A moment is written as records have it, `2026-03-01T12:34:56.000000Z`, in UTC; so earlier moments sort before later.
- A span is named by its word and the moment that it begins at. Its beginning belongs to it, its end does not.
- A series has steps of a round length, and none shorter than the longest span that it is made of: what is known by the
  hour cannot be told by the minute.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Final

from modelyard.domain.durations import is_duration, later, parsed, seconds
from modelyard.domain.moments import moment
from modelyard.errors import InvalidRequest

MINUTE, HOUR, DAY = "minute", "hour", "day"
SECONDS: Final = {MINUTE: 60, HOUR: 3600, DAY: 86_400}
"""Each span, the shortest first, and how long it is."""
STEPS: Final = (60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400)
"""Lengths of the steps of a series, in seconds; longer ones are whole days."""
BEGINNING: Final = "1970-01-01T00:00:00.000000Z"
"""Time begins here; nothing lies before."""

_KEPT: Final = {MINUTE: 16, HOUR: 13, DAY: 10}
_REST: Final = ":00.000000Z", ":00:00.000000Z", "T00:00:00.000000Z"
_TAILS: Final = dict(zip(_KEPT, _REST, strict=True))
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def begin_of(at: str, span: str) -> str:
    """Return when the span begins that a moment lies in."""
    return at[: _KEPT[span]] + _TAILS[span]


def end_of(start: str, span: str) -> str:
    """Return when a span ends that begins at a moment."""
    return later(start, SECONDS[span])


def moment_of(minute: int) -> str:
    """Return when a minute begins that is counted from 1970."""
    return later(BEGINNING, minute * 60)


def range_of(since: str, until: str, now: str, *, usual: str = "24h") -> tuple[str, str]:
    """Return the range of time that somebody asks for, as two moments.

    Args:
        since: a moment, or how long ago, such as `24h`; `usual` before the end where it is empty.
        until: a moment, or how long ago; now where it is empty.
        now: the present moment.
        usual: how long a range is of which nothing is said.

    Raises:
        InvalidRequest: one of them is neither, lies in the future, or the range ends before it begins.
    """
    end = _moment(until, now, "until") if until else now
    begin = _moment(since, now, "since") if since else _before(end, seconds(usual))
    if begin >= end:
        raise InvalidRequest(f"the range begins at {begin} and ends at {end}", hint="since lies before until")
    return begin, end


def step_of(length: float, points: int, longest: str) -> int:
    """Return the length of a series' steps, in seconds.

    Args:
        length: of the whole range, in seconds.
        points: how many steps it should have at most, about.
        longest: the longest span among what it is made of.
    """
    wanted = max(length / points, SECONDS[longest])
    fitting = [step for step in STEPS if step >= wanted]
    return fitting[0] if fitting else -(-int(wanted) // SECONDS[DAY]) * SECONDS[DAY]


def longest_of(spans: Collection[str]) -> str:
    """Return the longest of some spans; the minute where there is none."""
    return max(spans, key=SECONDS.__getitem__, default=MINUTE)


def bucket_of(at: str, step: int) -> int:
    """Return the number of the step that a moment lies in, counted from 1970."""
    return (parsed(at) - _EPOCH) // timedelta(seconds=step)


def _moment(text: str, now: str, what: str) -> str:
    return _before(now, seconds(text, what)) if is_duration(text) else max(moment(text, now), BEGINNING)


def _before(end: str, length: float) -> str:
    return max(later(end, -length), BEGINNING)
