"""Real yards for the tests: a registry on SQLite or PostgreSQL with a local store, opened from settings."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from modelyard.bootstrap import EmbeddedCaller, open_yard
from modelyard.config import load
from modelyard.domain.wire import VersionRecord
from modelyard.operations import RegisterVersion

SECRET_KEY = base64.b64encode(b"k" * 32).decode()
"""What seals the secrets of webhooks where no folder can hold a key."""


def open_caller(folder: Path, database_url: str = "", **overrides: Any) -> EmbeddedCaller:
    """Open the registry in a folder, on SQLite unless a database is given; nothing is run or driven in this process."""
    given = {"registry.path": str(folder), **overrides}
    if database_url:
        given = {"database.url": database_url, "webhooks.secret_key": SECRET_KEY} | given
    settings = load(environ={}, working_folder=folder.parent, overrides=given)
    return EmbeddedCaller(open_yard(settings), address=str(folder))


def register(caller: EmbeddedCaller, name: str, content: bytes = b"weights", **fields: Any) -> VersionRecord:
    """Register a version with one small file."""
    source = caller.yard.store.root
    assert source is not None
    file = source.parent / "model.bin"
    file.write_bytes(content)
    return caller.upload(RegisterVersion(name=name, create=True, **fields), file)
