"""A real HTTP server that plays a server of models elsewhere: a plain one, and one of the Open Inference Protocol."""

from __future__ import annotations

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

PATIENCE = 30.0


class HttpStub:
    """Listens on a free port of 127.0.0.1.

    `POST /predict` answers `{"doubled": …}` of `{"input": number}`; `POST /v2/models/doubler/infer` doubles the data of
    its first input; `GET /ready` and `GET /v2/models/doubler/ready` tell that it is well.

    Attributes:
        mood: ok, busy (429), failing (500), starting (503), refusing (400), denying (401), slow (waits for `release`),
            garbage, streaming (events), or whole (JSON where a stream is asked for).
        heard: the method, path, headers and body of each request.
    """

    def __init__(self) -> None:
        self.mood = "ok"
        self.release = threading.Event()
        self.heard: list[tuple[str, str, dict[str, str], bytes]] = []
        stub = self

        class Handler(_Handler):
            owner = stub

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.origin = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End it; its port refuses connections from now on."""
        self.release.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


STATUSES = {"busy": 429, "failing": 500, "starting": 503, "refusing": 400, "denying": 401}


class _Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    owner: HttpStub

    def do_GET(self) -> None:
        self._hear(b"")
        well = self.owner.mood == "ok" and self.path in {"/ready", "/v2/models/doubler/ready"}
        self._send(200 if well else 503 if self.owner.mood == "starting" else 405, b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self._hear(body)
        mood = self.owner.mood
        if mood in STATUSES:
            self._send(STATUSES[mood], json.dumps({"error": f"it is {mood}"}).encode())
        elif mood == "garbage":
            self._send(200, b"<html>")
        elif mood == "streaming":
            self._stream()
        elif mood == "whole":
            self._send(200, b'{"doubled": 2}', "application/json; charset=utf-8")
        else:
            if mood == "slow":
                self.owner.release.wait(PATIENCE)
            self._send(200, json.dumps(self._answer(json.loads(body))).encode())

    def log_message(self, *_: object) -> None:
        pass

    def _hear(self, body: bytes) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.owner.heard.append((self.command, self.path, headers, body))

    def _answer(self, asked: Any) -> Any:
        if "inputs" not in asked:
            return {"doubled": 2 * asked["input"]}
        tensor = asked["inputs"][0]
        doubled = {**tensor, "name": "doubled", "data": [2 * one for one in tensor["data"]]}
        return {"model_name": "doubler", "model_version": "7", "id": asked.get("id", ""), "outputs": [doubled]}

    def _stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self.close_connection = True
        for part in (b"data: 1\n\n", b"data: 2\n\n"):
            self.wfile.write(part)
            self.wfile.flush()
        self.connection.shutdown(socket.SHUT_WR)

    def _send(self, status: int, body: bytes, kind: str = "") -> None:
        self.send_response(status)
        if kind:
            self.send_header("Content-Type", kind)
        if status == 429:
            self.send_header("Retry-After", "3")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
