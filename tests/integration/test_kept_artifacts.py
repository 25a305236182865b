"""Kept artifacts and the rest of the registry: garbage, statistics, permissions, versions, processes that die."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from components.deadlines import until
from components.servers import PROGRAM, ThreadedServer
from components.templates import prepared
from components.yards import open_caller, register
from modelyard import ModelRegistry
from modelyard.artifacts import gc
from modelyard.bootstrap import EmbeddedCaller
from modelyard.domain.manifest import FileEntry, Manifest
from modelyard.domain.permissions import LOCAL, SELF, Grant, Principal
from modelyard.errors import ArtifactNotFound, InvalidArtifact, PermissionDenied, RegistryUnusable, VersionNotFound
from modelyard.metadata import proxied
from modelyard.operations import COLLECT_GARBAGE, STATS, CollectGarbage, Empty
from modelyard.registry.context import Context
from modelyard.registry.proxied import listed, manifest_of, opened, put, remove

FILES = "/api/2.0/mlflow-artifacts/artifacts"
AT_ONCE = CollectGarbage(grace_seconds=0)
MEBIBYTE = 1 << 20


@pytest.fixture
def caller(tmp_path: Path, database_url: str) -> Iterator[EmbeddedCaller]:
    """An empty registry on each database."""
    with open_caller(tmp_path / "registry", database_url) as caller:
        yield caller


def stored(caller: EmbeddedCaller, path: str, content: bytes) -> FileEntry:
    """Bring a file's bytes into the store, and nothing else."""
    with caller.yard.store.writer(path) as writer:
        writer.write(content)
        blob = writer.commit(allow_empty=True)
    return FileEntry(path=path, size=blob.size, blake3=blob.digest, sha256=blob.sha256, parts=blob.parts)


def keep(caller: EmbeddedCaller, path: str, content: bytes) -> None:
    """Keep a file under a path."""
    put(caller.yard, stored(caller, path, content), LOCAL)


def manifest(caller: EmbeddedCaller, path: str, principal: Principal = LOCAL) -> Manifest:
    """What would become a version of a path."""
    with caller.yard.database.read() as tx:
        return manifest_of(Context(yard=caller.yard, tx=tx, principal=principal, now=caller.yard.clock()), path)


@pytest.mark.parametrize(("first", "second"), [("run/a", "run/a/b/c"), ("run/a/b/c", "run/a")])
def test_of_two_at_once_one_path_becomes_a_file_or_a_folder(caller, first, second):
    earlier, later = stored(caller, first, b"1"), stored(caller, second, b"2")
    with ThreadPoolExecutor(1) as pool:
        with caller.yard.database.write() as tx:
            proxied.claim(tx, first)
            proxied.put(tx, earlier, caller.yard.clock())
            coming = pool.submit(put, caller.yard, later, LOCAL)
            wait([coming], timeout=0.2)
        with pytest.raises(InvalidArtifact, match="folder"):
            coming.result(30)
    keep(caller, "run/z", b"beside it")


@pytest.mark.feature("STO-06")
def test_a_kept_file_is_not_garbage_until_it_is_deleted_or_replaced(caller):
    record = register(caller, "fraud", b"shared")
    keep(caller, "run/a", b"shared")
    keep(caller, "run/b", b"kept")
    keep(caller, "run/c", b"replaced")
    keep(caller, "run/c", b"newer")
    stored(caller, "lost", b"lost")
    swept = caller.call(COLLECT_GARBAGE, AT_ONCE)
    assert (swept.blobs, swept.bytes, swept.kept_blobs, swept.kept_bytes) == (2, len(b"replacedlost"), 3, 15)
    numbers = caller.call(STATS, Empty())
    assert (numbers.total_artifacts, numbers.artifacts_size_bytes) == (3, 15)
    assert (numbers.total_size_bytes, numbers.stored_size_bytes) == (6, 15)
    assert remove(caller.yard, "run", LOCAL) == 3
    assert caller.call(COLLECT_GARBAGE, AT_ONCE).blobs == 2
    assert caller.yard.store.verify(record.files[0].blake3) == 6


def test_what_is_kept_while_garbage_is_swept_stays(caller, monkeypatch):
    blob = stored(caller, "run/late", b"late")
    sweep = gc.sweep

    def late(*args: Any, **options: Any) -> gc.Swept:
        put(caller.yard, blob, LOCAL)
        return sweep(*args, **options)

    monkeypatch.setattr(gc, "sweep", late)
    assert caller.call(COLLECT_GARBAGE, AT_ONCE).blobs == 0
    assert caller.yard.store.verify(blob.blake3) == 4


def test_what_left_the_store_before_it_was_recorded_is_to_be_sent_again(caller):
    entry = stored(caller, "run/a", b"quick")
    caller.call(COLLECT_GARBAGE, AT_ONCE)
    with pytest.raises(RegistryUnusable, match="not in the store"):
        put(caller.yard, entry, LOCAL)
    assert listed(caller.yard, "run", LOCAL) == []


def test_kept_files_become_the_files_of_a_version(caller):
    for path in ("run/model/MLmodel", "run/model/data/x.bin", "run/model-2/a", "run/other"):
        keep(caller, path, path.encode())
    found = manifest(caller, "run/model/")
    assert [entry.path for entry in found.files] == ["MLmodel", "data/x.bin"]
    assert [entry.path for entry in manifest(caller, "run/other").files] == ["other"]
    record = register(caller, "fraud")
    for path in (f"modelyard/{record.id}", f"modelyard/{record.id}/model.bin"):
        assert manifest(caller, path).digest == record.digest
    for path in ("none", "run/mod", "modelyard", f"modelyard/{record.id}/none"):
        with pytest.raises(ArtifactNotFound):
            manifest(caller, path)
    keep(caller, "run/model/mlMODEL", b"x")
    with pytest.raises(InvalidArtifact, match="case does not matter"):
        manifest(caller, "run/model")


@pytest.mark.feature("SEC-02")
def test_who_may_do_something_with_some_models_only_may_not_look_at_what_belongs_to_none(caller):
    keep(caller, "run/a", b"x")
    mine, other = register(caller, "fraud"), register(caller, "churn")
    scoped = Principal(name="ana", proven=True, grants=(Grant(allow="developer", model="fraud"),))
    own = f"modelyard/{mine.id}"
    assert [child.name for child in listed(caller.yard, own, scoped)] == ["model.bin"]
    assert opened(caller.yard, f"{own}/model.bin", scoped).size == 7
    assert manifest(caller, own, scoped).files
    entry = stored(caller, "run/b", b"x")
    for forbidden in (
        lambda: listed(caller.yard, "run", scoped),
        lambda: opened(caller.yard, "run/a", scoped),
        lambda: manifest(caller, "run", scoped),
        lambda: put(caller.yard, entry, scoped),
        lambda: remove(caller.yard, "run", scoped),
        lambda: listed(caller.yard, f"modelyard/{other.id}", scoped),
        lambda: opened(caller.yard, f"modelyard/{other.id}/model.bin", scoped),
        lambda: manifest(caller, f"modelyard/{other.id}", scoped),
    ):
        with pytest.raises((PermissionDenied, VersionNotFound)):
            forbidden()
    everywhere = Principal(name="ben", proven=True, grants=(Grant(allow="developer"), Grant(allow=SELF)))
    put(caller.yard, entry, everywhere)
    assert [child.name for child in listed(caller.yard, "run", everywhere)] == ["a", "b"]


@pytest.mark.feature("SEC-01", "SEC-02", "SEC-07")
def test_the_routes_ask_who_it_is_and_what_they_may(tmp_path):
    folder = prepared(tmp_path / "registry")
    with ModelRegistry(folder, actor="boss") as boss:
        roles = ("viewer", "developer", "caller")
        tokens = {role: boss.create_token(f"a-{role}", role).token for role in roles}
    server = ThreadedServer()
    expected = {
        "none": [401] * 4,
        "viewer": [403, 200, 404, 403],
        "developer": [200, 200, 200, 200],
        "caller": [403] * 4,
    }
    try:
        with server.serving(folder, {"auth.enabled": True}) as url, httpx2.Client(base_url=url) as client:
            for who, statuses in expected.items():
                headers = {"Authorization": f"Bearer {tokens[who]}"} if who in tokens else {}
                asked = [
                    client.request(method, path, headers=headers, content=b"x" if method == "PUT" else None)
                    for method, path in (
                        ("PUT", f"{FILES}/run/a"),
                        ("GET", FILES),
                        ("GET", f"{FILES}/run/a"),
                        ("DELETE", f"{FILES}/run/a"),
                    )
                ]
                assert [answer.status_code for answer in asked] == statuses, who
                codes = {answer.json()["error_code"] for answer in asked if answer.status_code in {401, 403}}
                assert codes <= {"UNAUTHENTICATED", "PERMISSION_DENIED"}
    finally:
        server.stop()


class Half:
    """A request to put a file that has been sent in part."""

    def __init__(self, url: str, path: str, *, announced: int, sent: int) -> None:
        place = urlsplit(url)
        self._connection = socket.create_connection((str(place.hostname), place.port or 0))
        head = f"PUT {FILES}/{path} HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Length: {announced}\r\n\r\n"
        self._connection.sendall(head.encode() + b"y" * sent)

    def answer(self) -> bytes:
        """What the server says before it has the rest."""
        self._connection.settimeout(30)
        return self._connection.recv(1 << 16)

    def close(self) -> None:
        """Go away."""
        self._connection.close()


def half_written(folder: Path) -> list[Path]:
    """Files of a registry's store that are being written."""
    return [path for path in (folder / "tmp").rglob("*") if path.is_file()]


def blobs(folder: Path) -> list[Path]:
    """All files that lie in a registry's store."""
    return list((folder / "blobs").glob("*/*"))


def test_a_client_that_goes_away_leaves_nothing_and_what_was_there_stays(tmp_path):
    folder = tmp_path / "registry"
    server = ThreadedServer()
    try:
        with server.serving(folder) as url, httpx2.Client(base_url=url) as client:
            client.put(f"{FILES}/run/a.bin", content=b"before")
            half = Half(url, "run/a.bin", announced=50_000_000, sent=20_000_000)
            until(lambda: half_written(folder), "the file is being written")
            half.close()
            until(lambda: not half_written(folder), "the file is forgotten")
            assert client.get(f"{FILES}/run/a.bin").content == b"before"
            assert len(blobs(folder)) == 1
            refused = Half(url, "run/b", announced=10**15, sent=1)
            assert refused.answer().startswith(b"HTTP/1.1 400 ")
            refused.close()
    finally:
        server.stop()


class running:  # noqa: N801 - it is used as a function
    """A server of a registry in a process of its own, as a context; yields the process and its URL."""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, "0"], cwd=folder, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> tuple[subprocess.Popen[str], str]:
        assert self._process.stdout is not None
        return self._process, self._process.stdout.readline().strip()

    def __exit__(self, *_error: object) -> None:
        self._process.terminate()
        self._process.wait(30)
        assert self._process.stdout is not None
        self._process.stdout.close()


@pytest.mark.kill
@pytest.mark.slow
@pytest.mark.feature("EXP-23")
def test_two_processes_serve_the_same_files_hold_none_in_memory_and_one_survives_the_other(tmp_path):
    folder = prepared(tmp_path / "model_registry")
    with running(tmp_path) as (first, one), running(tmp_path) as (second, two):
        httpx2.put(f"{one}{FILES}/run/a", content=b"first")
        assert httpx2.get(f"{two}{FILES}/run/a").content == b"first"
        contents = [bytes([number]) * MEBIBYTE for number in range(6)]
        threads = [
            Thread(target=httpx2.put, args=(f"{(one, two)[number % 2]}{FILES}/run/a",), kwargs={"content": content})
            for number, content in enumerate(contents)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        kept = httpx2.get(f"{one}{FILES}/run/a").content
        assert kept == httpx2.get(f"{two}{FILES}/run/a").content
        assert kept in contents
        before = memory(first, second)
        piece = os.urandom(MEBIBYTE)
        sent = httpx2.put(f"{one}{FILES}/run/big", content=(piece for _ in range(128)), timeout=120)
        assert sent.status_code == 200, sent.text
        with httpx2.stream("GET", f"{two}{FILES}/run/big", timeout=120) as answer:
            assert all(chunk == piece for chunk in answer.iter_bytes(MEBIBYTE))
        assert memory(first, second) - before < 96 * MEBIBYTE, "the servers hold what they pass on"
        count = len(blobs(folder))
        half = Half(one, "run/a", announced=50_000_000, sent=30_000_000)
        until(lambda: half_written(folder), "the file is being written")
        first.kill()
        first.wait(30)
        half.close()
        assert httpx2.get(f"{two}{FILES}", params={"path": "run"}).json()["files"] == [
            {"path": "a", "is_dir": False, "file_size": MEBIBYTE},
            {"path": "big", "is_dir": False, "file_size": 128 * MEBIBYTE},
        ]
        assert httpx2.get(f"{two}{FILES}/run/a").content == kept
        assert len(blobs(folder)) == count
        for path in half_written(folder):
            os.utime(path, (0, 0))
        assert httpx2.post(f"{two}/api/gc", json={}, timeout=60).json()["stale_uploads"] == 1
        assert half_written(folder) == []


def memory(*servers: subprocess.Popen[str]) -> int:
    """The most memory that servers have had until now, in bytes."""
    peaks = (Path(f"/proc/{server.pid}/status").read_text() for server in servers)
    return sum(int(text.split("VmHWM:")[1].split()[0]) * 1024 for text in peaks)
