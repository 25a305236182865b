"""The blueprint where people use it: in an application of their own, behind `flask run`, in several processes."""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest
from flask import Flask

from components.flask_server import gunicorn, place, process, site_of
from modelyard import ModelRegistry
from modelyard.errors import InvalidRequest, PermissionDenied, Unauthenticated
from modelyard.integrations.flask import create_app, create_blueprint


def shop() -> Flask:
    """Somebody's application, with pages and errors of its own."""
    app = Flask("shop")

    @app.get("/")
    def start() -> str:
        return "the shop"

    @app.get("/api/basket")
    def basket() -> str:
        return "empty"

    @app.errorhandler(404)
    def missing(_error: Exception) -> tuple[str, int]:
        return "not in this shop", 404

    @app.errorhandler(Exception)
    def broken(_error: Exception) -> tuple[str, int]:
        return "the shop is closed", 500

    return app


@pytest.mark.parametrize("prefix", ["/registry", None])
def test_a_blueprint_lives_in_somebodys_application_beside_their_routes(server, folder, weights, prefix):
    app = shop()
    with ModelRegistry(place(folder).address) as registry:
        app.register_blueprint(create_blueprint(registry), url_prefix=prefix)
        with server.showing(app) as url, httpx2.Client(base_url=url, timeout=30) as client:
            root = url + (prefix or "")
            with ModelRegistry(root) as remote:
                made = remote.register_model(weights, name="fraud", version="1.0.0")
                assert remote.resolve("fraud/1.0.0").id == made == registry.resolve("fraud/1.0.0").id
            assert client.get("/").text == "the shop"
            assert client.get("/api/basket").text == "empty"
            assert client.get("/elsewhere").text == "not in this shop"
            lost = client.get(f"{prefix or ''}/api/nothing")
            assert (lost.status_code, lost.json()["code"]) == (404, "not_found")
            assert client.get(f"{prefix or ''}/api/models/nobody").json()["code"] == "model_not_found"
            assert client.get(f"{prefix or ''}/v1/models").json() == {"object": "list", "data": []}
            servers = client.get(f"{prefix or ''}/openapi.json").json().get("servers")
            assert servers == ([{"url": prefix}] if prefix else None)


def test_two_registries_live_in_one_application(server, tmp_path):
    app = shop()
    app.register_blueprint(create_blueprint(place(tmp_path / "one" / "registry"), name="one"), url_prefix="/one")
    first = site_of(app)
    app.register_blueprint(create_blueprint(place(tmp_path / "two" / "registry"), name="two"), url_prefix="/two")
    with server.showing(app) as url, ModelRegistry(f"{url}/one") as one, ModelRegistry(f"{url}/two") as two:
        one.create_model("fraud")
        assert [model.name for model in one.models()] == ["fraud"]
        assert two.models() == []
    first.close()


def test_one_blueprint_lies_in_two_applications_at_different_places(tmp_path):
    blueprint, one, two = create_blueprint(place(tmp_path / "registry")), Flask("one"), Flask("two")
    one.register_blueprint(blueprint, url_prefix="/one")
    two.register_blueprint(blueprint, url_prefix="/somewhere/else")
    assert one.test_client().get("/one/api/models").status_code == 200
    assert two.test_client().get("/somewhere/else/api/models").status_code == 200
    told = two.test_client().get("/somewhere/else/openapi.json").get_json()
    assert told["servers"] == [{"url": "/somewhere/else"}]
    with pytest.raises(InvalidRequest, match="placeholder"):
        Flask("three").register_blueprint(blueprint, url_prefix="/<tenant>")
    site_of(one).close()


def test_tokens_and_roles_hold_as_they_do_elsewhere(server, folder, weights):
    app = create_app(place(folder, {"auth.enabled": True}))
    with ModelRegistry(folder) as boss, server.showing(app) as url:
        boss.register_model(weights, name="fraud", version="1.0.0")
        viewer = boss.create_token("v", {"allow": "viewer", "model": "fraud"}).token
        maker = boss.create_token("m", {"allow": "developer", "model": "fraud"}).token
        with ModelRegistry(url, token=viewer) as seen:
            assert seen.resolve("fraud/1.0.0").version == "1.0.0"
            for call in (lambda: seen.register_model(weights, name="fraud"), lambda: seen.create_model("other")):
                with pytest.raises(PermissionDenied):
                    call()
        with ModelRegistry(url, token=maker) as made:
            assert made.register_model(weights, name="fraud", version="1.1.0")
        with ModelRegistry(url) as nobody, pytest.raises(Unauthenticated):
            nobody.models()
        with httpx2.Client(base_url=url) as client:
            refused = client.get("/metrics", headers={"Authorization": f"Bearer {viewer}"})
            assert (refused.status_code, client.get("/health").status_code) == (403, 200)
            assert client.get("/api/models").headers["www-authenticate"].startswith("Bearer")
            assert client.get("/api/models", auth=("me", viewer)).status_code == 200


def test_flask_run_serves_the_registry_that_the_environment_names(tmp_path, weights):
    arguments = ["-m", "flask", "--app", "modelyard.integrations.flask:create_app", "run", "--port", "0"]
    with process(arguments, tmp_path, r"Running on (http://\S+)") as (url, running):
        with ModelRegistry(url) as registry:
            registry.register_model(weights, name="fraud", version="1.0.0")
            assert registry.resolve("fraud/1.0.0").stage == "development"
            assert registry.download_model("fraud/1.0.0", tmp_path / "there").read_bytes() == weights.read_bytes()
        running.send_signal(signal.SIGINT)
        assert running.wait(30) in {0, 1, -signal.SIGINT}
    assert "Traceback" not in (tmp_path / "said.txt").read_text()


@pytest.mark.slow
def test_two_worker_processes_serve_one_registry(tmp_path):
    with gunicorn(tmp_path, workers=2) as (url, running):

        def register(number: int) -> int:
            with httpx2.Client(base_url=url, timeout=60) as client:
                document = {"create": True, "description": str(number)}
                return int(client.post("/api/models/fraud/versions/register", json=document).json()["number"])

        with ThreadPoolExecutor(8) as crowd:
            numbers = sorted(crowd.map(register, range(40)))
        assert numbers == list(range(1, 41))
        told = httpx2.get(f"{url}/metrics").text
        assert "modelyard" in told
        running.terminate()
        assert running.wait(40) == 0
    said = (tmp_path / "said.txt").read_text()
    assert "Traceback" not in said, said


def test_mlflow_clients_find_their_registry_behind_flask(client, name):
    made = client.post("/api/2.0/mlflow/registered-models/create", json={"name": name})
    assert made.json()["registered_model"]["name"] == name
    assert client.get("/api/2.0/mlflow/registered-models/get", params={"name": name}).status_code == 200
    lost = client.get("/api/2.0/mlflow/registered-models/get", params={"name": "nobody"})
    assert (lost.status_code, lost.json()["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")


def test_mlflow_clients_read_the_files_of_versions_behind_flask(client, name):
    def address(number: int) -> str:
        asked = {"name": name, "version": number}
        told = client.get("/api/2.0/mlflow/model-versions/get-download-uri", params=asked).json()
        return str(told["artifact_uri"])

    client.post("/api/models/upload", params={"name": name, "filename": "a.bin"}, content=b"weights")
    assert client.get(f"{address(1)}/a.bin").content == b"weights"
    client.post("/api/2.0/mlflow/model-versions/create", json={"name": name, "source": "s3://bucket/model"})
    assert address(2) == "s3://bucket/model"
