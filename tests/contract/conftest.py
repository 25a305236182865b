"""Stores of every kind, each checked for rubbish when its test is over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from components.files import files_below
from components.needs import need
from modelyard.artifacts.opening import open_store
from modelyard.artifacts.store import ArtifactStore


@dataclass(frozen=True)
class StoreUnderTest:
    """A store, and ways to look at it and to damage it that do not go through it."""

    kind: str
    url: str
    keys: Callable[[], set[str]]
    unfinished: Callable[[], list[str]]

    def open(self, *, compression: bool = False) -> ArtifactStore:
        """Open the store as another process would."""
        return open_store(self.url, compression=compression)

    def overwrite(self, key: str, data: bytes) -> None:
        """Replace the stored bytes of an object."""
        with self.open().backend.new_writer() as writer:
            writer.write(data)
            writer.commit(key)

    def raw(self, key: str) -> bytes:
        """The stored bytes of an object."""
        reader = self.open().backend.open(key)
        assert reader is not None
        with reader:
            data = memoryview(bytearray(reader.size))
            assert reader.readinto(0, data) == len(data)
        return bytes(data)

    def rubbish(self) -> list[str]:
        """What is left behind that no reader will ever ask for."""
        blobs = {key.removeprefix("blobs/").removesuffix(".zst").replace("/", "") for key in self.keys()}
        orphans = [key for key in self.keys() if key.startswith("known/") and key.rpartition("/")[2] not in blobs]
        strangers = [key for key in self.keys() if not key.startswith(("blobs/", "known/", "touched/", "view/"))]
        return orphans + strangers + self.unfinished()


def _local(root: Path) -> StoreUnderTest:
    def keys() -> set[str]:
        return set(files_below(root))

    return StoreUnderTest("local", str(root), keys, list)


@pytest.fixture(scope="session")
def s3_server():
    """A real S3 interface for the tests of this worker."""
    need("s3")
    from components.s3 import start_server  # noqa: PLC0415  (moto is heavy, and only these tests need it)

    server = start_server()
    yield server
    server.stop()


def _bucket(request: pytest.FixtureRequest) -> StoreUnderTest:
    server, patch = request.getfixturevalue("s3_server"), request.getfixturevalue("monkeypatch")
    for name, value in server.environment.items():
        patch.setenv(name, value)
    bucket = server.new_bucket()

    def keys() -> set[str]:
        return {key.removeprefix("some/prefix/") for key in server.keys(bucket)}

    return StoreUnderTest("s3", f"s3://{bucket}/some/prefix", keys, lambda: server.unfinished_uploads(bucket))


@pytest.fixture(params=["local", "s3"])
def artifact_place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StoreUnderTest]:
    """An empty store of each kind; the test fails if it leaves rubbish there."""
    place = _local(tmp_path / "store") if request.param == "local" else _bucket(request)
    yield place
    assert place.rubbish() == []
