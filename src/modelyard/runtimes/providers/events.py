"""Server-sent events: read from bytes as they arrive, and written.

Rules (the WHATWG's grammar of `text/event-stream`)
- A line ends with LF, CR LF or CR; an empty one ends an event. Lines that begin with `:` are comments.
- Several `data` lines of one event are one text, joined by line feeds. An event without data is none.
- An event that is not ended when the stream ends is dropped: it may be half of one.
- What waits for the end of its event is bounded, so that a server that never ends one cannot fill the memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from modelyard.errors import PredictionFailed

LARGEST_EVENT = 16 << 20
MEDIA_TYPE = "text/event-stream"
_BOM = b"\xef\xbb\xbf"


class Event(NamedTuple):
    """One event; `name` is empty where none is given."""

    name: str
    data: bytes


def event(data: bytes, name: str = "") -> bytes:
    """The bytes of an event whose data is one line, such as JSON."""
    return (b"event: " + name.encode() + b"\n" if name else b"") + b"data: " + data + b"\n\n"


class EventReader:
    """Cuts bytes into events, however they are cut into pieces on their way."""

    def __init__(self) -> None:
        self._rest = b""
        self._name = ""
        self._data: list[bytes] = []
        self._size = 0
        self._begun = False
        self._after_cr = False

    def feed(self, piece: bytes) -> Iterator[Event]:
        """Yield the events that end in this piece.

        Raises:
            PredictionFailed: an event is larger than `LARGEST_EVENT`.
        """
        for line in self._lines(piece):
            if line:
                self._take(line)
            elif self._data:
                yield Event(self._name, b"\n".join(self._data))
                self._clear()
            else:
                self._clear()
        if len(self._rest) + self._size > LARGEST_EVENT:
            raise PredictionFailed(f"the stream has an event of more than {LARGEST_EVENT} bytes")

    def _lines(self, piece: bytes) -> list[bytes]:
        """The lines that are whole now; a line that ends with CR is, even if an LF follows in the next piece."""
        if self._after_cr and piece.startswith(b"\n"):
            piece = piece[1:]
        if piece:
            self._after_cr = piece.endswith(b"\r")
        text = self._rest + piece
        if not self._begun:
            if len(text) < len(_BOM) and _BOM.startswith(text):
                self._rest = text
                return []
            self._begun, text = True, text.removeprefix(_BOM)
        *lines, self._rest = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        return lines

    def _take(self, line: bytes) -> None:
        field, _colon, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            self._data.append(value)
            self._size += len(value)
        elif field == b"event":
            self._name = value.decode("utf-8", "replace")

    def _clear(self) -> None:
        self._name, self._data, self._size = "", [], 0
