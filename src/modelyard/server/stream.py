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
import logging
from collections.abc import Generator, Iterator
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from modelyard.errors import ModelyardError
from modelyard.registry.fetch import Fetched
from modelyard.server.auth import authorise
from modelyard.server.errors import response_of
from modelyard.server.messages import Receive, Scope, Send
from modelyard.server.openapi import REFERENCE_HELP, parameter, problems
from modelyard.server.problems import Problem
from modelyard.server.sending import PERMISSION, TAR, Parcel, Piece, parcel_of, wanted
from modelyard.server.service import Service

PATH = "/api/models/{reference:path}/download"
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
        scope = request.scope
        principal = authorise(scope, PERMISSION)
        found = await service.run(wanted, service.yard, scope, request.path_params["reference"], principal)
        return await respond(service, request, found)

    for method in ("GET", "HEAD"):
        app.add_api_route(
            PATH, download, methods=[method], operation_id=f"{'head_' if method == 'HEAD' else ''}download",
            summary="Download a version's file, or all its files as a tar archive", tags=["versions"],
            response_class=Response, responses=_responses(), openapi_extra=_extra(),
        )  # fmt: skip


async def respond(service: Service, request: Request, found: Fetched) -> Response:
    """Answer with what was found."""
    parcel = await service.transfer(parcel_of, service.yard.store, request.scope, found)
    return response_of(parcel) if isinstance(parcel, Problem) else await send_parcel(service, request, parcel)


async def send_parcel(service: Service, request: Request, parcel: Parcel) -> Response:
    """Read the first part of what is sent, so that damage in it is an error like any other, and answer."""
    if parcel.source is None or request.method == "HEAD":
        return Response(status_code=parcel.status, headers=parcel.headers)
    pieces = Pieces(service, parcel.source())
    try:
        await pieces.begin()
    except ModelyardError:
        await pieces.close()
        raise
    return Download(pieces, parcel.status, parcel.headers)


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
