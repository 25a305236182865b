"""Metrics of what predictions did, and what applications tell: the same in a folder and on a server."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from modelyard import (
    InvalidName,
    InvalidReference,
    InvalidRequest,
    MetricsRecord,
    ModelNotFound,
    ModelRegistry,
    PerformanceTracker,
    VersionNotFound,
)
from modelyard.domain.wire import TrackedPrediction

PROVIDER = {"kind": "http", "url": "http://127.0.0.1:9/predict"}


@pytest.fixture
def gemini(registry: ModelRegistry) -> ModelRegistry:
    """A registry with two versions of a model that somebody else serves."""
    registry.create_model("gemini")
    for version in ("1.0.0", "1.1.0"):
        registry.register_version("gemini", version, provider=PROVIDER)
    return registry


@pytest.fixture
def tracker(gemini: ModelRegistry) -> Iterator[PerformanceTracker]:
    """A tracker that sends nothing by itself for the length of a test."""
    with PerformanceTracker(gemini, interval=3600.0) as opened:
        yield opened


@pytest.mark.feature("PRF-01", "PRF-02", "PRF-03", "PRF-04", "PRF-05")
def test_an_application_tells_how_its_predictions_went(tracker):
    tracker.track_prediction("gemini", "1.0.0", latency=1.5, tokens=100)
    metrics = tracker.get_metrics("gemini", "1.0.0")
    assert f"{metrics['avg_latency']:.3f}" == "1.500"
    assert f"{metrics['success_rate']:.1f}%" == "100.0%"
    for number in range(99):
        tracker.track_prediction("gemini", 1, 0.5, 10, number % 10 != 0, cost=0.125)
    metrics = tracker.get_metrics("gemini", "1.0.0", points=10)
    assert (metrics["requests"], metrics["errors"], metrics["role"]) == (100, 10, "tracked")
    assert metrics["codes"] == {"prediction_failed": 10}
    assert metrics["tokens"] == 100 + 990
    assert metrics["cost"] == 99 / 8
    assert metrics["p50_s"] == pytest.approx(0.5, rel=0.01)
    assert metrics["throughput"] > 0
    assert sum(point["requests"] for point in metrics["series"]) == 100


@pytest.mark.feature("PRF-07")
@pytest.mark.every_way
def test_an_application_compares_two_versions(tracker):
    for _ in range(400):
        tracker.track_prediction("gemini", "1.0.0", latency=0.1)
        tracker.track_prediction("gemini", "1.1.0", latency=0.2, success=False)
    comparison = tracker.compare_versions("gemini", "1.0.0", "1.1.0")
    better = {metric["name"]: metric["better"] for metric in comparison["metrics"]}
    assert (better["success_rate"], better["p50_s"], better["tokens_per_request"]) == ("a", "a", None)
    assert (comparison["a"]["requests"], comparison["b"]["errors"]) == (400, 400)


@pytest.mark.feature("PRF-06")
def test_the_figures_of_a_model_are_read(tracker, gemini):
    tracker.track_prediction("gemini", "1.1.0", latency=0.1, at=datetime.now(UTC) - timedelta(days=2))
    tracker.track_prediction("gemini", "1.0.0", latency=0.1)
    assert tracker.flush()
    today, longer = gemini.get_metrics("gemini"), gemini.get_metrics("gemini", since="7d")
    assert isinstance(today, MetricsRecord)
    assert [one.version for one in today.versions] == ["1.0.0"]
    assert [one.version for one in longer.versions] == ["1.1.0", "1.0.0"]
    idle = gemini.get_metrics("gemini", "1.1.0").versions
    assert [(one.requests, one.error_rate, one.avg_latency) for one in idle] == [(0, None, None)]
    assert gemini.compare_live("gemini", 1, 2).role == "tracked"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("gemini", "9.9.9", 1.0), VersionNotFound),
        (("gemini", "", 1.0), InvalidReference),
        (("gemini", None, 1.0), InvalidReference),
        (("unknown", "1.0.0", 1.0), ModelNotFound),
        (("a/b", "1.0.0", 1.0), InvalidName),
        (("gemini", "1.0.0", -1.0), InvalidRequest),
        (("gemini", "1.0.0", math.nan), InvalidRequest),
        (("gemini", "1.0.0", "fast"), InvalidRequest),
        (("gemini", "1.0.0", 1.0, -5), InvalidRequest),
        (("gemini", "1.0.0", 1.0, 0.5), InvalidRequest),
        (("gemini", "1.0.0", 1.0, 0, "yes"), InvalidRequest),
        (("gemini", "1.0.0", 1.0, 0, True, math.inf), InvalidRequest),
        (("gemini", "1.0.0", 1.0, 0, True, 0.0, "noon"), InvalidRequest),
    ],
)
def test_what_cannot_be_is_an_error_where_it_is_told(tracker, arguments, error):
    with pytest.raises(error) as caught:
        tracker.track_prediction(*arguments)
    assert caught.value.hint
    assert tracker.get_metrics("gemini", "1.0.0")["requests"] == 0


def test_numbers_of_numpy_and_moments_of_every_kind_are_taken(tracker):
    now = datetime.now(UTC)
    for at in (None, now, now.isoformat(), (now - timedelta(days=1)).date(), now + timedelta(hours=1)):
        tracker.track_prediction("gemini", "1.0.0", np.float32(0.25), np.int64(3), at=at)
    found = tracker.get_metrics("gemini", "1.0.0")
    assert (found["requests"], found["tokens"], found["avg_latency"]) == (5, 15, 0.25)


def test_predictions_may_be_told_at_once(gemini):
    told = [{"version": "1.0.0", "latency": 0.5}, TrackedPrediction(version="1.1.0", latency=0.5, success=False)]
    assert gemini.track_predictions("gemini", told).recorded == 2
    with pytest.raises(InvalidRequest):
        gemini.track_predictions("gemini", [{"version": "1.0.0", "latency": "fast"}])
    assert [one.requests for one in gemini.get_metrics("gemini").versions] == [1, 1]


@pytest.mark.parametrize(
    "wrong", [{"since": ""}, {"since": "soon"}, {"points": -1}, {"role": "main"}, {"points": 5000}]
)
def test_what_cannot_be_asked_is_refused(gemini, wrong):
    with pytest.raises(InvalidRequest):
        gemini.get_metrics("gemini", **wrong)


def test_a_model_of_hundreds_of_minutes_is_sent_in_several_batches(tracker):
    begin = datetime.now(UTC) - timedelta(days=1)
    for minute in range(1200):
        tracker.track_prediction("gemini", "1.0.0", 0.1, at=begin + timedelta(minutes=minute))
    assert tracker.get_metrics("gemini", "1.0.0")["requests"] == 1200


def test_a_version_that_was_deleted_meanwhile_costs_only_what_was_told_of_it(tracker, gemini, caplog):
    tracker.track_prediction("gemini", "1.0.0", 0.1)
    gemini.create_model("churn")
    gemini.register_version("churn", "1.0.0", provider=PROVIDER)
    tracker.track_prediction("churn", "1.0.0", 0.1)
    gemini.delete_model("churn/1.0.0", force=True)
    assert tracker.flush()
    assert "1 predictions of churn are dropped" in caplog.text
    assert tracker.get_metrics("gemini", "1.0.0")["requests"] == 1
