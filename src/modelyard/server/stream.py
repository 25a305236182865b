"""Downloads: a version's file, or its folder as a tar archive, in verified pieces.

Rules
- No byte is sent before the part that it lies in agrees with its digest. Damage in the first part is an ordinary error;
  damage found later cuts the connection before the announced length is reached, so that nobody takes the rest for
  whole.
- The next piece is read while the present one is sent: two pieces of up to 8 MiB are the most that a download holds.
- A client that goes away ends the reading.
"""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Generator, Iterator
from itertools import islice
from typing import Any, cast
from urllib.parse import quote

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from modelyard.artifacts.transfer import tar_size, tar_stream
from modelyard.domain.manifest import FileEntry
from modelyard.errors import ModelyardError
from modelyard.registry.fetch import Fetched, opened
from modelyard.server.auth import authorise, header
from modelyard.server.binding import plain_reference, query_values, refuse_unknown
from modelyard.server.errors import problem
from modelyard.server.openapi import REFERENCE_HELP, parameter, problems
from modelyard.server.ranges import Span, names_tag, span_of
from modelyard.server.service import Service

PATH = "/api/models/{reference:path}/download"
PERMISSION = "version.read"
TAR = "application/x-tar"

Piece = bytes | memoryview

_log = logging.getLogger("modelyard.server")


class Pieces:
    """Pieces that are read in threads, one ahead of the one that is sent.

    Args:
        service: whose threads read.
        source: gives the pieces; blocks.
    """

    def __init__(self, service: Service, source: Iterator[Piece]) -> None:
        self._service = service
        self._source = source
        self._coming: asyncio.Future[Piece | None] = service.transfer(next, source, None)

    async def begin(self) -> None:
        """Wait until the first piece has been read; its errors come from here."""
        await asyncio.wait([self._coming])
        self._coming.result()

    async def next(self) -> Piece | None:
        """The next piece, or None at the end; begins to read the one after it."""
        piece = await self._coming
        if piece is not None:
            self._coming = self._service.transfer(next, self._source, None)
        return piece

    async def close(self) -> None:
        """Wait for the piece being read, and release what the source holds open."""
        await asyncio.wait([self._coming])
        if not self._coming.cancelled():
            # An error that was looked at is not reported a second time as one that nobody retrieved.
            self._coming.exception()
        if isinstance(self._source, Generator):
            await self._service.transfer(self._source.close)


class Download(Response):
    """Sends pieces; the first one is there already, and good."""

    def __init__(self, pieces: Pieces, status: int, headers: dict[str, str]) -> None:
        super().__init__(status_code=status, headers=headers)
        self._pieces = pieces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - the ASGI signature
        """Send it; returns without the last message if the rest turns out to be damaged, which cuts the connection."""
        gone = asyncio.ensure_future(_gone(receive))
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            while (piece := await self._pieces.next()) is not None and not gone.done():
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            if piece is None:
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        except ModelyardError as error:
            _log.error("a download was cut: %s", error.message, extra={"code": error.code, "details": error.details})
        finally:
            gone.cancel()
            await self._pieces.close()


async def _gone(receive: Receive) -> None:
    """Return when the client has gone away."""
    while (await receive())["type"] != "http.disconnect":
        pass


def add_downloads(app: FastAPI, service: Service) -> None:
    """Add the download route."""

    async def download(request: Request) -> Response:
        principal = authorise(request.scope, PERMISSION)
        query = query_values(request.scope["query_string"])
        refuse_unknown(query, ("path", "format"), "query")
        reference = plain_reference(request.path_params["reference"])
        found = await service.run(
            opened,
            service.yard,
            reference,
            path=query.get("path", ""),
            format=query.get("format", ""),
            principal=principal,
        )
        if found.entry is None:
            return await _send_folder(service, request, found)
        return await _send_file(service, request, found, found.entry)

    for method in ("GET", "HEAD"):
        app.add_api_route(
            PATH, download, methods=[method], operation_id=f"{'head_' if method == 'HEAD' else ''}download",
            summary="Download a version's file, or all its files as a tar archive", tags=["versions"],
            response_class=Response, responses=_responses(), openapi_extra=_extra(),
        )  # fmt: skip


async def _send_file(service: Service, request: Request, found: Fetched, entry: FileEntry) -> Response:
    headers = {
        "content-type": entry.media_type,
        "content-disposition": disposition(entry.path.rpartition("/")[2]),
        "etag": f'"{entry.blake3}"',
        "accept-ranges": "bytes",
        "x-modelyard-blake3": entry.blake3,
        "x-modelyard-version-id": found.record.id,
        "repr-digest": f"sha-256=:{base64.b64encode(bytes.fromhex(entry.sha256)).decode()}:",
        "x-content-type-options": "nosniff",
    }
    scope = request.scope
    if names_tag(header(scope, b"if-none-match"), entry.blake3):
        return Response(status_code=304, headers=headers)
    try:
        span = _wanted_span(scope, entry)
    except IndexError:
        detail = f"{entry.path} has {entry.size} bytes, and none in {header(scope, b'range')[:100]}"
        extent = {"Content-Range": f"bytes */{entry.size}"}
        return problem(416, "range_not_satisfiable", detail, hint="ask for bytes inside the file", headers=extent)
    status = 200 if span is None else 206
    start, end = span or Span(0, entry.size)
    if span:
        headers["content-range"] = f"bytes {start}-{end - 1}/{entry.size}"
    headers["content-length"] = str(end - start)
    store = service.yard.store
    source = store.read_range(entry.blake3, entry.size, entry.parts, start=start, end=end, name=entry.path)
    return await _begin(service, request, source, status, headers)


def _wanted_span(scope: Scope, entry: FileEntry) -> Span | None:
    condition = header(scope, b"if-range").strip()
    if condition and condition != f'"{entry.blake3}"':
        return None
    return span_of(header(scope, b"range"), entry.size)


async def _send_folder(service: Service, request: Request, found: Fetched) -> Response:
    files = found.manifest.files
    tag = f"{found.record.digest}.tar"
    headers = {
        "content-type": TAR,
        "content-disposition": disposition(f"{found.record.name}-{found.record.version}.tar"),
        "etag": f'"{tag}"',
        "accept-ranges": "none",
        "x-modelyard-version-id": found.record.id,
        "x-content-type-options": "nosniff",
    }
    if names_tag(header(request.scope, b"if-none-match"), tag):
        return Response(status_code=304, headers=headers)
    headers["content-length"] = str(await service.transfer(tar_size, files))
    return await _begin(service, request, tar_stream(service.yard.store, files), 200, headers)


async def _begin(
    service: Service, request: Request, source: Iterator[Piece], status: int, headers: dict[str, str]
) -> Response:
    """Read the first part, so that damage in it is an error like any other, and answer."""
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers)
    pieces = Pieces(service, _joined(source) if headers["content-type"] == TAR else source)
    try:
        await pieces.begin()
    except ModelyardError:
        await pieces.close()
        raise
    return Download(pieces, status, headers)


def _joined(source: Iterator[Piece]) -> Generator[Piece]:
    """The same pieces, an archive's first header and what follows it as one."""
    try:
        yield b"".join(islice(source, 2))
        yield from source
    finally:
        cast("Generator[Piece]", source).close()


def disposition(name: str) -> str:
    """A `Content-Disposition` that saves under `name`, whatever characters it has (RFC 6266)."""
    plain = "".join(
        letter if letter.isascii() and letter.isprintable() and letter not in '"\\%' else "_" for letter in name
    )
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _responses() -> dict[int | str, dict[str, Any]]:
    binary = {"schema": {"type": "string", "format": "binary"}}
    sent = {"content": {"application/octet-stream": binary, TAR: binary}}
    return {
        200: {"description": "The file, or the archive", **sent},
        206: {"description": "The range of the file", **sent},
        304: {"description": "The caller has it already"},
        **problems(400, 401, 403, 404, 416, 500, 503),
    }


def _extra() -> dict[str, Any]:
    text = {"type": "string"}
    return {
        "x-permission": PERMISSION,
        "parameters": [
            parameter("path", "reference", text, required=True, text=REFERENCE_HELP),
            parameter("query", "path", text, text="One file of the version, by its path."),
            parameter("query", "format", text, text="The only file of this format, such as `onnx` or `pth`."),
            parameter("header", "Range", text, text="One range of bytes of a file."),
        ],
    }
