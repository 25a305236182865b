"""The artifact proxy of MLflow's protocol: its clients keep their files here, below `/api/2.0/mlflow-artifacts`.

    GET          artifacts?path=FOLDER       what lies in a folder; the root without `path`
    GET, HEAD    artifacts/PATH              a file, or a range of it
    PUT          artifacts/PATH              keep the body as a file
    DELETE       artifacts/PATH              remove a file, or a folder with all that lies in it
    POST         mpu/create|complete|abort   refused in the words that make a client send the file in one piece
    GET          presigned/PATH              refused likewise

Rules
- What a path is, and that below `modelyard/<version id>/` lie the files of versions, `modelyard.registry.proxied` says.
- A body goes straight into the store while it arrives, as that of an upload does, and is hashed on its way. It is to be
  found under its path when all of it is there; what is cut short leaves nothing.
- Files come back in verified pieces. The content type follows from the name, whatever a client would like it to be.
- The store finds content by its digest, so no client may write there past this server: files come in one piece, which
  costs nothing, as the parts would take the same way.
- Errors are `{"error_code", "message"}`, as MLflow's clients read them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from modelyard.artifacts.store import ArtifactStore
from modelyard.domain.manifest import FileEntry
from modelyard.domain.mlflow.artifacts import artifact_path, content_type, own_file
from modelyard.domain.permissions import Principal
from modelyard.errors import InvalidArtifact, ModelyardError
from modelyard.mlflow.desk import Refusal
from modelyard.mlflow.errors import refusal_of
from modelyard.registry.context import SEEING, Yard
from modelyard.registry.proxied import READ, WRITE, listed, opened, put, remove, writable
from modelyard.server.auth import authorise, header
from modelyard.server.binding import query_values
from modelyard.server.messages import Scope
from modelyard.server.problems import Problem
from modelyard.server.receiving import LONGEST_LENGTH, Files, too_large
from modelyard.server.refusing import headers_of_error
from modelyard.server.sending import Parcel, disposition, parcel_of_file
from modelyard.server.service import Service

PREFIX: Final = "/api/2.0/mlflow-artifacts/"
METHODS: Final = ("GET", "HEAD", "PUT", "DELETE", "POST")
MEDIA_TYPE: Final = "application/json"

_IN_PIECES: Final = {
    ("POST", "mpu"): (WRITE, "Multipart upload is not supported for the current artifact repository"),
    ("GET", "presigned"): (READ, "Multipart download is not supported for the current artifact repository"),
}
"""Method and first name of a path → the permission, and the text that clients look for before they go another way."""
_WAYS: Final = {"PUT": "put", "DELETE": "delete", "GET": "get", "HEAD": "get"}
_TOKEN: Final = re.compile(r"[A-Za-z0-9!#$&+.^_`|~-]+")
_encode = msgspec.json.Encoder().encode


class Keeping:
    """A file on its way to its path; `close` forgets one that is not whole."""

    def __init__(self, store: ArtifactStore, path: str) -> None:
        self._files = Files(store)
        self._files.begin(path)
        self._path = path

    def feed(self, pieces: list[bytes]) -> None:
        """Take the next bytes of the body."""
        for piece in pieces:
            self._files.write(piece)

    def end(self) -> FileEntry:
        """Finish it: its bytes are in the store, durably."""
        self._files.end()
        return self._files.entries[self._path]

    def close(self) -> None:
        """Forget the file if it is not finished."""
        self._files.close()


@dataclass(frozen=True, kw_only=True)
class Told:
    """An answer that is a JSON document; its content type is `MEDIA_TYPE`."""

    document: Mapping[str, Any]
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def body(self) -> bytes:
        """The document, encoded."""
        return _encode(self.document)


def way_of(scope: Scope, rest: str, raw: bytes) -> tuple[str, str]:
    """What a request below `PREFIX` wants (`put`, `delete`, `get` or `list`), and the path that it is about.

    Args:
        scope: the head of the request.
        rest: its path below `PREFIX`, as the web server reads it.
        raw: the bytes of its whole path.

    Raises:
        Refusal: nothing is there, or files come in one piece.
        InvalidArtifact: the path is no text.
    """
    try:
        raw.decode()
    except UnicodeDecodeError:
        # Web servers show something else for such bytes, and several paths would be one.
        raise InvalidArtifact("Invalid path", details={"reason": "it is not UTF-8"}) from None
    method: str = scope["method"]
    place, _, path = rest.partition("/")
    if (method, place) in _IN_PIECES:
        permission, text = _IN_PIECES[method, place]
        authorise(scope, permission)
        raise Refusal("NOT_IMPLEMENTED", text)
    way = _WAYS.get(method) if place == "artifacts" else None
    if way is None:
        raise Refusal("ENDPOINT_NOT_FOUND", f"there is nothing at {method} {scope['path'][:200]}")
    return ("list" if way == "get" and not path else way), path


def begin(service: Service, scope: Scope, path: str) -> tuple[Keeping, Principal]:
    """Begin to take in a file, for who may write it.

    Raises:
        TooLarge: it says of itself that it is.
        ModelyardError: it may not be written there, or not by them.
    """
    limit = service.max_upload_bytes
    principal = authorise(scope, WRITE)
    announced = header(scope, b"content-length")
    if announced.isdecimal() and (len(announced) > LONGEST_LENGTH or int(announced) > limit):
        raise too_large(limit)
    return Keeping(service.yard.store, writable(path)), principal


def keep(yard: Yard, keeping: Keeping, principal: Principal) -> Told:
    """Record a file that has come whole."""
    put(yard, keeping.end(), principal)
    return Told(document={})


def forget(yard: Yard, scope: Scope, path: str) -> Told:
    """Remove a file, or a folder with all that lies in it."""
    remove(yard, path, authorise(scope, WRITE))
    return Told(document={})


def listing(yard: Yard, scope: Scope) -> Told:
    """Tell what lies in the folder that the query names."""
    folder = str(query_values(scope["query_string"]).get("path", ""))
    found = listed(yard, folder, _reader(scope, folder))
    files = [
        {"path": child.name, "is_dir": child.size is None, **({} if child.size is None else {"file_size": child.size})}
        for child in found
    ]
    return Told(document={"files": files})


def parcel(yard: Yard, scope: Scope, path: str) -> Parcel | Told:
    """A file, or a range of it, ready to be sent; or why there is none."""
    entry = opened(yard, path, _reader(scope, path))
    name = entry.path.rpartition("/")[2]
    told = {"content-type": content_type(name), "content-disposition": attachment(name)}
    made = parcel_of_file(yard.store, scope, entry, told)
    if isinstance(made, Problem):
        refusal = Refusal("INVALID_PARAMETER_VALUE", f"{entry.path} has {entry.size} bytes, and none in that range")
        return refused(refusal, made.headers, status=made.status)
    return made


def refused(error: Refusal | ModelyardError, headers: Mapping[str, str] | None = None, *, status: int = 0) -> Told:
    """A refusal, in the form that MLflow's clients read."""
    given = dict(headers or {})
    if isinstance(error, ModelyardError):
        given |= {name.decode("ascii"): value.decode("ascii") for name, value in headers_of_error(error)}
    refusal = refusal_of(error) if isinstance(error, ModelyardError) else error
    document = {"error_code": refusal.code, "message": refusal.message}
    return Told(document=document, status=status or refusal.status, headers=given)


def attachment(name: str) -> str:
    """A `Content-Disposition` that saves under `name`; a plain name stands there as it is."""
    return f"attachment; filename={name}" if _TOKEN.fullmatch(name) else disposition(name)


def _reader(scope: Scope, path: str) -> Principal:
    """Return who asks, if they may read artifacts, or some version where the path is one of a version's."""
    own = own_file(artifact_path(path)) if path else None
    return authorise(scope, SEEING if own else READ)
