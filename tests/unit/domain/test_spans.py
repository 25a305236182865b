"""Spans of time, ranges as people ask for them, and the steps of a series."""

from __future__ import annotations

import pytest

from modelyard.domain.spans import (
    BEGINNING,
    DAY,
    HOUR,
    MINUTE,
    begin_of,
    bucket_of,
    end_of,
    longest_of,
    moment_of,
    range_of,
    step_of,
)
from modelyard.errors import InvalidRequest

NOW = "2026-03-01T12:34:56.789012Z"


def test_a_span_begins_where_its_clock_says():
    assert begin_of(NOW, MINUTE) == "2026-03-01T12:34:00.000000Z"
    assert begin_of(NOW, HOUR) == "2026-03-01T12:00:00.000000Z"
    assert begin_of(NOW, DAY) == "2026-03-01T00:00:00.000000Z"
    assert end_of(begin_of(NOW, DAY), DAY) == "2026-03-02T00:00:00.000000Z"


def test_minutes_are_counted_from_1970():
    assert moment_of(0) == "1970-01-01T00:00:00.000000Z"
    assert moment_of(29_539_000) == "2026-03-01T04:40:00.000000Z"
    assert bucket_of(moment_of(29_539_000), 60) == 29_539_000
    assert bucket_of("2026-03-01T04:40:59.999999Z", 60) == 29_539_000


def test_a_range_is_said_in_moments_or_in_lengths_of_time():
    assert range_of("", "", NOW) == ("2026-02-28T12:34:56.789012Z", NOW)
    assert range_of("90m", "", NOW) == ("2026-03-01T11:04:56.789012Z", NOW)
    assert range_of("2h", "1h", NOW) == ("2026-03-01T10:34:56.789012Z", "2026-03-01T11:34:56.789012Z")
    assert range_of("2026-02-01", "2026-03-01T12:00Z", NOW) == (
        "2026-02-01T00:00:00.000000Z",
        "2026-03-01T12:00:00.000000Z",
    )
    assert range_of("", "", NOW, usual="1h")[0] == "2026-03-01T11:34:56.789012Z"
    assert range_of("", "1h", NOW)[0] == "2026-02-28T11:34:56.789012Z"


def test_time_begins_in_1970():
    assert range_of("36500d", "", NOW)[0] == BEGINNING
    assert range_of("0001-01-01", "", NOW)[0] == BEGINNING
    with pytest.raises(InvalidRequest):
        range_of("0001-01-01", "0001-01-02", NOW)


@pytest.mark.parametrize(
    ("since", "until"),
    [("yesterday", ""), ("", "-1h"), ("2027-01-01", ""), ("", "2027-01-01"), ("2026-03-01", "2026-02-01"), ("0h", "")],
)
def test_a_range_that_is_none_is_refused(since, until):
    with pytest.raises(InvalidRequest):
        range_of(since, until, NOW)


@pytest.mark.parametrize(
    ("length", "points", "longest", "step"),
    [
        (3600, 60, MINUTE, 60),
        (3600, 1000, MINUTE, 60),
        (86_400, 48, MINUTE, 1800),
        (86_400, 48, HOUR, 3600),
        (86_400, 50, MINUTE, 1800),
        (30 * 86_400, 30, HOUR, 86_400),
        (400 * 86_400, 40, DAY, 10 * 86_400),
        (400 * 86_400, 39, DAY, 11 * 86_400),
    ],
)
def test_steps_are_round_and_no_shorter_than_what_they_are_made_of(length, points, longest, step):
    assert step_of(length, points, longest) == step


def test_the_longest_span_is_found():
    assert longest_of({HOUR, MINUTE}) == HOUR
    assert longest_of(()) == MINUTE
