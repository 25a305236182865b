"""Every test of this folder runs on a real SQLite and on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from components.yards import open_caller
from modelyard.bootstrap import EmbeddedCaller


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The database to use; empty for SQLite in the registry's folder."""
    return str(request.getfixturevalue("postgres_url")) if request.param == "postgresql" else ""


@pytest.fixture
def caller(database_url: str, tmp_path: Path) -> Iterator[EmbeddedCaller]:
    """An empty registry."""
    with open_caller(tmp_path / "registry", database_url) as opened:
        yield opened
