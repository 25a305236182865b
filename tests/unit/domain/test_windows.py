"""Maintenance windows, across midnight and changes of the clocks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.domain.durations import later
from modelyard.domain.windows import DAYS, check_window, is_open, next_open
from modelyard.domain.wire.delivery import Window
from modelyard.errors import InvalidRequest

NIGHT = Window(days=["mon", "tue"], start="22:00", end="02:00", timezone="Europe/Berlin")
EARLY = Window(start="02:00", end="03:00", timezone="Europe/Berlin")
BERLIN = Window(start="02:30", end="05:00", timezone="Europe/Berlin")


def moment(text: str) -> str:
    """Complete a moment as records write it, from `2026-03-02 21:00`, in UTC."""
    return f"{text.replace(' ', 'T')}:00.000000Z"


@pytest.mark.feature("DEP-07")
@pytest.mark.parametrize(
    ("window", "now", "expected"),
    [
        # 2026-03-02 is a Monday; Berlin is an hour ahead of UTC.
        (NIGHT, "2026-03-02 20:59", "2026-03-02 21:00"),
        (NIGHT, "2026-03-02 21:00", "2026-03-02 21:00"),
        (NIGHT, "2026-03-03 00:59", "2026-03-03 00:59"),
        (NIGHT, "2026-03-03 01:00", "2026-03-03 21:00"),
        (NIGHT, "2026-03-04 00:30", "2026-03-04 00:30"),
        (NIGHT, "2026-03-04 01:00", "2026-03-09 21:00"),
        (NIGHT, "2026-03-02 00:30", "2026-03-02 21:00"),
        (Window(), "2026-03-02 00:00", "2026-03-02 00:00"),
        (Window(days=["sun"]), "2026-03-02 00:00", "2026-03-08 00:00"),
        (Window(days=["sun"]), "2026-03-08 23:59", "2026-03-08 23:59"),
        (Window(days=["sun"]), "2026-03-09 00:00", "2026-03-15 00:00"),
        (Window(start="23:00", end="24:00"), "2026-03-02 23:59", "2026-03-02 23:59"),
        (Window(start="23:00", end="24:00"), "2026-03-03 00:00", "2026-03-03 23:00"),
        (Window(start="22:00", end="00:00"), "2026-03-03 00:00", "2026-03-03 22:00"),
        (Window(start="09:00", end="17:00", timezone="Asia/Kathmandu"), "2026-03-02 03:14", "2026-03-02 03:15"),
        (Window(start="09:00", end="17:00", timezone="America/New_York"), "2026-03-02 13:59", "2026-03-02 14:00"),
        (Window(start="09:00", end="17:00", timezone="America/New_York"), "2026-07-02 12:59", "2026-07-02 13:00"),
    ],
)
def test_a_window_opens_by_the_clocks_of_its_place(window, now, expected):
    check_window(window)
    assert next_open(window, moment(now)) == moment(expected)
    assert is_open(window, moment(now)) == (now == expected)


@pytest.mark.parametrize(
    ("window", "now", "expected"),
    [
        # On 2026-03-29 Berlin's clocks go from 02:00 to 03:00, at 01:00 UTC.
        (EARLY, "2026-03-28 01:00", "2026-03-28 01:00"),
        (EARLY, "2026-03-29 00:59", "2026-03-30 00:00"),
        (EARLY, "2026-03-29 01:00", "2026-03-30 00:00"),
        (BERLIN, "2026-03-29 01:29", "2026-03-29 01:30"),
        (BERLIN, "2026-03-29 02:59", "2026-03-29 02:59"),
        (BERLIN, "2026-03-29 03:00", "2026-03-30 00:30"),
        # On 2026-10-25 they go from 03:00 back to 02:00, at 01:00 UTC.
        (BERLIN, "2026-10-25 00:29", "2026-10-25 00:30"),
        (BERLIN, "2026-10-25 03:59", "2026-10-25 03:59"),
        (BERLIN, "2026-10-25 04:00", "2026-10-26 01:30"),
        (EARLY, "2026-10-25 00:00", "2026-10-25 00:00"),
        # Once a week, and the clocks skip it.
        (
            Window(days=["sun"], start="02:10", end="02:50", timezone="Europe/Berlin"),
            "2026-03-28 00:00",
            "2026-03-29 01:10",
        ),
        (
            Window(days=["sun"], start="02:00", end="03:00", timezone="Europe/Berlin"),
            "2026-03-28 00:00",
            "2026-04-05 00:00",
        ),
        # Samoa had no 30 December 2011.
        (
            Window(days=["fri"], start="10:00", end="11:00", timezone="Pacific/Apia"),
            "2011-12-29 00:00",
            "2011-12-30 20:00",
        ),
    ],
)
def test_changes_of_the_clocks_move_it(window, now, expected):
    assert next_open(window, moment(now)) == moment(expected)
    assert is_open(window, moment(now)) == (now == expected)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"days": ["monday"]}, "day 'monday'"),
        ({"days": ["mon", ""]}, "day ''"),
        ({"start": "24:00"}, "start is '24:00'"),
        ({"start": "9:00"}, "start is '9:00'"),
        ({"end": "24:01"}, "end is '24:01'"),
        ({"end": "12:60"}, "end is '12:60'"),
        ({"end": "soon"}, "end is 'soon'"),
        ({"start": "02:00", "end": "02:00"}, "begins and ends at 02:00"),
        ({"timezone": "Europe/Atlantis"}, "no time zone 'Europe/Atlantis'"),
        ({"timezone": "../../etc/passwd"}, "no time zone"),
        ({"timezone": "Europe"}, "no time zone"),
        ({"timezone": ""}, "no time zone"),
        ({"timezone": "a\x00b"}, "no time zone"),
        ({"timezone": "\ud800"}, "no time zone"),
    ],
)
def test_a_window_that_nobody_can_read_is_refused(fields, problem):
    with pytest.raises(InvalidRequest, match=problem) as caught:
        check_window(Window(**fields))
    assert caught.value.hint


@given(
    days=st.lists(st.sampled_from(DAYS), unique=True),
    start=st.integers(0, 1439),
    length=st.integers(1, 1440),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]),
    minute=st.integers(0, 2 * 366 * 24 * 60),
)
def test_a_window_is_open_when_it_opens_next_and_not_before(days, start, length, zone, minute):
    end = start + length if start + length == 1440 else (start + length) % 1440
    if end == start:
        return
    times = [f"{time // 60:02}:{time % 60:02}" for time in (start, end)]
    window = Window(days=days, start=times[0], end=times[1], timezone=zone)
    check_window(window)
    now = later("2026-01-01T00:00:00.000000Z", minute * 60.0)
    opens = next_open(window, now)
    assert opens >= now
    assert is_open(window, opens)
    assert is_open(window, now) == (opens == now)
    assert opens == now or not is_open(window, later(opens, -0.000001))
