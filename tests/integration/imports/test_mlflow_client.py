"""The client of MLflow's REST: what it repeats, what it refuses to read, and how faults become errors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from components.scripted import Reply, ScriptedServer
from modelyard.errors import (
    Conflict,
    InvalidRequest,
    NotFound,
    Overloaded,
    PermissionDenied,
    RemoteUnavailable,
    Unauthenticated,
)
from modelyard.outside import http
from modelyard.outside.mlflow.artifacts import Reach
from modelyard.outside.mlflow.client import Server

ROOT = "mlflow-artifacts:/1"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Repeat without long pauses."""
    monkeypatch.setattr(http, "FIRST_PAUSE_S", 0.001)


def told(**answer: object) -> Reply:
    """An answer of MLflow's."""
    return Reply(body=json.dumps(answer).encode())


def refusal(status: int, code: str = "", **headers: str) -> Reply:
    """A refusal of MLflow's."""
    body = json.dumps({"error_code": code, "message": "because"}).encode()
    return Reply(status=status, body=body, headers={"Content-Type": "application/json", **headers})


def test_what_may_pass_is_repeated_and_a_change_is_not_made_twice():
    replies = [refusal(503), refusal(429, **{"Retry-After": "0"}), Reply(cut=-1), refusal(500), told(run={"a": 1})]
    with ScriptedServer(*replies) as stub, Server(stub.url, environ={}) as server:
        assert server.run("r") == {"a": 1}
        assert len(stub.seen) == 5
    with ScriptedServer(refusal(503), Reply(cut=-1), told()) as stub, Server(stub.url, environ={}) as server:
        with pytest.raises(RemoteUnavailable, match="broke the connection"):
            server.call("POST", "runs/create", {"experiment_id": "0"})
        assert [seen.method for seen in stub.seen] == ["POST", "POST"], "only what was never accepted is repeated"


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (refusal(400, "INVALID_PARAMETER_VALUE"), InvalidRequest),
        (refusal(400, "RESOURCE_ALREADY_EXISTS"), Conflict),
        (refusal(401), Unauthenticated),
        (refusal(403), PermissionDenied),
        (refusal(404, "RESOURCE_DOES_NOT_EXIST"), NotFound),
        (refusal(429), Overloaded),
        (refusal(500), RemoteUnavailable),
        (Reply(status=302, headers={"Location": "http://elsewhere"}), RemoteUnavailable),
        (Reply(body=b"<html>"), RemoteUnavailable),
        (Reply(body=b"[]"), RemoteUnavailable),
    ],
)
def test_what_mlflow_refuses_is_an_error_of_ours(reply, kind):
    with ScriptedServer(reply) as stub, Server(stub.url, environ={}) as server, pytest.raises(kind):
        server.run("r")


def test_a_list_is_followed_to_its_end_and_not_for_ever():
    pages = [told(runs=[{"n": 1}], next_page_token="a"), told(runs=[{"n": 2}], next_page_token="b"), told()]
    with ScriptedServer(*pages) as stub, Server(stub.url, environ={}) as server:
        assert list(server.pages("x", "runs", {"filter": "a = 'b'"})) == [{"n": 1}, {"n": 2}]
        assert [seen.target.partition("page_token=")[2] for seen in stub.seen] == ["", "a", "b"]
    with (
        ScriptedServer(told(runs=[1], next_page_token="a")) as stub,
        Server(stub.url, environ={}) as server,
        pytest.raises(RemoteUnavailable, match="again and again"),
    ):
        list(server.pages("x", "runs"))


def test_credentials_of_mlflows_own_variables_are_sent_and_stand_in_no_message():
    named = {"MLFLOW_TRACKING_USERNAME": "ana", "MLFLOW_TRACKING_PASSWORD": "s3cret", "MLFLOW_TRACKING_TOKEN": "t0ken"}
    with ScriptedServer(refusal(401)) as stub:
        with Server(stub.url, environ=named) as server, pytest.raises(Unauthenticated) as refused:
            server.run("r")
        with Server(stub.url, environ={"MLFLOW_TRACKING_TOKEN": "t0ken"}) as server, pytest.raises(Unauthenticated):
            server.run("r")
        assert [seen.headers["authorization"].split()[0] for seen in stub.seen] == ["Basic", "Bearer"]
    assert "s3cret" not in str(refused.value)
    with pytest.raises(InvalidRequest) as error:
        Server("mlflow://ana:s3cret@host", environ={})
    assert "s3cret" not in str(error.value)


@pytest.mark.parametrize(
    "uri", ["host:5000", "sqlite:///mlflow.db", "mlflow://", "mlflow://host:port", "mlflow://h?x=1"]
)
def test_what_is_no_address_of_a_server_is_refused(uri):
    with pytest.raises(InvalidRequest):
        Server(uri, environ={})


@pytest.mark.parametrize(
    "uri", ["s3://bucket/x", "file:///etc/passwd", "/etc", "http://127.0.0.1:1/api/2.0/mlflow-artifacts/artifacts/x"]
)
def test_a_source_outside_of_the_server_is_not_read_unless_it_is_allowed(uri):
    with ScriptedServer(told()) as stub, Server(stub.url, environ={}) as server:
        with pytest.raises(PermissionDenied, match="lies outside the MLflow server"):
            server.place(uri)
        assert stub.seen == []


def test_local_files_are_read_where_that_is_allowed_and_no_link_leads_out(tmp_path):
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "model.bin").write_bytes(b"model")
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "inner" / "link").symlink_to(tmp_path / "secret")
    with Server("mlflow://127.0.0.1:1", environ={}, reach=Reach(local_files=True)) as server:
        got = server.download((tmp_path / "inner").as_uri(), tmp_path / "target")
    assert [(file.path, file.size) for file in got] == [("model.bin", 5)]


def test_a_source_that_leads_to_itself_is_refused():
    with (
        ScriptedServer(told(artifact_uri="models:/a/1")) as stub,
        Server(stub.url, environ={}) as server,
        pytest.raises(InvalidRequest, match="leads over more than"),
    ):
        server.place("models:/a/1")


def test_no_listed_path_leaves_the_folder(tmp_path):
    unsafe = told(files=[{"path": "../../evil", "file_size": 1}])
    with ScriptedServer(unsafe) as stub, Server(stub.url, environ={}) as server:
        assert [file.path for file in server.list_artifacts(ROOT)] == ["evil"], "the proxy tells last parts only"
    listed = told(run={"info": {"artifact_uri": "dbfs:/x"}}), told(files=[{"path": "../evil", "file_size": 1}])
    with (
        ScriptedServer(*listed) as stub,
        Server(stub.url, environ={}) as server,
        pytest.raises(InvalidRequest, match="cannot be taken over"),
    ):
        server.download("runs:/r", tmp_path / "target")


def test_a_download_that_breaks_starts_anew_and_one_that_stays_short_is_refused(tmp_path: Path):
    listing, whole = told(files=[{"path": "a.bin", "file_size": 6}]), Reply(body=b"whole!")
    done: list[int] = []
    with ScriptedServer(listing, Reply(body=b"whole!", cut=3), whole) as stub, Server(stub.url, environ={}) as server:
        (file,) = server.download(ROOT, tmp_path / "first", done.append)
        assert (file.file.read_bytes(), sum(done)) == (b"whole!", 6)
    with (
        ScriptedServer(listing, Reply(body=b"who")) as stub,
        Server(stub.url, environ={}) as server,
        pytest.raises(RemoteUnavailable, match=r"3 bytes of a\.bin arrived, and 6 are listed"),
    ):
        server.download(ROOT, tmp_path / "second")
    assert list((tmp_path / "second").iterdir()) == []


def test_a_file_goes_up_as_a_stream_with_its_length(tmp_path):
    file = tmp_path / "a.bin"
    file.write_bytes(b"x" * 3_000_000)
    with ScriptedServer(refusal(503), told()) as stub, Server(stub.url, environ={}) as server:
        server.upload(ROOT, "deep/a b.bin", file)
        first, second = stub.seen
        assert first.body == second.body == file.read_bytes()
        assert second.target == "/api/2.0/mlflow-artifacts/artifacts/1/deep/a%20b.bin"
        with pytest.raises(PermissionDenied):
            server.upload("s3://bucket/1", "a.bin", file)
