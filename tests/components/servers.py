"""Real servers for the tests: the registry's application under uvicorn, in a thread or in a process of its own."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from components.templates import prepared
from modelyard.bootstrap import open_yard
from modelyard.config import load
from modelyard.server.app import create_app
from modelyard.server.serve import Server, bind, configuration, url_of

HOST = "127.0.0.1"
PROGRAM = """
import sys
from modelyard.config import load_from_process
from modelyard.server.serve import serve
serve(load_from_process(), port=int(sys.argv[1]), on_ready=lambda url: print(url, flush=True))
"""


class ThreadedServer:
    """uvicorn in a thread of this process, on a free port; it serves one registry after the other.

    Attributes:
        url: where it listens.
    """

    def __init__(self) -> None:
        self._listener = bind(HOST, 0)
        self.url = url_of(HOST, self._listener)
        self._app: Any = None
        self._loop: asyncio.AbstractEventLoop | None = None
        ready = threading.Event()
        self._server = Server(configuration(self), on_ready=ready.set)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._listener]}, daemon=True)
        self._thread.start()
        assert ready.wait(30), "the server did not start"

    @contextmanager
    def serving(self, folder: Path, overrides: Mapping[str, Any] | None = None) -> Iterator[str]:
        """Serve the registry in a folder, with settings by their dotted names; yield the server's URL."""
        given = {"registry.path": str(folder), **(overrides or {})}
        prepared(folder, given.get("database.url", ""))
        settings = load(environ={}, working_folder=folder.parent, overrides=given)
        app = create_app(open_yard(settings, expose_paths=False), settings)
        assert self._loop is not None
        asyncio.run_coroutine_threadsafe(app.delivery.start(), self._loop).result(30)
        self._app = app
        try:
            yield self.url
        finally:
            self._app = None
            app.close()

    def stop(self) -> None:
        """End it."""
        self._server.should_exit = True
        self._thread.join(30)
        self._listener.close()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """The ASGI interface: hand requests to the registry that is being served."""
        if scope["type"] == "lifespan":
            self._loop = asyncio.get_running_loop()
            while True:
                kind = (await receive())["type"]
                await send({"type": f"{kind}.complete"})
                if kind == "lifespan.shutdown":
                    return
        await self._app(scope, receive, send)


class ServerProcess:
    """A server in a process of its own, which can be killed and started again at the same address.

    Args:
        folder: where it works, and where its registry is.
        environment: variables besides those of this process.

    Attributes:
        url: where it listens.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        self._folder, self._environment = folder, {**os.environ, **(environment or {})}
        self.url = ""
        self.start()

    def start(self) -> None:
        """Start it, where it was before."""
        port = str(urlsplit(self.url).port or 0)
        self._process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, port],
            cwd=self._folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        url = self._process.stdout.readline().strip()
        if not url.startswith("http://"):
            self.stop()
            raise RuntimeError("the server did not start")
        self.url = url

    def signal(self, number: int) -> None:
        """Send it a signal, such as SIGSTOP."""
        self._process.send_signal(number)

    @contextmanager
    def killed(self) -> Iterator[None]:
        """End it at once, with all that it holds in memory; start it again afterwards."""
        self._process.kill()
        self._gone()
        try:
            yield
        finally:
            self.start()

    def stop(self) -> None:
        """End it properly."""
        self._process.terminate()
        self._gone()

    def _gone(self) -> None:
        self._process.wait(30)
        assert self._process.stdout is not None
        self._process.stdout.close()


@contextmanager
def server_process(folder: Path, environment: Mapping[str, str] | None = None) -> Iterator[str]:
    """Serve a registry from a process of its own, working in `folder`; yield the server's URL."""
    server = ServerProcess(folder, environment)
    try:
        yield server.url
    finally:
        server.stop()
