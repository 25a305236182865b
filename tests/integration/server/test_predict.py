"""Predictions over HTTP: answers, errors, streams, and clients that go away; versions are played in the server."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import httpx2
import pytest

from components.predicting import Predicting
from modelyard.domain.wire.delivery import Rule
from modelyard.errors import InvalidInput, Overloaded, PredictionFailed
from modelyard.operations import CREATE_TOKEN, CREATE_USER, CreateToken, CreateUser
from modelyard.runtimes.backend import BackendLost
from modelyard.telemetry.windows import observed


def until(holds: Callable[[], object], seconds: float = 30.0) -> None:
    """Wait until something holds; fail if it does not."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.005)


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Predicting]:
    """A server with two versions of the model fraud."""
    server = Predicting(tmp_path / "registry", overrides={"server.max_body_bytes": 4_096})
    server.version("1.0.0")
    server.version("2.0.0")
    yield server
    server.stop()


@pytest.mark.feature("DEP-14")
def test_an_answer_tells_the_output_and_who_gave_it(yard):
    epoch = yard.serve({"1.0.0": 1})
    answer = yard.predict()
    assert answer.status_code == 200
    assert answer.json() == {
        "output": "1.0.0",
        "name": "fraud",
        "version": "1.0.0",
        "version_id": yard.ids["1.0.0"],
        "deployment_id": f"dp_{epoch}",
        "epoch": epoch,
        "prediction_id": answer.headers["x-modelyard-prediction"],
    }
    assert answer.headers["x-modelyard-version"] == "1.0.0"
    assert answer.headers["x-modelyard-epoch"] == str(epoch)
    assert answer.headers["x-modelyard-deployment"] == f"dp_{epoch}"


def test_the_body_arrives_as_it_was_sent_and_secrets_do_not(yard):
    yard.serve({"1.0.0": 1})
    body = b'{ "input" :[1.50, "\xc3\xa9"]}'
    answer = yard.client.post(
        "/api/models/fraud/predict",
        content=body,
        headers={"Authorization": "Bearer secret", "Cookie": "a=b", "X-Api-Key": "k", "X-Channel": "beta"},
    )
    assert answer.status_code == 200
    call = yard.backend("1.0.0").calls[-1]
    assert call.body == body
    assert call.headers["x-channel"] == "beta"
    assert not {"authorization", "cookie", "x-api-key"} & call.headers.keys()


def test_names_may_be_percent_encoded_and_environments_named(yard):
    yard.version("1.0.0", name="my model")
    yard.serve({"1.0.0": 1}, name="my model", environment="edge")
    assert yard.predict(name="my%20model", params={"environment": "edge"}).json()["name"] == "my model"
    assert yard.predict(name="my%20model").status_code == 404
    assert yard.predict(name="my%20model", params={"enviroment": "edge"}).status_code == 400


@pytest.mark.feature("DEP-12")
def test_a_key_sticks_from_header_and_body_alike(yard):
    yard.serve({"1.0.0": 0.5, "2.0.0": 0.5}, key_header="x-user", key_field="user.id")
    found = {}
    for number in range(40):
        by_header = yard.predict(headers={"x-user": f"user-{number}"}).json()["version"]
        by_field = yard.predict({"input": [[1]], "user": {"id": f"user-{number}"}}).json()["version"]
        assert by_header == by_field
        found[number] = by_header
    assert set(found.values()) == {"1.0.0", "2.0.0"}
    for number in range(20):
        key = f"jürgen-€-{number}"
        by_header = yard.predict(headers=[(b"x-user", key.encode())]).json()["version"]
        by_field = yard.predict({"input": [[1]], "user": {"id": key}}).json()["version"]
        assert by_header == by_field
    assert yard.predict(headers=[(b"x-user", b"\xe4\xff")]).status_code == 200
    yard.serve({"1.0.0": 0.2, "2.0.0": 0.8})
    for number, before in found.items():
        now = yard.predict(headers={"x-user": f"user-{number}"}).json()["version"]
        assert now in {"2.0.0", before}


@pytest.mark.feature("DEP-08")
def test_a_rule_goes_by_a_header(yard):
    rule = Rule(name="beta", version="2.0.0", version_id=yard.ids["2.0.0"], header="x-channel", equals="beta")
    yard.serve({"1.0.0": 1}, rules=[rule])
    assert yard.predict(headers={"X-Channel": "beta"}).json()["version"] == "2.0.0"
    assert yard.predict().json()["version"] == "1.0.0"


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        (InvalidInput("no column amount"), 400, "invalid_input"),
        (PredictionFailed("it raised"), 502, "prediction_failed"),
        (RuntimeError("a defect with a secret"), 502, "prediction_failed"),
        (Overloaded("429", details={"retry_after": 7}), 429, "overloaded"),
    ],
)
def test_errors_are_problem_documents(yard, fault, status, code):
    yard.serve({"1.0.0": 1})
    yard.backend("1.0.0").faults = [fault]
    answer = yard.predict()
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert "secret" not in answer.text
    if status == 429:
        assert answer.headers["retry-after"] == "7"


def test_what_is_not_served_is_told(yard):
    assert yard.predict(name="nobody").json()["code"] == "endpoint_not_found"
    assert yard.predict().json()["code"] == "endpoint_not_found"
    yard.serve({"1.0.0": 1})
    yard.route({})
    until(lambda: yard.predict().status_code == 503)
    answer = yard.predict()
    assert (answer.json()["code"], answer.headers["retry-after"]) == ("not_serving", "1")


def test_a_body_over_the_limit_is_refused(yard):
    yard.serve({"1.0.0": 1})
    answer = yard.client.post("/api/models/fraud/predict", content=b"x" * 5_000)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_a_request_that_takes_too_long_is_a_504(yard):
    yard.serve({"1.0.0": 1})
    yard.hold("1.0.0", back=True)
    answer = yard.predict(headers={"x-modelyard-timeout": "0.05"})
    assert (answer.status_code, answer.json()["code"]) == (504, "timed_out")
    assert yard.predict(headers={"x-modelyard-timeout": "soon"}).status_code == 400


def test_a_lost_worker_is_not_noticed(yard):
    yard.serve({"1.0.0": 1})
    yard.backend("1.0.0").faults = [BackendLost("gone")]
    assert yard.predict().status_code == 200


def test_a_full_queue_is_a_429_that_says_when_to_come_again(yard):
    yard.serve({"1.0.0": 1}, max_concurrency=1, max_queue=0)
    yard.hold("1.0.0", back=True)
    with Raw(yard.url) as first:
        first.send(b'{"input": [[1]]}')
        until(lambda: yard.backend("1.0.0").under_way == 1)
        answer = yard.predict()
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
        yard.hold("1.0.0", back=False)
        assert first.read().startswith(b"HTTP/1.1 200")


class Raw:
    """A connection that does what well-behaved clients do not."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.socket = socket.create_connection((str(parts.hostname), int(parts.port or 0)))
        self.socket.settimeout(30)

    def send(self, body: bytes, path: str = "/api/models/fraud/predict") -> None:
        """Ask for a prediction."""
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
        self.socket.sendall(head.encode() + body)

    def read(self) -> bytes:
        """What came, until the first pause or the end."""
        return self.socket.recv(65_536)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()


def test_a_client_that_goes_away_frees_its_place(yard):
    yard.serve({"1.0.0": 1}, max_concurrency=1)
    yard.hold("1.0.0", back=True)
    with Raw(yard.url) as client:
        client.send(b'{"input": [[1]]}')
        until(lambda: yard.backend("1.0.0").under_way == 1)
    until(lambda: yard.backend("1.0.0").under_way == 0)
    yard.hold("1.0.0", back=False)
    assert yard.predict().status_code == 200
    assert yard.in_server(_counts(yard))["requests"] == 1


async def _counts(yard: Predicting) -> dict[str, int]:
    assert yard.app.delivery.recorder.flush()
    with yard.caller.yard.database.read() as tx:
        return {"requests": observed(tx, "ep_fraud_production", yard.ids["1.0.0"]).requests}


def test_a_stream_passes_through_piece_by_piece(yard):
    yard.serve({"1.0.0": 1})
    with yard.client.stream("POST", "/api/models/fraud/predict", json={"input": "a", "stream": True}) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["x-modelyard-version"] == "1.0.0"
        pieces = answer.iter_raw()
        assert next(pieces) == b"data: 1\n\n"
        yard.hold("1.0.0", back=False)
        assert b"".join(pieces) == b"data: 2\n\n"


def test_the_first_piece_does_not_wait_for_the_second(yard):
    yard.serve({"1.0.0": 1})
    backend = yard.backend("1.0.0")
    with Raw(yard.url) as client:

        class Held(list[Any]):
            """Closes the gate behind the first piece."""

            def __iter__(self) -> Iterator[Any]:
                yield b"data: 1\n\n"
                backend.gate.clear()
                yield b"data: 2\n\n"

        backend.pieces = Held()
        client.send(b'{"stream": true}')
        seen = b""
        while b"data: 1" not in seen:
            seen += client.read()
        assert b"data: 2" not in seen
        yard.hold("1.0.0", back=False)
        while not seen.endswith(b"0\r\n\r\n"):
            seen += client.read()
        assert b"data: 2" in seen


def test_a_stream_that_breaks_cuts_the_connection(yard):
    yard.serve({"1.0.0": 1})
    yard.backend("1.0.0").pieces = [b"data: 1\n\n", PredictionFailed("it broke")]
    with pytest.raises(httpx2.RemoteProtocolError):
        yard.predict({"stream": True})


def test_a_stream_that_fails_at_once_is_an_error_like_others(yard):
    yard.serve({"1.0.0": 1})
    yard.backend("1.0.0").faults = [InvalidInput("no messages")]
    assert yard.predict({"stream": True}).json()["code"] == "invalid_input"


def test_stream_is_asked_for_by_true_alone(yard):
    yard.serve({"1.0.0": 1})
    for body in ({"stream": False}, {"input": {"stream": True}}, {"stream": "yes"}, {"input": "stream"}):
        assert yard.predict(body).json()["output"] == "1.0.0"


def test_a_client_that_leaves_a_stream_ends_it(yard):
    yard.serve({"1.0.0": 1})
    yard.backend("1.0.0").pieces = [b"data: 1\n\n"] * 1_000_000
    with Raw(yard.url) as client:
        client.send(b'{"stream": true}')
        assert client.read()
    served = yard.app.delivery.gateway.book.endpoints[0]
    until(lambda: served.in_flight == 0)


def test_other_methods_and_paths_are_refused_as_such(yard):
    answer = yard.client.get("/api/models/fraud/predict")
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "POST"
    assert yard.client.post("/api/models/fraud/versions/predict").status_code in {404, 405}


def test_the_route_is_documented(yard):
    described = yard.client.get("/openapi.json").json()["paths"]["/api/models/{name}/predict"]["post"]
    assert described["x-permission"] == "endpoint.predict"
    assert {"429", "503", "504"} <= set(described["responses"])


def test_who_may_not_predict_on_a_model_is_refused_there_and_only_there(tmp_path):
    yard = Predicting(tmp_path / "registry", overrides={"auth.enabled": True})
    try:
        yard.version("1.0.0")
        yard.route({"1.0.0": 1})
        yard.caller.call(CREATE_USER, CreateUser(name="app", grants=[{"allow": "caller", "model": "fraud"}]))
        token = yard.caller.call(CREATE_TOKEN, CreateToken(principal="app")).token
        headers = {"Authorization": f"Bearer {token}"}
        assert yard.predict().status_code == 401
        until(lambda: yard.predict(headers=headers).status_code == 200)
        assert yard.predict(name="other", headers=headers).status_code == 403
        assert yard.client.get("/v2/models/other", headers=headers).status_code == 403
        assert yard.client.get("/api/models", headers=headers).status_code == 403
    finally:
        yard.stop()
