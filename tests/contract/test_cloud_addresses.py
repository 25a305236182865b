"""Addresses of buckets: what a user writes after the question mark, and what the environment says."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from components.needs import need
from components.s3 import S3Server, start_server
from modelyard.artifacts.opening import open_store
from modelyard.errors import InvalidConfig


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    """Run an S3 server for this module."""
    need("s3")
    server = start_server()
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave only credentials in the environment; where to go must be said otherwise."""
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT", "AWS_ALLOW_HTTP", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def stored(address: str, content: bytes) -> bytes:
    store = open_store(address)
    with store.writer("model.bin") as writer:
        writer.write(content)
        blob = writer.commit()
    return b"".join(map(bytes, store.read(blob.digest, blob.size, blob.parts)))


@pytest.mark.feature("STO-03")
def test_the_address_names_the_endpoint(s3: S3Server) -> None:
    bucket = s3.new_bucket()
    assert stored(f"s3://{bucket}/a/b?region=us-east-1&endpoint={s3.endpoint}", b"weights") == b"weights"
    assert all(key.startswith("a/b/blobs/") for key in s3.keys(bucket))


@pytest.mark.feature("STO-03")
def test_the_environment_names_the_endpoint(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3.endpoint)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    assert stored(f"s3://{s3.new_bucket()}", b"weights") == b"weights"


def test_an_option_that_nobody_knows_is_refused() -> None:
    with pytest.raises(InvalidConfig, match="regoin") as refusal:
        open_store("s3://bucket/prefix?regoin=x")
    assert "endpoint, region" in refusal.value.hint
