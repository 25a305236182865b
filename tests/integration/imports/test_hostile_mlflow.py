"""`modelyard import mlflow://…` from a server that lies, never ends, or names what cannot be here."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from components.scripted import Reply, ScriptedServer, Seen
from modelyard.errors import InvalidRequest, ModelyardError, RemoteUnavailable, TimedOut
from modelyard.outside import http
from modelyard.outside.mlflow import artifacts
from modelyard.outside.mlflow.client import Server

ROOT = "mlflow-artifacts:/root"
AT = 1_700_000_000_000


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pauses between repetitions."""
    monkeypatch.setattr(http, "FIRST_PAUSE_S", 0.0)


def told(**answer: object) -> Reply:
    """An answer in JSON."""
    return Reply(body=json.dumps(answer).encode())


def version(name: str, number: int = 1, **more: Any) -> dict[str, Any]:
    """A model version as MLflow tells it."""
    return {"name": name, "version": str(number), "creation_timestamp": AT + number, "source": ROOT, **more}


class Evil:
    """An MLflow server with some models; each answer can be replaced by endpoint.

    Args:
        models: model → its versions.
        fields: model → what else is told of it.
        files: what the artifact proxy lists.
        content: path → the bytes of a file.
        special: the end of a path → the answer to it.
    """

    def __init__(
        self,
        models: Mapping[str, list[dict[str, Any]]],
        *,
        fields: Mapping[str, dict[str, Any]] | None = None,
        files: list[dict[str, Any]] | None = None,
        content: bytes = b"model",
        special: Mapping[str, Callable[[Seen], Reply]] | None = None,
    ) -> None:
        self._models, self._fields = models, fields or {}
        self._files = [{"path": "model.bin", "file_size": 5}] if files is None else files
        self._content, self._special = content, special or {}

    def __call__(self, seen: Seen) -> Reply:
        """Answer."""
        parts = urlsplit(seen.target)
        asked = {key: values[0] for key, values in parse_qs(parts.query).items()}
        for end, answer in self._special.items():
            if parts.path.endswith(end):
                return answer(seen)
        if parts.path.endswith("registered-models/search"):
            listed = [{"name": name, **self._fields.get(name, {})} for name in self._models]
            return told(registered_models=[] if "filter" in asked else listed)
        if parts.path.endswith("model-versions/search"):
            name = asked["filter"].removeprefix("name=")[1:-1]
            return told(model_versions=self._models[name])
        if parts.path.endswith("get-download-uri"):
            return told(artifact_uri=ROOT)
        if parts.path.endswith("mlflow-artifacts/artifacts"):
            return told(files=self._files)
        return Reply(body=self._content, headers={"Content-Type": "application/octet-stream"})


@pytest.fixture
def taking(local) -> Callable[..., Any]:
    """Import from such a server into a registry in a folder."""

    def take(answer: Callable[[Seen], Reply], *words: str) -> Any:
        with ScriptedServer(answer) as stub:
            return local.take(stub.url.replace("http://", "mlflow://"), *words)

    return take


@pytest.mark.feature("EXP-27")
def test_models_that_cannot_be_here_are_told_and_the_others_come(taking, local):
    names = ["a%b", "x" * 300, "turning\u202e", "line\nbreak", "esc\x1b[2J", "good"]
    asked: list[str] = []

    def files(seen: Seen) -> Reply:
        asked.append(seen.target)
        return told(files=[{"path": "model.bin", "file_size": 5}])

    said = taking(
        Evil({name: [version(name)] for name in names}, special={"mlflow-artifacts/artifacts": files}),
    )
    assert said.code != 0
    assert [model.name for model in local.registry.models()] == ["good"]
    assert said.outcome("good/1")[0] == "registered"
    assert len([row for row in said.rows if row["outcome"] == "failed"]) == 5
    assert "\x1b" not in said.told
    assert len(asked) == 1, "of what cannot be here, nothing is asked for"


@pytest.mark.feature("EXP-27")
def test_a_model_whose_tags_cannot_be_recorded_comes_without_them(taking, local):
    tags = [{"key": "a%b", "value": "x"}]
    said = taking(Evil({"fraud": [version("fraud")]}, fields={"fraud": {"tags": tags}}))
    assert said.outcome("fraud")[0] == "in part"
    assert said.outcome("fraud/1")[0] == "registered"
    assert local.registry.describe_model("fraud").tags == {}


@pytest.mark.parametrize(
    "special",
    [
        {"registered-models/search": lambda _: told(registered_models=[1])},
        {"registered-models/search": lambda _: told(registered_models=[{"title": "x"}])},
        {"registered-models/search": lambda _: Reply(body=b"[" * 100_000)},
        {"model-versions/search": lambda _: told(model_versions={"a": 1})},
        {"model-versions/search": lambda _: told(model_versions=[{"name": "fraud", "version": "one"}])},
        {"model-versions/search": lambda _: told(model_versions=[version("fraud", tags=[["k", "v"]])])},
        {"get-download-uri": lambda _: Reply(body=b"<html>", headers={"Content-Type": "text/html"})},
        {"mlflow-artifacts/artifacts": lambda _: told(files=None)},
        {"mlflow-artifacts/artifacts": lambda _: told(files=[{"path": "m", "file_size": []}])},
        {"mlflow-artifacts/artifacts": lambda _: told(files=[7])},
    ],
)
def test_an_answer_that_is_not_mlflows_is_a_fault_of_the_server_and_no_crash(taking, special):
    said = taking(Evil({"fraud": [version("fraud")]}, special=special))
    assert said.code != 0
    assert "not MLflow's" in f"{said.told}{said.report}", said.told


def test_a_file_that_is_larger_than_listed_is_broken_off(tmp_path):
    listing, large = told(files=[{"path": "a.bin", "file_size": 6}]), Reply(body=b"x" * (64 << 20))
    done: list[int] = []
    with (
        ScriptedServer(listing, large) as stub,
        Server(stub.url, environ={}) as server,
        pytest.raises(RemoteUnavailable, match=r"more of a\.bin arrives"),
    ):
        server.download(ROOT, tmp_path / "target", done.append)
    assert sum(done) <= 6
    assert list((tmp_path / "target").iterdir()) == []


def test_what_the_disk_has_no_room_for_is_not_begun(tmp_path):
    listing = told(files=[{"path": "a.bin", "file_size": 1 << 60}])
    with ScriptedServer(listing) as stub, Server(stub.url, environ={}) as server:
        with pytest.raises(ModelyardError, match="has room for"):
            server.download(ROOT, tmp_path / "target")
        assert len(stub.seen) == 1


def test_folders_without_end_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(artifacts, "MOST_FILES", 50)
    endless = told(files=[{"path": f"d{number}", "is_dir": True} for number in range(10)])
    with (
        ScriptedServer(endless) as stub,
        Server(stub.url, environ={}) as server,
        pytest.raises(InvalidRequest, match="more than 50 files and folders"),
    ):
        server.download(ROOT, tmp_path / "target")


def test_lists_that_go_in_circles_or_have_no_end_are_refused(monkeypatch):
    circle = [told(runs=[], next_page_token=token) for token in ("a", "b", "a", "b")]
    with (
        ScriptedServer(*circle) as stub,
        Server(stub.url, environ={}) as server,
        pytest.raises(RemoteUnavailable, match="again and again"),
    ):
        list(server.pages("x", "runs"))
    monkeypatch.setattr("modelyard.outside.mlflow.connection.LARGEST_ANSWER", 50_000)
    numbers = iter(range(1_000))
    with (
        ScriptedServer(lambda _: told(runs=[], next_page_token=str(next(numbers)))) as stub,
        Server(stub.url, environ={}) as server,
        pytest.raises(RemoteUnavailable, match="has no end"),
    ):
        list(server.pages("x", "runs"))


def test_an_answer_that_trickles_is_given_up(monkeypatch):
    monkeypatch.setattr(http, "PACE_S", 0.2)
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        Server(f"http://127.0.0.1:{listening.getsockname()[1]}", environ={}) as server,
    ):
        over = threading.Event()
        thread = threading.Thread(target=_trickle, args=(listening, over))
        thread.start()
        try:
            with pytest.raises(TimedOut, match="too slowly"):
                server.run("r")
        finally:
            over.set()
            thread.join(30)


def _trickle(listening: socket.socket, over: threading.Event) -> None:
    """Promise much, and send a byte now and then."""
    connection, _ = listening.accept()
    with connection:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        with suppress(OSError):
            while not over.wait(0.02):
                connection.sendall(b" ")


def test_a_source_that_climbs_out_of_the_artifacts_is_refused():
    with ScriptedServer(told()) as stub, Server(stub.url, environ={}) as server:
        for uri in ("mlflow-artifacts:/../../admin", f"{stub.url}/api/2.0/mlflow-artifacts/artifacts/a/%2e%2e/b"):
            with pytest.raises(InvalidRequest, match="leads out"):
                server.place(uri)
        assert stub.seen == []
