"""What rules measure: values of a window, baselines, and error budgets."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.domain.alert_measures import (
    FAST,
    SLOW,
    Sums,
    burn_rate,
    degradation,
    drift,
    no_data,
    threshold,
    value_of,
    wilson_lower,
)
from modelyard.domain.alerts import BAD, BETWEEN, CLEAR, UNKNOWN
from modelyard.domain.sketch import Sketch
from modelyard.domain.wire import AlertRule, BurnWindow, FeatureDrift


def sums(requests=0, errors=0, *, seconds=300.0, slow=0, **more) -> Sums:
    """A window in which requests took 10 ms, and `slow` of them a second."""
    sketch = Sketch()
    for number in range(requests):
        sketch.add(1.0 if number < slow else 0.01)
    return Sums(seconds=seconds, requests=requests, errors=errors, latency=sketch, **more)


def test_values_of_a_window():
    window = sums(200, 10, seconds=100.0, slow=20, tokens=500, cost_nano=2_000_000_000)
    assert value_of("error_rate", window) == 0.05
    assert value_of("success_rate", window) == 95.0
    assert value_of("throughput", window) == 2.0
    assert value_of("tokens_per_hour", window) == 18_000.0
    assert value_of("cost_per_hour", window) == 72.0
    assert value_of("p50", window) == pytest.approx(0.01, rel=0.02)
    assert value_of("p99", window) == pytest.approx(1.0, rel=0.02)


def test_without_requests_there_is_no_rate_but_an_amount():
    assert [value_of(name, sums()) for name in ("error_rate", "success_rate", "p95")] == [None, None, None]
    assert value_of("throughput", sums()) == 0.0


def test_sums_add_up():
    one = sums(10, 1, slow=5)
    one.add(sums(30, 2, tokens=7))
    assert (one.requests, one.errors, one.tokens, one.latency.count) == (40, 3, 7, 40)


LIMIT = AlertRule(kind="threshold", above=0.05, resolve_at=0.03, min_requests=100)


@pytest.mark.feature("PRF-09")
@pytest.mark.parametrize(
    ("window", "level"),
    [((100, 6), BAD), ((100, 5), BETWEEN), ((100, 3), CLEAR), ((99, 99), UNKNOWN), ((0, 0), UNKNOWN)],
)
def test_thresholds(window, level):
    reading = threshold(LIMIT, sums(*window))
    assert reading.level == level
    assert str(window[0]) in reading.summary


def test_a_threshold_may_have_two_sides():
    band = AlertRule(kind="threshold", metric="throughput", above=10, below=1, min_requests=100)
    levels = [threshold(band, sums(count, seconds=1.0)).level for count in (0, 5, 11)]
    assert levels == [BAD, CLEAR, BAD], "no requests at all are known at once"
    low = threshold(band, sums(0, seconds=1.0))
    assert (low.value, low.limit) == (0.0, 1)


WORSE = AlertRule(kind="degradation", metric="p95", ratio=1.5, min_requests=50)


@pytest.mark.feature("PRF-09")
def test_a_version_that_became_slower_is_seen():
    before = sums(1000)
    assert degradation(WORSE, sums(100, slow=50), before).level == BAD
    assert degradation(WORSE, sums(100), before).level == CLEAR
    assert degradation(WORSE, sums(49, slow=49), before).level == UNKNOWN
    assert degradation(WORSE, sums(100, slow=50), sums(49)).level == UNKNOWN
    assert degradation(WORSE, sums(100, slow=50), None).level == UNKNOWN


@pytest.mark.feature("PRF-09")
def test_more_errors_have_to_be_more_than_chance():
    rule = AlertRule(kind="degradation", metric="error_rate", ratio=2.0, min_requests=50)
    before = sums(10_000, 100)
    assert degradation(rule, sums(100, 3), before).level == BETWEEN, "three times as many of 1 %, which chance does"
    assert degradation(rule, sums(1000, 40), before).level == BAD
    assert degradation(rule, sums(1000, 12), before).level == CLEAR
    assert degradation(rule, sums(1000, 18), before).level == BETWEEN
    found = degradation(rule, sums(1000, 40), before)
    assert found.details["baseline"] == pytest.approx(0.01)
    assert found.limit == pytest.approx(0.02)


def test_errors_after_none_at_all_are_worse_without_end():
    rule = AlertRule(kind="degradation", metric="error_rate", ratio=2.0, min_requests=50)
    found = degradation(rule, sums(1000, 40), sums(10_000))
    assert (found.level, "worse than before" in found.summary) == (BAD, True)
    assert degradation(rule, sums(1000), sums(1000)).level == CLEAR
    assert degradation(rule, sums(1000, 1), sums(1000)).level == BETWEEN


def test_of_what_should_be_high_the_shortfall_counts():
    rule = AlertRule(kind="degradation", metric="success_rate", ratio=2.0, min_requests=50)
    assert degradation(rule, sums(1000, 40), sums(10_000, 100)).level == BAD
    fall = AlertRule(kind="degradation", metric="throughput", ratio=2.0, min_requests=10)
    assert degradation(fall, sums(100, seconds=100.0), sums(300, seconds=100.0)).level == BAD
    assert degradation(fall, sums(290, seconds=100.0), sums(300, seconds=100.0)).level == CLEAR


def test_of_amounts_only_the_baseline_needs_requests():
    rule = AlertRule(kind="degradation", metric="throughput", ratio=2.0, min_requests=50)
    found = degradation(rule, sums(2, seconds=300.0), sums(300, seconds=300.0))
    assert (found.level, found.limit) == (BAD, 0.5)
    assert found.value == pytest.approx(2 / 300)
    assert degradation(rule, sums(2, seconds=300.0), sums(49, seconds=300.0)).level == UNKNOWN
    assert degradation(rule, sums(2, seconds=300.0), None).level == UNKNOWN


def test_costs_that_nobody_measured_are_no_degradation():
    rule = AlertRule(kind="degradation", metric="cost_per_hour", ratio=2.0, min_requests=10)
    assert degradation(rule, sums(100), sums(100)).level == CLEAR


def test_latencies_that_nobody_recorded_are_unknown():
    bare = Sums(seconds=300.0, requests=100)
    assert degradation(WORSE, bare, bare).level == UNKNOWN


@given(st.integers(1, 5000), st.data())
def test_the_lower_end_lies_below_the_share(total, data):
    count = data.draw(st.integers(0, total))
    low = wilson_lower(count, total)
    assert 0.0 <= low <= count / total + 1e-12
    assert wilson_lower(count * 4, total * 4) >= low - 1e-12, "more of the same makes surer"


def test_wilsons_interval_as_it_is_known():
    # Newcombe (1998), table I: 81 of 263 at 95 % gives 0.2553 … 0.3662.
    assert wilson_lower(81, 263, 1.959964) == pytest.approx(0.2553, abs=1e-4)


SLO = AlertRule(kind="burn_rate", objective=0.99, burn=list(FAST), min_requests=100)


def burning(*shares: tuple[float, float], rule=SLO, requests=1000):
    """The reading of windows whose long and short halves have these shares of errors."""
    windows = [
        (window, sums(requests, int(long * requests)), sums(requests, int(short * requests)))
        for window, (long, short) in zip(rule.burn, shares, strict=True)
    ]
    return burn_rate(rule, windows)


@pytest.mark.feature("PRF-09")
def test_a_budget_that_burns_in_both_windows_alerts():
    assert burning((0.15, 0.15), (0.0, 0.0)).level == BAD
    found = burning((0.0, 0.0), (0.07, 0.07))
    assert (found.level, found.limit, found.value) == (BAD, 6.0, pytest.approx(7.0))
    assert "6h" in found.summary


def test_what_is_over_in_the_short_window_ends_the_alert():
    assert burning((0.15, 0.0), (0.07, 0.0)).level == CLEAR

    over = burning((0.15, 0.0), (0.07, 0.001))
    assert (over.level, over.value) == (CLEAR, 0.0)
    assert "over 5m (" in over.summary, "what is over is said of the window that tells so"


def test_what_has_only_begun_does_not_alert_yet():
    assert burning((0.05, 0.5), (0.01, 0.01)).level == BETWEEN


def test_budgets_need_requests():
    assert burning((1.0, 1.0), (1.0, 1.0), requests=99).level == UNKNOWN
    assert burn_rate(SLO, []).level == UNKNOWN
    rule = replace(
        SLO, burn=[BurnWindow(long_s=3600, short_s=300, factor=2), BurnWindow(long_s=7200, short_s=300, factor=2)]
    )
    windows = [(rule.burn[0], sums(50, 50), sums(50, 50)), (rule.burn[1], sums(200, 100), sums(0))]
    assert burn_rate(rule, windows).level == CLEAR, (
        "the window with too few is left out; nothing burns where nothing is"
    )


def test_the_workbooks_windows_use_up_what_it_says():
    month = 30 * 86_400
    shares = [round(window.factor * window.long_s / month, 3) for window in (*FAST, *SLOW)]
    assert shares == [0.02, 0.05, 0.1]


SILENT = AlertRule(kind="no_data", window_s=600, min_requests=60)


def test_requests_that_end_are_missed():
    empty, before = sums(seconds=600.0), sums(60, seconds=3600.0)
    assert no_data(SILENT, empty, before, firing=False).level == BAD
    assert no_data(SILENT, empty, sums(59, seconds=3600.0), firing=False).level == UNKNOWN
    assert no_data(SILENT, empty, sums(seconds=3600.0), firing=True).level == BAD, "until they come again"
    assert no_data(SILENT, sums(1, seconds=600.0), before, firing=True).level == CLEAR


DRIFTED = AlertRule(kind="drift", above=0.25, resolve_at=0.1, min_requests=500)


def feature(psi: float | None, *, name="amount", verdict="strong", noise: float | None = 0.05) -> FeatureDrift:
    """A feature that has drifted so far."""
    return FeatureDrift(
        feature=name, role="input", kind="number", drift=verdict, psi=psi, expected_psi=0.01, noise_limit=noise,
        ks=0.2, ks_p_value=0.01, baseline_rows=1000, rows=1000, baseline_missing=0.0, missing=0.0,
        baseline_median=1.0, median=2.0,
    )  # fmt: skip


def test_the_feature_that_drifted_furthest_counts():
    found = drift(DRIFTED, [feature(0.1), feature(0.4, name="age")], 1000)
    assert (found.level, found.value, found.details["feature"]) == (BAD, 0.4, "age")
    assert drift(DRIFTED, [feature(0.2)], 1000).level == BETWEEN
    assert drift(DRIFTED, [feature(0.09)], 1000).level == CLEAR
    assert drift(replace(DRIFTED, above=None, resolve_at=None), [feature(0.26)], 1000).level == BAD


def test_noise_and_too_few_rows_are_no_drift():
    assert drift(DRIFTED, [feature(0.4, noise=0.5)], 1000).level == CLEAR
    both = [feature(0.4, noise=0.5), feature(0.3, name="age", noise=None)]
    assert drift(DRIFTED, both, 1000).details["feature"] == "age", "what is noise does not hide what is not"
    assert drift(DRIFTED, [feature(0.4)], 499).level == UNKNOWN
    assert drift(DRIFTED, [feature(0.4, verdict="not_enough_data"), feature(None)], 1000).level == UNKNOWN
    assert drift(DRIFTED, [], 1000).level == UNKNOWN


def test_no_reading_is_a_nan():
    for reading in (degradation(WORSE, sums(100), sums(100)), threshold(LIMIT, sums(100))):
        assert reading.value is not None
        assert not math.isnan(reading.value)
