"""Fetch what a tracking server has, so that a version is whole and can be verified.

A client that logs a model registers `models:/m-…` or `runs:/…`, which only its tracking server can read. Where this
registry was told that server (`mlflow.tracking_uri`), the bytes are fetched once, while the version is registered.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from modelyard.artifacts.tree import ingest
from modelyard.domain.manifest import Manifest
from modelyard.errors import NotFound
from modelyard.mlflow.desk import invalid
from modelyard.outside.mlflow.client import Server
from modelyard.registry.context import Yard

REACHED: Final = ("http://", "https://")
"""Tracking servers that are asked. A store in a file is nobody's server, and lies on another machine as a rule."""
READ: Final = ("models:", "runs:", "mlflow-artifacts:")
"""Sources that a tracking server is asked for; whatever else a source names, it was not told to fetch."""


def fetcher(yard: Yard, tracking_uri: str | None) -> Callable[[str], Manifest | None] | None:
    """Return what fetches a source into the store: its files, or None where the tracking server is not asked for it.

    Args:
        yard: whose store keeps the bytes.
        tracking_uri: the address of the tracking server; None where the registry knows none.
    """
    if not tracking_uri or not tracking_uri.startswith(REACHED):
        return None

    def fetch(source: str) -> Manifest | None:
        if not source.startswith(READ):
            return None
        with TemporaryDirectory(prefix="modelyard-") as folder:
            try:
                Server(tracking_uri).download(source, Path(folder))
            except NotFound as error:
                raise invalid(f"{source[:1000]} is not at the tracking server: {error.message}") from None
            return ingest(yard.store, Path(folder))

    return fetch
