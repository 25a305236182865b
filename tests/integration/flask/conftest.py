"""A real WSGI server for the tests of this folder, and a registry behind it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import httpx2
import pytest
from flask import Flask

from components.flask_server import FlaskServer, place
from modelyard.integrations.flask import create_app


@pytest.fixture(scope="module")
def server() -> Iterator[FlaskServer]:
    """A server for one application after the other."""
    running = FlaskServer()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """An application that the tests of a module share; each uses names of its own."""
    return create_app(place(tmp_path_factory.mktemp("flask") / "registry"))


@pytest.fixture(scope="module")
def client(server: FlaskServer, app: Flask) -> Iterator[httpx2.Client]:
    """A client of that application."""
    with server.showing(app) as url, httpx2.Client(base_url=url, timeout=60, verify=False) as made:
        yield made


@pytest.fixture
def name() -> str:
    """A model name that no other test has."""
    return f"model-{uuid4().hex[:12]}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a registry of a test's own lies."""
    return tmp_path / "registry"


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A small file that can be registered."""
    path = tmp_path / "weights.bin"
    path.write_bytes(b"weights")
    return path
