"""An S3 server in a thread of this process (moto), and buckets on it.

It accepts wrong checksums, so it proves nothing about those.
"""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass
from typing import Any

from moto.backends import get_backend
from moto.server import ThreadedMotoServer

_REGION = "us-east-1"
_ACCOUNT = "123456789012"


@dataclass(frozen=True)
class S3Server:
    """A running server.

    Attributes:
        endpoint: its address.
        environment: variables that lead a client to it.
    """

    endpoint: str
    environment: dict[str, str]
    _server: Any

    def new_bucket(self) -> str:
        """Make an empty bucket and give its name."""
        name = f"bucket-{uuid.uuid4().hex}"
        self._state.create_bucket(name, _REGION)
        return name

    @property
    def _state(self) -> Any:
        return get_backend("s3")[_ACCOUNT]["aws"]

    def keys(self, bucket: str) -> set[str]:
        """All objects in a bucket, seen from inside the server."""
        return set(self._state.buckets[bucket].keys.keys())

    def unfinished_uploads(self, bucket: str) -> list[str]:
        """Multipart uploads that were begun and neither completed nor aborted."""
        return list(self._state.buckets[bucket].multiparts)

    def stop(self) -> None:
        """End the server."""
        listening = self._server._server  # moto leaves this socket open
        self._server.stop()
        listening.server_close()


def start_server() -> S3Server:
    """Start a server on a free port of the loopback interface; it answers when this returns."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    environment = {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": _REGION,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ALLOW_HTTP": "true",
        "NO_PROXY": "127.0.0.1",
    }
    return S3Server(endpoint, environment, server)
