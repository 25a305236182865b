"""A metric from version to version."""

from __future__ import annotations

import pytest

from modelyard.domain.trend import judged, trend, value_of
from modelyard.domain.wire import TrendPoint


def points(*values: float | None) -> list[TrendPoint]:
    return [
        TrendPoint(
            id=f"v{n}", name="m", version=f"{n}.0.0", number=n, stage="development", registered_at="", value=value
        )
        for n, value in enumerate(values)
    ]


@pytest.mark.feature("LIN-07")
@pytest.mark.parametrize(
    ("metric", "value"),
    [("F1-Score", 0.8), ("accuracy", 0.7), ("val_accuracy", 0.7), ("train_loss", 0.1), ("loss", None), ("auc", None),
     ("train_auc", 0.9)],
)  # fmt: skip
def test_where_a_value_is_found(metric, value):
    document = {
        "metrics": {"f1": 0.8},
        "validation_metrics": {"accuracy": 0.7, "auc": 0.6} if metric != "auc" else {},
        "training_metrics": {"train_loss": 0.1, "roc_auc": 0.9},
    }
    assert value_of(document, metric) == value
    assert value_of({}, metric) is None


@pytest.mark.feature("LIN-07")
def test_changes_are_measured_from_the_last_version_that_has_a_value():
    record = trend(points(None, 0.5, None, 0.7, 0.7, 0.6), metric="f1", model="m", across="line", way="higher")
    assert [point.change for point in record.points] == ["", "", "", "better", "same", "worse"]
    assert [point.delta for point in record.points] == [None, None, None, pytest.approx(0.2), 0, pytest.approx(-0.1)]
    assert (record.first, record.last, record.trend, record.best) == (0.5, 0.6, "better", "v4")


def test_lower_may_be_better_and_it_may_be_unknown():
    lower = trend(points(0.5, 0.2), metric="loss", model="m", across="line", way="lower")
    assert (lower.trend, lower.best, lower.points[1].change) == ("better", "v1", "better")
    unknown = trend(points(0.5, 0.2), metric="odd", model="m", across="line", way="")
    assert (unknown.trend, unknown.best, unknown.points[1].change) == ("", None, "")
    assert judged(0.0, "") == "same"


def test_little_to_tell_makes_no_trend():
    nothing = trend(points(None), metric="f1", model="m", across="line", way="higher")
    assert (nothing.first, nothing.last, nothing.best, nothing.trend) == (None, None, None, "")
    one = trend(points(0.5), metric="f1", model="m", across="line", way="higher")
    assert (one.first, one.last, one.best, one.trend) == (0.5, 0.5, "v0", "")
