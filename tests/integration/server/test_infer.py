"""The Open Inference Protocol over HTTP; versions are played in the server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from components.predicting import Predicting
from modelyard.errors import InvalidInput, Overloaded

TENSORS = {"id": "7", "inputs": [{"name": "x", "shape": [1, 1], "datatype": "FP64", "data": [1.0]}]}

pytestmark = pytest.mark.feature("EXP-24")


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Predicting]:
    """A server with three versions, of which two are served."""
    folder: Path = tmp_path_factory.mktemp("open")
    server = Predicting(folder / "registry")
    for version in ("1.0.0", "2.0.0", "3.0.0"):
        server.version(version)
    server.serve({"1.0.0": 0.9, "2.0.0": 0.1}, warm=["3.0.0"])
    yield server
    server.stop()


def test_the_server_tells_what_it_is_and_that_it_lives(yard):
    about = yard.client.get("/v2").json()
    assert (about["name"], about["extensions"]) == ("modelyard", [])
    assert yard.client.get("/v2/health/live").json() == {"live": True}
    assert yard.client.get("/v2/health/ready").json() == {"ready": True}


def test_a_model_tells_its_versions(yard):
    document = yard.client.get("/v2/models/fraud").json()
    assert (document["name"], document["versions"]) == ("fraud", ["1.0.0", "2.0.0"])
    assert (document["inputs"], document["outputs"]) == ([], [])
    assert yard.client.get("/v2/models/fraud/versions/2.0.0").json() == document


def test_an_answer_names_model_and_version(yard):
    answer = yard.client.post("/v2/models/fraud/infer", json=TENSORS, headers={"x-modelyard-key": "somebody"})
    assert answer.status_code == 200
    document = answer.json()
    assert document["model_name"] == "fraud"
    assert document["outputs"][0]["data"] == [document["model_version"]]
    assert answer.headers["x-modelyard-version"] == document["model_version"]


@pytest.mark.parametrize("version", ["1.0.0", "2.0.0"])
def test_a_named_version_answers(yard, version):
    answer = yard.client.post(f"/v2/models/fraud/versions/{version}/infer", json=TENSORS)
    assert answer.json()["model_version"] == version
    assert yard.client.get(f"/v2/models/fraud/versions/{version}/ready").json() == {"name": "fraud", "ready": True}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/v2/models/fraud/versions/3.0.0/infer", 404),
        ("GET", "/v2/models/fraud/versions/3.0.0", 404),
        ("POST", "/v2/models/nobody/infer", 404),
        ("GET", "/v2/models/nobody", 404),
        ("GET", "/v2/models/fraud/infer", 404),
        ("POST", "/v2/models/fraud/ready", 404),
        ("POST", "/v2/health/live", 404),
        ("GET", "/v2/models/fraud/versions//ready", 404),
        ("GET", "/v2/models/fraud/nonsense", 404),
        ("GET", "/v2/nonsense", 404),
        ("POST", "/v2/models/fraud/infer?x=1", 400),
    ],
)
def test_errors_are_told_in_the_protocols_form(yard, method, path, status):
    answer = yard.client.request(method, path, json=TENSORS if method == "POST" else None)
    assert answer.status_code == status
    assert set(answer.json()) == {"error"}
    assert answer.headers["content-type"] == "application/json"


def test_what_is_not_ready_says_so(yard):
    for path in ("/v2/models/nobody/ready", "/v2/models/fraud/versions/3.0.0/ready"):
        answer = yard.client.get(path)
        assert (answer.status_code, answer.json()["ready"]) == (404, False)
    yard.backend("2.0.0").healthy = False
    try:
        assert yard.client.get("/v2/models/fraud/ready").status_code == 404
        assert yard.client.get("/v2/models/fraud/versions/1.0.0/ready").status_code == 200
    finally:
        yard.backend("2.0.0").healthy = True


def test_errors_of_the_version_keep_their_status(yard):
    for fault, status in ((InvalidInput("no tensor x"), 400), (Overloaded("busy"), 429)):
        yard.backend("2.0.0").faults = [fault]
        answer = yard.client.post("/v2/models/fraud/versions/2.0.0/infer", json=TENSORS)
        assert (answer.status_code, fault.message in answer.json()["error"]) == (status, True)
        assert ("retry-after" in answer.headers) == (status == 429)


def test_binary_tensors_are_refused(yard):
    headers = {"Inference-Header-Content-Length": "10"}
    answer = yard.client.post("/v2/models/fraud/infer", content=b"x" * 20, headers=headers)
    assert (answer.status_code, "binary" in answer.json()["error"]) == (400, True)


def test_paths_that_only_begin_alike_are_others(yard):
    assert yard.client.get("/v22").json()["code"] == "not_found"
