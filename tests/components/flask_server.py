"""The registry behind Flask, for the tests: a real WSGI server in a thread, on a free port."""

from __future__ import annotations

import logging
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask
from werkzeug.serving import make_server

from components.deadlines import until
from components.templates import prepared
from modelyard.config import Settings, load
from modelyard.integrations.flask import create_app
from modelyard.integrations.flask.blueprint import EXTENSION
from modelyard.integrations.flask.site import Site

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Place:
    """A registry as the blueprint wants it: where it lies, and its settings."""

    address: str
    settings: Settings


def place(folder: Path, overrides: Mapping[str, Any] | None = None) -> Place:
    """An empty registry in a folder, with settings by their dotted names."""
    given = {"registry.path": str(folder), "cache.path": str(folder.parent / "cache"), **(overrides or {})}
    prepared(folder, given.get("database.url", ""))
    return Place(str(folder), load(environ={}, working_folder=folder.parent, overrides=given))


def site_of(app: Flask) -> Site:
    """The parts behind an application."""
    found: Site = app.extensions[EXTENSION]
    return found


class FlaskServer:
    """werkzeug's threaded server on a free port; it serves one application after the other.

    Attributes:
        url: where it listens.
    """

    def __init__(self) -> None:
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._app: Any = None
        self._server = make_server(HOST, 0, self._hand_on, threaded=True)
        self.url = f"http://{HOST}:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    @contextmanager
    def serving(self, folder: Path, overrides: Mapping[str, Any] | None = None) -> Iterator[str]:
        """Serve the registry in a folder; yield the server's URL."""
        with self.showing(create_app(place(folder, overrides))) as url:
            yield url

    @contextmanager
    def showing(self, app: Flask) -> Iterator[str]:
        """Serve an application, which is closed afterwards, in the place of another; yield the server's URL."""
        site_of(app).start()
        before, self._app = self._app, app
        try:
            yield self.url
        finally:
            self._app = before
            site_of(app).close()

    def stop(self) -> None:
        """End it."""
        self._server.shutdown()
        self._thread.join(30)
        self._server.server_close()

    def _hand_on(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        answer: Iterable[bytes] = self._app(environ, start_response)
        return answer


@contextmanager
def process(arguments: Sequence[str], folder: Path, announced: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A web server in a process of its own, on the registry `folder / "registry"`; yield its URL and the process.

    Args:
        arguments: what Python is run with.
        folder: where it works; what it says goes to `said.txt` in it.
        announced: an expression for what it says when it listens, with a group for the URL.
    """
    prepared(folder / "registry")
    said = folder / "said.txt"
    environment = {**os.environ, "MODELYARD_REGISTRY_PATH": str(folder / "registry")}
    with said.open("wb") as output:
        running = subprocess.Popen(
            [sys.executable, *arguments], cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        until(lambda: re.search(announced, said.read_text()) or running.poll() is not None, "a server that listens", 60)
        found = re.search(announced, said.read_text())
        assert found, said.read_text()
        yield found[1], running
    finally:
        running.send_signal(signal.SIGINT)
        running.wait(40)


@contextmanager
def gunicorn(folder: Path, *, workers: int = 1) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Gunicorn with threads, serving the registry of a folder; as `process`."""
    arguments = ["-m", "gunicorn", "--bind", f"{HOST}:0", "--workers", str(workers), "--threads", "4"]
    arguments += ["--graceful-timeout", "10", "modelyard.integrations.flask:create_app()"]
    with process(arguments, folder, r"Listening at: (http://\S+)") as found:
        yield found


def children(running: subprocess.Popen[bytes]) -> list[int]:
    """The processes that a process has started."""
    return [int(text) for text in Path(f"/proc/{running.pid}/task/{running.pid}/children").read_text().split()]


def peak(pid: int) -> int:
    """The most memory that a process has ever taken, in bytes."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) << 10
