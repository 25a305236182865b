"""Multipart forms, read while they arrive: small fields are kept, files go piece by piece to where they are stored.

Rules
- A part with a file name is a file, and the name is its path inside the version. The fields of `FIELDS` stay fields
  even if a client sends them from a file (`curl -F metadata=@metadata.json`). A file part whose name is empty is what
  browsers send for an input left empty, and is skipped.
- Names are UTF-8. Parts are sent as they are; a `Content-Transfer-Encoding` that changes bytes is refused.
- All fields together are bounded; files are bounded by whoever feeds the form.
"""

from __future__ import annotations

from typing import Protocol

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from modelyard.domain.names import shown
from modelyard.errors import InvalidRequest, TooLarge

FIELDS = frozenset(
    {
        "name",
        "version",
        "stage",
        "status",
        "description",
        "parent",
        "allow_breaking",
        "metadata",
        "metrics",
        "tags",
        "request",
    }
)
"""The form's fields; every other part must be a file."""

_PLAIN_ENCODINGS = frozenset({b"", b"binary", b"8bit", b"7bit"})
_HINT = "send multipart/form-data with each file as a part that has a filename"


class FileSink(Protocol):
    """Takes the files of a form one after the other."""

    def begin(self, path: str) -> None:
        """A file begins."""

    def write(self, data: memoryview) -> None:
        """More bytes of it."""

    def end(self) -> None:
        """It is whole."""


class FormReader:
    """A form being read.

    Args:
        boundary: the boundary of the `Content-Type` header.
        sink: where files go.
        most_field_bytes: the limit of all fields together.
    """

    def __init__(self, boundary: bytes, sink: FileSink, *, most_field_bytes: int) -> None:
        self.fields: dict[str, bytes] = {}
        self._sink = sink
        self._left = most_field_bytes
        self._ended = False
        self._headers: dict[bytes, bytes] = {}
        self._header_name = b""
        self._header_value = b""
        self._field = ""
        self._pieces: list[bytes] = []
        self._in_file = False
        callbacks = {
            "on_part_begin": self._on_part_begin,
            "on_header_field": self._on_header_field,
            "on_header_value": self._on_header_value,
            "on_header_end": self._on_header_end,
            "on_headers_finished": self._on_headers_finished,
            "on_part_data": self._on_part_data,
            "on_part_end": self._on_part_end,
            "on_end": self._on_end,
        }
        try:
            self._parser = MultipartParser(boundary, callbacks)  # type: ignore[arg-type]
        except FormParserError as error:
            raise InvalidRequest(f"the form has an impossible boundary: {error}", hint=_HINT) from None

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the body.

        Raises:
            InvalidRequest: they are no form.
            TooLarge: the fields are over their limit.
        """
        try:
            self._parser.write(data)
        except FormParserError as error:
            raise InvalidRequest(f"the form cannot be read: {error}", hint=_HINT) from None

    def finish(self) -> None:
        """The body is at its end.

        Raises:
            InvalidRequest: the form is not.
        """
        if not self._ended:
            raise InvalidRequest(
                "the form ends before its closing boundary", hint="the upload was cut short: repeat it"
            )

    def _on_part_begin(self) -> None:
        self._headers, self._pieces, self._field, self._in_file = {}, [], "", False

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _on_header_end(self) -> None:
        self._headers[self._header_name.lower()] = self._header_value
        self._header_name = self._header_value = b""

    def _on_headers_finished(self) -> None:
        if self._headers.get(b"content-transfer-encoding", b"").strip().lower() not in _PLAIN_ENCODINGS:
            raise InvalidRequest(
                "a part of the form has a Content-Transfer-Encoding", hint="send the bytes as they are"
            )
        kind, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        if kind != b"form-data" or b"name" not in options:
            raise InvalidRequest("a part of the form has no name", hint=_HINT)
        name = _text(options[b"name"])
        path = _text(options[b"filename"]) if b"filename" in options else None
        if name in FIELDS:
            self._begin_field(name)
        elif path is None:
            known = ", ".join(sorted(FIELDS))
            raise InvalidRequest(
                f"the form has the unknown field {shown(name)}", hint=f"fields are {known}; files have a filename"
            )
        elif path:
            self._sink.begin(path)
            self._in_file = True

    def _begin_field(self, name: str) -> None:
        if name in self.fields:
            raise InvalidRequest(f"the form has the field {name!r} twice", hint="give it once")
        self._field = name
        self._count(len(name))

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._in_file:
            self._sink.write(memoryview(data)[start:end])
        elif self._field:
            self._count(end - start)
            self._pieces.append(data[start:end])

    def _count(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise TooLarge(
                "the fields of the form are too large", hint="put large documents into a file of the version"
            )

    def _on_part_end(self) -> None:
        if self._in_file:
            self._sink.end()
        elif self._field:
            self.fields[self._field] = b"".join(self._pieces)

    def _on_end(self) -> None:
        self._ended = True


def boundary_of(content_type: str) -> bytes | None:
    """The boundary of a multipart form; None for any other content type.

    Raises:
        InvalidRequest: it is a form without a boundary.
    """
    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data":
        return None
    if not options.get(b"boundary"):
        raise InvalidRequest("the form's Content-Type has no boundary", hint="let the HTTP client set the header")
    return options[b"boundary"]


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise InvalidRequest(f"the name {raw[:80]!r} in the form is not UTF-8", hint="send names in UTF-8") from None
