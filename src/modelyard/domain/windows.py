"""Maintenance windows: when a deployment may begin and go on, by the clocks of a place.

Rules
1. A window opens on its days at `start` and closes at `end`. An end that is not behind the start lies on the next day;
   such a window belongs to the day on which it opens. 24:00 is the end of the day.
2. Times are those that the clocks of the zone show. A time that they show twice, when they are put back, is the first
   of the two; one that they skip is as far behind the change as it would have been; a window that lies in what they
   skip altogether does not open on that day.
3. The beginning belongs to the window, the end does not.
4. The rules of zones are the system's. They are data, alike for every reader, so this module stays a set of rules.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from modelyard.domain.durations import later, parsed
from modelyard.domain.names import shown
from modelyard.domain.wire.delivery import Window
from modelyard.errors import InvalidRequest

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_TIME: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])|24:00")
_MINUTES_OF_DAY: Final = 24 * 60
_DAYS_AHEAD: Final = 22
"""A window of one day a week opens within these, also where a change of the clocks takes one away."""


def check_window(window: Window) -> None:
    """Refuse a window that never opens or that nobody can read.

    Raises:
        InvalidRequest: a day, a time or the zone is unknown, or the window ends when it begins.
    """
    for day in window.days:
        if day not in DAYS:
            raise InvalidRequest(f"the window has the day {shown(day)}", hint=f"days are {', '.join(DAYS)}")
    for name, time in (("start", window.start), ("end", window.end)):
        if not _TIME.fullmatch(time) or (name == "start" and time == "24:00"):
            raise InvalidRequest(f"the window's {name} is {shown(time)}", hint="write times from 00:00 to 24:00")
    if window.start == window.end:
        message = f"the window begins and ends at {window.start}"
        raise InvalidRequest(message, hint="a whole day is 00:00 to 24:00")
    zone_of(window.timezone)


def zone_of(name: str) -> ZoneInfo:
    """Return a zone by its name in the tz database, such as Europe/Berlin.

    Raises:
        InvalidRequest: this system does not know it.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        hint = (
            "write a name of the tz database, such as UTC or Europe/Berlin; systems without it need the package tzdata"
        )
        raise InvalidRequest(f"this system knows no time zone {shown(name)}", hint=hint) from None


def is_open(window: Window, now: str) -> bool:
    """Whether a moment, as records have it, lies in the window."""
    moment = parsed(now)
    return any(begin <= moment < end for begin, end in _occasions(window, moment))


def next_open(window: Window, now: str) -> str:
    """Return the first moment from now on that lies in the window; now itself if it does."""
    moment = parsed(now)
    coming = next(begin for begin, end in _occasions(window, moment) if begin < end and moment < end)
    return later(max(moment, coming).isoformat(), 0.0)


def _occasions(window: Window, moment: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield when the window opens and closes, from the day before a moment on, in UTC."""
    zone = zone_of(window.timezone)
    start, end = _minutes(window.start), _minutes(window.end)
    length = end - start if end > start else end - start + _MINUTES_OF_DAY
    today = moment.astimezone(zone).date()
    for number in range(-1, _DAYS_AHEAD):
        day = today + timedelta(days=number)
        if not window.days or DAYS[day.weekday()] in window.days:
            yield _instant(day, start, zone), _instant(day, start + length, zone)


def _instant(day: date, minutes: int, zone: ZoneInfo) -> datetime:
    """When the clocks of a zone show a time of a day; minutes beyond the day's count into the next one."""
    shown_there = datetime(day.year, day.month, day.day, tzinfo=zone) + timedelta(minutes=minutes)
    return shown_there.astimezone(UTC)


def _minutes(time: str) -> int:
    hours, _, minutes = time.partition(":")
    return int(hours) * 60 + int(minutes)
