"""Predictions through the blueprint: a real worker process behind one, and streams that are played behind another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from sklearn.dummy import DummyClassifier

from components.backends import Fleet
from components.deadlines import until
from components.flask_server import FlaskServer, place, site_of
from modelyard import ModelRegistry
from modelyard.errors import InvalidInput, PredictionFailed
from modelyard.integrations.flask import create_app

ASKED = {"input": "a", "stream": True}


@pytest.mark.slow
def test_a_deployed_model_answers_through_its_worker_process(server, folder):
    app = create_app(place(folder))
    model = DummyClassifier(strategy="constant", constant=1).fit([[0.0], [1.0]], [1, 0])
    with server.showing(app) as url, ModelRegistry(url) as registry, httpx2.Client(base_url=url, timeout=60) as client:
        registry.register_model(model, "fraud", "1.0.0", input_example=[[0.0]])
        started = client.post("/api/models/fraud/deploy?wait=60", json={"version": "1.0.0"}).json()
        assert started["state"] == "SUCCEEDED", started
        answer = client.post("/api/models/fraud/predict", json={"input": [[0.5], [2.0]]})
        assert (answer.status_code, answer.json()["output"]) == (200, [1, 1])
        assert answer.headers["x-modelyard-version"] == "1.0.0"
        tensor = {"name": "x", "shape": [1, 1], "datatype": "FP64", "data": [0.5]}
        inferred = client.post("/v2/models/fraud/infer", json={"inputs": [tensor]})
        assert inferred.json()["outputs"][0]["data"] == [1], inferred.text
        assert client.get("/v2/models/fraud/ready").json() == {"name": "fraud", "ready": True}
        wrong = client.post("/api/models/fraud/predict", json={"input": [["a", "b"]]})
        assert (wrong.status_code, wrong.headers["content-type"]) == (400, "application/problem+json")
        flags = client.post("/ofrep/v1/evaluate/flags", json={"context": {"targetingKey": "u"}})
        assert flags.json()["flags"]
        again = client.post("/ofrep/v1/evaluate/flags", json={}, headers={"If-None-Match": flags.headers["etag"]})
        assert again.status_code in {200, 304}
        assert registry.predict("fraud", [[1.0]]).output == [1]


@pytest.fixture(scope="module")
def played(server: FlaskServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Any, httpx2.Client]]:
    """A version that is played in this process: the site, what plays it, and a client."""
    fleet = Fleet()
    app = create_app(place(tmp_path_factory.mktemp("played") / "registry"), fleet=fleet)
    provider = {"kind": "http", "url": "http://127.0.0.1:9/predict"}
    with server.showing(app) as url, httpx2.Client(base_url=url, timeout=30) as client:
        client.post(
            "/api/models/fraud/versions/register", json={"version": "1.0.0", "provider": provider, "create": True}
        )
        made = client.post("/api/models/fraud/deploy?wait=30", json={"version": "1.0.0"}).json()
        assert made["state"] == "SUCCEEDED", made
        (backend,) = fleet.running.values()
        yield site_of(app), backend, client


def test_a_stream_passes_through_piece_by_piece(played):
    site, backend, client = played
    with client.stream("POST", "/api/models/fraud/predict", json=ASKED) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        pieces = answer.iter_raw()
        assert next(pieces) == b"data: 1\n\n"
        assert b"".join(pieces) == b"data: 2\n\n"
    backend.pieces = [b"data: 1\n\n", PredictionFailed("it broke")]
    with pytest.raises(httpx2.RemoteProtocolError):
        client.post("/api/models/fraud/predict", json=ASKED)
    backend.faults = [InvalidInput("no messages")]
    assert client.post("/api/models/fraud/predict", json=ASKED).json()["code"] == "invalid_input"
    backend.pieces = [b"data: " + b"x" * 10_000 + b"\n\n"] * 1_000_000
    with client.stream("POST", "/api/models/fraud/predict", json=ASKED) as left:
        next(left.iter_raw())
    served = site.delivery.gateway.book.endpoints[0]
    until(lambda: served.in_flight == 0, "the end of a stream whose client has left")
    backend.pieces = [b"data: 1\n\n"]


def test_what_is_no_prediction_is_refused_in_the_form_of_its_protocol(played):
    _site, _backend, client = played
    assert client.post("/api/models/fraud/predict", json={}).json()["output"] == "1.0.0"
    refused = client.get("/api/models/fraud/predict")
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")
    assert "there is nothing" in client.get("/v2/nonsense").json()["error"]
    assert client.post("/v1/chat/completions", json={"model": "nobody"}).json()["error"]["code"] == "endpoint_not_found"
    large = client.post("/api/models/fraud/predict?environment=mars", json={})
    assert (large.status_code, large.json()["code"]) == (404, "endpoint_not_found")
