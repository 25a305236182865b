"""Feedback on predictions that were made: by real names, on both databases."""

from __future__ import annotations

import random
from typing import Any

import pytest

from components.rollouts import Rollouts
from modelyard.domain.permissions import Grant, Principal
from modelyard.domain.prediction_ids import Stamp
from modelyard.domain.units import key_hash
from modelyard.domain.wire import DeploymentRecord, FeedbackReceipt
from modelyard.errors import FeedbackDiffers, InvalidRequest, PermissionDenied, PredictionNotFound
from modelyard.metadata import feedback, secrets
from modelyard.operations import (
    DELETE,
    FEEDBACK_SUMMARY,
    RECORD_FEEDBACK,
    Delete,
    RecordFeedback,
    SummariseFeedback,
)

pytestmark = pytest.mark.feature("DEP-22")


def named(yard: Rollouts, version: str = "1.0.0", *, test: str = "", key: bytes | None = None) -> str:
    """The name of a prediction that a version made just now, in a test if its id is given."""
    with yard.yard.database.read() as tx:
        secret = secrets.secret(tx, secrets.PREDICTIONS)
    endpoint = yard.endpoint()
    stamp = Stamp(secret, endpoint.id, endpoint.epoch, yard.ids[version], test)
    return stamp.name(random.getrandbits(64), drawn=bool(test), key=key_hash(key, b""))


def tell(yard: Rollouts, name: str, metric: str = "converted", value: float = 1.0) -> FeedbackReceipt:
    """Tell how a prediction went."""
    return yard.call(RECORD_FEEDBACK, RecordFeedback(prediction_id=name, metric=metric, value=value))


def lines(yard: Rollouts) -> dict[tuple[str, str], tuple[int, float]]:
    """Version and metric → how many values, and their mean."""
    found = yard.call(FEEDBACK_SUMMARY, SummariseFeedback(name="fraud")).lines
    return {(line.version, line.metric): (line.count, line.mean) for line in found}


def counting(yard: Rollouts, test: DeploymentRecord) -> list[tuple[str, float]]:
    """What counts in a test, in its order."""
    with yard.yard.database.read() as tx:
        rows = feedback.behind(tx, test.id, "converted", after=0, most=100)
    return [(row.prediction_id, row.value) for row in rows]


def test_feedback_is_kept_by_version_and_metric(served: Rollouts):
    assert tell(served, named(served)) == FeedbackReceipt(recorded=1)
    tell(served, named(served), value=False)
    tell(served, named(served), "revenue", 12.5)
    assert lines(served) == {("1.0.0", "converted"): (2, 0.5), ("1.0.0", "revenue"): (1, 12.5)}


def test_the_same_again_is_no_news_and_another_value_is_refused(served: Rollouts):
    name = named(served)
    tell(served, name)
    assert tell(served, name, value=True) == FeedbackReceipt(recorded=0, repeated=1)
    with pytest.raises(FeedbackDiffers) as refusal:
        tell(served, name, value=False)
    assert refusal.value.details == {"prediction_id": name, "metric": "converted", "value": 1.0}
    assert lines(served) == {("1.0.0", "converted"): (1, 1.0)}


def test_of_many_all_are_recorded_or_none(served: Rollouts):
    items: list[dict[str, Any]] = [
        {"prediction_id": named(served), "metric": "score", "value": place} for place in range(1000)
    ]
    assert served.call(RECORD_FEEDBACK, RecordFeedback(items=items)) == FeedbackReceipt(recorded=1000)
    assert served.call(RECORD_FEEDBACK, RecordFeedback(items=items[:7] * 2)) == FeedbackReceipt(recorded=0, repeated=14)
    bad = [{**items[0], "prediction_id": named(served)}, {**items[1], "value": -1}]
    with pytest.raises(FeedbackDiffers):
        served.call(RECORD_FEEDBACK, RecordFeedback(items=bad))
    assert lines(served) == {("1.0.0", "score"): (1000, 499.5)}


def test_predictions_that_never_were_are_not_found(served: Rollouts):
    endpoint, other = served.endpoint(), b"x" * 32
    forged = Stamp(other, endpoint.id, endpoint.epoch, served.ids["1.0.0"], "").name(1)
    for name in ("pn_", "nonsense", forged, named(served)[:-1] + "A"):
        with pytest.raises(PredictionNotFound) as refusal:
            tell(served, name)
        assert "prediction_id" in refusal.value.hint
    assert lines(served) == {}


def test_predictions_of_a_model_that_is_gone_are_not_found(served: Rollouts):
    name = named(served)
    served.restore(served.snapshots()[-1], force=True)
    served.call(DELETE, Delete(reference="fraud", force=True))
    with pytest.raises(PredictionNotFound):
        tell(served, name)


def test_who_may_record_predictions_of_the_model_may_tell_how_they_went(served: Rollouts):
    request = RecordFeedback(prediction_id=named(served), metric="converted", value=True)
    app = Principal(name="app", grants=(Grant(allow="caller", model="fraud"),))
    assert served.asked_by(app).call(RECORD_FEEDBACK, request).recorded == 1
    reader = Principal(name="reader", grants=(Grant(allow="viewer"), Grant(allow="caller", model="other")))
    with pytest.raises(PermissionDenied):
        served.asked_by(reader).call(RECORD_FEEDBACK, request)
    stranger = Principal(name="stranger", grants=(Grant(allow="caller", model="other"),))
    with pytest.raises(PredictionNotFound):
        served.asked_by(stranger).call(RECORD_FEEDBACK, request)


def test_a_version_has_a_bounded_number_of_metrics(served: Rollouts):
    items = [{"prediction_id": named(served), "metric": f"m{place}", "value": 1} for place in range(100)]
    served.call(RECORD_FEEDBACK, RecordFeedback(items=items))
    tell(served, named(served), "m7", 2)
    with pytest.raises(InvalidRequest, match="101 metrics"):
        tell(served, named(served), "one-more", 2)


def test_only_what_was_drawn_by_lot_and_is_told_in_time_counts_in_a_test(served: Rollouts):
    test = served.deploy("2.0.0", "ab-test", options={"metric": "converted"})
    assert test.state == "STAGE"
    drawn, by_rule = named(served, "2.0.0", test=test.id, key=b"ana"), named(served, "2.0.0")
    tell(served, drawn)
    tell(served, by_rule)
    assert counting(served, test) == [(drawn, 1.0)]
    late = named(served, "2.0.0", test=test.id, key=b"ben")
    served.promote(test, winner="2.0.0")
    tell(served, late, value=False)
    assert counting(served, test) == [(drawn, 1.0)]
    [(count, mean)] = lines(served).values()
    assert (count, round(mean, 9)) == (3, round(2 / 3, 9))
