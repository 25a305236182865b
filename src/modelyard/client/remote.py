"""A registry behind a URL: the same calls as on one in this process, sent over HTTP."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote

import msgspec

from modelyard.artifacts.materialise import FileCache, entries_of
from modelyard.artifacts.tree import walk
from modelyard.client import following
from modelyard.client.address import ServerAddress
from modelyard.client.binding import bind, request_json
from modelyard.client.fetching import fetch_files
from modelyard.client.multipart import MultipartBody
from modelyard.client.transport import ANSWER_TIMEOUT_S, Call, Transport
from modelyard.domain.names import shown
from modelyard.domain.wire import EventRecord, VersionRecord
from modelyard.errors import ArtifactNotFound, InvalidArtifact, InvalidRequest, RemoteUnavailable, StorageFull
from modelyard.operations import GET_VERSION, ListEvents, NamedThen, Operation, RegisterVersion

if TYPE_CHECKING:
    import httpx2

Req = TypeVar("Req")
Res = TypeVar("Res")
Progress = Callable[[int], None]

logger = logging.getLogger("modelyard.client")

UPLOAD_TIMEOUT_S = 600.0
"""Seconds that the server may take to answer after the last byte, and for each step before."""


class RemoteCaller:
    """Sends operations to a server; safe to use from several threads.

    Args:
        address: the URL of the server.
        token: who asks, as a bearer token; empty for nobody in particular.
        timeout: seconds for each step of a request (connect, send, wait for the next bytes); where it is left out,
            operations that read or delete many files get all the time they need.
        transport: what carries the requests instead of the network; for tests.
        cache: keeps the files of models that were loaded; without it, they are fetched each time.
    """

    def __init__(
        self,
        address: str,
        *,
        token: str = "",
        timeout: float | None = None,
        transport: httpx2.BaseTransport | None = None,
        cache: FileCache | None = None,
    ) -> None:
        where = ServerAddress.parse(address)
        self.address = where.url
        self._timeout, self._cache = timeout, cache
        self._transport = Transport(where, token=token, transport=transport)

    def call(self, operation: Operation[Req, Res], request: Req, *, idempotency_key: str = "") -> Res:
        """Run one operation on the server.

        Raises:
            ModelyardError: what an embedded registry would raise; RemoteUnavailable and TimedOut for faults on the way.
        """
        bound = bind(operation, request)
        timeout = self._patience(None if operation.long else ANSWER_TIMEOUT_S)
        call = Call(
            method=bound.method,
            target=bound.target,
            headers=_keyed(bound.headers, idempotency_key),
            body=lambda: bound.body,
            timeout=timeout,
        )
        return self._transport.perform(call, lambda answer: self._decoded(answer, operation.response))

    def upload(
        self, request: RegisterVersion, source: Path, *, progress: Progress | None = None, idempotency_key: str = ""
    ) -> VersionRecord:
        """Send a file or a folder and register it as a version."""
        files = walk(source)
        if not any(file.size for file in files):
            raise InvalidArtifact(f"{source} is empty", hint="register a file that has content")
        body = MultipartBody(request_json(request), files, progress)
        call = Call(
            method="POST",
            target="/api/models/upload",
            headers=_keyed({"Accept": "application/json", **body.headers}, idempotency_key),
            body=lambda: _chunks(body),
            timeout=self._patience(UPLOAD_TIMEOUT_S),
        )
        return self._transport.perform(call, lambda answer: self._decoded(answer, VersionRecord))

    def download(self, reference: str, target: Path, *, path: str = "", progress: Progress | None = None) -> list[Path]:
        """Write a version's files, or one of them, below a folder; each is verified before it appears."""
        version = self.call(GET_VERSION, NamedThen(reference=reference))
        what = f"{version.name} {version.version}"
        names = [file.path for file in version.files]
        if not names:
            hint = "it was registered without any, as provider-backed models are"
            raise ArtifactNotFound(f"{what} has no files", hint=hint)
        wanted = [file for file in version.files if file.path == path] if path else version.files
        if not wanted:
            raise ArtifactNotFound(
                f"{what} has no file {shown(path)}",
                hint=f"it has {', '.join(names[:10])}",
                details={"files": names[:100]},
            )
        return fetch_files(self._transport, version.id, wanted, target, progress)

    @contextmanager
    def folder(self, version: VersionRecord) -> Iterator[Path]:
        """A folder with all files of a version, verified, for as long as the block lasts.

        They come out of the cache where they are there; where it cannot be written, they are fetched for this once.
        """
        with ExitStack() as stack:
            yield self._folder(version, stack)

    def predict(self, name: str, body: bytes, environment: str, headers: Mapping[str, str]) -> bytes:
        """Ask the version that a model's endpoint serves.

        A prediction changes nothing, so it is asked for again where the connection broke, or nothing served just then.
        """
        query = "" if environment == "production" else f"?environment={quote(environment, safe='')}"
        call = Call(
            method="POST",
            target=f"/api/models/{quote(name, safe='')}/predict{query}",
            headers={"Accept": "application/json", "Content-Type": "application/json", **headers},
            body=lambda: body,
            timeout=self._patience(ANSWER_TIMEOUT_S),
        )
        return self._transport.perform(call, lambda answer: answer.read())

    def drive(self, deployment_id: str) -> bool:  # noqa: ARG002 - its twin in this process needs it
        """Leave it to the server, which takes its deployments on by itself."""
        return False

    def follow(self, request: ListEvents) -> Generator[EventRecord]:
        """Yield events behind `request.after` as they happen, for ever."""
        return following.follow(self._transport, request)

    def close(self) -> None:
        """End the connections."""
        self._transport.close()

    def _folder(self, version: VersionRecord, stack: ExitStack) -> Path:
        def fetch(folder: Path) -> None:
            fetch_files(self._transport, version.id, version.files, folder)

        if self._cache is not None:
            try:
                return stack.enter_context(self._cache.lease(entries_of(version.files), fetch)).path
            except (InvalidRequest, StorageFull) as error:
                logger.warning("files are fetched without being kept: %s", error)
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="modelyard-")))
        fetch(folder)
        return folder

    def _patience(self, usual: float | None) -> float | None:
        return usual if self._timeout is None else self._timeout

    def _decoded(self, answer: httpx2.Response, kind: type[Res]) -> Res:
        try:
            return msgspec.json.decode(answer.read(), type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise RemoteUnavailable(
                f"{self.address} did not answer as modelyard does: {str(error)[:200]}",
                details={"content_type": answer.headers.get("content-type", "")},
            ) from error


def _keyed(headers: dict[str, str], idempotency_key: str) -> dict[str, str]:
    return {**headers, "Idempotency-Key": idempotency_key} if idempotency_key else headers


def _chunks(body: MultipartBody) -> Iterator[bytes]:
    yield from body
