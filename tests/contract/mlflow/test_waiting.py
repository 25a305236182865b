"""Requests that wait for other servers keep nobody else waiting."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest

from components.mlflow_wire import MlflowWire
from components.servers import ThreadedServer

PATIENCE_S = 30


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """The listening socket of a tracking server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE_S)
        yield listener


@pytest.mark.feature("EXP-23")
def test_a_tracking_server_that_says_nothing_blocks_registrations_from_it_alone(silent, tmp_path: Path):
    settings = {"server.threads": 1, "mlflow.tracking_uri": f"http://127.0.0.1:{silent.getsockname()[1]}"}
    server = ThreadedServer()
    try:
        with (
            server.serving(tmp_path / "registry", settings) as url,
            httpx2.Client(base_url=url, timeout=PATIENCE_S) as client,
            ThreadPoolExecutor(1) as beside,
        ):
            wire = MlflowWire(url, client)
            wire.model("fraud")
            waiting = beside.submit(wire.send, "POST", "model-versions/create", name="fraud", source="runs:/abc/model")
            connection, _ = silent.accept()
            try:
                assert wire.model("churn")["name"] == "churn"
                assert not waiting.done()
            finally:
                # Nobody listens any more, so that the registration ends.
                silent.close()
                connection.close()
            assert waiting.result(PATIENCE_S).status_code >= 400
    finally:
        server.stop()
