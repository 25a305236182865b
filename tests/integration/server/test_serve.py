"""The server as a process: where it listens, how it ends, and what is left when it is killed."""

from __future__ import annotations

import os
import signal
import socket
import threading
from urllib.parse import urlsplit

import pytest

from components.yards import open_caller
from modelyard.bootstrap import open_yard
from modelyard.config import load
from modelyard.errors import InvalidConfig, PermissionDenied
from modelyard.operations import LIST_ALL_VERSIONS, ListAllVersions
from modelyard.server.serve import bind, serve, url_of

UPLOAD = "/api/models/upload"


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_beyond_this_machine_only_when_told_so(host):
    with pytest.raises(PermissionDenied) as refused:
        bind(host, 0)
    assert "--insecure" in refused.value.hint
    bind(host, 0, insecure=True).close()


def test_a_taken_port_is_told_plainly(tmp_path):
    with bind("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        settings = load(environ={}, working_folder=tmp_path, overrides={"server.port": port})
        with pytest.raises(InvalidConfig, match=f"port {port} of 127.0.0.1 is in use"):
            serve(settings)
    assert not (tmp_path / "model_registry").exists()


def test_a_host_that_is_none_is_told_plainly():
    with pytest.raises(InvalidConfig, match="no address"):
        bind("no such host", 0)
    with pytest.raises(InvalidConfig, match="cannot listen"):
        bind("192.0.2.1", 0, insecure=True)


def test_the_url_of_a_listener():
    with bind("::1", 0) as listener:
        assert url_of("::1", listener) == f"http://[::1]:{listener.getsockname()[1]}"
        assert listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_requests_end_and_the_process_leaves_cleanly(serve_process, number):
    server = serve_process()
    place = urlsplit(server.url)
    with socket.create_connection((place.hostname, place.port)) as slow:
        slow.sendall(
            f"POST {UPLOAD}?name=slow&filename=m.bin HTTP/1.1\r\nHost: {place.netloc}\r\n"
            "Content-Length: 8\r\n\r\nhalf".encode()
        )
        assert server.client.get("/health").status_code == 200
        server.process.send_signal(number)
        refused(place)
        slow.sendall(b"done")
        assert slow.recv(1 << 16).startswith(b"HTTP/1.1 201 ")
    assert server.process.wait(40) == 0
    server.end()
    with open_caller(server.folder / "registry") as caller:
        assert [version.name for version in caller.call(LIST_ALL_VERSIONS, ListAllVersions()).versions] == ["slow"]


def refused(place) -> None:
    """Wait until a server takes no connections any more."""
    waiting = threading.Event()
    for _ in range(1000):
        try:
            socket.create_connection((place.hostname, place.port)).close()
        except ConnectionRefusedError:
            return
        waiting.wait(0.01)
    raise AssertionError("the server still takes connections")


@pytest.mark.kill
@pytest.mark.feature("REG-03")
@pytest.mark.parametrize("sent", [100, 1 << 20, 20 << 20])
def test_a_server_killed_during_an_upload_leaves_a_registry_that_is_whole(serve_process, sent):
    server = serve_process()
    kept = server.client.post(UPLOAD, data={"name": "kept"}, files={"file": ("m.bin", b"weights")}).json()
    place = urlsplit(server.url)
    with socket.create_connection((place.hostname, place.port)) as connection:
        head = f"POST {UPLOAD}?name=lost&filename=m.bin HTTP/1.1\r\nHost: {place.netloc}\r\n"
        connection.sendall(f"{head}Content-Length: 50000000\r\n\r\n".encode() + os.urandom(sent))
        assert server.end(signal.SIGKILL) == -signal.SIGKILL
    again = serve_process(port=place.port)
    assert again.client.get("/api/models").json()["models"][0]["name"] == "kept"
    assert [version["id"] for version in again.client.get("/api/models/versions").json()["versions"]] == [kept["id"]]
    assert again.client.post(f"/api/models/{kept['id']}/verify").json()["damage"] == []
    # What the dead upload left is garbage that the collector finds, once nobody has written to it for an hour.
    for left in (again.folder / "registry" / "tmp").iterdir():
        os.utime(left, times=(0, 0))
    assert again.client.post("/api/gc", json={"grace_seconds": 0}).status_code == 200
    assert again.end() == 0
    yard = open_yard(
        load(environ={}, working_folder=again.folder, overrides={"registry.path": str(again.folder / "registry")})
    )
    assert not list(yard.store.backend.list("tmp/"))
    assert len(list(yard.store.backend.list("blobs/"))) == 1
    yard.database.close()
