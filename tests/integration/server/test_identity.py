"""Tokens at work: the client with them, their exchange while requests run, and what the server never tells."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from components.servers import ThreadedServer
from modelyard import ModelRegistry
from modelyard.bootstrap import open_yard
from modelyard.client.remote import RemoteCaller
from modelyard.config import load
from modelyard.domain.permissions import LOCAL, Principal
from modelyard.errors import InvalidRequest, PermissionDenied, Unauthenticated
from modelyard.registry import tokens
from modelyard.registry.context import Yard
from modelyard.server.identity import Doorkeeper
from modelyard.server.serve import bind, serve
from modelyard.server.service import Service

WRONG = f"myd_{'0' * 26}_{'a' * 52}"


@pytest.fixture(scope="module")
def server() -> Iterator[ThreadedServer]:
    running = ThreadedServer()
    yield running
    running.stop()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "registry"


@pytest.fixture
def boss(folder: Path) -> Iterator[ModelRegistry]:
    """The registry as whoever owns its folder sees it; for the server, another process."""
    with ModelRegistry(folder) as registry:
        registry.register_version("fraud", "1.0.0", create=True)
        yield registry


@pytest.fixture
def url(server: ThreadedServer, folder: Path, boss: ModelRegistry) -> Iterator[str]:
    """A server that asks who its callers are."""
    with server.serving(folder, {"auth.enabled": True}) as where:
        yield where


def large_file(tmp_path: Path) -> Path:
    path = tmp_path / "large.bin"
    path.write_bytes(b"x" * (24 << 20))
    return path


@pytest.mark.feature("SEC-01", "SEC-02", "SEC-07")
def test_the_client_raises_what_it_is_refused_with(url, boss, tmp_path):
    viewer = boss.create_token("v", {"allow": "viewer", "model": "fraud"}).token
    file = large_file(tmp_path)
    boss.register_model(file, name="fraud", version="2.0.0")
    for token, error in ((None, Unauthenticated), (WRONG, Unauthenticated), (viewer, PermissionDenied)):
        with ModelRegistry(url, token=token) as registry:
            for call in (
                lambda registry=registry: registry.promote_model("fraud/1.0.0", "staging"),
                lambda registry=registry: registry.register_model(file, name="fraud"),
                lambda registry=registry: registry.download_model("other/1.0.0", tmp_path / "there"),
            ):
                with pytest.raises(error) as refused:
                    call()
                assert refused.value.hint
                assert not token or token not in str(refused.value)
    with ModelRegistry(url, token=viewer) as registry:
        assert registry.download_model("fraud/2.0.0", tmp_path / "here").exists()


@pytest.mark.feature("SEC-01")
def test_the_token_of_the_environment(url, boss, monkeypatch):
    monkeypatch.setenv("MODELYARD_TOKEN", f" {boss.create_token('v', 'viewer').token}\r\n")
    with ModelRegistry(url) as registry:
        assert registry.whoami().name == "v"


@pytest.mark.parametrize("token", ["a\nb", "a b", "é", "a\x00b"])
def test_a_token_that_no_header_holds_is_refused_and_not_repeated(token):
    with pytest.raises(InvalidRequest) as refused:
        RemoteCaller("http://127.0.0.1:1", token=f"hidden{token}")
    assert "hidden" not in str(refused.value)


@pytest.mark.feature("SEC-06")
def test_tokens_are_exchanged_while_requests_run(url, boss):
    """A client that reads its token anew finds one that works at every moment of three rotations."""
    current = boss.create_token("ci", "viewer")
    box, refused, done = [current.token], [], threading.Event()
    asked = threading.Semaphore(0)

    def ask() -> None:
        with httpx2.Client(base_url=url, timeout=30) as client:
            while not done.is_set():
                answer = client.get("/api/models/fraud/1.0.0/resolve", headers={"Authorization": f"Bearer {box[0]}"})
                if answer.status_code != 200:
                    refused.append(answer.text)
                asked.release()

    workers = [threading.Thread(target=ask) for _ in range(4)]
    for worker in workers:
        worker.start()
    for _ in range(3):
        following = boss.rotate_token(current.id, overlap="1h")
        for _ in range(40):
            assert asked.acquire(timeout=30)
        box[0] = following.token
        for _ in range(40):
            assert asked.acquire(timeout=30)
        boss.revoke_token(current.id)
        current = following
    done.set()
    for worker in workers:
        worker.join(30)
    assert refused == []


@pytest.mark.feature("SEC-01", "SEC-02")
def test_what_another_process_takes_away_is_gone_at_once(url, boss):
    issued = boss.create_token("ci", "viewer")
    path, headers = "/api/models/fraud/1.0.0/resolve", {"Authorization": f"Bearer {issued.token}"}
    with httpx2.Client(base_url=url, timeout=30, headers=headers) as client:
        assert [client.get(path).status_code for _ in range(3)] == [200, 200, 200]
        boss.update_user("ci", {"allow": "viewer", "model": "other"})
        assert client.get(path).status_code == 403
        boss.update_user("ci", "viewer")
        assert client.get(path).status_code == 200
        boss.revoke_token(issued.id)
        assert client.get(path).status_code == 401


@pytest.mark.feature("SEC-01")
def test_a_token_is_looked_up_once_for_each_state_of_the_database(url, boss, monkeypatch):
    issued = boss.create_token("ci", "viewer")
    asked: list[str] = []

    def counted(yard: Yard, text: str) -> tokens.Proof | None:
        asked.append(text)
        return tokens.authenticate(yard, text)

    monkeypatch.setattr("modelyard.server.identity.authenticate", counted)
    with httpx2.Client(base_url=url, timeout=30, headers={"Authorization": f"Bearer {issued.token}"}) as client:
        for _ in range(4):
            assert client.get("/api/models/fraud").status_code == 200
        # The first look-up notes the use, which is a change.
        before = len(asked)
        for number in range(20):
            assert client.get(f"/api/models?limit={number + 1}").status_code == 200
        assert len(asked) == before <= 2
        for _ in range(3):
            assert client.get("/api/models", headers={"Authorization": f"Bearer {WRONG}"}).status_code == 401
        assert len(asked) == before + 3


@pytest.mark.feature("SEC-01", "OBS-04")
def test_a_token_is_looked_up_again_when_users_change_and_not_when_anything_else_does(url, boss, monkeypatch):
    issued = boss.create_token("ci", "viewer")
    asked: list[str] = []

    def counted(yard: Yard, text: str) -> tokens.Proof | None:
        asked.append(text)
        return tokens.authenticate(yard, text)

    monkeypatch.setattr("modelyard.server.identity.authenticate", counted)
    with httpx2.Client(base_url=url, timeout=30, headers={"Authorization": f"Bearer {issued.token}"}) as client:
        assert client.get("/api/models/fraud").status_code == 200
        before = len(asked)
        for number in range(10):
            boss.update_model("fraud", description=str(number))
            assert client.get("/api/models/fraud").json()["description"] == str(number)
        assert len(asked) == before
        boss.create_user("somebody", "viewer")
        assert client.get("/api/models/fraud").status_code == 200
        assert len(asked) == before + 1
        # What nobody tells of, such as a hand in the database, is found out after a while.
        monkeypatch.setattr("modelyard.server.identity.KEPT_S", 0.0)
        boss.create_user("another", "viewer")
        for number in range(3):
            boss.update_model("fraud", description=f"then {number}")
            assert client.get("/api/models/fraud").status_code == 200
        assert len(asked) == before + 4


@pytest.mark.feature("SEC-01")
def test_a_token_that_was_looked_up_before_ends_at_its_moment(boss, folder):
    issued = boss.create_token("ci", "viewer", expires="1h")
    settings = load(environ={}, working_folder=folder.parent, overrides={"registry.path": str(folder)})
    yard = open_yard(settings)
    moment = [yard.clock()]
    service = Service(replace(yard, clock=lambda: moment[0]), settings, cache_bytes=0)
    scope = {"type": "http", "headers": [(b"authorization", f"Bearer {issued.token}".encode())]}

    async def ask() -> list[object]:
        keeper = Doorkeeper(service, asks=True)
        found: list[object] = []
        for now in (moment[0], moment[0], issued.expires_at):
            moment[0] = now
            found.append(await keeper.find(scope))
        return found

    first, second, last = asyncio.run(ask())
    service.close()
    assert isinstance(first, Principal)
    assert first == second
    assert isinstance(last, Unauthenticated)


@pytest.mark.feature("SEC-01")
def test_a_stream_of_events_ends_with_its_token(url, boss):
    issued = boss.create_token("ci", "viewer")
    headers = {"Authorization": f"Bearer {issued.token}"}
    with (
        httpx2.Client(base_url=url, timeout=30) as client,
        client.stream("GET", "/api/events/stream?after=0", headers=headers) as stream,
    ):
        lines = stream.iter_lines()
        assert any("model.created" in line for line in lines)
        boss.revoke_token(issued.id)
        boss.register_version("fraud", "3.0.0")
        assert not [line for line in lines if "3.0.0" in line]


@pytest.mark.feature("SEC-01", "SEC-04")
def test_actors_in_events_are_who_proved_it(url, boss):
    token = boss.create_token("ana", "developer").token
    with ModelRegistry(url, token=token) as registry:
        registry.register_version("fraud", "1.1.0")
    assert [event.actor for event in boss.events(types=["version.registered"])] == ["local", "ana"]


@pytest.mark.feature("SEC-01")
def test_neither_log_nor_answer_holds_a_token(url, boss, caplog, monkeypatch):
    caplog.set_level(logging.DEBUG)
    issued = boss.create_token("ci", "viewer")
    secret = issued.token.rpartition("_")[2]
    headers = {"Authorization": f"Bearer {issued.token}"}
    with httpx2.Client(base_url=url, timeout=30) as client:
        answers = [
            client.get("/api/models/fraud", headers=headers),
            client.get("/nowhere", headers=headers),
            client.post("/api/models/register", headers=headers, json={"name": "x"}),
            client.get("/api/models", headers={"Authorization": f"Bearer {issued.token}x"}),
            client.get(f"/api/models?token={issued.token}"),
        ]
        monkeypatch.setattr("modelyard.server.service.perform", lambda *_args, **_facts: 1 / 0)
        answers.append(client.get("/api/models?limit=7", headers=headers))
    assert [answer.status_code for answer in answers] == [200, 404, 403, 401, 401, 500]
    assert not any(secret in answer.text for answer in answers)
    ours = [record for record in caplog.records if not record.name.startswith("httpx2")]
    assert ours
    assert not any(secret in record.getMessage() + str(record.exc_info) for record in ours)


@pytest.mark.feature("SEC-01")
def test_without_auth_nobody_is_asked(server, folder, boss):
    with server.serving(folder) as where, ModelRegistry(where, token=None) as registry:
        assert (registry.whoami().name, registry.whoami().proven) == (LOCAL.name, False)
        assert registry.can_i("version.delete", "*").allowed
    with server.serving(folder) as where:
        assert httpx2.get(f"{where}/api/models", headers={"Authorization": "Bearer x"}).status_code == 200


@pytest.mark.feature("SEC-01")
def test_beyond_this_machine_only_who_asks(tmp_path):
    with pytest.raises(PermissionDenied, match=r"auth\.enabled"):
        bind("0.0.0.0", 0)
    settings = load(
        environ={}, working_folder=tmp_path, overrides={"registry.path": str(tmp_path / "r"), "auth.enabled": True}
    )
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        # Only the port is in the way: the address is allowed now.
        with pytest.raises(Exception, match="is in use"):
            serve(settings, host="0.0.0.0", port=taken.getsockname()[1])
