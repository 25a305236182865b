"""Every test of this folder runs on a real SQLite and on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from components.templates import prepared
from components.yards import open_caller
from modelyard.bootstrap import EmbeddedCaller


@pytest.fixture
def caller(database_url: str, tmp_path: Path) -> Iterator[EmbeddedCaller]:
    """An empty registry."""
    with open_caller(prepared(tmp_path / "registry", database_url), database_url) as opened:
        yield opened
