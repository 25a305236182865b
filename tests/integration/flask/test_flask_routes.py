"""The blueprint has the server's routes: each path reaches the same one, and what is nowhere is told as there."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from flask import Flask, Response

from components.flask_server import place
from modelyard.bootstrap import open_yard
from modelyard.domain.contract import PLACEHOLDER
from modelyard.errors import InvalidRequest, PermissionDenied, RegistryUnusable
from modelyard.integrations.flask import blueprint, create_app, create_blueprint
from modelyard.integrations.flask.site import Site
from modelyard.operations import TABLE
from modelyard.server.app import Application
from modelyard.server.app import create_app as create_asgi_app

VALUES = (
    "fraud", "fraud/1.0.0", "fraud@champion", "fraud/versions/1.4", "models:/fraud/2", "versions", "aliases", "stage",
    "register", "upload", "a/b/c", "fraud/aliases/x", "x/download", "latest", "1.0.0", "metadata", "fraud/^1",
    "predict",
)  # fmt: skip
METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH")


@pytest.fixture(scope="module")
def asgi(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Application]:
    """The other server's application; it is only looked at."""
    settings = place(tmp_path_factory.mktemp("asgi") / "registry").settings
    made = create_asgi_app(open_yard(settings, expose_paths=False), settings)
    yield made
    made.close()


def reached_there(asgi: Application, method: str, path: str) -> str:
    """The route of the ASGI application that a request comes to."""
    scope = {"type": "http", "method": method, "path": path, "root_path": "", "headers": []}
    found = next((one for one in asgi.api.routes if one.matches(scope)[0].value == 2), None)
    return str(getattr(found, "operation_id", None) or getattr(found, "name", ""))


@pytest.fixture
def reached_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], str]]:
    """Tells which route of the blueprint a request comes to, by a blueprint whose rows say who they are."""

    def named(_site: Site, operation: Any) -> Any:
        return lambda *_: Response(operation.name)

    monkeypatch.setattr(blueprint, "row", named)
    app = create_app(place(tmp_path / "registry"))
    client = app.test_client()

    def ask(method: str, path: str) -> str:
        return client.open(path, method=method).get_data(as_text=True)

    yield ask
    app.extensions[blueprint.EXTENSION].close()


def test_each_path_reaches_the_same_row_on_both_servers(asgi, reached_here):
    chance, rows = random.Random(7), {row.name for row in TABLE}
    exact = [("PUT", "/api/models/1.0.0/aliases/stage"), ("PUT", "/api/models/fraud/flags/stage")]
    paths = [(row.method, PLACEHOLDER.sub("a", row.path)) for row in TABLE]
    for _ in range(1_500):
        row = chance.choice(TABLE)
        path = PLACEHOLDER.sub(lambda _: chance.choice(VALUES), row.path)
        paths.append((chance.choice((row.method, *METHODS)), path))
    compared = 0
    for method, path in exact + paths:
        there = reached_there(asgi, method, path)
        if there in rows:
            assert reached_here(method, path) == there, (method, path)
            compared += 1
    assert compared > 600


def test_both_servers_tell_the_same_document(client, asgi):
    here = client.get("/openapi.json").json()
    there = asgi.api.routes
    described = {getattr(route, "operation_id", "") for route in there} - {"", None}
    told = {one["operationId"] for path in here["paths"].values() for one in path.values()}
    assert told == described | {row.name for row in TABLE}
    assert client.get("/docs").headers["content-security-policy"]
    assert "SwaggerUIBundle" in client.get("/docs/start.js").text
    assert client.get("/docs/openapi.json").json()["openapi"] == "3.0.3"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/model", 404, "not_found"),
        ("GET", "/nowhere/at/all", 404, "not_found"),
        ("GET", "/docs/nothing", 404, "not_found"),
        ("PUT", "/api/models/fraud", 405, "method_not_allowed"),
        ("PATCH", "/health", 405, "method_not_allowed"),
        ("GET", "/v2/nonsense", 404, None),
        ("POST", "/api/models/register", 400, "invalid_request"),
        ("GET", "/api/models?limt=3", 400, "invalid_request"),
        ("GET", "/metrics?scope=mine", 400, "invalid_request"),
        ("GET", "/api/events/stream?after=x", 400, "invalid_request"),
        ("GET", "/api/models/nobody", 404, "model_not_found"),
        ("POST", "/api/models/nobody/predict", 404, "endpoint_not_found"),
        ("POST", "/api/models/upload", 400, "invalid_artifact"),
        ("TRACE", "/api/models", 405, "method_not_allowed"),
    ],
)
def test_what_cannot_be_is_told_as_a_problem(client, method, path, status, code):
    answer = client.request(method, path, content=b"{" if path.endswith("register") else b"")
    assert answer.status_code == status, answer.text
    if code is not None:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"] == code
        assert answer.json()["hint"]
    if status == 405:
        assert answer.headers["allow"]


def test_a_misspelt_path_is_answered_with_the_nearest_one(client):
    assert "did you mean /api/models?" in client.get("/api/model").json()["hint"]


def test_a_fault_of_our_own_tells_no_more_than_an_id(client, monkeypatch, caplog):
    monkeypatch.setattr("modelyard.integrations.flask.rows.perform", lambda *_args, **_facts: 1 / 0)
    answer = client.get("/api/models")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "division" not in answer.text
    assert answer.json()["details"]["request_id"] in caplog.text


def test_a_body_has_its_limit(server, folder):
    app = create_app(place(folder, {"server.max_body_bytes": 1_024, "server.max_upload_bytes": 5_000}))
    app.config["MAX_CONTENT_LENGTH"] = 10
    with server.showing(app) as url, httpx2.Client(base_url=url) as client:
        small = client.post("/api/models/register", json={"name": "fraud", "description": "x" * 500})
        large = client.post("/api/models/register", json={"name": "other", "description": "x" * 1_500})
        # Of a body without a length, Flask would hand on what fits into its limit, and drop the rest.
        blank = client.post("/api/models/register", content=iter([b'{"name": "cut"}', b" " * 2_000]))
        upload = {"name": "fraud", "filename": "a.bin"}
        fits = client.post("/api/models/upload", params=upload, content=b"x" * 4_000)
        pieces = client.post("/api/models/upload", params=upload, content=iter([b"x" * 4_000] * 2))
        whole = client.post("/api/models/upload", params=upload, content=b"x" * 8_000)
    assert (small.status_code, fits.status_code) == (201, 201)
    assert [answer.json()["code"] for answer in (large, blank, pieces, whole)] == ["too_large"] * 4


def test_a_length_of_thousands_of_digits_is_no_fault_of_ours(app):
    def told(path: str) -> tuple[int, str]:
        answer = app.test_client().post(path, environ_overrides={"CONTENT_LENGTH": "9" * 5_000})
        return answer.status_code, json.loads(answer.data)["code"]

    assert told("/api/models/register") == (400, "invalid_request")
    assert told("/api/models/upload?name=fraud&filename=a") == (413, "too_large")


def test_a_route_answers_the_methods_that_it_has_on_the_other_server(client):
    told = {path: client.head(path) for path in ("/api/models", "/health", "/docs", "/metrics", "/v2")}
    assert [answer.status_code for answer in told.values()] == [405, 200, 200, 405, 404]
    assert told["/api/models"].headers["allow"] == "GET"
    asked = client.options("/api/models")
    assert (asked.status_code, asked.json()["code"]) == (405, "method_not_allowed")
    assert client.options("/api/models", headers={"Host": "evil.example"}).status_code == 403


def test_roots_of_other_protocols_answer_with_and_without_a_slash(client):
    assert client.get("/v2/").json() == client.get("/v2").json()
    assert client.get("/api/2.0/mlflow/").json()["error_code"] == "ENDPOINT_NOT_FOUND"
    assert client.get("/api/models/").status_code == 404


def test_requests_are_counted_by_their_route(client, name):
    client.get(f"/api/models/{name}")
    told = client.get("/metrics", params={"scope": "process"}).text
    assert 'route="/api/models/{name}"' in told
    assert name not in told


def test_other_machines_are_answered_only_where_somebody_says_so(tmp_path):
    here = place(tmp_path / "registry")
    with pytest.raises(PermissionDenied):
        create_app(here, host="0.0.0.0")
    app, open_app = create_app(here), create_app(here, host="0.0.0.0", insecure=True)
    stranger = {"REMOTE_ADDR": "10.1.2.3"}
    try:
        assert app.test_client().get("/health", environ_base=stranger).status_code == 403
        assert app.test_client().get("/health", headers={"Host": "evil.example"}).status_code == 403
        assert app.test_client().post("/api/models/register", headers={"Origin": "http://evil"}).status_code == 403
        assert app.test_client().get("/health").status_code == 200
        assert open_app.test_client().get("/health", environ_base=stranger).status_code == 200
    finally:
        for one in (app, open_app):
            one.extensions[blueprint.EXTENSION].close()


def test_a_registry_on_a_server_is_refused(tmp_path):
    there = place(tmp_path / "registry")
    with pytest.raises(InvalidRequest, match="is a server already"):
        create_blueprint(type(there)("http://127.0.0.1:5000", there.settings))


def test_a_process_that_was_forked_is_refused(tmp_path, monkeypatch):
    app: Flask = create_app(place(tmp_path / "registry"))
    site = app.extensions[blueprint.EXTENSION]
    monkeypatch.setattr(site, "_process", -1)
    answer = app.test_client().get("/health")
    assert (answer.status_code, json.loads(answer.data)["code"]) == (503, RegistryUnusable.code)
    assert "--preload" in json.loads(answer.data)["hint"]
    monkeypatch.undo()
    site.close()
    assert app.test_client().get("/health").status_code == 503


def test_a_body_without_an_end_is_refused_and_never_taken_for_an_empty_one(app, client, name):
    client.post("/api/models/register", json={"name": name})
    chunked = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": False}
    answer = app.test_client().post(f"/api/models/upload?name={name}&filename=a", environ_overrides=chunked)
    assert (answer.status_code, json.loads(answer.data)["code"]) == (400, "invalid_request")
    assert "gunicorn" in json.loads(answer.data)["hint"]
