"""What the client does when things go wrong on the way, against a server that makes them go wrong."""

from __future__ import annotations

import threading
from pathlib import Path

import msgspec
import pytest
from blake3 import blake3

from components.scripted import Reply, ScriptedServer, Seen
from modelyard import errors
from modelyard.client.remote import RemoteCaller
from modelyard.client.transport import ATTEMPTS
from modelyard.domain.wire import FileRecord, ModelPage, ModelRecord, VersionRecord
from modelyard.errors import (
    ArtifactNotFound,
    DatabaseUnavailable,
    IntegrityError,
    InvalidArtifact,
    ModelyardError,
    NotFound,
    PermissionDenied,
    RegistryCorrupt,
    RemoteUnavailable,
    TimedOut,
    Unauthenticated,
    VersionExists,
)
from modelyard.operations import CREATE_MODEL, LIST_MODELS, CreateModel, ListModels, RegisterVersion

PAGE = msgspec.json.encode(ModelPage(models=[]))
MADE = msgspec.json.encode(ModelRecord(id="md_1", name="fraud"))
VERSION = msgspec.json.encode(VersionRecord(id="mv_1", name="fraud", number=1, version="1.0.0", stage="development"))
CUT = Reply(cut=-1)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    """Repeat at once."""
    monkeypatch.setattr("modelyard.client.transport.FIRST_PAUSE_S", 0.0)


def problem(code: str, status: int, **members: object) -> Reply:
    """A problem document of the server."""
    document = {"status": status, "code": code, "detail": "it is so", "hint": "do this", "details": {"a": 1}, **members}
    return Reply(status, msgspec.json.encode(document), {"Content-Type": "application/problem+json"})


def ask(*replies, **options):
    """List the models of a server that gives these replies; give the answer and what the server saw."""
    with ScriptedServer(*replies) as server:
        caller = RemoteCaller(server.url, **options)
        try:
            return caller.call(LIST_MODELS, ListModels()), server.seen
        finally:
            caller.close()


def refused(*replies, **options) -> tuple[ModelyardError, list[Seen]]:
    """The error of the same, and what the server saw."""
    with ScriptedServer(*replies) as server:
        caller = RemoteCaller(server.url, **options)
        with pytest.raises(ModelyardError) as caught:
            caller.call(LIST_MODELS, ListModels())
        caller.close()
        return caught.value, server.seen


@pytest.mark.parametrize("kind", list(errors.walk()), ids=lambda kind: kind.code)
def test_every_error_arrives_as_the_class_that_was_raised(kind):
    error, _ = refused(problem(kind.code, kind.status))
    assert type(error) is kind
    assert (error.message, error.hint, error.details) == ("it is so", "do this", {"a": 1})


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply(body=b"<html>"), RemoteUnavailable),
        (Reply(body=b'{"models": 5}'), RemoteUnavailable),
        (Reply(404, b"<html>", {"Content-Type": "text/html"}), RemoteUnavailable),
        (Reply(302, b"", {"Location": "http://127.0.0.1:1/"}), RemoteUnavailable),
        (Reply(401, b"", {}), Unauthenticated),
        (Reply(403, b"", {}), PermissionDenied),
        (Reply(500, b"{", {"Content-Type": "application/json"}), RemoteUnavailable),
        (Reply(500, b"[]"), RemoteUnavailable),
        (problem("internal_error", 500), RemoteUnavailable),
        (problem("of_a_later_version", 404), NotFound),
    ],
)
def test_an_answer_that_is_not_ours_is_told_as_such(reply, kind):
    error, seen = refused(reply)
    assert type(error) is kind
    assert len(seen) == 1


@pytest.mark.parametrize(
    "fault", [CUT, problem("database_unavailable", 503), Reply(502, b"<html>", {}), Reply(503, PAGE, cut=1)]
)
def test_what_may_pass_is_repeated(fault):
    page, seen = ask(fault, fault, Reply(body=PAGE))
    assert page == ModelPage(models=[])
    assert len(seen) == 3


def test_an_answer_that_breaks_off_is_asked_for_again():
    page, seen = ask(Reply(body=PAGE, cut=3), Reply(body=PAGE))
    assert (page, len(seen)) == (ModelPage(models=[]), 2)


@pytest.mark.parametrize(
    ("fault", "kind"), [(CUT, RemoteUnavailable), (problem("database_unavailable", 503), DatabaseUnavailable)]
)
def test_repetition_ends(fault, kind):
    error, seen = refused(fault)
    assert type(error) is kind
    assert len(seen) == ATTEMPTS


def test_what_lasts_is_not_repeated():
    error, seen = refused(problem("registry_corrupt", 503))
    assert type(error) is RegistryCorrupt
    assert len(seen) == 1


def test_a_change_is_repeated_under_one_key():
    with ScriptedServer(CUT, Reply(201, MADE)) as server:
        caller = RemoteCaller(server.url)
        for key in ("", "mine"):
            assert caller.call(CREATE_MODEL, CreateModel(name="fraud"), idempotency_key=key).name == "fraud"
        caller.close()
    first, again, third = (seen.headers["idempotency-key"] for seen in server.seen)
    assert first == again != third == "mine"
    assert len(first) > 20


def test_nobody_there_is_told_with_the_address():
    with ScriptedServer(Reply()) as server:
        url = server.url
    caller = RemoteCaller(url)
    with pytest.raises(RemoteUnavailable, match="cannot be reached") as caught:
        caller.call(LIST_MODELS, ListModels())
    assert url in caught.value.message
    caller.close()


def test_waiting_ends():
    never = threading.Event()
    error, seen = refused(Reply(hold=never), timeout=0.1)
    never.set()
    assert type(error) is TimedOut
    assert len(seen) == 1


def test_the_token_is_sent_to_its_server_only():
    with ScriptedServer(Reply()) as other:
        error, seen = refused(Reply(302, b"", {"Location": other.url}), token="s3cret")
        assert other.seen == []
    assert seen[0].headers["authorization"] == "Bearer s3cret"
    assert "s3cret" not in f"{error} {error.details}"


def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "")
    page, _ = ask(Reply(body=PAGE))
    assert page.models == []


def test_an_upload_is_sent_again_from_its_beginning(tmp_path):
    (tmp_path / "w.bin").write_bytes(b"weights" * 100_000)
    steps: list[int] = []
    with ScriptedServer(CUT, Reply(201, VERSION)) as server:
        caller = RemoteCaller(server.url)
        version = caller.upload(RegisterVersion(name="fraud", create=True), tmp_path / "w.bin", progress=steps.append)
        caller.close()
    first, again = server.seen
    assert version.id == "mv_1"
    assert first.body == again.body
    assert first.headers["idempotency-key"] == again.headers["idempotency-key"]
    assert b'filename="w.bin"' in again.body
    assert sum(steps) == 700_000
    assert min(steps) == -700_000, "the repetition takes back what was told"


def test_an_upload_that_is_refused_is_not_sent_again(tmp_path):
    (tmp_path / "w.bin").write_bytes(b"weights")
    with ScriptedServer(problem("version_exists", 409)) as server:
        caller = RemoteCaller(server.url)
        with pytest.raises(VersionExists):
            caller.upload(RegisterVersion(name="fraud"), tmp_path / "w.bin")
        caller.close()
    assert len(server.seen) == 1


def test_an_empty_file_is_refused_before_it_is_sent(tmp_path):
    (tmp_path / "w.bin").write_bytes(b"")
    with ScriptedServer(Reply()) as server:
        caller = RemoteCaller(server.url)
        with pytest.raises(InvalidArtifact, match="empty"):
            caller.upload(RegisterVersion(name="fraud"), tmp_path / "w.bin")
        caller.close()
    assert server.seen == []


def download(folder: Path, content: bytes, *replies, path: str = "w.bin", progress=None):
    """Download a version whose only file has this content from a server that gives these replies for it."""
    file = FileRecord(path=path, size=len(content), blake3=blake3(content).hexdigest(), sha256="0" * 64)
    version = VersionRecord(id="mv_1", name="fraud", number=1, version="1.0.0", stage="development", files=[file])
    with ScriptedServer(Reply(body=msgspec.json.encode(version)), *replies) as server:
        caller = RemoteCaller(server.url)
        try:
            return caller.download("fraud", folder, progress=progress), server.seen
        finally:
            caller.close()


@pytest.mark.parametrize("size", [0, 5, (8 << 20) - 1, 8 << 20, (16 << 20) + 3])
def test_a_file_arrives(tmp_path, size):
    content = bytes(range(251)) * (size // 251 + 1)
    (path,), seen = download(tmp_path, content[:size], Reply(body=content[:size]))
    assert path.read_bytes() == content[:size]
    assert seen[1].target == "/api/models/mv_1/download?path=w.bin"


@pytest.mark.feature("MET-14")
@pytest.mark.parametrize("sent", [b"weighty", b"weights and more"])
def test_what_is_not_what_was_registered_never_reaches_the_target(tmp_path, sent):
    (tmp_path / "w.bin").write_bytes(b"old")
    with pytest.raises(IntegrityError, match=r"w\.bin") as caught:
        download(tmp_path, b"weights", Reply(body=sent))
    assert caught.value.details["file"] == "w.bin"
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"w.bin": b"old"}


def test_a_download_that_breaks_off_is_repeated(tmp_path):
    content = b"weights" * 1_000_000
    steps: list[int] = []
    replies = Reply(body=content, cut=5_000_000), Reply(body=content)
    (path,), seen = download(tmp_path, content, *replies, progress=steps.append)
    assert (path.read_bytes() == content, len(seen)) == (True, 3)
    assert (sum(steps), min(steps) < 0) == (len(content), True)


def test_an_answer_that_is_too_short_is_no_file(tmp_path):
    with pytest.raises(RemoteUnavailable, match="only 3 of the 7 bytes"):
        download(tmp_path, b"weights", Reply(body=b"wei"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", ["../w.bin", "/etc/w.bin", "a/../../w.bin"])
def test_a_server_cannot_write_outside_the_folder(tmp_path, path):
    (tmp_path / "inside").mkdir()
    with pytest.raises(InvalidArtifact):
        download(tmp_path / "inside", b"weights", Reply(body=b"weights"), path=path)
    assert [entry.name for entry in tmp_path.rglob("*")] == ["inside"]


def test_a_file_that_is_not_there_is_told(tmp_path):
    version = VersionRecord(id="mv_1", name="fraud", number=1, version="1.0.0", stage="development")
    with ScriptedServer(Reply(body=msgspec.json.encode(version))) as server:
        caller = RemoteCaller(server.url)
        with pytest.raises(ArtifactNotFound, match="no files"):
            caller.download("fraud", tmp_path)
        caller.close()
