"""A client keeps what it has fetched: the second load asks the server for no file, and damage is mended."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sklearn.linear_model import LogisticRegression

from components.servers import ThreadedServer
from modelyard import ModelRegistry


class CountingServer(ThreadedServer):
    """A server that notes which paths it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        super().__init__()

    @property
    def downloads(self) -> int:
        """How many files were asked for since the last look."""
        count = sum(path.endswith("/download") for path in self.asked)
        self.asked.clear()
        return count

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            self.asked.append(scope["path"])
        await super().__call__(scope, receive, send)


@pytest.fixture
def counting() -> Iterator[CountingServer]:
    """A server that has been asked for nothing yet."""
    server = CountingServer()
    yield server
    server.stop()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the cache, for this test only."""
    monkeypatch.setenv("MODELYARD_CACHE_PATH", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.mark.feature("STO-07")
def test_the_second_load_moves_no_bytes_and_damage_is_mended(counting: CountingServer, tmp_path: Path, cache: Path):
    model = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    with counting.serving(tmp_path / "registry") as url:
        with ModelRegistry(url) as registry:
            reference = registry.register_model(model, "line")
            assert registry.load_model(reference).predict([[2.0]]).tolist() == [1]
            assert counting.downloads == 1
        # Another process would find the same: nothing is remembered outside of the folder.
        with ModelRegistry(url) as registry:
            assert registry.load_model(reference).predict([[2.0]]).tolist() == [1]
            assert counting.downloads == 0
            (file,) = cache.glob("*/model.skops")
            file.unlink()
            file.write_bytes(b"damage")
            assert registry.load_model(reference).predict([[2.0]]).tolist() == [1]
            assert counting.downloads == 1


def test_a_cache_without_room_keeps_what_is_used_only(
    counting: CountingServer, tmp_path: Path, cache: Path, monkeypatch
):
    monkeypatch.setenv("MODELYARD_CACHE_MAX_BYTES", "0")
    with counting.serving(tmp_path / "registry") as url, ModelRegistry(url) as registry:
        for slope in (1.0, 2.0):
            registry.load_model(
                registry.register_model(LogisticRegression(C=slope).fit([[0.0], [1.0]], [0, 1]), "line")
            )
    assert len(list(cache.glob("*/model.skops"))) == 1


def test_a_cache_that_cannot_be_written_keeps_nobody_from_loading(
    counting: CountingServer, tmp_path: Path, cache: Path
):
    cache.write_text("a file stands here")
    model = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    with counting.serving(tmp_path / "registry") as url, ModelRegistry(url) as registry:
        reference = registry.register_model(model, "line")
        for _ in range(2):
            assert registry.load_model(reference).predict([[2.0]]).tolist() == [1]
        assert counting.downloads == 2
