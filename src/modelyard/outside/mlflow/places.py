"""Where an MLflow server's artifacts lie, and how each kind of place is listed and read.

    Proxy        `mlflow-artifacts:/…`, or the same as `http(s)://…/api/2.0/mlflow-artifacts/artifacts/…`
    RunFiles     the artifacts of a run, read through the tracking server, wherever it keeps them
    ModelFiles   the artifacts of a logged model, read in the same way
    Bucket       `s3://…`, `gs://…`, `az://…`, read with this process's own credentials
    Folder       `file:…` or a path, read here

Rules
- A place lists one folder at a time: paths relative to the place, sizes in bytes where they are known.
- Paths that a server lists are checked before anything is made of them: none leaves the place.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import quote

from modelyard.artifacts.faults import source_faults
from modelyard.domain.manifest import safe_path
from modelyard.errors import InvalidArtifact, MissingExtra, NotFound, RemoteUnavailable
from modelyard.outside.http import Ask, pieces
from modelyard.outside.mlflow.connection import Connection

PIECE: Final = 1 << 20
PROXY: Final = "/api/2.0/mlflow-artifacts/artifacts"
Write = Callable[[bytes], None]
Restart = Callable[[], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Artifact:
    """A file or a folder: its path in the place, and the size in bytes; None of a folder, or where it is not told."""

    path: str
    is_folder: bool = False
    size: int | None = None


class Place(Protocol):
    """Something that holds files."""

    def list(self, path: str) -> list[Artifact]:
        """What lies directly in the folder `path`, which is empty for the whole; nothing where there is no folder."""
        ...

    def read(self, path: str, write: Write, restart: Restart) -> None:
        """Hand the bytes of a file to `write`, calling `restart` before the first of them, and of each repetition.

        Raises:
            NotFound: there is no such file.
        """
        ...

    def above(self) -> tuple[Place, str] | None:
        """The place one folder further up and the name of this one in it, as a source may be a single file."""
        ...


@dataclass(frozen=True, slots=True)
class Proxy:
    """Files below a path of a server's artifact proxy."""

    connection: Connection
    root: str
    base: str = PROXY

    def list(self, path: str) -> list[Artifact]:
        """See `Place`; the proxy tells the last part of each name only."""
        asked = _join(self.root, path)
        files = self.connection.call("GET", self.base, {"path": asked} if asked else None).get("files", [])
        return [_artifact(file, _join(path, _named(str(file.get("path", ""))))) for file in files]

    def read(self, path: str, write: Write, restart: Restart) -> None:
        """See `Place`."""
        _stream(self.connection, f"{self.base}/{quote(_join(self.root, path))}", write, restart)

    def above(self) -> tuple[Place, str] | None:
        """See `Place`."""
        folder, _, name = self.root.rpartition("/")
        return (Proxy(self.connection, folder, self.base), name) if name else None


@dataclass(frozen=True, slots=True)
class RunFiles:
    """The artifacts of a run below a path, through the tracking server."""

    connection: Connection
    run_id: str
    root: str = ""

    def list(self, path: str) -> list[Artifact]:
        """See `Place`."""
        params = {"run_id": self.run_id, "path": _join(self.root, path) or None}
        return _below(self.root, self.connection.pages("artifacts/list", "files", params))

    def read(self, path: str, write: Write, restart: Restart) -> None:
        """See `Place`."""
        query = f"run_id={quote(self.run_id, safe='')}&path={quote(_join(self.root, path), safe='')}"
        _stream(self.connection, f"/get-artifact?{query}", write, restart)

    def above(self) -> tuple[Place, str] | None:
        """See `Place`."""
        folder, _, name = self.root.rpartition("/")
        return (RunFiles(self.connection, self.run_id, folder), name) if name else None


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """The artifacts of a logged model below a path, through the tracking server."""

    connection: Connection
    model_id: str
    root: str = ""

    def list(self, path: str) -> list[Artifact]:
        """See `Place`."""
        endpoint = f"logged-models/{quote(self.model_id, safe='')}/artifacts/directories"
        params = {"artifact_directory_path": _join(self.root, path) or None}
        return _below(self.root, self.connection.pages(endpoint, "files", params))

    def read(self, path: str, write: Write, restart: Restart) -> None:
        """See `Place`."""
        target = f"/ajax-api/2.0/mlflow/logged-models/{quote(self.model_id, safe='')}/artifacts/files"
        query = f"artifact_file_path={quote(_join(self.root, path), safe='')}"
        _stream(self.connection, f"{target}?{query}", write, restart)

    def above(self) -> tuple[Place, str] | None:
        """See `Place`."""
        folder, _, name = self.root.rpartition("/")
        return (ModelFiles(self.connection, self.model_id, folder), name) if name else None


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of this machine."""

    root: Path

    def list(self, path: str) -> list[Artifact]:
        """See `Place`; links that lead out of the folder are not followed, and hidden from the list."""
        folder = self.root / path
        with source_faults(folder):
            if not folder.is_dir():
                return []
            top = self.root.resolve()
            entries = [entry for entry in sorted(folder.iterdir()) if entry.resolve().is_relative_to(top)]
            return [
                Artifact(path=_join(path, entry.name), is_folder=True)
                if entry.is_dir()
                else Artifact(path=_join(path, entry.name), size=entry.stat().st_size)
                for entry in entries
            ]

    def read(self, path: str, write: Write, restart: Restart) -> None:
        """See `Place`."""
        file = self.root / path if path else self.root
        if not file.is_file():
            raise NotFound(f"there is no file {file}")
        restart()
        with source_faults(file), file.open("rb") as source:
            while piece := source.read(PIECE):
                write(piece)

    def above(self) -> tuple[Place, str] | None:
        """See `Place`."""
        return Folder(self.root.parent), self.root.name


class Bucket:
    """Objects below a prefix of a bucket.

    Args:
        url: `s3://bucket/prefix` or the like; credentials and endpoint come from the environment, as in the store.

    Raises:
        MissingExtra: obstore is not installed.
    """

    def __init__(self, url: str) -> None:
        try:
            self._library: Any = import_module("obstore")
            stores = import_module("obstore.store")
        except ImportError as error:
            raise MissingExtra(f"{url} needs the package obstore", hint="pip install 'modelyard[cloud]'") from error
        scheme, _, rest = url.partition("://")
        bucket, _, self._prefix = rest.partition("/")
        self._url = url
        with self._faults(""):
            self._store = stores.from_url(f"{scheme}://{bucket}", **_client_options())

    def list(self, path: str) -> list[Artifact]:
        """See `Place`."""
        prefix = _join(self._prefix, path)
        with self._faults(path):
            found = self._library.list_with_delimiter(self._store, f"{prefix}/" if prefix else None)
        folders = [Artifact(path=_join(path, _named(each)), is_folder=True) for each in found["common_prefixes"]]
        return [*folders, *(Artifact(path=_join(path, _named(o["path"])), size=o["size"]) for o in found["objects"])]

    def read(self, path: str, write: Write, restart: Restart) -> None:
        """See `Place`."""
        with self._faults(path):
            answer = self._library.get(self._store, _join(self._prefix, path))
            restart()
            for piece in answer.stream(min_chunk_size=PIECE):
                write(bytes(piece))

    def above(self) -> tuple[Place, str] | None:
        """See `Place`."""
        folder, _, name = self._url.rstrip("/").rpartition("/")
        return (Bucket(folder), name) if name and self._prefix else None

    @contextmanager
    def _faults(self, path: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise NotFound(f"there is no {_join(self._url, path)}") from error
        except (self._library.exceptions.BaseError, ValueError) as error:
            reason = str(error).partition("\n")[0]
            raise RemoteUnavailable(
                f"{_join(self._url, path)} cannot be read: {reason}",
                hint="check the bucket, and the credentials in the environment (AWS_* and the like)",
            ) from error


def _client_options() -> dict[str, Any]:
    endpoint = os.environ.get("AWS_ENDPOINT_URL") or os.environ.get("AWS_ENDPOINT", "")
    return {"client_options": {"allow_http": True}} if endpoint.startswith("http://") else {}


def _stream(connection: Connection, target: str, write: Write, restart: Restart) -> None:
    def read(answer: Any) -> None:
        restart()
        for piece in pieces(answer):
            write(piece)

    connection.http.perform(Ask(method="GET", target=target, headers={"Accept-Encoding": "identity"}), read)


def _below(root: str, files: Iterator[Mapping[str, Any]]) -> list[Artifact]:
    """What the tracking server lists with paths from its own root, with paths from ours."""
    found = []
    for file in files:
        path = str(file.get("path", ""))
        if root and not path.startswith(f"{root}/"):
            # A file that is listed as a folder lists itself.
            continue
        found.append(_artifact(file, path[len(root) + 1 :] if root else path))
    return found


def _artifact(file: Mapping[str, Any], path: str) -> Artifact:
    size = file.get("file_size")
    folder = bool(file.get("is_dir"))
    try:
        return Artifact(path=safe_path(path), is_folder=folder, size=None if folder or size is None else int(size))
    except ValueError as error:
        raise InvalidArtifact(f"the server lists a file that cannot be taken over: {error}") from error


def _named(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2]


def _join(*parts: str) -> str:
    return "/".join(part.strip("/") for part in parts if part.strip("/"))
