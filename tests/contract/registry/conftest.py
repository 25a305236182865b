"""One registry, four ways to reach it.

What a test here says holds for a folder, for a server, for a server whose database is PostgreSQL and whose files lie in
a bucket, and for a Flask application.

Each case runs on the folder and on one of the other ways, always the same one: four times the same rule proves little
more than twice. It runs by every way where its module is one of bytes, streams, tokens and most of what one does, or
where it is marked `every_way`: with those, what is called by each way is what would be called if every case ran by it,
so the first test of a new operation is marked. Rules on PostgreSQL are a matter of tests/integration/registry. Whoever
names a way (`-k remote-flask`, or a test's whole name) gets it, and `--every-way` runs them all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Generator, Iterator
from pathlib import Path
from zlib import crc32

import pytest

from components.flask_server import FlaskServer
from components.servers import ThreadedServer
from components.templates import prepared
from components.yards import SECRET_KEY
from modelyard import ModelRegistry

WAYS = ("embedded", "remote", "remote-postgres-s3", "remote-flask")
BY_EVERY_WAY = frozenset({"test_files", "test_events", "test_principals", "test_publishing"})
"""Modules that run by every way each time: bytes, streams, tokens, and most of what one does."""


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Generator[None, object, object]:
    """Mark most of the tests on Flask as slow, before tests are chosen by marks; then leave repeated ones out."""
    for item in items:
        if "remote-flask" in item.name and item.path.stem not in BY_EVERY_WAY:
            item.add_marker(pytest.mark.slow)
    result = yield
    if not config.getoption("every_way"):
        repeated = _repeated(items)
        items[:] = [item for item in items if item not in repeated]
        config.hook.pytest_deselected(items=list(repeated))
    return result


def _repeated(items: list[pytest.Item]) -> set[pytest.Item]:
    """The tests that do by one more way what two others do."""
    cases: defaultdict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        way = item.callspec.params.get("registry") if hasattr(item, "callspec") else None
        if way in WAYS[1:] and item.path.stem not in BY_EVERY_WAY and not item.get_closest_marker("every_way"):
            cases[item.nodeid.replace(f"[{way}", "[", 1)].append(item)
    return {item for case, ways in cases.items() for item in ways if item is not ways[crc32(case.encode()) % len(ways)]}


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
