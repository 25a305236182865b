"""What a download sends: a version's file, a range of it, or its folder as a tar archive.

Rules
- What is sent is decided by the head of the request alone: conditions, then the range (`modelyard.server.ranges`).
- Pieces are read only while they are sent, and no byte of a part before the part agrees with its digest. Damage in the
  first part is an ordinary error; damage found later ends the sending before the announced length is reached.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import cast
from urllib.parse import quote

from modelyard.artifacts.store import ArtifactStore
from modelyard.artifacts.transfer import tar_size, tar_stream
from modelyard.domain.manifest import FileEntry
from modelyard.domain.permissions import Principal
from modelyard.registry.context import Yard
from modelyard.registry.fetch import Fetched, opened
from modelyard.server.auth import header
from modelyard.server.binding import plain_reference, query_values, refuse_unknown
from modelyard.server.messages import Scope
from modelyard.server.problems import Problem, problem_of
from modelyard.server.ranges import Span, names_tag, span_of

PERMISSION = "version.read"
TAR = "application/x-tar"

Piece = bytes | memoryview


@dataclass(frozen=True, kw_only=True, slots=True)
class Parcel:
    """A status and headers, and what gives the pieces of the body; None where there is no body."""

    status: int
    headers: dict[str, str]
    source: Callable[[], Iterator[Piece]] | None = None


def wanted(yard: Yard, scope: Scope, reference: str, principal: Principal) -> Fetched:
    """What a request to download asks for; waits for the database.

    Raises:
        InvalidRequest: the query says anything else.
        NotFound: there is no such version or file.
    """
    query = query_values(scope["query_string"])
    refuse_unknown(query, ("path", "format"), "query")
    return opened(
        yard,
        plain_reference(reference),
        path=query.get("path", ""),
        format=query.get("format", ""),
        principal=principal,
    )


def parcel_of(store: ArtifactStore, scope: Scope, found: Fetched) -> Parcel | Problem:
    """What to answer to a request for a file, or for a folder."""
    if found.entry is None:
        return _folder(store, scope, found)
    return parcel_of_file(store, scope, found.entry, {"x-modelyard-version-id": found.record.id})


def parcel_of_file(store: ArtifactStore, scope: Scope, entry: FileEntry, told: Mapping[str, str]) -> Parcel | Problem:
    """What to answer to a request for a file, or for a range of it; `told` are headers beside, or instead of, ours."""
    headers = {
        "content-type": entry.media_type,
        "content-disposition": disposition(entry.path.rpartition("/")[2]),
        "etag": f'"{entry.blake3}"',
        "accept-ranges": "bytes",
        "x-modelyard-blake3": entry.blake3,
        "repr-digest": f"sha-256=:{base64.b64encode(bytes.fromhex(entry.sha256)).decode()}:",
        "x-content-type-options": "nosniff",
        **told,
    }
    tag = headers["etag"].strip('"')
    if names_tag(header(scope, b"if-none-match"), tag):
        return Parcel(status=304, headers=headers)
    try:
        span = _wanted_span(scope, entry.size, tag)
    except IndexError:
        detail = f"{entry.path} has {entry.size} bytes, and none in {header(scope, b'range')[:100]}"
        extent = {"Content-Range": f"bytes */{entry.size}"}
        return problem_of(416, "range_not_satisfiable", detail, hint="ask for bytes inside the file", headers=extent)
    status = 200 if span is None else 206
    start, end = span or Span(0, entry.size)
    if span:
        headers["content-range"] = f"bytes {start}-{end - 1}/{entry.size}"
    headers["content-length"] = str(end - start)

    def source() -> Iterator[Piece]:
        return store.read_range(entry.blake3, entry.size, entry.parts, start=start, end=end, name=entry.path)

    return Parcel(status=status, headers=headers, source=source)


def _wanted_span(scope: Scope, size: int, tag: str) -> Span | None:
    condition = header(scope, b"if-range").strip()
    if condition and condition != f'"{tag}"':
        return None
    return span_of(header(scope, b"range"), size)


def _folder(store: ArtifactStore, scope: Scope, found: Fetched) -> Parcel:
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
    if names_tag(header(scope, b"if-none-match"), tag):
        return Parcel(status=304, headers=headers)
    headers["content-length"] = str(tar_size(files))
    return Parcel(status=200, headers=headers, source=lambda: _joined(tar_stream(store, files)))


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
