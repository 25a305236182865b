"""Uploads: files and what is known about them become a version, in constant memory.

Two ways to send them:

- `multipart/form-data`: any number of files, whose names are their paths inside the version, and the fields of
  `multipart.FIELDS` before or after them. `metadata` is a JSON document; `metrics` and `tags` are JSON objects;
  `request` is a whole `RegisterVersion` instead of all of them, which also says whether a new model may be made.
- any other content type: the body is one file, and the same fields are query parameters, with `filename` for its path.

Rules
- Bytes go straight into the store while they arrive, in pieces of a megabyte, one of which is written while the next
  one arrives. A client that sends faster than the disk takes is made to wait.
- The version is registered when all is there. Until then nothing refers to the bytes: an upload that is refused, that
  is cut short or whose server is killed leaves no version, and what it stored is collected as garbage.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelyard.artifacts.store import ArtifactStore
from modelyard.artifacts.tree import MOST_FILES
from modelyard.artifacts.writer import ContentWriter
from modelyard.domain.manifest import FileEntry, Manifest, media_type_of, safe_path
from modelyard.domain.names import shown
from modelyard.domain.permissions import Principal
from modelyard.domain.wire import VersionRecord
from modelyard.errors import InvalidArtifact, InvalidRequest, TooLarge
from modelyard.operations import RegisterVersion
from modelyard.registry.context import Yard
from modelyard.registry.publish import publish
from modelyard.server.auth import header
from modelyard.server.binding import json_object, json_value, query_values, refuse_unknown, registration, split_own
from modelyard.server.messages import Scope
from modelyard.server.multipart import FIELDS, FormReader, boundary_of

PATH = "/api/models/upload"
PERMISSION = "version.create"
PIECE = 1 << 20
LONGEST_LENGTH = 18
"""Digits of a `Content-Length` at most; Python refuses to read thousands of them."""

_TEXTS = ("version", "stage", "status", "parent")
_NO_FILE_HINT = (
    "send a file: curl -F file=@model.joblib -F name=fraud …, or the bytes as the body with ?name=…&filename=…"
)


class Files:
    """The files of an upload on their way into the store; `close` forgets one that is not whole."""

    def __init__(self, store: ArtifactStore) -> None:
        self._store = store
        self._writer: ContentWriter | None = None
        self._path = ""
        self.entries: dict[str, FileEntry] = {}

    def begin(self, path: str) -> None:
        """Begin the file at a path inside the version.

        Raises:
            InvalidArtifact: no file can lie there, or one does already.
        """
        self._path = safe_path(path)
        if self._path in self.entries:
            raise InvalidArtifact(f"the upload has two files at {shown(path)}", hint="give each file its own path")
        if len(self.entries) >= MOST_FILES:
            raise InvalidArtifact(f"the upload has more than {MOST_FILES:,} files", hint="pack them into an archive")
        self._writer = self._store.writer(self._path)

    def write(self, data: bytes | memoryview) -> None:
        """Append bytes to the file that was begun last."""
        if self._writer is not None:
            self._writer.write(data)

    def end(self) -> None:
        """Finish it: its bytes are in the store, durably."""
        if self._writer is None:
            return
        with self._writer as writer:
            blob = writer.commit(allow_empty=True)
        self._writer = None
        self.entries[self._path] = FileEntry(
            path=self._path,
            size=blob.size,
            blake3=blob.digest,
            sha256=blob.sha256,
            media_type=media_type_of(self._path),
            parts=blob.parts,
        )

    def manifest(self) -> Manifest:
        """The manifest of all files.

        Raises:
            InvalidArtifact: there are none, or all are empty.
        """
        if not self.entries:
            raise InvalidArtifact("the upload has no file", hint=_NO_FILE_HINT)
        if not any(entry.size for entry in self.entries.values()):
            raise InvalidArtifact("the upload has nothing but empty files", hint="send files that have content")
        return Manifest(files=tuple(self.entries.values()))

    def close(self) -> None:
        """Forget the file that is not finished."""
        if self._writer is not None:
            self._writer.abort()
            self._writer = None


class FormUpload:
    """An upload that comes as a form."""

    def __init__(self, files: Files, boundary: bytes, *, most_field_bytes: int) -> None:
        self.files = files
        self._form = FormReader(boundary, files, most_field_bytes=most_field_bytes)

    def feed(self, pieces: list[bytes]) -> None:
        """Take the next bytes of the body."""
        for piece in pieces:
            self._form.feed(piece)

    def finish(self) -> RegisterVersion:
        """What is to be registered."""
        self._form.finish()
        return requested(self._form.fields)


class RawUpload:
    """An upload whose body is the file."""

    def __init__(self, files: Files, query: bytes) -> None:
        self.files = files
        given = query_values(query)
        refuse_unknown(given, (*sorted(FIELDS), "filename"), "query")
        path = given.pop("filename", "")
        if not path:
            raise InvalidArtifact("the upload has no file name", hint=_NO_FILE_HINT)
        self._request = requested({name: value.encode() for name, value in given.items()})
        files.begin(path)

    def feed(self, pieces: list[bytes]) -> None:
        """Take the next bytes of the body."""
        for piece in pieces:
            self.files.write(piece)

    def finish(self) -> RegisterVersion:
        """What is to be registered."""
        self.files.end()
        return self._request


def requested(fields: Mapping[str, bytes]) -> RegisterVersion:
    """The version that the fields of an upload ask for.

    Raises:
        InvalidRequest: a field is not what it should be, or nothing names the model.
    """
    if "request" in fields:
        if len(fields) > 1:
            raise InvalidRequest("the upload has `request` and other fields", hint="`request` stands for all of them")
        own, document = split_own(json_object(fields["request"]))
        return registration(own, document, name=_name(document))
    document = _object(fields, "metadata")
    for field in ("description", "allow_breaking"):
        if field in fields:
            document[field] = _text(fields, field)
    for field in ("metrics", "tags"):
        if field in fields:
            present = document.get(field)
            document[field] = {**(present if isinstance(present, dict) else {}), **_object(fields, field)}
    own = {name: _text(fields, name) for name in _TEXTS if fields.get(name)}
    name = _text(fields, "name") or _name(document)
    return registration(own, document, name=name, create=True)


def _name(document: Mapping[str, Any]) -> str:
    name = document.get("name") or document.get("model_name")
    if not isinstance(name, str):
        raise InvalidRequest(
            "nothing names the model of the upload", hint="send the field `name`, or model_name in the metadata"
        )
    return name


def _text(fields: Mapping[str, bytes], name: str) -> str:
    try:
        return fields.get(name, b"").decode()
    except UnicodeDecodeError:
        raise InvalidRequest(f"the field {name!r} is not UTF-8", hint="send text in UTF-8") from None


def _object(fields: Mapping[str, bytes], name: str) -> dict[str, Any]:
    value = json_value(fields[name], f"the field {name!r}") if fields.get(name, b"").strip() else {}
    if not isinstance(value, dict):
        raise InvalidRequest(
            f"the field {name!r} is {shown(value)}, not a JSON object", hint='such as {"accuracy": 0.93}'
        )
    return dict(value)


def upload_of(scope: Scope, store: ArtifactStore, *, most_bytes: int, most_field_bytes: int) -> FormUpload | RawUpload:
    """What takes in the body of a request to upload; `files.close` has to be called on it.

    Raises:
        TooLarge: the body is announced as longer than `most_bytes`.
        InvalidRequest, InvalidArtifact: the head of the request is not that of an upload.
    """
    announced = header(scope, b"content-length")
    if announced.isdecimal() and (len(announced) > LONGEST_LENGTH or int(announced) > most_bytes):
        raise too_large(most_bytes)
    boundary = boundary_of(header(scope, b"content-type"))
    files = Files(store)
    if boundary is None:
        return RawUpload(files, scope["query_string"])
    return FormUpload(files, boundary, most_field_bytes=most_field_bytes)


def register(yard: Yard, upload: FormUpload | RawUpload, principal: Principal, key: str) -> VersionRecord:
    """Make a version of an upload whose body has come to its end."""
    request = upload.finish()
    return publish(yard, request, upload.files.manifest(), principal=principal, idempotency_key=key)


def too_large(limit: int) -> TooLarge:
    """The error of an upload that is over its limit of bytes."""
    return TooLarge(
        f"the upload is larger than {limit} bytes", hint="the server's setting server.max_upload_bytes allows more"
    )
