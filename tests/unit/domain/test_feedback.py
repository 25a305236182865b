"""What an application may say of a prediction, and how it is refused."""

from __future__ import annotations

import math
from typing import Any

import pytest

from modelyard.domain.feedback import LARGEST, MOST_ITEMS, items_of, metric_of, value_of
from modelyard.domain.wire import FeedbackItem
from modelyard.errors import InvalidRequest

NOW = "2026-03-01T12:00:00.000000Z"
ITEM: dict[str, Any] = {"prediction_id": "pn_1", "metric": "converted", "value": True}

pytestmark = pytest.mark.feature("DEP-22")


def one(**changes: Any) -> FeedbackItem:
    """One item, told by itself."""
    [found] = items_of({**ITEM, **changes}, [], NOW)
    return found


def test_what_is_told_alone_and_among_others_is_the_same():
    assert (
        one()
        == items_of({}, [ITEM], NOW)[0]
        == FeedbackItem(prediction_id="pn_1", metric="converted", value=1.0, at=NOW)
    )


@pytest.mark.parametrize(
    ("value", "number"), [(True, 1.0), (False, 0.0), (0, 0.0), (-2.5, -2.5), (7, 7.0), (-LARGEST, -LARGEST)]
)
def test_a_value_is_a_number_or_whether_something_came_true(value: Any, number: float):
    assert one(value=value).value == number == value_of(value)


@pytest.mark.parametrize("value", [math.nan, math.inf, "1", [1], {"a": 1}, 2 * LARGEST, -2 * LARGEST])
def test_what_is_no_value_is_refused(value: Any):
    with pytest.raises(InvalidRequest):
        one(value=value)
    with pytest.raises(InvalidRequest):
        value_of(value)


@pytest.mark.parametrize("metric", ["converted", "a", "Revenue.EUR_7-d", "x" * 64])
def test_names_of_metrics(metric: str):
    assert metric_of(metric) == metric


@pytest.mark.parametrize("metric", ["", "7up", "two words", "x" * 65, "ä", "a\n", "success", "latency", None])
def test_what_is_no_name_of_a_metric_is_refused(metric: Any):
    with pytest.raises(InvalidRequest) as refusal:
        metric_of(metric)
    assert refusal.value.hint


@pytest.mark.parametrize(
    ("at", "moment"),
    [
        ("2026-03-01T14:00+02:00", NOW),
        ("2026-03-01T12:00", NOW),
        ("2026-02-01", "2026-02-01T00:00:00.000000Z"),
        ("", NOW),
    ],
)
def test_when_it_happened_is_kept_in_utc(at: str, moment: str):
    assert one(at=at).at == moment


@pytest.mark.parametrize("at", ["yesterday", "0001-01-01T00:00+10:00", "12:00"])
def test_what_is_no_moment_is_refused(at: str):
    with pytest.raises(InvalidRequest, match="no moment"):
        one(at=at)


def test_either_one_thing_is_told_or_many():
    for single, many in (({}, []), (ITEM, [ITEM]), ({"prediction_id": "", "metric": "", "value": None}, [])):
        with pytest.raises(InvalidRequest) as refusal:
            items_of(single, many, NOW)
        assert "items" in refusal.value.hint
    assert len(items_of({}, [ITEM] * MOST_ITEMS, NOW)) == MOST_ITEMS
    with pytest.raises(InvalidRequest, match="1,001 items"):
        items_of({}, [ITEM] * (MOST_ITEMS + 1), NOW)


@pytest.mark.parametrize(
    "item",
    [{}, {**ITEM, "more": 1}, {**ITEM, "prediction_id": 7}, {**ITEM, "metric": "no name"}, {**ITEM, "value": math.nan}],
)
def test_an_item_that_is_not_right_is_named(item: dict[str, Any]):
    with pytest.raises(InvalidRequest, match=r"^item 2: ") as refusal:
        items_of({}, [ITEM, item], NOW)
    assert refusal.value.hint


def test_of_one_thing_what_is_missing_is_named():
    with pytest.raises(InvalidRequest, match="metric"):
        items_of({"prediction_id": "pn_1", "value": 1}, [], NOW)
