"""Uploads and downloads: bytes go straight from the connection into the store, and from the store to the connection.

Rules
- A megabyte of an upload, or a part of a download, is all that is held at a time.
- The version is registered when all is there; what was cut off, or refused, leaves none.
- Damage that is found after the first part of a download cuts the connection.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from itertools import chain

from flask import Request, Response

from modelyard.integrations.flask.exchange import pieces_of, response_of
from modelyard.integrations.flask.site import Site
from modelyard.server import receiving, sending
from modelyard.server.answers import answer
from modelyard.server.auth import authorise, header
from modelyard.server.messages import Scope
from modelyard.server.problems import Problem


def upload(site: Site, request: Request, scope: Scope) -> Response:
    """Take in a version's files, and register it."""
    principal = authorise(scope, receiving.PERMISSION)
    most = site.service.max_upload_bytes
    way = receiving.upload_of(scope, site.yard.store, most_bytes=most, most_field_bytes=site.service.max_body_bytes)
    try:
        for piece in pieces_of(request, receiving.PIECE, most, receiving.too_large(most)):
            way.feed([piece])
        record = receiving.register(site.yard, way, principal, header(scope, b"idempotency-key"))
    finally:
        way.files.close()
    return response_of(answer(record, permission=receiving.PERMISSION, status=201))


def download(site: Site, scope: Scope, values: Mapping[str, str]) -> Response:
    """Send a version's file, a range of it, or its folder."""
    principal = authorise(scope, sending.PERMISSION)
    found = sending.wanted(site.yard, scope, values["reference"], principal)
    parcel = sending.parcel_of(site.yard.store, scope, found)
    return response_of(parcel) if isinstance(parcel, Problem) else response_of_parcel(scope, parcel)


def response_of_parcel(scope: Scope, parcel: sending.Parcel) -> Response:
    """A file, or a part of it, as it is sent."""
    body: Iterator[bytes] = iter(())
    if parcel.source is not None and scope["method"] != "HEAD":
        body = _begun(parcel.source())
    response = Response(body, parcel.status, parcel.headers)
    if parcel.status == 304:  # noqa: PLR2004 - the file is as the client has it
        response.headers.pop("content-length", None)
    return response


def _begun(source: Iterator[sending.Piece]) -> Iterator[bytes]:
    """The pieces, the first of which has been read: what is wrong with it is an error like any other."""
    first = next(source, b"")
    return _closing(chain([first], source), source)


def _closing(pieces: Iterator[sending.Piece], source: Iterator[sending.Piece]) -> Generator[bytes]:
    """The same pieces; the source is released when they end, or when the client has gone."""
    try:
        for piece in pieces:
            yield bytes(piece)
    finally:
        if isinstance(source, Generator):
            source.close()
