"""Intervals: the figures of their sources, what they say of too little data, and how often they miss."""

from __future__ import annotations

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.domain.intervals import (
    FEWEST,
    apart,
    mean_bounds,
    quantile_bounds,
    rank_band,
    rate_bounds,
    spread,
)
from modelyard.domain.sketch import Sketch
from modelyard.domain.wire import LikelyRange

ALPHA = 0.05


def sketch_of(values: list[float]) -> Sketch:
    """A sketch of values."""
    sketch = Sketch()
    for value in values:
        sketch.add(value)
    return sketch


@pytest.mark.feature("PRF-02")
def test_the_rank_band_has_the_width_that_its_source_gives():
    assert rank_band(0.95, 1000) == pytest.approx(0.036, abs=0.0005)
    assert rank_band(0.99, 1000) == pytest.approx(0.020, abs=0.0005)


@pytest.mark.feature("PRF-02")
def test_a_quantile_has_no_bound_where_there_is_not_enough_data():
    assert quantile_bounds(Sketch(), 0.99) == LikelyRange()
    few = quantile_bounds(sketch_of([0.01] * 500), 0.99)
    assert few.high is None
    assert few.low is not None
    many = quantile_bounds(sketch_of([0.01] * 5000), 0.99)
    assert many.low is not None
    assert many.high is not None
    assert many.low <= 0.01 <= many.high


@given(st.integers(1, 400), st.integers(0, 400))
def test_a_rate_lies_in_its_own_interval(count, successes):
    found = rate_bounds(min(successes, count), count)
    assert found.low is not None
    assert found.high is not None
    assert 0 <= found.low <= min(successes, count) / count <= found.high <= 1
    assert (found.low == 0) == (successes == 0)
    assert (found.high == 1) == (successes >= count)


def test_nothing_is_said_of_the_rate_of_nothing():
    assert rate_bounds(0, 0) == LikelyRange()


def test_a_rate_is_refuted_exactly_where_the_mixture_has_won_its_stake():
    low = rate_bounds(10, 1000).low
    assert low is not None
    mixture = math.lgamma(10.5) + math.lgamma(990.5) - math.lgamma(1001) - 2 * math.lgamma(0.5)
    wealth = mixture - 10 * math.log(low) - 990 * math.log1p(-low)
    assert wealth == pytest.approx(math.log(1 / ALPHA), abs=1e-6)


def test_more_requests_make_a_rate_surer():
    widths = [(found.high or 0) - (found.low or 0) for found in (rate_bounds(n // 100, n) for n in (100, 1000, 10_000))]
    assert widths == sorted(widths, reverse=True)


def test_a_mean_needs_some_values_and_gets_surer_with_more():
    assert mean_bounds(0.1, sketch_of([0.1] * (FEWEST - 1))) == LikelyRange()
    random = Random(1)
    values = [random.lognormvariate(-3, 0.5) for _ in range(10_000)]
    some, all_ = (mean_bounds(sum(part) / len(part), sketch_of(part)) for part in (values[:500], values))
    true = math.exp(-3 + 0.125)
    for found in (some, all_):
        assert found.low is not None
        assert found.high is not None
        assert found.low < true < found.high
    assert (all_.high or 0) - (all_.low or 0) < (some.high or 0) - (some.low or 0)


def test_the_spread_of_bins_is_that_of_the_values():
    random = Random(2)
    values = [random.lognormvariate(-3, 0.5) for _ in range(20_000)]
    mean = sum(values) / len(values)
    true = sum((value - mean) ** 2 for value in values) / len(values)
    assert spread(sketch_of(values).bins) == pytest.approx(true, rel=0.03)


@pytest.mark.parametrize(
    ("a", "b", "order"),
    [
        (LikelyRange(low=0.1, high=0.2), LikelyRange(low=0.3, high=0.4), -1),
        (LikelyRange(low=0.3, high=0.4), LikelyRange(low=0.1, high=0.2), 1),
        (LikelyRange(low=0.1, high=0.3), LikelyRange(low=0.3, high=0.4), 0),
        (LikelyRange(low=0.1), LikelyRange(low=0.3, high=0.4), 0),
        (LikelyRange(low=0.5), LikelyRange(low=0.3, high=0.4), 1),
        (LikelyRange(), LikelyRange(), 0),
    ],
)
def test_intervals_are_apart_only_where_they_do_not_touch(a, b, order):
    assert apart(a, b) == order


@pytest.mark.slow
@pytest.mark.feature("PRF-02", "PRF-04")
def test_somebody_who_looks_all_the_time_is_hardly_ever_misled():
    random, runs, misses = Random(7), 200, {"rate": 0, "p95": 0, "mean": 0}
    true = {"rate": 0.02, "p95": math.exp(0.5 * 1.6448536269514722), "mean": math.exp(0.125)}
    for _ in range(runs):
        sketch, failed, total, missed = Sketch(), 0, 0.0, set()
        for number in range(1, 3001):
            value = random.lognormvariate(0, 0.5)
            sketch.add(value)
            total += value
            failed += random.random() < true["rate"]
            if number % 50 == 0:
                found = {
                    "rate": rate_bounds(failed, number),
                    "p95": quantile_bounds(sketch, 0.95),
                    "mean": mean_bounds(total / number, sketch),
                }
                missed |= {name for name, one in found.items() if not _covers(one, true[name])}
        for name in missed:
            misses[name] += 1
    # Three standard errors above the promised share of misses.
    allowed = runs * ALPHA + 3 * math.sqrt(runs * ALPHA * (1 - ALPHA))
    assert all(count <= allowed for count in misses.values()), misses


def _covers(found: LikelyRange, true: float) -> bool:
    return (found.low is None or found.low <= true) and (found.high is None or true <= found.high)
