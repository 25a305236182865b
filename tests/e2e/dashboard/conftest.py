"""What the tests of the dashboard share: one browser, and a yard in which something happened."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from components.browser import chromium
from components.needs import need
from components.servers import server_process
from components.yard_to_see import fill
from modelyard import ModelRegistry


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser for all tests of a module; each visit has a window of its own."""
    need("dashboard")
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelRegistry]:
    """A server in a process of its own, with models, versions, stages, an endpoint and what people wrote."""
    folder: Path = tmp_path_factory.mktemp("yard")
    (folder / "model_registry").mkdir()
    with server_process(folder, {"MODELYARD_CACHE_PATH": str(folder / "cache")}) as url, ModelRegistry(url) as made:
        fill(made, folder)
        yield made
