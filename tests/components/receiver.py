"""A real HTTP receiver of webhooks: it keeps what it heard, and answers as it is told."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

PATIENCE = 30.0


@dataclass(frozen=True)
class Heard:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        """The delivery's id, in either format."""
        return self.headers.get("webhook-id") or self.headers["x-mlflow-delivery-id"]

    @property
    def message(self) -> dict[str, Any]:
        """What was sent."""
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def event(self) -> dict[str, Any]:
        """The event that was sent."""
        found: dict[str, Any] = json.loads(self.body)["data"]
        return found


class Receiver:
    """Listens on a free port of 127.0.0.1, or on a given one.

    Args:
        answer: the status for what was heard; 204 for everything where it is left out.
        port: the port to listen on.
    """

    def __init__(self, answer: Callable[[Heard], int] = lambda _heard: 204, port: int = 0) -> None:
        self.heard: list[Heard] = []
        self.headers: dict[str, str] = {}
        """Headers of every answer besides the usual ones."""
        self.answer = answer
        self._told = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                heard = Heard(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
                status = receiver.answer(heard)
                with receiver._told:
                    receiver.heard.append(heard)
                    receiver._told.notify_all()
                self.send_response(status)
                if status in {301, 302}:
                    self.send_header("Location", "/elsewhere")
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "5")
                self.end_headers()
                self.wfile.write(b"sorry" if status != 204 else b"")

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True

            def handle_error(self, *_: object) -> None:
                pass

        self._server = Server(("127.0.0.1", port), Handler)
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/hook"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def wait_for(self, enough: Callable[[list[Heard]], bool]) -> list[Heard]:
        """Wait until what was heard is enough, and return it."""
        with self._told:
            assert self._told.wait_for(lambda: enough(self.heard), PATIENCE), f"{len(self.heard)} were heard"
            return list(self.heard)

    def wait(self, count: int) -> list[Heard]:
        """Wait until so many different deliveries were heard, and return all."""
        return self.wait_for(lambda heard: len({one.id for one in heard}) >= count)

    def stop(self) -> None:
        """End it; the port refuses connections from now on."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
