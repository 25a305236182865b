"""From the source that a version names to its files: which place that is, what lies there, and the bytes.

    mlflow-artifacts:/a/b                     the server's own proxy
    http(s)://…/api/2.0/mlflow-artifacts/…    the same, where it is this server; another one where that is allowed
    runs:/RUN/path                            where the run keeps its artifacts; of a logged model, that model's
    models:/m-ID/path                         where the logged model lies
    models:/NAME/VERSION                      where that version's files lie
    s3:// gs:// az://                         a bucket, where that is allowed
    file:… or a path                          this machine, where that is allowed

Rules
- Nothing is read but from the server itself, unless `Reach` allows it: a source is text that anybody may have written
  who can register a version there, and must not direct our credentials, our files or our network.
- What lies elsewhere is read through the tracking server, where the source names a run or a logged model.
- A file is written under its own name, when all of it is there with the size that was listed; a repetition starts anew.
  What is larger than listed is broken off, and what does not fit onto the disk is not begun.
- A source that leads to itself, or over more than `LONGEST_CHAIN` others, is refused.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from blake3 import blake3

from modelyard.artifacts.fetch import replacing
from modelyard.artifacts.local import write_all
from modelyard.domain.addresses import without_secrets
from modelyard.domain.manifest import safe_path
from modelyard.domain.names import shown
from modelyard.errors import (
    InvalidRequest,
    ModelyardError,
    NotFound,
    PermissionDenied,
    RemoteUnavailable,
    StorageFull,
)
from modelyard.outside.mlflow.connection import Connection
from modelyard.outside.mlflow.places import PROXY, Artifact, Bucket, Folder, ModelFiles, Place, Proxy, RunFiles

Progress = Callable[[int], None]
AT_ONCE: Final = 4
LONGEST_CHAIN: Final = 8
MOST_FILES: Final = 100_000
DEEPEST: Final = 64
_BUCKETS: Final = frozenset({"s3", "gs", "az"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Reach:
    """What may be read besides the server itself."""

    local_files: bool = False
    buckets: bool = False
    """Buckets, with the credentials of this process."""
    other_servers: bool = False
    """Artifact proxies of other servers, without any credentials."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Received:
    """A file that was written: its path below the folder, where it is, its bytes and their BLAKE3 in hexadecimal."""

    path: str
    file: Path
    size: int
    digest: str


def resolve(connection: Connection, uri: str, reach: Reach, depth: int = 0) -> Place:
    """Return the place that a source names.

    Raises:
        PermissionDenied: it lies where nothing may be read.
        NotFound: the run, the logged model or the version that it names is not there.
        InvalidRequest: it is no source.
    """
    if depth > LONGEST_CHAIN:
        raise InvalidRequest(
            f"the source {shown(without_secrets(uri))} leads over more than {LONGEST_CHAIN} others", hint=""
        )
    scheme, separator, rest = uri.partition(":")
    scheme = scheme.lower() if separator else ""
    if scheme == "mlflow-artifacts" or scheme in {"http", "https"}:
        return _proxied(connection, uri, reach)
    if scheme == "runs":
        return _of_run(connection, rest.lstrip("/"), reach, depth)
    if scheme == "models":
        return _of_model(connection, rest.lstrip("/"), reach, depth)
    if scheme in _BUCKETS:
        _allow(uri, allowed=reach.buckets)
        return Bucket(uri)
    if scheme in {"", "file"}:
        _allow(uri, allowed=reach.local_files)
        return Folder(Path(unquote(urlsplit(uri).path) if scheme else uri))
    raise InvalidRequest(f"modelyard does not read {scheme}: sources, such as {shown(without_secrets(uri))}", hint="")


def walk(place: Place) -> list[Artifact]:
    """Return all files of a place, by path.

    Raises:
        InvalidRequest: it has more than `MOST_FILES` files and folders, or folders deeper than `DEEPEST`.
    """
    found: list[Artifact] = []
    waiting, folders = [""], 0
    while waiting:
        folder = waiting.pop()
        if folder.count("/") > DEEPEST:
            raise InvalidRequest(f"the artifacts lie deeper than {DEEPEST} folders, at {shown(folder)}", hint="")
        listed = place.list(folder)
        waiting += (entry.path for entry in listed if entry.is_folder)
        found += (entry for entry in listed if not entry.is_folder)
        folders += 1
        if folders + len(waiting) + len(found) > MOST_FILES:
            raise InvalidRequest(f"there are more than {MOST_FILES} files and folders", hint="")
    return sorted(found, key=lambda file: file.path)


def files_of(place: Place) -> tuple[Place, list[Artifact]]:
    """Return a place and its files; of a place that is a file itself, the folder around it and that file.

    Raises:
        NotFound: there are no files.
    """
    files = walk(place)
    return (place, files) if files else _alone(place)


def download(
    place: Place, folder: Path, progress: Progress | None = None, files: list[Artifact] | None = None
) -> list[Received]:
    """Write the files of a place below a folder, several at once, and return them by path.

    Args:
        place: where they lie.
        folder: where they go; it is made.
        progress: called with the number of bytes done since the last call, from several threads.
        files: which ones, as `files_of` tells; all where it is None.

    Raises:
        NotFound: the place has no files.
        RemoteUnavailable: less or more arrived than was listed, also after repetitions.
        InvalidRequest, StorageFull: the folder cannot be written.
    """
    place, listed = files_of(place) if files is None else (place, files)
    _check_room(folder, sum(file.size or 0 for file in listed))
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="modelyard-mlflow") as pool:
        waiting = [pool.submit(_fetch, place, file, folder, progress) for file in listed]
        try:
            return [future.result() for future in waiting]
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _check_room(folder: Path, needed: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise StorageFull(f"{needed} bytes are listed, and {folder} has room for {free}")


def _fetch(place: Place, file: Artifact, folder: Path, progress: Progress | None) -> Received:
    target = folder / safe_path(file.path)
    digest, done = blake3(), 0
    with replacing(target) as descriptor:

        def restart() -> None:
            nonlocal digest, done
            if progress and done:
                progress(-done)
            os.lseek(descriptor, 0, os.SEEK_SET)
            os.ftruncate(descriptor, 0)
            digest, done = blake3(), 0

        def write(piece: bytes) -> None:
            nonlocal done
            if file.size is not None and done + len(piece) > file.size:
                raise RemoteUnavailable(f"more of {file.path} arrives than the {file.size} bytes listed", hint="")
            digest.update(piece)
            write_all(descriptor, memoryview(piece))
            done += len(piece)
            if progress:
                progress(len(piece))

        place.read(file.path, write, restart)
        if file.size is not None and done != file.size:
            raise RemoteUnavailable(
                f"{done} bytes of {file.path} arrived, and {file.size} are listed", hint="repeat it"
            )
    return Received(path=file.path, file=target, size=done, digest=digest.hexdigest())


def _alone(place: Place) -> tuple[Place, list[Artifact]]:
    """A place without files, as the only file of the folder around it."""
    if above := place.above():
        around, name = above
        found = [file for file in around.list("") if file.path == name and not file.is_folder]
        if found:
            return around, found
    raise NotFound("there are no files at the source", hint="")


def _proxied(connection: Connection, uri: str, reach: Reach) -> Place:
    parts = urlsplit(uri)
    path = parts.path
    ours = urlsplit(connection.url)
    if parts.scheme == "mlflow-artifacts":
        if parts.netloc in {"", ours.netloc}:
            return Proxy(connection, _root(unquote(path).removeprefix(f"{ours.path}{PROXY}")))
        url = f"{ours.scheme}://{parts.netloc}"
    else:
        before, found, path = path.partition(PROXY)
        if not found:
            raise InvalidRequest(
                f"the source {shown(without_secrets(uri))} is no artifact proxy of an MLflow server", hint=""
            )
        url = f"{parts.scheme}://{parts.netloc}{before}".rstrip("/")
        if url == connection.url:
            return Proxy(connection, _root(unquote(path)))
    _allow(uri, allowed=reach.other_servers)
    # Another server gets no credentials: they were given for this one.
    return Proxy(Connection(url, environ={}), _root(unquote(path)))


def _root(path: str) -> str:
    """A path in a proxy's artifacts. It becomes a part of the address that credentials are sent to, and stays there."""
    root = path.strip("/")
    if ".." in root.split("/"):
        raise InvalidRequest(f"the source {shown(path)} leads out of the artifacts", hint="")
    return root


def _of_run(connection: Connection, text: str, reach: Reach, depth: int) -> Place:
    run_id, _, path = text.partition("/")
    run = connection.run(run_id)
    path = unquote(path).strip("/")
    root = str(run.get("info", {}).get("artifact_uri", ""))
    place = _or_through(connection, _below(root, path), reach, depth, RunFiles(connection, run_id, path))
    if path and not place.list(""):
        # Since MLflow 3, `runs:/…/model` is the name of a model that the run logged, and that lies elsewhere.
        for model_id in _logged_by(run):
            if connection.logged_model(model_id).get("info", {}).get("name") == path:
                return resolve(connection, f"models:/{model_id}", reach, depth + 1)
    return place


def _of_model(connection: Connection, text: str, reach: Reach, depth: int) -> Place:
    name, _, path = text.partition("/")
    if name.startswith("m-"):
        root = str(connection.logged_model(name).get("info", {}).get("artifact_uri", ""))
        path = unquote(path).strip("/")
        return _or_through(connection, _below(root, path), reach, depth, ModelFiles(connection, name, path))
    if not path.isdigit():
        raise InvalidRequest(f"the source models:/{shown(text)} names no version by its number", hint="")
    params = {"name": unquote(name), "version": path}
    uri = str(connection.call("GET", "model-versions/get-download-uri", params).get("artifact_uri", ""))
    return resolve(connection, uri, reach, depth + 1)


def _or_through(connection: Connection, uri: str, reach: Reach, depth: int, through: Place) -> Place:
    """The place of an address that the server told; through the server, where we may not or cannot go there."""
    try:
        place = resolve(connection, uri, reach, depth + 1)
        return place if place.list("") else through
    except ModelyardError:
        return through


def _logged_by(run: dict[str, object]) -> Iterator[str]:
    outputs = run.get("outputs")
    listed = outputs.get("model_outputs", []) if isinstance(outputs, dict) else []
    return (str(output["model_id"]) for output in listed if "model_id" in output)


def _below(root: str, path: str) -> str:
    return f"{root.rstrip('/')}/{path}" if path else root


def _allow(uri: str, *, allowed: bool) -> None:
    if not allowed:
        raise PermissionDenied(
            f"the source {shown(without_secrets(uri))} lies outside the MLflow server, and is not read",
            hint="allow it, if you trust whoever registered the version there",
        )
