"""Feedback and tests between versions: the same in a folder and on a server.

The versions are served by a server elsewhere, so that nothing has to be loaded.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest

from components.deadlines import until
from components.scripted import Reply, ScriptedServer
from modelyard import (
    FeedbackDiffers,
    FeedbackReceipt,
    InvalidRequest,
    ModelNotFound,
    ModelRegistry,
    PredictionNotFound,
)

pytestmark = pytest.mark.feature("DEP-06", "DEP-22")


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[ScriptedServer]:
    """The server that runs the versions."""
    with ScriptedServer(lambda _seen: Reply(body=b'{"output": 1}')) as server:
        yield server


@pytest.fixture
def testing(registry: ModelRegistry, elsewhere: ScriptedServer) -> ModelRegistry:
    """A registry that tests 2.0.0 beside 1.0.0 by what was sold."""
    registry.create_model("fraud")
    for version in ("1.0.0", "2.0.0"):
        registry.register_version("fraud", version, provider={"kind": "http", "url": elsewhere.url})
    registry.deploy("fraud", "1.0.0", wait=60)
    begun = registry.deploy("fraud", "2.0.0", "ab-test", options={"metric": "sold", "alpha": 0.1}, probes=0)
    until(lambda: registry.predict("fraud", [1.0]).deployment_id == begun.id, "traffic of the test")
    return registry


def live(registry: ModelRegistry) -> str:
    """The id of the test."""
    found = registry.get_endpoint("fraud").deployment
    assert found is not None
    return found.id


@pytest.mark.every_way
def test_a_prediction_is_named_and_what_came_of_it_counts_in_the_test(testing: ModelRegistry):
    answers = [testing.predict("fraud", [1.0], key=f"user-{number}") for number in range(20)]
    assert len({answer.prediction_id for answer in answers}) == 20
    for number, answer in enumerate(answers):
        assert testing.feedback(answer, "sold", number % 2 == 0) == FeedbackReceipt(recorded=1)
    again = [
        {"prediction_id": one.prediction_id, "metric": "sold", "value": n % 2 == 0} for n, one in enumerate(answers)
    ]
    assert testing.feedback_many(again) == FeedbackReceipt(recorded=0, repeated=20)
    result = testing.ab_result(live(testing))
    assert (result.standing.units, result.winner, result.options.alpha) == (20, "", 0.1)
    assert sum(arm.units for arm in result.standing.arms) == 20
    summary = testing.feedback_summary("fraud")
    assert sum(line.count for line in summary.lines) == 20
    one = testing.feedback_summary("fraud", "2.0.0").lines
    assert [line for line in summary.lines if line.version == "2.0.0"] == one


def test_what_cannot_be_said_is_refused_with_the_next_step(testing: ModelRegistry):
    answer = testing.predict("fraud", [1.0])
    testing.feedback(answer.prediction_id, "revenue", 12.5, at="2026-03-01T12:00Z")
    refused: list[tuple[type[Exception], Any, Any, Any]] = [
        (FeedbackDiffers, answer, "revenue", 13),
        (PredictionNotFound, "pn_none", "revenue", 13),
        (InvalidRequest, answer, "latency", 13),
        (InvalidRequest, answer, "two words", 13),
        (InvalidRequest, answer, "score", math.inf),
        (InvalidRequest, answer, "score", "much"),
        (InvalidRequest, 7, "score", 1),
    ]
    for error, prediction, metric, value in refused:
        with pytest.raises(error) as refusal:
            testing.feedback(prediction, metric, value)
        assert getattr(refusal.value, "hint", "")
    with pytest.raises(InvalidRequest, match="item 2"):
        testing.feedback_many([{"prediction_id": answer.prediction_id, "metric": "a", "value": 1}, {"metric": "b"}])
    with pytest.raises(InvalidRequest):
        testing.feedback_many(["pn_1"])  # type: ignore[list-item]  # what a caller may get wrong
    with pytest.raises(ModelNotFound):
        testing.feedback_summary("nothing")
    with pytest.raises(InvalidRequest, match="is no test"):
        testing.ab_result(testing.list_deployments("fraud")[-1])


def test_the_largest_values_have_a_mean(testing: ModelRegistry):
    for number in range(3):
        answer = testing.predict("fraud", [1.0], key=f"user-{number}")
        testing.feedback(answer, "huge", 1e100)
        with pytest.raises(InvalidRequest, match="the value is 1e\\+308"):
            testing.feedback(answer, "larger", 1e308)
    lines = testing.feedback_summary("fraud").lines
    assert [line.mean for line in lines] == pytest.approx([1e100] * len(lines))


def test_more_than_a_thousand_values_are_sent_in_parts(testing: ModelRegistry):
    answer = testing.predict("fraud", [1.0])
    items = ({"prediction_id": answer.prediction_id, "metric": f"m{n % 50}", "value": n % 50} for n in range(1200))
    assert testing.feedback_many(items) == FeedbackReceipt(recorded=50, repeated=1150)


def test_the_length_of_a_test_is_known_before(either_registry: ModelRegistry):
    advice = either_registry.advise_test(0.05, 0.01, split=0.2)
    assert advice.units == advice.challenger_units + advice.reference_units > 10_000
    with pytest.raises(InvalidRequest):
        either_registry.advise_test(5, 1)
