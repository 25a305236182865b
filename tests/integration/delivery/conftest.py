"""Every test of this folder runs on a real SQLite and on a real PostgreSQL; time is moved by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from components.delivering import open_idle
from components.rollouts import Rollouts
from components.templates import prepared
from modelyard.bootstrap import EmbeddedCaller


@pytest.fixture
def caller(database_url: str, tmp_path: Path) -> Iterator[EmbeddedCaller]:
    """An empty registry that runs no models."""
    with open_idle(prepared(tmp_path / "registry", database_url), database_url) as opened:
        yield opened


@pytest.fixture
def yard(caller: EmbeddedCaller) -> Rollouts:
    """A model with four versions, none of which is served."""
    made = Rollouts(caller, fixed=True)
    made.register("1.0.0", "1.1.0", "2.0.0", "3.0.0")
    return made


@pytest.fixture
def served(yard: Rollouts) -> Rollouts:
    """The same, with 1.0.0 in production."""
    yard.serve("1.0.0")
    return yard
