"""The route of uploads, `modelyard.server.receiving`: a megabyte is written while the next one arrives."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Protocol

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from modelyard.domain.wire import VersionRecord
from modelyard.server.answers import answer
from modelyard.server.auth import authorise, header
from modelyard.server.messages import Receive
from modelyard.server.multipart import FIELDS
from modelyard.server.openapi import parameter, problems
from modelyard.server.receiving import PATH, PERMISSION, PIECE, register, too_large, upload_of
from modelyard.server.responses import AnswerResponse
from modelyard.server.service import Service


class Intake(Protocol):
    """Takes the bytes of a body as they come."""

    def feed(self, pieces: list[bytes]) -> None:
        """Take the next bytes; blocks."""


async def take_in(service: Service, upload: Intake, receive: Receive) -> None:
    """Feed a body to an upload: a megabyte is written while the next one arrives.

    Raises:
        TooLarge: it is over `server.max_upload_bytes`.
        ConnectionError: the client went away.
    """
    writing: asyncio.Future[None] | None = None
    try:
        async for pieces in _megabytes(receive, service.max_upload_bytes):
            if writing is not None:
                await writing
            writing = service.transfer(upload.feed, pieces)
    finally:
        if writing is not None:
            # Whatever ended the upload, nothing may touch it while a thread still writes.
            await asyncio.wait([writing])
    if writing is not None:
        writing.result()


async def _megabytes(receive: Receive, limit: int) -> AsyncIterator[list[bytes]]:
    pieces: list[bytes] = []
    total = size = 0
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionAbortedError("the client went away during an upload")
        piece: bytes = message.get("body", b"")
        more = message.get("more_body", False)
        size += len(piece)
        total += len(piece)
        if total > limit:
            raise too_large(limit)
        pieces.append(piece)
        if size >= PIECE or not more:
            yield pieces
            pieces, size = [], 0


def add_uploads(app: FastAPI, service: Service) -> None:
    """Add the upload route."""

    async def upload(request: Request) -> Response:
        scope = request.scope
        principal = authorise(scope, PERMISSION)
        way = upload_of(
            scope, service.yard.store, most_bytes=service.max_upload_bytes, most_field_bytes=service.max_body_bytes
        )
        try:
            await take_in(service, way, request.receive)
            key = header(scope, b"idempotency-key")
            record = await service.transfer(register, service.yard, way, principal, key)
        finally:
            await service.transfer(way.files.close)
        return AnswerResponse(answer(record, permission=PERMISSION, status=201))

    app.add_api_route(
        PATH, upload, methods=["POST"], operation_id="upload", summary="Upload files as a new version",
        tags=["versions"], status_code=201, response_model=VersionRecord, openapi_extra=_extra(),
        responses=problems(400, 401, 403, 404, 409, 413, 503),
    )  # fmt: skip


def _extra() -> dict[str, Any]:
    text = {"type": "string"}
    form = dict.fromkeys(sorted(FIELDS - {"request"}), text)
    form |= {
        name: {"type": "string", "contentMediaType": "application/json"}
        for name in ("metadata", "metrics", "tags", "request")
    }
    files = {"file": {"type": "string", "format": "binary"}}
    names = (*sorted(FIELDS - {"request"}), "filename")
    return {
        "x-permission": PERMISSION,
        "parameters": [
            *(parameter("query", name, text, text="For a body that is the file itself.") for name in names),
            parameter(
                "header", "Idempotency-Key", text, text="Repeats of an upload under one key register one version."
            ),
        ],
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": {"schema": {"type": "object", "properties": form | files}},
                "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
            },
        },
    }
