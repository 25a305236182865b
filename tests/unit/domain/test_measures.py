"""From counts to figures, and two versions side by side."""

from __future__ import annotations

import pytest

from modelyard.domain.cells import Cell
from modelyard.domain.live import COMPARED, compared, explanation
from modelyard.domain.measures import Counted, Subject, Wanted, figures
from modelyard.domain.wire import LikelyRange, VersionMetrics

NOON = "2026-03-01T12:00:00.000000Z"
WANTED = Wanted(since="2026-03-01T11:00:00.000000Z", until="2026-03-01T12:30:30.000000Z")
SUBJECT = Subject(version="1.0.0", version_id="mv_1", role="live", currency="USD")


def counted(start: str, requests: int, *, errors: int = 0, seconds: float = 0.1, span: str = "minute") -> Counted:
    """A span in which some requests came, of a cost and some tokens each."""
    cell = Cell()
    for number in range(requests):
        cell.add(seconds, "timed_out" if number < errors else "", 10, 0.5)
    made = Counted()
    made.add(span, start, cell)
    return made


@pytest.mark.feature("PRF-02", "PRF-03", "PRF-04", "PRF-05")
def test_figures_follow_from_counts():
    found = figures(SUBJECT, [counted(NOON, 100, errors=5), counted("2026-03-01T12:09:00.000000Z", 200)], WANTED)
    assert (found.requests, found.errors, found.codes) == (300, 5, {"timed_out": 5})
    assert found.error_rate == pytest.approx(5 / 300)
    assert found.success_rate == pytest.approx(100 * 295 / 300)
    assert found.avg_latency == pytest.approx(0.1)
    assert found.p50_s == pytest.approx(0.1, rel=0.01)
    assert (found.seconds, found.throughput) == (600, 0.5)
    assert (found.tokens, found.tokens_per_request) == (3000, 10)
    assert (found.cost, found.cost_per_request, found.currency) == (150, 0.5, "USD")
    assert (found.first_seen, found.last_seen) == (NOON, "2026-03-01T12:10:00.000000Z")
    assert found.series == []


def test_nothing_is_zeros_and_nothing_to_say():
    found = figures(SUBJECT, [], Wanted(since=WANTED.since, until=WANTED.until, points=10))
    assert (found.requests, found.errors, found.throughput, found.seconds, found.tokens) == (0, 0, 0, 0, 0)
    unsaid = (found.error_rate, found.success_rate, found.avg_latency, found.p50_s, found.p99_s, found.first_seen)
    assert unsaid == (None,) * 6
    assert found.tokens_per_request is None
    assert found.series == []
    assert found.intervals["success_rate"] == found.intervals["p50_s"] == LikelyRange()


def test_the_stretch_is_cut_to_the_range_and_never_shorter_than_a_second():
    found = figures(SUBJECT, [counted("2026-03-01T12:30:00.000000Z", 3)], WANTED)
    assert (found.seconds, found.last_seen) == (30, WANTED.until)
    early = figures(SUBJECT, [counted("2026-03-01T00:00:00.000000Z", 3, span="day")], WANTED)
    assert (early.first_seen, early.last_seen) == (WANTED.since, WANTED.until)
    just_now = Wanted(since=WANTED.since, until="2026-03-01T12:00:00.100000Z")
    assert figures(SUBJECT, [counted(NOON, 5)], just_now).throughput == 5


def test_a_success_rate_is_as_sure_as_the_error_rate():
    found = figures(SUBJECT, [counted(NOON, 1000, errors=20)], WANTED).intervals
    errors, good = found["error_rate"], found["success_rate"]
    assert good.low == pytest.approx(100 * (1 - (errors.high or 0)))
    assert good.high == pytest.approx(100 * (1 - (errors.low or 0)))


def test_a_clock_that_is_fast_makes_a_series_no_longer():
    wanted = Wanted(since=WANTED.since, until=WANTED.until, points=30)
    ahead = counted("2099-01-01T00:00:00.000000Z", 5)
    found = figures(SUBJECT, [counted(NOON, 60), ahead], wanted)
    assert len(found.series) == 16
    assert (found.series[-1].at[11:16], found.series[-1].requests, found.requests) == ("12:30", 5, 65)
    alone = figures(SUBJECT, [ahead], wanted)
    assert [point.requests for point in alone.series] == [5]
    assert (alone.first_seen, alone.last_seen, alone.seconds) == (WANTED.until, WANTED.until, 1)


def test_spans_that_nobody_tells_apart_are_one():
    one = counted("2026-03-01T12:09:00.000000Z", 200)
    one.add("hour", "2026-03-01T11:00:00.000000Z", counted(NOON, 100, errors=5).cell)
    assert (one.span, one.start, one.end, one.rows) == (
        "hour", "2026-03-01T11:00:00.000000Z", "2026-03-01T12:10:00.000000Z", 2,
    )  # fmt: skip
    assert (one.cell.requests, one.cell.errors) == (300, 5)


@pytest.mark.feature("PRF-03", "PRF-06")
def test_a_series_has_every_step_from_the_first_that_has_data():
    wanted = Wanted(since=WANTED.since, until=WANTED.until, points=30)
    found = figures(SUBJECT, [counted(NOON, 60), counted("2026-03-01T12:04:00.000000Z", 120, errors=60)], wanted)
    assert [point.at[11:16] for point in found.series[:6]] == ["12:00", "12:02", "12:04", "12:06", "12:08", "12:10"]
    assert found.series[-1].at[11:16] == "12:30"
    assert [point.requests for point in found.series[:4]] == [60, 0, 120, 0]
    assert found.series[0].throughput == 0.5
    assert (found.series[1].error_rate, found.series[1].p95_s) == (None, None)
    assert found.series[2].error_rate == 0.5
    assert sum(point.requests for point in found.series) == found.requests


def test_a_series_of_hours_has_no_minutes():
    wanted = Wanted(since="2026-03-01T11:10:00.000000Z", until=WANTED.until, points=1000)
    hour, minute = counted("2026-03-01T11:00:00.000000Z", 7, span="hour"), counted(NOON, 5)
    found = figures(SUBJECT, [minute, hour], wanted).series
    assert [(point.at[11:16], point.seconds, point.requests) for point in found] == [
        ("11:00", 3600, 7),
        ("12:00", 3600, 5),
    ]


def version(number: str, requests: int, *, errors: int = 0, seconds: float = 0.1) -> VersionMetrics:
    """The figures of a version."""
    subject = Subject(version=number, version_id=f"mv_{number}", role="live")
    return figures(subject, [counted(NOON, requests, errors=errors, seconds=seconds)] if requests else [], WANTED)


@pytest.mark.feature("PRF-07")
def test_a_figure_is_better_only_where_that_is_shown():
    a, b = version("1.0.0", 2000, errors=200), version("1.1.0", 2000, errors=20, seconds=0.3)
    found = {one.name: one for one in compared(a, b)}
    assert list(found) == list(COMPARED)
    assert (found["error_rate"].better, found["success_rate"].better) == ("b", "b")
    assert (found["avg_latency"].better, found["p50_s"].better) == ("a", "a")
    assert found["tokens_per_request"].better is None
    assert found["error_rate"].difference == pytest.approx(-0.09)
    assert found["error_rate"].relative_change == pytest.approx(-0.9)
    text = explanation(a, b, compared(a, b))
    assert "error_rate of 1.1.0" in text
    assert "avg_latency of 1.0.0" in text
    assert "the judge" in text


@pytest.mark.feature("PRF-07")
def test_equal_versions_show_no_difference():
    a, b = version("1.0.0", 500, errors=5), version("1.1.0", 510, errors=6)
    assert {one.better for one in compared(a, b)} == {None}
    assert explanation(a, b, compared(a, b)).startswith("No difference is shown.")


def test_a_version_that_did_nothing_is_compared_with_nothing():
    a, b = version("1.0.0", 0), version("1.1.0", 10)
    found = {one.name: one for one in compared(a, b)}
    assert (found["p50_s"].a, found["p50_s"].difference, found["p50_s"].relative_change) == (None, None, None)
    assert found["throughput"].relative_change is None
    assert explanation(a, b, compared(a, b)) == "1.0.0 answered no request in this range."
