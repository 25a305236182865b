"""The artifact proxy, byte for byte and with MLflow's own client, on a folder and on PostgreSQL with a bucket."""

from __future__ import annotations

import http.client
import importlib
import json
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from components.flask_server import FlaskServer
from components.needs import need
from components.servers import ThreadedServer
from components.templates import prepared
from modelyard import ModelRegistry

ROOT = "/api/2.0/mlflow-artifacts"
FILES = f"{ROOT}/artifacts"
BIG = bytes(range(256)) * 4096 * 20
"""20 MiB: three parts of the store."""


@pytest.fixture(scope="module", params=["sqlite", "postgresql-s3", "flask"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server that the tests of this module share; each uses a folder of its own."""
    folder, places = tmp_path_factory.mktemp("kept") / "registry", {}
    running = FlaskServer() if request.param == "flask" else ThreadedServer()
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "postgresql-s3":
            postgres, s3 = request.getfixturevalue("postgres_server"), request.getfixturevalue("s3_server")
            template = request.getfixturevalue("postgres_template")
            places["database.url"] = postgres.url(postgres.create_database(template))
            for name, value in s3.environment.items():
                patch.setenv(name, value)
            places["storage.url"] = f"s3://{s3.new_bucket()}/models"
        else:
            prepared(folder)
        with running.serving(folder, places) as url:
            yield url
    running.stop()


@pytest.fixture(scope="module")
def client(server: str) -> Iterator[httpx2.Client]:
    """A client of the shared server that knows nothing of MLflow."""
    with httpx2.Client(base_url=server, timeout=60) as client:
        yield client


@pytest.fixture
def place() -> str:
    """A folder that no other test has."""
    return f"{uuid4().hex[:8]}/artifacts"


def listed(client: httpx2.Client, path: str) -> list[dict[str, Any]]:
    """What the server says lies in a folder."""
    answer = client.get(FILES, params={"path": path})
    assert answer.status_code == 200, answer.text
    files: list[dict[str, Any]] = answer.json()["files"]
    return files


def put(client: httpx2.Client, path: str, content: bytes = b"x") -> None:
    """Put a file, which has to work."""
    answer = client.put(f"{FILES}/{path}", content=content)
    assert (answer.status_code, answer.json()) == (200, {}), answer.text


@pytest.mark.feature("EXP-23")
def test_what_is_put_is_listed_and_comes_back(client, place):
    put(client, f"{place}/model/MLmodel", b"flavors:\n")
    put(client, f"{place}/model/data/model.pkl", BIG)
    put(client, f"{place}/empty.txt", b"")
    assert listed(client, place) == [
        {"path": "empty.txt", "is_dir": False, "file_size": 0},
        {"path": "model", "is_dir": True},
    ]
    assert listed(client, f"{place}/model/") == [
        {"path": "MLmodel", "is_dir": False, "file_size": 9},
        {"path": "data", "is_dir": True},
    ]
    assert {"path": place.partition("/")[0], "is_dir": True} in client.get(FILES).json()["files"]
    assert listed(client, f"{place}/none") == listed(client, f"{place}/empty.txt") == []
    assert client.get(f"{FILES}/{place}/model/data/model.pkl").content == BIG
    assert client.get(f"{FILES}/{place}/empty.txt").content == b""


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.txt", "text/plain"),
        ("MLmodel", "text/plain"),
        ("mlproject", "text/plain"),
        ("c.png", "image/png"),
        ("d.pdf", "application/pdf"),
        ("b.pkl", "application/octet-stream"),
    ],
)
@pytest.mark.feature("EXP-23")
def test_the_name_decides_on_the_headers_and_the_client_does_not(client, place, name, kind):
    put(client, f"{place}/{name}", b"<script>")
    answer = client.get(f"{FILES}/{place}/{name}", headers={"Accept": "text/html"})
    assert answer.headers["content-type"] == kind
    assert answer.headers["content-disposition"] == f"attachment; filename={name}"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert client.head(f"{FILES}/{place}/{name}").headers["content-length"] == "8"


def test_a_name_of_any_letters_is_told_in_the_form_for_them(client, place):
    put(client, f"{place}/\ufffd.txt", b"a letter like others")
    put(client, f"{place}/größe 1.txt", b"x")
    told = client.get(f"{FILES}/{place}/größe 1.txt").headers["content-disposition"]
    assert told == "attachment; filename=\"gr__e 1.txt\"; filename*=UTF-8''gr%C3%B6%C3%9Fe%201.txt"


def test_a_range_is_sent_alone(client, place):
    put(client, f"{place}/a.bin", BIG)
    url = f"{FILES}/{place}/a.bin"
    part = client.get(url, headers={"Range": f"bytes=8388600-{len(BIG) - 2}"})
    assert (part.status_code, part.content) == (206, BIG[8_388_600:-1])
    behind = client.get(url, headers={"Range": f"bytes={len(BIG)}-"})
    assert (behind.status_code, behind.headers["content-range"]) == (416, f"bytes */{len(BIG)}")
    assert behind.json()["error_code"] == "INVALID_PARAMETER_VALUE"
    assert client.get(url, headers={"If-None-Match": client.head(url).headers["etag"]}).status_code == 304


@pytest.mark.parametrize(
    "path",
    [
        *("../x", "a/../../x", "..%2fx", "%252e%252e/x", "/etc/passwd", "a%23b", "a%00b", "a%5cb", "%2fetc%2fpasswd"),
        # Not UTF-8: read as one and the same letter, they would be one file.
        *("%ff", "a%80b", "%ed%a0%80"),
    ],
)
@pytest.mark.parametrize("method", ["PUT", "GET", "DELETE"])
@pytest.mark.feature("EXP-23")
def test_an_unsafe_path_is_refused_in_the_words_of_mlflow(client, server, method, path):
    # The client of these tests would tidy the address up.
    connection = http.client.HTTPConnection(server.removeprefix("http://"))
    connection.request(method, f"{FILES}/{path}", body=b"x" if method == "PUT" else None)
    answer = connection.getresponse()
    told = json.loads(answer.read())
    connection.close()
    assert (answer.status, told) == (400, {"error_code": "INVALID_PARAMETER_VALUE", "message": "Invalid path"})


def test_an_unsafe_folder_is_not_listed(client):
    for path in ("..", "a/../..", "/etc", "%2e%2e", "file:///etc"):
        answer = client.get(FILES, params={"path": path})
        assert (answer.status_code, answer.json()["message"]) == (400, "Invalid path"), path


def test_what_is_not_there_is_a_404(client, place):
    put(client, f"{place}/a/b.txt")
    for path in ("none", "a", "a/b.txt/c"):
        answer = client.get(f"{FILES}/{place}/{path}")
        assert (answer.status_code, answer.json()["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST"), path
    for method, path in (("POST", f"{FILES}/x"), ("POST", f"{ROOT}/more"), ("GET", f"{ROOT}/mpu/create/x")):
        answer = client.request(method, path)
        assert (answer.status_code, answer.json()["error_code"]) == (404, "ENDPOINT_NOT_FOUND"), path


def test_a_file_is_no_folder_and_a_folder_no_file(client, place):
    put(client, f"{place}/a/b.txt")
    for path in ("a", "a/b.txt/c"):
        answer = client.put(f"{FILES}/{place}/{path}", content=b"x")
        assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE"), path
        assert "a folder" in answer.text or "a file" in answer.text
    assert client.put(f"{FILES}/", content=b"x").status_code == 400
    assert client.delete(f"{FILES}/").status_code == 400


@pytest.mark.feature("EXP-23")
def test_a_file_goes_alone_and_a_folder_with_all_that_is_in_it(client, place):
    for path in ("a", "b/c", "b/d/e", "b-c", "bb/c", "b0"):
        put(client, f"{place}/{path}")
    assert client.delete(f"{FILES}/{place}/a").json() == {}
    # Repeated, as a client does that got no answer.
    assert client.delete(f"{FILES}/{place}/a").status_code == 200
    assert client.delete(f"{FILES}/{place}/b/").json() == {}
    assert [file["path"] for file in listed(client, place)] == ["b-c", "b0", "bb"]
    assert client.get(f"{FILES}/{place}/b/d/e").status_code == 404


def test_the_last_of_two_that_put_a_file_wins_and_none_is_seen_half(client, place):
    contents = [bytes([number]) * 3_000_000 for number in range(4)]
    path = f"{place}/a.bin"
    writers = [Thread(target=put, args=(client, path, content)) for content in contents]
    put(client, path, contents[0])
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        assert listed(client, place) == [{"path": "a.bin", "is_dir": False, "file_size": 3_000_000}]
        assert client.get(f"{FILES}/{path}").content in contents
    put(client, path, b"last")
    assert client.get(f"{FILES}/{path}").content == b"last"


@pytest.mark.feature("EXP-23")
def test_the_files_of_a_version_are_read_there_and_never_written(client, server, place, tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "MLmodel").write_bytes(b"flavors:\n")
    (tmp_path / "model" / "code").mkdir()
    (tmp_path / "model" / "code" / "a.py").write_bytes(b"x = 1\n")
    with ModelRegistry(server) as registry:
        key = registry.register_model(tmp_path / "model", f"m-{uuid4().hex[:8]}", "1.0.0")
    own = f"modelyard/{key}"
    assert listed(client, own) == [
        {"path": "MLmodel", "is_dir": False, "file_size": 9},
        {"path": "code", "is_dir": True},
    ]
    assert listed(client, f"{own}/code") == [{"path": "a.py", "is_dir": False, "file_size": 6}]
    assert listed(client, f"{own}/none") == listed(client, "modelyard") == []
    assert client.get(f"{FILES}/{own}/code/a.py").content == b"x = 1\n"
    assert client.get(f"{FILES}/{own}/none").status_code == 404
    assert client.get(f"{FILES}/{own}").status_code == client.get(f"{FILES}/modelyard").status_code == 404
    assert client.get(FILES, params={"path": "modelyard/mv_none"}).status_code == 404
    for answer in (client.put(f"{FILES}/{own}/MLmodel", content=b"x"), client.delete(f"{FILES}/{own}")):
        assert answer.status_code == 400
        assert "never change" in answer.json()["message"]
    assert client.get(f"{FILES}/{own}/MLmodel").content == b"flavors:\n"


@pytest.fixture(scope="module")
def mlflow(server: str) -> Iterator[Any]:
    """MLflow's client, which finds the server by one variable; what it warns of at its import is left unheard."""
    need("mlflow")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("MLFLOW_")]:
            patch.delenv(name)
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        patch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
        patch.setenv("MLFLOW_TRACKING_URI", server)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for part in ("mlflow.artifacts", "mlflow.store.artifact.artifact_repository_registry"):
                importlib.import_module(part)
        yield importlib.import_module("mlflow")


def repository(mlflow: Any, address: str) -> Any:
    """The client's view of a folder, as everything in MLflow gets it."""
    return mlflow.store.artifact.artifact_repository_registry.get_artifact_repository(address)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A folder as MLflow writes models."""
    folder = tmp_path / "model"
    (folder / "data").mkdir(parents=True)
    (folder / "MLmodel").write_text("flavors:\n")
    (folder / "data" / "model.pkl").write_bytes(BIG)
    (folder / "data" / "dog%step%100.png").write_bytes(b"")
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """All files below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["mlflow-artifacts", "http"])
@pytest.mark.feature("EXP-23")
def test_an_unmodified_client_keeps_a_model_here(mlflow, server, place, model, tmp_path, scheme):
    address = f"mlflow-artifacts:/{place}" if scheme == "mlflow-artifacts" else f"{server}{FILES}/{place}"
    repo = repository(mlflow, address)
    repo.log_artifacts(str(model), "model")
    repo.log_artifact(str(model / "MLmodel"))
    found = [(info.path, info.is_dir, info.file_size) for info in repo.list_artifacts()]
    assert found == [("MLmodel", False, 9), ("model", True, None)]
    assert [info.path for info in repo.list_artifacts("model/data")] == [
        "model/data/dog%step%100.png",
        "model/data/model.pkl",
    ]
    assert repo.list_artifacts("MLmodel") == []
    got = mlflow.artifacts.download_artifacts(artifact_uri=f"{address}/model", dst_path=str(tmp_path / "got"))
    assert contents(Path(got)) == contents(model)
    repo.delete_artifacts("model/data")
    assert [info.path for info in repo.list_artifacts("model")] == ["model/MLmodel"]
    repo.delete_artifacts()
    assert repo.list_artifacts() == []


@pytest.mark.slow
@pytest.mark.feature("EXP-23")
def test_a_client_that_wants_parts_sends_and_gets_the_file_in_one_piece(mlflow, place, model, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD", "true")
    monkeypatch.setenv("MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD", "true")
    monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE", str(10 << 20))
    repo = repository(mlflow, f"mlflow-artifacts:/{place}")
    repo.log_artifact(str(model / "data" / "model.pkl"))
    got = repo.download_artifacts("model.pkl", str(tmp_path))
    assert Path(got).read_bytes() == BIG


@pytest.mark.slow
@pytest.mark.feature("EXP-23")
def test_a_client_gets_a_whole_version(mlflow, server, model, tmp_path):
    with ModelRegistry(server) as registry:
        key = registry.register_model(model, f"m-{uuid4().hex[:8]}", "1.0.0")
    address = f"{server}{FILES}/modelyard/{key}"
    got = mlflow.artifacts.download_artifacts(artifact_uri=address, dst_path=str(tmp_path / "got"))
    assert contents(Path(got)) == contents(model)
    with pytest.raises(Exception, match="never change"):
        repository(mlflow, address).log_artifact(str(model / "MLmodel"))
