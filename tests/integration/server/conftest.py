"""A real server for the tests of this folder: uvicorn in a thread, on a free port of 127.0.0.1."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from components.templates import prepared
from modelyard.bootstrap import open_yard
from modelyard.config import load
from modelyard.server.app import create_app
from modelyard.server.serve import Server, bind, configuration, url_of


class Served:
    """A registry behind a running server.

    Attributes:
        yard: the server's own parts, to look behind it.
        url: where it answers.
        client: a client of it.
    """

    def __init__(self, folder: Path, database_url: str = "", **overrides: Any) -> None:
        given = {"registry.path": str(folder), **overrides}
        if database_url:
            given["database.url"] = database_url
        prepared(folder, database_url)
        self.settings = load(environ={}, working_folder=folder.parent, overrides=given)
        self.yard = open_yard(self.settings, expose_paths=False)
        self.app = create_app(self.yard, self.settings)
        listener = bind("127.0.0.1", 0)
        self.url = url_of("127.0.0.1", listener)
        ready = Event()
        self._server = Server(configuration(self.app), on_ready=ready.set, on_end=self.app.interrupt)
        self._thread = Thread(target=self._server.run, kwargs={"sockets": [listener]})
        self._thread.start()
        assert ready.wait(30)
        self.client = httpx2.Client(base_url=self.url, timeout=60, verify=False)

    def stop(self) -> None:
        """End the server; returns when it has closed the registry."""
        self.client.close()
        self._server.should_exit = True
        self._thread.join(30)
        assert not self._thread.is_alive()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that the tests of a module share; each uses names of its own."""
    server = Served(tmp_path_factory.mktemp("served") / "registry")
    yield server
    server.stop()


@pytest.fixture(scope="module")
def client(served: Served) -> httpx2.Client:
    """A client of the shared server."""
    return served.client


@pytest.fixture
def name() -> str:
    """A model name that no other test has."""
    return f"model-{uuid4().hex[:12]}"


@pytest.fixture
def serve_with(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """Make servers of a test's own, with settings of its own."""
    made: list[Served] = []

    def make(**overrides: Any) -> Served:
        made.append(Served(tmp_path / f"registry{len(made)}", **overrides))
        return made[-1]

    yield make
    for server in made:
        server.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def fresh(request: pytest.FixtureRequest, serve_with: Callable[..., Served]) -> Served:
    """An empty registry behind a server, on each database."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else ""
    return serve_with(database_url=url)


@pytest.fixture
def upload(client: httpx2.Client, name: str) -> Callable[..., dict[str, Any]]:
    """Upload files as the next version of the test's model; gives the version's record."""

    def send(files: dict[str, bytes] | bytes = b"weights", **fields: str) -> dict[str, Any]:
        parts = {"model.bin": files} if isinstance(files, bytes) else files
        answer = client.post(
            "/api/models/upload",
            data={"name": name, **fields},
            files=[("file", (path, content)) for path, content in parts.items()],
        )
        assert answer.status_code == 201, answer.text
        record: dict[str, Any] = answer.json()
        return record

    return send


class ServerProcess:
    """A server in a process of its own, started as a user's would be.

    Attributes:
        folder: its working folder; the registry is `registry` in it.
    """

    PROGRAM = """
import sys
from pathlib import Path
from modelyard import config
from modelyard.server.serve import serve
folder = Path(sys.argv[1])
overrides = {"registry.path": str(folder / "registry"), "server.port": int(sys.argv[2])}
serve(config.load(environ={}, working_folder=folder, overrides=overrides), on_ready=lambda url: print(url, flush=True))
"""

    def __init__(self, folder: Path, port: int = 0) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", self.PROGRAM, str(folder), str(port)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()
        self.client = httpx2.Client(base_url=self.url, timeout=120, verify=False)

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait; gives the exit code."""
        self.client.close()
        self.process.send_signal(number)
        code = self.process.wait(40)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


@pytest.fixture
def serve_process(tmp_path: Path) -> Iterator[Callable[..., ServerProcess]]:
    """Start servers in processes of their own, all on one registry."""
    made: list[ServerProcess] = []

    def make(port: int = 0) -> ServerProcess:
        made.append(ServerProcess(tmp_path, port))
        return made[-1]

    yield make
    for server in made:
        if server.process.poll() is None:
            server.end(signal.SIGKILL)
