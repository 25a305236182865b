"""Running totals: how they add up, and how what the recorder saw becomes series."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.domain.cells import Cell
from modelyard.telemetry.totals import (
    BOUNDS,
    COST,
    ERRORS,
    LOOP_LAG,
    PREDICTION_SECONDS,
    PREDICTIONS,
    START_TIME,
    TOKENS,
    Histogram,
    Totals,
    bucket_of,
    decoded,
    encoded,
)

FRAUD = ("fraud", "production", "1.0.0", "live")


def cell(*seconds: float, code: str = "", tokens: int = 0, cost: float = 0.0) -> Cell:
    """A cell that saw predictions that took so long and ended alike."""
    made = Cell()
    for one in seconds:
        made.add(one, code, tokens, cost)
    return made


def test_a_cell_becomes_counters_and_a_histogram():
    totals = Totals()
    totals.add_cell(FRAUD, cell(0.003, 0.2, tokens=10, cost=0.25), 7)
    totals.add_cell(FRAUD, cell(60.0, code="timed_out"), 6)
    assert totals.counters == {
        (PREDICTIONS, *FRAUD, "ok"): 2,
        (PREDICTIONS, *FRAUD, "timed_out"): 1,
        (ERRORS, *FRAUD): 1,
        (TOKENS, *FRAUD): 20,
        (COST, *FRAUD): 0.5,
    }
    histogram = totals.histograms[PREDICTION_SECONDS, *FRAUD]
    assert histogram.counts[bucket_of(0.003)] == histogram.counts[bucket_of(0.2)] == histogram.counts[-1] == 1
    assert sum(histogram.counts) == 3
    assert histogram.seconds == pytest.approx(60.203)
    assert totals.seen == {FRAUD: 7}


def test_an_empty_cell_makes_series_of_zero_so_that_the_first_error_is_an_increase():
    totals = Totals()
    totals.add_cell(FRAUD, Cell(), 7)
    assert totals.counters == {(PREDICTIONS, *FRAUD, "ok"): 0, (ERRORS, *FRAUD): 0}
    assert sum(totals.histograms[PREDICTION_SECONDS, *FRAUD].counts) == 0


@pytest.mark.parametrize("bound", BOUNDS)
def test_a_bucket_holds_what_took_no_longer_than_its_bound(bound):
    assert BOUNDS[bucket_of(bound)] == bound
    assert bucket_of(bound * 1.0001) == bucket_of(bound) + 1


@given(st.lists(st.floats(0.0001, 100), max_size=30))
def test_latencies_fall_into_the_buckets_of_their_seconds_within_the_accuracy_of_sketches(seconds):
    totals = Totals()
    totals.add_cell(FRAUD, cell(*seconds), 1)
    counts = totals.histograms[PREDICTION_SECONDS, *FRAUD].counts
    for place, bound in enumerate(BOUNDS):
        below = sum(counts[: place + 1])
        assert sum(one <= bound for one in seconds) <= below <= sum(one <= bound * 1.021 for one in seconds)


def test_totals_add_up_and_are_taken_away_again():
    one, two = Totals(), Totals()
    one.add_cell(FRAUD, cell(0.1), 1)
    two.add_cell(FRAUD, cell(0.2, 0.3, code="timed_out"), 2)
    both = Totals()
    both.add(one)
    both.add(two)
    assert both.counters[PREDICTIONS, *FRAUD, "timed_out"] == 2
    assert sum(both.histograms[PREDICTION_SECONDS, *FRAUD].counts) == 3
    both.add(two, sign=-1)
    assert both.counters[PREDICTIONS, *FRAUD, "ok"] == 1
    assert both.histograms[PREDICTION_SECONDS, *FRAUD].counts == one.histograms[PREDICTION_SECONDS, *FRAUD].counts
    assert sum(one.histograms[PREDICTION_SECONDS, *FRAUD].counts) == 1, "what was added is not changed"


def test_gauges_add_up_but_the_first_start_and_the_worst_lag_are_kept():
    total = Totals()
    for start, lag, memory in ((50.0, 0.1, 7.0), (40.0, 0.3, 8.0)):
        total.add_gauges(Totals(gauges={(START_TIME,): start, (LOOP_LAG,): lag, ("memory",): memory}))
    assert total.gauges == {(START_TIME,): 40.0, (LOOP_LAG,): 0.3, ("memory",): 15.0}


def test_histograms_of_other_buckets_are_left_alone():
    histogram = Histogram()
    histogram.observe(0.1)
    histogram.add(Histogram(counts=[1, 2], seconds=9))
    assert (sum(histogram.counts), histogram.seconds) == (1, 0.1)


def test_series_of_idle_subjects_are_left_out():
    totals = Totals()
    churn = ("churn", "production", "2.0.0", "live")
    totals.add_cell(FRAUD, cell(0.1), 10)
    totals.add_cell(churn, cell(0.1), 20)
    totals.count(("modelyard_http_requests", "GET", "/health", "2xx"))
    assert totals.idle(20) == {FRAUD}
    left = totals.without({FRAUD})
    assert {series[1] for series in left.counters} == {"churn", "GET"}
    assert left.seen == {churn: 20}
    assert totals.without(set()) is totals


def test_totals_survive_being_written():
    totals = Totals(gauges={("modelyard_processes",): 1.0})
    totals.add_cell(FRAUD, cell(0.1, code="timed_out"), 3)
    assert decoded(encoded(totals)) == totals
