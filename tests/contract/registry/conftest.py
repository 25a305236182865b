"""One registry, three ways to reach it.

What a test here says holds for a folder, for a server, and for a server whose database is PostgreSQL and whose files
lie in a bucket.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from components.servers import ThreadedServer
from components.templates import prepared
from modelyard import ModelRegistry

WAYS = ("embedded", "remote", "remote-postgres-s3")


@pytest.fixture(scope="session")
def http_server():
    """A real HTTP server for the tests of this worker."""
    server = ThreadedServer()
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
        s3, patch = request.getfixturevalue("s3_server"), request.getfixturevalue("monkeypatch")
        for name, value in s3.environment.items():
            patch.setenv(name, value)
        places["storage.url"] = f"s3://{s3.new_bucket()}/models"
    server = request.getfixturevalue("http_server")
    with server.serving(folder, places) as url, ModelRegistry(url) as registry:
        yield registry
