"""Times the HTTP server against plain ASGI applications on the same uvicorn settings, in the same run; prints medians.

    python bench/server.py [--size MIB] [--rounds N] [--requests N] [--folder DIR]

    cached     CPU of a resolve by alias from the cache         against  an answer that never changes
    database   CPU of a resolve by alias through the database   against  the same
    list warm  CPU of 1,000 versions listed again               against  orjson on plain dicts, at each request
    list cold  CPU of 1,000 versions listed from the database   against  the same
    latency    a resolve, one request at a time, wall time      against  an answer that never changes
    upload     curl of a file into the registry, durable        against  curl into a file that is synced
    download   curl of the file out of it, verified             against  curl of the file
    memory     the server's peak over idle while transferring

CPU is that of the server process, user and system, so that what else the machine does hardly counts. Everything stays
on 127.0.0.1 and below one folder that is removed. Ends with 1 if a goal is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import orjson
import psutil

from modelyard.bootstrap import EmbeddedCaller, open_yard
from modelyard.config import load
from modelyard.operations import LIST_VERSIONS, SET_ALIAS, ListVersions, RegisterVersion, SetAlias
from modelyard.server.app import CACHE_BYTES, create_app
from modelyard.server.serve import Server, bind, configuration, url_of

MIB = 1 << 20
MEMORY_GOAL = 64 * MIB
VERSIONS = 1_000
CONNECTIONS = 8
SHORT = 0.1
"""Seconds; what is shorter is printed in microseconds."""
MODEL = "fraud"
RESOLVE = f"/api/models/{MODEL}@champion/resolve"
LIST = f"/api/models/{MODEL}/versions?limit={VERSIONS}"


class Plain:
    """The yardstick: the least that an ASGI application can do.

    Args:
        folder: holds `source.bin`, which `/source` sends; `/sink` writes what it gets into it, and syncs it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rows: list[dict[str, Any]] = json.loads((folder / "rows.json").read_text(encoding="utf-8"))
        self.answer = json.dumps(
            {key: self.rows[0][key] for key in ("id", "name", "number", "version", "stage")}
        ).encode()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self.lifespan(receive, send)
        elif scope["path"] == "/rows":
            await self.say(send, orjson.dumps(self.rows))
        elif scope["path"] == "/sink":
            await self.sink(receive, send)
        elif scope["path"] == "/source":
            await self.source(send)
        else:
            await self.say(send, self.answer)

    async def lifespan(self, receive: Any, send: Any) -> None:
        """Say yes to the start and to the end."""
        for kind in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{kind}.complete"})

    async def say(self, send: Any, body: bytes) -> None:
        """Send a JSON answer."""
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def sink(self, receive: Any, send: Any) -> None:
        """Write the body to a file."""
        loop = asyncio.get_running_loop()
        with (self.folder / "sink.bin").open("wb", buffering=MIB) as file:
            more = True
            while more:
                message = await receive()
                file.write(message["body"])
                more = message["more_body"]
            file.flush()
            await loop.run_in_executor(None, os.fsync, file.fileno())
        await self.say(send, b"{}")

    async def source(self, send: Any) -> None:
        """Send a file."""
        loop = asyncio.get_running_loop()
        path = self.folder / "source.bin"
        headers = [(b"content-length", b"%d" % path.stat().st_size)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        with path.open("rb", buffering=0) as file:
            while piece := await loop.run_in_executor(None, file.read, 8 * MIB):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


def settings_of(folder: Path) -> Any:
    """The settings of the registry that is measured."""
    return load(environ={}, working_folder=folder, overrides={"registry.path": str(folder / "registry")})


def run_server(kind: str, folder: Path) -> None:
    """Serve in this process until a signal comes; prints the address."""
    settings = settings_of(folder)
    app: Any = Plain(folder)
    if kind != "plain":
        yard = open_yard(settings, expose_paths=False)
        app = create_app(yard, settings, cache_bytes=0 if kind == "uncached" else CACHE_BYTES)
    listener = bind("127.0.0.1", 0)
    server = Server(configuration(app), on_ready=lambda: print(url_of("127.0.0.1", listener), flush=True))
    server.run(sockets=[listener])


@dataclass(frozen=True)
class Running:
    """A server process."""

    url: str
    process: psutil.Process

    def cpu(self) -> float:
        """Seconds of CPU that it has used."""
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def peak(self) -> int:
        """The most memory that it has held, in bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024


@contextmanager
def server(kind: str, folder: Path) -> Iterator[Running]:
    """A server in a process of its own."""
    command = [sys.executable, __file__, "--serve", kind, "--folder", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            told = process.stdout.readline() if process.stdout else ""
            yield Running(told.strip(), psutil.Process(process.pid))
        finally:
            process.terminate()


class Client:
    """Connections that are kept open, with one request under way on each; parses no more than it must."""

    def __init__(self, url: str, path: str, connections: int) -> None:
        parts = urlsplit(url)
        place = (str(parts.hostname), int(parts.port or 0))
        self.request = f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode()
        self.sockets = [socket.create_connection(place) for _ in range(connections)]
        for one in self.sockets:
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = memoryview(bytearray(16 * MIB))

    def turn(self) -> None:
        """One request on each connection."""
        for one in self.sockets:
            one.sendall(self.request)
        for one in self.sockets:
            self.read(one)

    def read(self, one: socket.socket) -> None:
        """Read one answer."""
        size, wanted = 0, 1
        while size < wanted:
            count = one.recv_into(self.buffer[size:])
            if not count:
                raise ConnectionError("the server closed the connection")
            if wanted == 1:
                head, found, _ = bytes(self.buffer[: size + count]).partition(b"\r\n\r\n")
                if found:
                    if not head.startswith(b"HTTP/1.1 200"):
                        raise ConnectionError(head.decode())
                    length = head.lower().partition(b"content-length:")[2].split()[0]
                    wanted = len(head) + 4 + int(length)
            size += count

    def close(self) -> None:
        """Close the connections."""
        for one in self.sockets:
            one.close()


def cpu_of(running: Running, path: str, requests: int) -> float:
    """Seconds of the server's CPU for one request."""
    client = Client(running.url, path, CONNECTIONS)
    client.turn()
    turns = max(1, requests // CONNECTIONS)
    before = running.cpu()
    for _ in range(turns):
        client.turn()
    spent = running.cpu() - before
    client.close()
    return spent / (turns * CONNECTIONS)


def latency_of(running: Running, path: str, requests: int) -> float:
    """Median seconds of one request at a time."""
    client = Client(running.url, path, 1)
    times = []
    for _ in range(requests):
        start = time.perf_counter()
        client.turn()
        times.append(time.perf_counter() - start)
    client.close()
    return median(times)


def curl(*arguments: str) -> float:
    """Seconds that a curl takes."""
    start = time.perf_counter()
    subprocess.run(["curl", "--fail", "--silent", "--show-error", "--output", "/dev/null", *arguments], check=True)
    return time.perf_counter() - start


def prepare(folder: Path, size: int) -> None:
    """A registry with 1,000 versions and an alias, the same rows as JSON, and a file of random bytes."""
    caller = EmbeddedCaller(open_yard(settings_of(folder), expose_paths=False))
    small = folder / "model.bin"
    metrics = {"accuracy": 0.93, "f1": 0.91, "loss": 0.2}
    for number in range(VERSIONS):
        small.write_bytes(b"weights of %d" % number)
        tags = {"team": "risk", "run": str(number)}
        caller.upload(
            RegisterVersion(name=MODEL, create=True, metrics=metrics, tags=tags, hyperparameters={"depth": number}),
            small,
        )
    caller.call(SET_ALIAS, SetAlias(name=MODEL, alias="champion", version="500"))
    page = caller.call(LIST_VERSIONS, ListVersions(name=MODEL, limit=VERSIONS))
    rows = json.dumps(
        [vars(row) | {"files": [vars(f) for f in row.files], "completeness": {}} for row in page.versions]
    )
    (folder / "rows.json").write_text(rows, encoding="utf-8")
    caller.close()
    with (folder / "source.bin").open("wb") as file:
        for _ in range(size // (8 * MIB)):
            file.write(os.urandom(8 * MIB))


@dataclass(frozen=True)
class Row:
    """One figure: what is timed, against what, and how many times as much it may take."""

    name: str
    goal: float
    ours: Callable[[], float]
    yardstick: Callable[[], float]


def report(row: Row, rounds: int) -> bool:
    """Measure in turns and print; says whether the goal is reached."""
    pairs = [(row.yardstick(), row.ours()) for _ in range(rounds)]
    plain, ours = (median(values) for values in zip(*pairs, strict=True))
    ratio = median(ours / plain for plain, ours in pairs)
    verdict = "ok" if ratio <= row.goal else "MISSED"
    unit, factor = ("s ", 1.0) if plain > SHORT else ("us", 1e6)
    figures = f"{ours * factor:9.2f} {unit} against {plain * factor:9.2f} {unit}: {ratio:5.2f}x"
    print(f"{row.name:10} {figures} (goal {row.goal}x) {verdict}")
    return ratio <= row.goal


def small_rows(plain: Running, cached: Running, uncached: Running, requests: int) -> list[Row]:
    """The figures of short requests."""
    few = max(CONNECTIONS * 4, requests // 100)
    static = lambda: cpu_of(plain, "/", requests)  # noqa: E731 - two rows share it
    listed = lambda: cpu_of(plain, "/rows", few)  # noqa: E731
    return [
        Row("cached", 2.0, lambda: cpu_of(cached, RESOLVE, requests), static),
        Row("database", 9.0, lambda: cpu_of(uncached, RESOLVE, requests), static),
        Row("list warm", 3.0, lambda: cpu_of(cached, LIST, few), listed),
        Row("list cold", 3.0, lambda: cpu_of(uncached, LIST, few // 4), listed),
        Row(
            "latency",
            2.0,
            lambda: latency_of(cached, RESOLVE, requests // 4),
            lambda: latency_of(plain, "/", requests // 4),
        ),
    ]


def large_rows(plain: Running, cached: Running, folder: Path) -> list[Row]:
    """The figures of transfers."""
    source = folder / "source.bin"

    def upload() -> float:
        clean(folder, source)
        return curl("-F", f"file=@{source}", "-F", "name=large", f"{cached.url}/api/models/upload")

    def sink() -> float:
        clean(folder, source)
        return curl("--upload-file", str(source), f"{plain.url}/sink")

    return [
        Row("upload", 1.5, upload, sink),
        Row(
            "download",
            1.5,
            lambda: curl(f"{cached.url}/api/models/large/download"),
            lambda: curl(f"{plain.url}/source"),
        ),
    ]


def clean(folder: Path, source: Path) -> None:
    """Make the file's content new to the registry, and wait until the disk has nothing left to do."""
    (folder / "sink.bin").unlink(missing_ok=True)
    with source.open("r+b") as file:
        file.write(os.urandom(64))
        file.seek(-64, os.SEEK_END)
        file.write(os.urandom(64))
    os.sync()


def main() -> int:
    """Measure everything; 1 if a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--size", type=int, default=1024, help="MiB of the file that is transferred")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=8_000)
    parser.add_argument("--folder", type=Path, default=None)
    parser.add_argument("--serve", choices=("plain", "cached", "uncached"), help=argparse.SUPPRESS)
    parser.add_argument("--quick", action="store_true", help="a file of 64 MiB, a thousand requests, two rounds")
    options = parser.parse_args()
    if options.quick:
        options.size, options.requests, options.rounds = 64, 1_000, 2
    if options.serve:
        run_server(options.serve, options.folder)
        return 0
    folder = Path(tempfile.mkdtemp(prefix="modelyard-bench-", dir=options.folder))
    try:
        prepare(folder, options.size * MIB)
        with (
            server("plain", folder) as plain,
            server("cached", folder) as cached,
            server("uncached", folder) as uncached,
        ):
            good = [report(row, options.rounds) for row in small_rows(plain, cached, uncached, options.requests)]
            idle = cached.peak()
            good += [report(row, min(options.rounds, 3)) for row in large_rows(plain, cached, folder)]
            grown = cached.peak() - idle
            good.append(grown <= MEMORY_GOAL)
            verdict = "ok" if good[-1] else "MISSED"
            print(f"{'memory':10} {grown / MIB:9.1f} MiB over idle (goal {MEMORY_GOAL // MIB} MiB) {verdict}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
