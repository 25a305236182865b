"""What stands behind a registry object: operations run in this process, or on a server."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol, TypeVar

from modelyard.domain.wire import EventRecord, VersionRecord
from modelyard.operations import ListEvents, Operation, RegisterVersion

Req = TypeVar("Req")
Res = TypeVar("Res")
Progress = Callable[[int], None]
"""Called with the number of bytes done since the last call; negative where a transfer starts again.

Several files are fetched at once from a server, and each reports from its own thread.
"""


class Caller(Protocol):
    """Runs the operations of one registry, wherever it is. Safe to use from several threads."""

    @property
    def address(self) -> str:
        """What the registry was opened by: a path or a URL."""
        ...

    def call(self, operation: Operation[Req, Res], request: Req, *, idempotency_key: str = "") -> Res:
        """Run one operation; repeats of a change under one key run it once."""
        ...

    def upload(
        self, request: RegisterVersion, source: Path, *, progress: Progress | None = None, idempotency_key: str = ""
    ) -> VersionRecord:
        """Register a version with the file, or the files of the folder, at `source`."""
        ...

    def download(self, reference: str, target: Path, *, path: str = "", progress: Progress | None = None) -> list[Path]:
        """Write a version's files, or the one called `path`, below the folder `target`; give where they are."""
        ...

    def folder(self, version: VersionRecord) -> AbstractContextManager[Path]:
        """A folder with all files of a version, verified, for as long as the block lasts; nobody writes into it."""
        ...

    def predict(self, name: str, body: bytes, environment: str, headers: Mapping[str, str]) -> bytes:
        """Ask the version that a model's endpoint serves; bodies are the JSON of `POST /api/models/{name}/predict`."""
        ...

    def drive(self, deployment_id: str) -> bool:
        """Take a deployment on, where nobody else does; tell whether that was done here."""
        ...

    def follow(self, request: ListEvents) -> Generator[EventRecord]:
        """Yield events behind `request.after` as they happen, for ever."""
        ...

    def close(self) -> None:
        """Give back connections."""
        ...
