"""The routes are the operations table: each row is there, in its place, documented, and behind its permission."""

from __future__ import annotations

import re
from typing import Any

import pytest

from modelyard.domain.contract import PLACEHOLDER
from modelyard.errors import PermissionDenied
from modelyard.operations import TABLE, Operation
from modelyard.server import (
    app,
    artifacts,
    chat,
    dashboard_routes,
    docs,
    events,
    health,
    hot,
    infer,
    inference,
    metrics,
    ofrep,
    pages,
    routes,
    stream,
    uploads,
)
from modelyard.server.dashboard import ASSETS, PAGES, Dashboard

ROWS = pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
STREAMS = {
    "download": "version.read",
    "head_download": "version.read",
    "stream_events": "event.read",
    "upload": "version.create",
}
FLAGS = {"evaluate_flag": "endpoint.predict", "evaluate_flags": "endpoint.predict"}
PREDICTIONS = {"predict": "endpoint.predict"}
OTHERS = {"health": "public", "ready": "public", "prometheus": "metrics.read"}


def concrete(row: Operation[Any, Any], name: str) -> str:
    """The path of a row for a model."""
    values = {"reference": f"{name}/1.0.0", "name": name, "alias": "champion"}
    query = "&".join(f"{field}={name}%2F1.0.0" for field in row.query_fields if field in row.required())
    return PLACEHOLDER.sub(lambda found: values.get(found[1], name), row.path) + (f"?{query}" if query else "")


@pytest.fixture(scope="module")
def document(client) -> dict[str, Any]:
    """The OpenAPI document."""
    return client.get("/openapi.json").json()


@ROWS
@pytest.mark.feature("API-01")
def test_each_row_is_reached(row, client, name):
    client.post("/api/models/register", json={"name": name})
    client.post(f"/api/models/{name}/versions/register", json={"version": "1.0.0", "metrics": {"accuracy": 0.9}})
    client.put(f"/api/models/{name}/aliases/champion", json={"version": "1.0.0"})
    body = {**row.example, "name": f"{name}-2"} if row.name == "create_model" else row.example
    wanted = (
        {"version": "1.0.1"} if row.name == "register_version" else {"version": "1.0.0"} if "version" in body else {}
    )
    answer = client.request(row.method, concrete(row, name), json={**body, **wanted} if row.body_fields else None)
    # The route decides on 404 and 405 with codes that no use case has.
    assert answer.json().get("code") not in {"not_found", "method_not_allowed", "internal_error"}, answer.text
    assert answer.status_code in {row.status, 400, 404, 409, 422}, answer.text


@pytest.mark.parametrize("path", ["/api/deployments/{id}", "/api/snapshots/{id}", "/api/snapshots/{id}/diff"])
def test_what_is_asked_for_by_an_id_may_not_exist(path, document, client):
    assert client.get(path.replace("{id}", "nonsense")).status_code == 404
    assert "404" in document["paths"][path]["get"]["responses"]


@ROWS
@pytest.mark.feature("EXP-38")
def test_each_row_is_documented(row, document):
    described = document["paths"][row.path][row.method.lower()]
    assert described["operationId"] == row.name
    assert described["summary"] == row.summary
    assert described["x-permission"] == row.permission
    named = {(one["in"], one["name"]) for one in described["parameters"]}
    assert named >= {("path", name) for name in row.path_fields} | {("query", name) for name in row.query_fields}
    assert (("header", "If-Match") in named) == row.movable
    assert (("header", "Idempotency-Key") in named) == row.mutates
    schema = described["responses"][str(row.status)]["content"]["application/json"]["schema"]
    assert schema["$ref"].endswith(f"/{row.response.__name__}")
    if row.body_fields:
        content = described["requestBody"]["content"]["application/json"]
        assert set(content["schema"]["properties"]) == set(row.body_fields)
        assert content.get("example", {}) == row.example
    for status, answer in described["responses"].items():
        if int(status) >= 400:
            assert answer["content"]["application/problem+json"]["schema"]["$ref"] == "#/components/schemas/Problem"


def test_the_document_has_the_rows_the_streams_and_the_health_routes_and_no_others(document):
    found = {
        operation["operationId"]: operation["x-permission"]
        for path in document["paths"].values()
        for operation in path.values()
    }
    assert found == {row.name: row.permission for row in TABLE} | STREAMS | FLAGS | PREDICTIONS | OTHERS


def test_every_reference_in_the_document_leads_somewhere(document):
    wanted = set(re.findall(r'"#/components/schemas/([^"]+)"', str(document).replace("'", '"')))
    assert wanted
    assert wanted <= set(document["components"]["schemas"])


def test_each_route_asks_for_its_permission_first(served, client, monkeypatch, name):
    asked: list[str] = []

    def refuse(_scope: object, permission: str) -> str:
        asked.append(permission)
        raise PermissionDenied(f"no {permission} for you")

    by_frameworks = (artifacts, dashboard_routes, docs, events, health, metrics, ofrep, routes, stream, uploads)
    for module in (chat, hot, infer, inference, *by_frameworks):
        monkeypatch.setattr(module, "authorise", refuse)
    wanted = []
    for row in TABLE:
        answer = client.request(row.method, concrete(row, name), content=b"\xff not even JSON")
        assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied"), row.name
        wanted.append(row.permission)
    for method, path, permission in (
        ("POST", "/api/models/upload", "version.create"),
        ("GET", f"/api/models/{name}/download", "version.read"),
        ("HEAD", f"/api/models/{name}/download", "version.read"),
        ("GET", "/api/events/stream", "event.read"),
        ("POST", "/ofrep/v1/evaluate/flags", "endpoint.predict"),
        ("POST", f"/ofrep/v1/evaluate/flags/{name}", "endpoint.predict"),
        ("GET", "/health", "public"),
        ("GET", "/health/ready", "public"),
        ("HEAD", "/health", "public"),
        ("HEAD", "/health/ready", "public"),
        ("GET", "/openapi.json", "public"),
        ("GET", "/docs", "public"),
        ("GET", "/", "public"),
        ("HEAD", f"/models/{name}", "public"),
        ("GET", "/assets/index.js", "public"),
        ("GET", "/metrics", "metrics.read"),
        ("POST", f"/api/models/{name}/predict", "endpoint.predict"),
        ("GET", "/v2", "public"),
        ("GET", "/v2/health/ready", "public"),
        ("GET", f"/v2/models/{name}", "endpoint.predict"),
        ("GET", f"/v2/models/{name}/ready", "endpoint.predict"),
        ("POST", f"/v2/models/{name}/infer", "endpoint.predict"),
        ("GET", "/v1/models", "endpoint.predict"),
        ("GET", f"/v1/models/{name}", "endpoint.predict"),
        ("POST", "/v1/chat/completions", "endpoint.predict"),
        ("GET", "/api/2.0/mlflow-artifacts/artifacts", "artifact.read"),
        ("GET", "/api/2.0/mlflow-artifacts/artifacts/a", "artifact.read"),
        ("GET", "/api/2.0/mlflow-artifacts/artifacts/modelyard/a/b", "version.read"),
        ("PUT", "/api/2.0/mlflow-artifacts/artifacts/a", "artifact.write"),
        ("DELETE", "/api/2.0/mlflow-artifacts/artifacts/a", "artifact.write"),
        ("POST", "/api/2.0/mlflow-artifacts/mpu/create/a", "artifact.write"),
        ("GET", "/api/2.0/mlflow-artifacts/presigned/a", "artifact.read"),
    ):
        assert client.request(method, path).status_code == 403, path
        wanted.append(permission)
    assert asked == wanted
    # What the application has beyond these would not have been asked; /v1 and /v2 are answered before its routes.
    by_hand = len(STREAMS) + len(FLAGS) + len(PREDICTIONS) + len(PAGES) + len(Dashboard().others) + len((ASSETS,))
    # The routes of the Hub, which refuse in words of their own, are asked in test_hub.py.
    counted = [route for route in served.app.api.routes if not route.name.startswith("hub_")]
    assert len(counted) == len(TABLE) + by_hand + 4 + 2 + len(pages.FILES) + 2 + 1 + 1


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("GET", "/api/models/versions", "list_all_versions"),
        ("POST", "/api/models/register", "create_model"),
        ("POST", "/api/models/upload", "upload"),
        ("GET", "/api/models/fraud", "describe_model"),
        ("GET", "/api/models/fraud/versions", "list_versions"),
        ("GET", "/api/models/fraud/aliases", "list_aliases"),
        ("GET", "/api/models/fraud/compare", "compare_within"),
        ("GET", "/api/models/fraud/best", "best"),
        ("GET", "/api/models/fraud/latest", "latest"),
        ("POST", "/api/models/fraud/versions/register", "register_version"),
        ("DELETE", "/api/models/fraud", "delete"),
        ("DELETE", "/api/models/fraud/1.0.0", "delete"),
        ("DELETE", "/api/models/fraud/aliases/stage", "delete_alias"),
        ("PUT", "/api/models/fraud/aliases/stage", "set_alias"),
        ("PUT", "/api/models/fraud/1.0.0/stage", "update_stage"),
        ("GET", "/api/models/models:/fraud/versions/3/metadata", "get_version"),
        ("GET", "/api/models/fraud/^1.4/download", "download"),
        ("PATCH", "/api/models/fraud", "update_model"),
    ],
)
def test_the_more_exact_path_wins(served, method, path, name):
    scope = {"type": "http", "method": method, "path": path, "root_path": "", "headers": []}
    route = next(route for route in served.app.api.routes if route.matches(scope)[0].value == 2)
    assert (getattr(route, "operation_id", None) or route.name) == name


@pytest.mark.parametrize(
    "form", ["{0}/2.0.0", "{0}/versions/2.0.0", "{0}/2", "{0}@best", "models:/{0}/2", "{0}/%5E2", "{0}/latest"]
)
def test_every_form_of_reference_stands_in_a_path(client, name, form):
    client.post("/api/models/register", json={"name": name})
    for version in ("1.0.0", "2.0.0"):
        client.post(f"/api/models/{name}/versions/register", json={"version": version})
    client.put(f"/api/models/{name}/aliases/best", json={"version": "2.0.0"})
    for tail in ("resolve", "metadata"):
        answer = client.get(f"/api/models/{form.format(name)}/{tail}")
        assert (answer.status_code, answer.json()["version"]) == (200, "2.0.0")


def test_an_unknown_path_is_a_404_with_the_nearest_one(client):
    answer = client.get("/api/model")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert "did you mean /api/models?" in answer.json()["hint"]
    assert client.get("/api/models/fraud/nonsense").status_code == 404


def test_a_known_path_by_another_method_is_a_405_that_names_the_right_ones(client):
    answer = client.put("/api/models/fraud")
    assert (answer.status_code, answer.headers["allow"], answer.json()["code"]) == (
        405,
        "GET, PATCH",
        "method_not_allowed",
    )


def test_lists_in_a_query_are_repeated_keys_or_commas(client, name):
    client.post("/api/models/register", json={"name": name})
    for version, numbers in (
        ("1.0.0", {"accuracy": 0.8, "f1": 0.7, "loss": 0.3}),
        ("2.0.0", {"accuracy": 0.9, "f1": 0.8, "loss": 0.2}),
    ):
        client.post(f"/api/models/{name}/versions/register", json={"version": version, "metrics": numbers})
    path = f"/api/models/{name}/compare?version_a=1.0.0&version_b=2.0.0"
    for query in ("&metrics=accuracy,f1", "&metrics=accuracy&metrics=f1", "&metrics=accuracy,&metrics=f1,"):
        found = client.get(path + query).json()
        assert sorted(metric["name"] for metric in found["metrics"]) == ["accuracy", "f1"]


def test_a_fault_of_our_own_is_a_500_with_an_id_and_nothing_else(client, monkeypatch, name, caplog):
    caplog.set_level("ERROR", logger="modelyard.server")

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("secret of the inside")

    monkeypatch.setattr("modelyard.server.service.perform", broken)
    answers = [
        client.get("/api/models"),
        client.get(f"/api/models/{name}/resolve"),
        client.post("/api/models/register", json={"name": name}),
    ]
    for answer in answers:
        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (500, "internal_error")
        assert "secret" not in answer.text
        assert problem["details"]["request_id"] in problem["hint"]
        assert any(
            record.request_id == problem["details"]["request_id"]
            for record in caplog.records
            if hasattr(record, "request_id")
        )


def test_the_application_closes_what_it_opened(serve_with):
    server = serve_with()
    server.client.get("/api/models")
    server.stop()
    with pytest.raises(RuntimeError):
        server.app.service.transfer(int)
    server.app.close()
    assert app.CACHE_BYTES > 0
