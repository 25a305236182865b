"""What stands behind a registry object: operations run in this process, or on a server. `connect` chooses.

    nothing                    MODELYARD_URI, else what registry_config.yaml and MODELYARD_* say, else ./model_registry
    a path                     the registry in that folder, in this process
    http://… or https://…      a server
    sqlite:///…                a registry in this process; its files lie beside the database unless `store` says where
    postgresql://…             a registry in this process; `store`, or the configuration, says where its files lie

A path that is given is the whole registry: a database or a store that the environment names for another one stays out of
it. It is opened with those of the configuration only where the configuration is its own: it was passed along, it lies in
that folder, or it names that very folder.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from urllib.parse import urlsplit

from modelyard.config import FILE_NAME, SETTINGS, Settings, load, load_from_process
from modelyard.domain.names import shown
from modelyard.domain.wire import VersionRecord
from modelyard.errors import InvalidRequest
from modelyard.operations import Operation, RegisterVersion

if TYPE_CHECKING:
    from modelyard.client.remote import RemoteCaller

Req = TypeVar("Req")
Res = TypeVar("Res")
Progress = Callable[[int], None]

DATABASES = ("sqlite", "postgresql", "postgres")
_SERVERS = ("http", "https")
_PLACES = ("database.url", "storage.")


class Caller(Protocol):
    """Runs the operations of one registry, wherever it is."""

    @property
    def address(self) -> str:
        """What the registry was opened by: a path or a URL."""
        ...

    def call(self, operation: Operation[Req, Res], request: Req, *, idempotency_key: str = "") -> Res:
        """Run one operation."""
        ...

    def upload(
        self, request: RegisterVersion, source: Path, *, progress: Progress | None = None, idempotency_key: str = ""
    ) -> VersionRecord:
        """Register a version with the file, or the files of the folder, at `source`."""
        ...

    def download(self, reference: str, target: Path, *, path: str = "", progress: Progress | None = None) -> list[Path]:
        """Write a version's files, or the one called `path`, below the folder `target`; gives where they are."""
        ...

    def close(self) -> None:
        """Give back connections."""
        ...
