"""Read a zlib stream as a file, a piece at a time: the standard library has such readers for gzip, bz2 and xz only."""

from __future__ import annotations

import io
import zlib
from typing import Any, BinaryIO

_CHUNK = 1 << 16


class ZlibReader(io.RawIOBase):
    """The plain bytes of a zlib stream; never holds more than one chunk of either side."""

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__()
        self._stream = stream
        self._inflate = zlib.decompressobj()
        self._waiting = b""

    @classmethod
    def buffered(cls, stream: BinaryIO) -> io.BufferedReader:
        """The same as a buffered stream with `readline`."""
        return io.BufferedReader(cls(stream))

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a writable buffer with as much as is at hand; 0 at the end, EOFError where the stream breaks off."""
        view = memoryview(buffer).cast("B")
        while not self._inflate.eof:
            data = self._waiting or self._stream.read(_CHUNK)
            plain = self._inflate.decompress(data, len(view))
            self._waiting = self._inflate.unconsumed_tail
            if plain:
                view[: len(plain)] = plain
                return len(plain)
            if not data:
                raise EOFError("the compressed stream ends too early")
        return 0
