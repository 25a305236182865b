"""One registry, four ways to reach it.

What a test here says holds for a folder, for a server, for a server whose database is PostgreSQL and whose files lie in
a bucket, and for a Flask application.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from components.flask_server import FlaskServer
from components.servers import ThreadedServer
from components.templates import prepared
from components.yards import SECRET_KEY
from modelyard import ModelRegistry

WAYS = ("embedded", "remote", "remote-postgres-s3", "remote-flask")
ALWAYS_ON_FLASK = frozenset({"test_files", "test_events", "test_principals", "test_publishing"})
"""Modules that run on Flask each time: bytes, streams, tokens, and most of what one does. The others are slow there."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark most of the tests on Flask as slow: what they go through is, but for the last step, that of the server."""
    for item in items:
        if "remote-flask" in item.name and item.path.stem not in ALWAYS_ON_FLASK:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def http_server():
    """A real HTTP server for the tests of this worker."""
    server = ThreadedServer()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def flask_server():
    """A real WSGI server for the tests of this worker."""
    server = FlaskServer()
    yield server
    server.stop()


@pytest.fixture
def open_registry(request: pytest.FixtureRequest, tmp_path: Path):
    """Open an empty registry by one of the ways; it is closed with its server when the test is over."""
    opened = []

    def open_it(way: str) -> ModelRegistry:
        opening = _opened(request, tmp_path / f"{way}-registry", way)
        opened.append(opening)
        return next(opening)

    yield open_it
    for opening in reversed(opened):
        next(opening, None)


@pytest.fixture(params=WAYS)
def registry(request: pytest.FixtureRequest, open_registry) -> ModelRegistry:
    """An empty registry, by each of the ways."""
    return open_registry(request.param)


@pytest.fixture(params=WAYS[:2])
def either_registry(request: pytest.FixtureRequest, open_registry) -> ModelRegistry:
    """An empty registry, here and on a server: enough for what is refused before any database is asked."""
    return open_registry(request.param)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A small file that can be registered."""
    path = tmp_path / "weights.bin"
    path.write_bytes(b"weights")
    return path


def _opened(request: pytest.FixtureRequest, folder: Path, way: str) -> Iterator[ModelRegistry]:
    if way == "embedded":
        with ModelRegistry(prepared(folder)) as registry:
            yield registry
        return
    places = {}
    if way == "remote-postgres-s3":
        places["database.url"] = request.getfixturevalue("postgres_url")
        places["webhooks.secret_key"] = SECRET_KEY
        s3, patch = request.getfixturevalue("s3_server"), request.getfixturevalue("monkeypatch")
        for name, value in s3.environment.items():
            patch.setenv(name, value)
        places["storage.url"] = f"s3://{s3.new_bucket()}/models"
    server = request.getfixturevalue("flask_server" if way == "remote-flask" else "http_server")
    with server.serving(folder, places) as url, ModelRegistry(url) as registry:
        yield registry
