"""Lengths of time as people write them."""

from __future__ import annotations

import pytest

from modelyard.domain import durations
from modelyard.errors import InvalidRequest


@pytest.mark.parametrize(
    ("text", "length"),
    [("90s", 90), ("30m", 1800), ("12h", 43_200), ("7d", 604_800), ("2w", 1_209_600), ("1.5 H", 5400)],
)
def test_a_time_is_read(text, length):
    assert durations.is_duration(text)
    assert durations.seconds(text) == length


@pytest.mark.parametrize("value", ["", "7", "d", "-1d", "0s", "7 days", "1000w0", "99999w", None, 7, "٣d", "1e3s"])
def test_what_is_no_time_is_refused(value):
    with pytest.raises(InvalidRequest, match="the wait is") as caught:
        durations.seconds(value, "the wait")
    assert "30m" in caught.value.hint


@pytest.mark.parametrize("value", [7, None, "soon"])
def test_what_is_no_time_is_told_apart(value):
    assert not durations.is_duration(value)


@pytest.mark.parametrize(
    ("length", "text"), [(604_800, "1w"), (172_800, "2d"), (90, "90s"), (5400, "90m"), (2.5, "2.5s")]
)
def test_a_time_is_told_in_its_largest_whole_unit(length, text):
    assert durations.told(length) == text


def test_moments_are_added_and_subtracted():
    start = "2026-03-01T12:00:00.000000Z"
    end = durations.later(start, 90)
    assert end == "2026-03-01T12:01:30.000000Z"
    assert durations.elapsed(start, end) == 90
    assert durations.elapsed(end, start) == 0
