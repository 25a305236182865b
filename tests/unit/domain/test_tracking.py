"""What applications tell is checked whole before anything is counted."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from modelyard.domain.cells import Cell
from modelyard.domain.sketch import MOST
from modelyard.domain.tracking import (
    FAILED,
    LARGEST,
    MOST_COST,
    cell_of_prediction,
    cell_of_window,
    cost_of,
    latency_of,
    minute_of,
    tokens_of,
    window_of,
)
from modelyard.domain.wire import TrackedPrediction, TrackedWindow
from modelyard.errors import InvalidRequest

NOW = "2026-03-01T12:34:56.000000Z"


@pytest.mark.parametrize("value", [1, 0, 1.5, np.float32(1.5), np.int64(3), Decimal("0.5"), Fraction(1, 2)])
def test_every_kind_of_number_is_a_latency(value):
    assert latency_of(value) == float(value)
    assert cost_of(value) == float(value)


@pytest.mark.parametrize("value", [-1, math.nan, math.inf, -0.001, "1.5", b"1", None, True, [], 1e9, 10**400])
def test_what_is_no_length_of_time_is_refused(value):
    with pytest.raises(InvalidRequest, match="latency"):
        latency_of(value)
    with pytest.raises(InvalidRequest, match="cost"):
        cost_of(value)


@pytest.mark.parametrize("value", [-1, 1.0, True, "5", None, LARGEST + 1, math.nan])
def test_tokens_are_a_whole_number(value):
    with pytest.raises(InvalidRequest, match="tokens"):
        tokens_of(value)


def test_tokens_may_come_from_numpy():
    assert tokens_of(np.int32(7)) == 7


def test_a_minute_is_that_of_the_moment_and_never_in_the_future():
    assert minute_of("", NOW) == "2026-03-01T12:34:00.000000Z"
    assert minute_of("2026-03-01T13:00:30+01:00", NOW) == "2026-03-01T12:00:00.000000Z"
    assert minute_of("2027-01-01", NOW) == "2026-03-01T12:34:00.000000Z"
    with pytest.raises(InvalidRequest):
        minute_of("noon", NOW)
    with pytest.raises(InvalidRequest, match="before 1970"):
        minute_of("0001-01-01", NOW)


def test_a_prediction_becomes_a_cell():
    good = cell_of_prediction(TrackedPrediction(version="1.0.0", latency=0.5, tokens=10, cost=0.1))
    bad = cell_of_prediction(TrackedPrediction(version="1.0.0", latency=0.5, success=False))
    assert (good.requests, good.errors, good.tokens, good.cost_nano) == (1, 0, 10, 100_000_000)
    assert (bad.errors, bad.codes) == (1, {FAILED: 1})


def told() -> Cell:
    """A cell of some predictions."""
    cell = Cell()
    for number in range(10):
        cell.add(0.01 * (number + 1), FAILED if number < 2 else "", 5 * number, 0.001)
    return cell


def test_a_window_is_read_as_it_was_written():
    window = window_of("1.0.0", NOW, told())
    found = cell_of_window(window)
    assert {name: getattr(found, name) for name in Cell.__slots__} == {
        name: getattr(told(), name) for name in Cell.__slots__
    }
    assert cell_of_window(TrackedWindow(version="1.0.0")).requests == 0


def test_what_may_be_told_alone_may_be_told_together():
    cell = Cell()
    for _ in range(3):
        cell.merge(cell_of_prediction(TrackedPrediction(version="1.0.0", latency=MOST, tokens=LARGEST, cost=MOST_COST)))
    found = cell_of_window(window_of("1.0.0", NOW, cell))
    assert (found.requests, found.latency_ns, found.tokens) == (3, 3 * 10**15, 3 * LARGEST)


def test_latencies_that_only_bins_tell_are_added_up_from_these():
    untold = replace(window_of("1.0.0", NOW, told()), latency_ns=0)
    assert cell_of_window(untold).latency_ns == pytest.approx(told().latency_ns, rel=0.01)


def test_latencies_of_nothing_are_nothing():
    cell = Cell()
    cell.add(0.0)
    assert cell_of_window(window_of("1.0.0", NOW, cell)).latency_ns == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"requests": 11},
        {"requests": -1},
        {"errors": 11},
        {"errors": -1},
        {"tokens": -1},
        {"tokens": 10 * LARGEST + 1},
        {"latency_ns": -5},
        {"latency_ns": 1},
        {"latency_ns": 10**15},
        {"cost_nano": 2**70},
        {"latency": {}},
        {"latency": {"1000000": 10}},
        {"latency": {"-1000000": 10}},
        {"latency": {"fast": 10}},
        {"latency": {"0": 11, "1": -1}},
        {"sizes": {"0": 11}},
        {"sizes": {"0": 0}},
        {"requests": 0, "latency": {}, "sizes": {}, "errors": 0},
    ],
)
def test_a_window_that_contradicts_itself_is_refused(wrong):
    with pytest.raises(InvalidRequest):
        cell_of_window(replace(window_of("1.0.0", NOW, told()), **wrong))
