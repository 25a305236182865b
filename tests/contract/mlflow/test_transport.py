"""What holds for every request of MLflow's protocol: how fields travel, and that no mistake is answered with 5xx."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

from components.mlflow_wire import PREFIX, SOURCE, MlflowWire, refusal_of, tags_of

pytestmark = pytest.mark.feature("EXP-23")
WRONG = "INVALID_PARAMETER_VALUE"
ENDPOINTS = [
    ("POST", "registered-models/create", "name", "description tags"),
    ("GET", "registered-models/get", "name", ""),
    ("PATCH", "registered-models/update", "name", "description"),
    ("POST", "registered-models/rename", "name new_name", ""),
    ("DELETE", "registered-models/delete", "name", ""),
    ("GET", "registered-models/search", "", "filter order_by max_results page_token"),
    ("GET", "registered-models/get-latest-versions", "name", "stages"),
    ("POST", "registered-models/get-latest-versions", "name", "stages"),
    ("POST", "registered-models/set-tag", "name key", "value"),
    ("DELETE", "registered-models/delete-tag", "name key", ""),
    ("POST", "registered-models/alias", "name alias version", ""),
    ("DELETE", "registered-models/alias", "name alias", ""),
    ("GET", "registered-models/alias", "name alias", ""),
    ("POST", "model-versions/create", "name source", "run_id run_link model_id description tags"),
    ("GET", "model-versions/get", "name version", ""),
    ("PATCH", "model-versions/update", "name version", "description"),
    ("POST", "model-versions/transition-stage", "name version stage", "archive_existing_versions"),
    ("DELETE", "model-versions/delete", "name version", ""),
    ("GET", "model-versions/search", "", "filter order_by max_results page_token"),
    ("GET", "model-versions/get-download-uri", "name version", ""),
    ("POST", "model-versions/set-tag", "name version key", "value"),
    ("DELETE", "model-versions/delete-tag", "name version key", ""),
]
"""Method, path, required fields, the other ones."""
VALUES: dict[str, Any] = {
    "name": "somebody", "new_name": "else", "key": "k", "value": "v", "alias": "a", "version": "1", "stage": "Staging",
    "source": SOURCE,
}  # fmt: skip
ODD: list[Any] = [
    5, -1, 1.5, True, False, None, [], [1], ["a", "b"], {}, {"a": 1}, "", " ", "\0", "\ud800",
    "x" * 70_000, "../..", "%00", "'; --", [[["deep"]]], 10**400,
]  # fmt: skip


def body(fields: dict[str, Any]) -> bytes:
    """Fields as a JSON body, halves of characters and all."""
    return json.dumps(fields).encode("utf-8", "surrogatepass")


@pytest.mark.parametrize(("method", "path", "required", "optional"), ENDPOINTS)
def test_a_required_field_that_is_missing_or_empty_is_named(
    mlflow_server: MlflowWire, method: str, path: str, required: str, optional: str
):
    fields = required.split()
    for left_out in fields:
        for empty in [{}, {left_out: ""}]:
            given = {field: VALUES[field] for field in fields if field != left_out} | empty
            status, code, message = mlflow_server.refusal(method, path, **given)
            assert (status, code) == (400, WRONG)
            assert message.startswith(f"Missing value for required parameter '{left_out}'")


@pytest.mark.parametrize(("method", "path", "required", "optional"), ENDPOINTS)
def test_no_odd_value_is_answered_with_a_fault(
    mlflow_server: MlflowWire, method: str, path: str, required: str, optional: str
):
    mlflow_server.client.post(f"{PREFIX}registered-models/create", json={"name": "somebody"})
    mlflow_server.client.post(f"{PREFIX}model-versions/create", json={"name": "somebody", "source": SOURCE})
    given = {field: VALUES[field] for field in required.split()}
    for field in [*required.split(), *optional.split()]:
        for odd in ODD:
            if method == "GET":
                told = str(odd).encode("utf-8", "replace").decode()
                response = mlflow_server.client.get(PREFIX + path, params={**given, field: told[:2_000]})
            else:
                response = mlflow_server.client.request(method, PREFIX + path, content=body({**given, field: odd}))
            assert response.status_code < 500, f"{field}={odd!r}: {response.text}"
            if response.status_code >= 400:
                refusal_of(response)


@pytest.mark.parametrize(
    "content", [b"", b"nonsense", b"[]", b"5", b"null", b'"text"', b"{", b"\xff\xfe", b"[" * 100_000]
)
def test_a_body_that_is_no_object_is_a_mistake(mlflow_server: MlflowWire, content: bytes):
    for method, path in [("POST", "registered-models/create"), ("DELETE", "registered-models/delete")]:
        response = mlflow_server.client.request(method, PREFIX + path, content=content)
        assert refusal_of(response)[:2] == (400, WRONG) or refusal_of(response)[:2] == (400, "BAD_REQUEST")


def test_numbers_may_be_texts_and_unknown_fields_are_ignored(mlflow_server: MlflowWire, name: str):
    mlflow_server.model(name, unknown={"a": [1]}, deployment_job_id="")
    mlflow_server.version(name, local_path="x", unknown=5)
    assert mlflow_server.models(filter=f"name = '{name}'", max_results="1", unknown="x") == [name]
    assert (
        mlflow_server.get_version(name, 1)
        == mlflow_server.get_version(name, "1")
        == mlflow_server.get_version(name, "01")
    )
    assert mlflow_server.move(name, 1, "Staging", archive_existing_versions="true")["current_stage"] == "Staging"
    assert mlflow_server.move(name, 1, "None", archive_existing_versions=False)["current_stage"] == "None"


def test_numbers_may_be_numbers_in_a_body(mlflow_server: MlflowWire, name: str):
    mlflow_server.model(name)
    mlflow_server.version(name)
    mlflow_server.ask("PATCH", "model-versions/update", name=name, version=1, description="d")
    mlflow_server.ask("POST", "model-versions/set-tag", name=name, version=1, key="n", value=12345)
    assert tags_of(mlflow_server.get_version(name, 1)) == {"n": "12345"}
    mlflow_server.ask("DELETE", "model-versions/delete", name=name, version=1)


def test_an_answer_is_json_whatever_the_client_accepts(mlflow_server: MlflowWire, name: str):
    mlflow_server.model(name)
    headers = {"Accept": "*/*", "X-MLflow-Client-Version": "3.17.2", "User-Agent": "mlflow-python-client/3.17.2"}
    path = f"{PREFIX}registered-models/get"
    response = mlflow_server.client.get(path, params={"name": name}, headers=headers)
    assert response.headers["content-type"].startswith("application/json")
    assert response.json()["registered_model"]["name"] == name


def test_a_server_of_mlflow_is_known_by_its_health(mlflow_server: MlflowWire):
    assert httpx2.get(f"{mlflow_server.url}/health").status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "runs/search"),
        ("POST", "experiments/create"),
        ("GET", "registered-models"),
        ("GET", "registered-models/nonsense"),
        ("PUT", "registered-models/create"),
        ("GET", "model-versions/create"),
    ],
)
def test_what_is_no_endpoint_is_told_so_in_the_protocols_form(mlflow_server: MlflowWire, method: str, path: str):
    response = mlflow_server.client.request(method, PREFIX + path)
    assert response.status_code in {404, 405, 501}
    if response.status_code != 501:
        assert refusal_of(response)[1] in {"ENDPOINT_NOT_FOUND", "BAD_REQUEST", "METHOD_NOT_ALLOWED"}
