"""One registry on a real server for each module, spoken to as MLflow's clients do.

A module that needs settings names them in `SETTINGS`, by their dotted names. The tests of a module share the registry,
so each one takes names of its own: the fixture `name` has one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx2
import pytest

from components.mlflow_wire import MlflowWire
from components.servers import ThreadedServer


@pytest.fixture(scope="module")
def mlflow_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowWire]:
    """A server with an empty registry."""
    folder = tmp_path_factory.mktemp("served") / "registry"
    server = ThreadedServer()
    try:
        with (
            server.serving(folder, getattr(request.module, "SETTINGS", None)) as url,
            httpx2.Client(base_url=url, timeout=60) as client,
        ):
            yield MlflowWire(url, client)
    finally:
        server.stop()


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A name that no other test of the module uses."""
    return re.sub(r"[^\w.-]", "-", request.node.name)[-80:].strip("-.")
