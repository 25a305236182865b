"""Tests of this folder that ask for `database_url` run on a real SQLite and on a real PostgreSQL."""

from __future__ import annotations

import pytest


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The database to use; empty for SQLite in the registry's folder."""
    return str(request.getfixturevalue("postgres_url")) if request.param == "postgresql" else ""
