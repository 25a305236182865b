"""Bytes and events through Flask: nothing that was cut is taken for whole, and no stream outlives its client."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from components.deadlines import until
from components.flask_server import children, gunicorn, peak, place, site_of
from modelyard import ModelRegistry
from modelyard.integrations.flask import create_app

SIZE = 50 << 20
PIECE = bytes(range(256)) * 4_096
FIRST = 20 << 20
"""The size of a first file; after it, all is loaded, and two parts of 8 MiB have been held."""
ROOM = 30 << 20
"""How much more memory a process may take for a file of `SIZE` after that."""


def talk(url: str, *pieces: bytes) -> bytes:
    """Send bytes, and that there are no more; return what comes back."""
    parts = urlsplit(url)
    with socket.create_connection((str(parts.hostname), parts.port or 0), 30) as connection:
        for piece in pieces:
            connection.sendall(piece)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := connection.recv(65_536):
            answer += piece
    return answer


def head(path: str, *lines: str) -> bytes:
    """The head of a POST."""
    return "\r\n".join((f"POST {path} HTTP/1.1", "Host: localhost", *lines, "", "")).encode()


def cut_uploads(name: str) -> Iterator[tuple[bytes, bytes]]:
    """Uploads whose end never comes, as head and body: by length and in chunks, as a file and as a form."""
    target = f"/api/models/upload?name={name}&filename=a.bin"
    yield head(target, "Content-Length: 100"), b"x" * 60
    yield head(target, "Transfer-Encoding: chunked"), b"3c\r\n" + b"x" * 60 + b"\r\n"
    form = b'--b\r\nContent-Disposition: form-data; name="name"\r\n\r\n' + name.encode()
    form += b'\r\n--b\r\nContent-Disposition: form-data; name="f"; filename="a.bin"\r\n\r\nxxx'
    kind = "Content-Type: multipart/form-data; boundary=b"
    yield head("/api/models/upload", kind, f"Content-Length: {len(form)}"), form


@pytest.mark.slow
def test_large_files_pass_through_gunicorn_without_being_held_and_cut_ones_are_never_registered(tmp_path):
    sent = hashlib.sha256()

    def pieces() -> Iterator[bytes]:
        for _ in range(SIZE // len(PIECE)):
            sent.update(PIECE)
            yield PIECE

    with gunicorn(tmp_path) as (url, running), httpx2.Client(base_url=url, timeout=120) as client:
        upload = {"name": "fraud", "filename": "weights.bin"}
        first = client.post("/api/models/upload", params=upload, content=bytes(FIRST)).json()["id"]
        assert len(client.get(f"/api/models/{first}/download").content) == FIRST
        (worker,) = children(running)
        before = peak(worker)
        made = client.post("/api/models/upload", params=upload, content=pieces())
        assert made.status_code == 201, made.text
        assert made.json()["model_size_bytes"] == SIZE
        got, size = hashlib.sha256(), 0
        with client.stream("GET", f"/api/models/{made.json()['id']}/download") as answer:
            assert int(answer.headers["content-length"]) == SIZE
            for piece in answer.iter_raw():
                got.update(piece)
                size += len(piece)
        assert (size, got.hexdigest()) == (SIZE, sent.hexdigest())
        assert peak(worker) - before < ROOM
        for start, body in cut_uploads("cut"):
            assert b" 201 " not in talk(url, start, body)[:40]
        assert client.get("/api/models/cut").status_code == 404


def test_what_was_cut_off_is_never_registered(client, server):
    for start, body in cut_uploads("cut-too"):
        assert b" 201 " not in talk(server.url, start, body)[:40]
    assert client.get("/api/models/cut-too").status_code == 404


def test_a_download_has_ranges_tags_and_archives(client, name):
    files = [("file", ("a.bin", b"0123456789")), ("file", ("b/c.txt", b"text"))]
    made = client.post("/api/models/upload", data={"name": name, "version": "1.0.0"}, files=files)
    assert made.status_code == 201, made.text
    address = f"/api/models/{name}/1.0.0/download?path=a.bin"
    whole = client.get(address)
    part = client.get(address, headers={"Range": "bytes=2-4"})
    assert (whole.content, part.status_code, part.content) == (b"0123456789", 206, b"234")
    assert part.headers["content-range"] == "bytes 2-4/10"
    behind = client.get(address, headers={"Range": "bytes=10-"})
    assert (behind.status_code, behind.headers["content-range"]) == (416, "bytes */10")
    known = client.get(address, headers={"If-None-Match": whole.headers["etag"]})
    assert (known.status_code, known.content) == (304, b"")
    looked = client.head(address)
    assert (looked.status_code, looked.headers["content-length"], looked.content) == (200, "10", b"")
    archive = client.get(f"/api/models/{name}/versions/1.0.0/download")
    assert archive.headers["content-type"] == "application/x-tar"
    assert len(archive.content) == int(archive.headers["content-length"])


def test_damage_in_the_first_part_is_an_error_and_damage_behind_it_cuts_the_connection(server, folder):
    app = create_app(place(folder))
    content = PIECE * 20
    with server.showing(app) as url, httpx2.Client(base_url=url, timeout=60) as client:
        made = client.post("/api/models/upload?name=fraud&filename=a.bin", content=content).json()
        files = [path for path in (folder / "blobs").rglob("*") if path.is_file()]
        stored = max(files, key=lambda path: path.stat().st_size)
        stored.chmod(0o644)
        damage(stored, len(content) - 1)
        with pytest.raises(httpx2.RemoteProtocolError):
            client.get(f"/api/models/{made['id']}/download")
        damage(stored, 0)
        assert client.get(f"/api/models/{made['id']}/download").json()["status"] == 500


def damage(path: Path, place_in_it: int) -> None:
    """Turn a byte of a file round."""
    with path.open("r+b") as file:
        file.seek(place_in_it)
        byte = file.read(1)
        file.seek(place_in_it)
        file.write(bytes([byte[0] ^ 255]))


def lines_until(lines: Iterator[str], wanted: str) -> list[str]:
    """Read lines up to one that begins with a text."""
    read: list[str] = []
    for line in lines:
        read.append(line)
        if line.startswith(wanted):
            return read
    raise AssertionError(f"the stream ended before {wanted}: {read}")


def test_events_come_as_they_happen_and_a_stream_ends_with_its_client(server, folder, monkeypatch):
    monkeypatch.setattr("modelyard.server.frames.HEARTBEAT_S", 0.3)
    app = create_app(place(folder, {"server.max_event_streams": 1}))
    with server.showing(app) as url, httpx2.Client(base_url=url, timeout=30) as client:
        client.post("/api/models/register", json={"name": "before"})
        with client.stream("GET", "/api/events/stream?after=0") as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            lines = answer.iter_lines()
            lines_until(lines, "event: model.created")
            lines_until(lines, ": still here")
            client.post("/api/models/register", json={"name": "later"})
            assert "later" in lines_until(lines, "data: ")[-1]
            full = client.get("/api/events/stream")
            assert (full.status_code, full.json()["code"], full.headers["retry-after"]) == (
                503,
                "too_many_streams",
                "5",
            )
        monkeypatch.setattr("modelyard.server.frames.HEARTBEAT_S", 1_000.0)

        def is_resumed() -> bool:
            with client.stream("GET", "/api/events/stream", headers={"Last-Event-ID": "1"}) as again:
                if again.status_code != 200:
                    return False
                lines = again.iter_lines()
                assert "later" in lines_until(lines, "data: ")[-1]
                site_of(app).service.ending.set()
                return not any(lines)

        until(is_resumed, "the place of a client that has gone")


def test_a_stream_does_not_outlive_the_permission_to_see_it(server, folder):
    app = create_app(place(folder, {"auth.enabled": True}))
    with ModelRegistry(folder) as boss, server.showing(app) as url:
        boss.create_model("fraud")
        issued = boss.create_token("ana", {"allow": "viewer"})
        proof = {"Authorization": f"Bearer {issued.token}"}
        with httpx2.stream("GET", f"{url}/api/events/stream?after=0", headers=proof, timeout=30) as answer:
            lines = answer.iter_lines()
            lines_until(lines, "event: model.created")
            boss.revoke_token(issued.id)
            assert not [line for line in lines if "token.revoked" in line]
