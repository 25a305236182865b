"""The name of a prediction over HTTP: in every protocol, and back as feedback."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from components.predicting import Predicting
from modelyard.domain.prediction_ids import origin_of
from modelyard.domain.units import key_hash
from modelyard.metadata import secrets

NAME = "x-modelyard-prediction"
TENSORS = {"inputs": [{"name": "x", "shape": [1, 1], "datatype": "FP64", "data": [1.0]}]}

pytestmark = pytest.mark.feature("DEP-22")


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Predicting]:
    """A server that shares the traffic between two versions."""
    server = Predicting(tmp_path / "registry")
    for version in ("1.0.0", "2.0.0"):
        server.version(version)
    server.serve({"1.0.0": 0.5, "2.0.0": 0.5})
    yield server
    server.stop()


def feedback(yard: Predicting, **item: Any) -> tuple[int, dict[str, Any]]:
    """Status and answer of feedback."""
    answer = yard.client.post("/api/feedback", json=item)
    return answer.status_code, answer.json()


def test_the_body_and_the_header_name_the_prediction_and_the_name_tells_version_and_key(yard: Predicting):
    answer = yard.client.post(
        "/api/models/fraud/predict", json={"input": [1]}, headers={"x-modelyard-key": "user-17"}
    )  # fmt: skip
    told = answer.json()
    assert told["prediction_id"] == answer.headers[NAME]
    with yard.caller.yard.database.read() as tx:
        secret = secrets.secret(tx, secrets.PREDICTIONS)
    origin = origin_of(secret, told["prediction_id"])
    assert (origin.version_id, origin.epoch, origin.deployment_id, origin.key) == (
        told["version_id"],
        told["epoch"],
        told["deployment_id"],
        key_hash(b"user-17", secret),
    )


def test_every_protocol_names_predictions_and_each_has_a_name_of_its_own(yard: Predicting):
    stream = yard.client.post("/api/models/fraud/predict", json={"input": [1], "stream": True})
    tensors = yard.client.post("/v2/models/fraud/infer", json=TENSORS)
    chat = yard.client.post("/v1/chat/completions", json={"model": "fraud", "messages": []})
    names = [answer.headers[NAME] for answer in (stream, tensors, chat)]
    assert len(set(names)) == 3
    for name in names:
        assert feedback(yard, prediction_id=name, metric="liked", value=True) == (200, {"recorded": 1, "repeated": 0})


def test_a_version_that_was_asked_for_by_name_was_not_drawn(yard: Predicting):
    answer = yard.client.post("/v2/models/fraud/versions/2.0.0/infer", json=TENSORS)
    with yard.caller.yard.database.read() as tx:
        origin = origin_of(secrets.secret(tx, secrets.PREDICTIONS), answer.headers[NAME])
    assert (origin.version_id, origin.deployment_id, origin.key) == (yard.ids["2.0.0"], "", 0)


@pytest.mark.parametrize(
    ("item", "status", "code"),
    [
        ({}, 400, "invalid_request"),
        ({"prediction_id": "pn_x", "metric": "a"}, 400, "invalid_request"),
        ({"prediction_id": "pn_x", "metric": "a", "value": "1"}, 400, "invalid_request"),
        ({"prediction_id": "pn_x", "metric": "a", "value": 1, "more": 1}, 400, "invalid_request"),
        ({"items": [1]}, 400, "invalid_request"),
        ({"items": [{}] * 1001}, 400, "invalid_request"),
        ({"prediction_id": "pn_x", "metric": "a", "value": 1}, 404, "prediction_not_found"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_next_step(
    yard: Predicting, item: dict[str, Any], status: int, code: str
):
    found, problem = feedback(yard, **item)
    assert (found, problem["code"], bool(problem["hint"])) == (status, code, True)
