"""Optional zstd: pickles of forests shrink to a fifth, weights hardly at all.

A file is held compressed only if the store was told to (`local.compression`), its name is that of a pickle, and a
sample of its beginning shrinks below 80 %. Its address stays the digest of its plain bytes; readers cannot tell the
difference.
"""

from __future__ import annotations

import io
from pathlib import PurePosixPath
from typing import IO, cast

from zstandard import ZstdCompressor, ZstdDecompressor, ZstdError

from modelyard.artifacts.backend import BlobReader, BlobWriter, Buffer, Closing
from modelyard.errors import IntegrityError

PICKLES = (".pkl", ".pickle", ".joblib")
"""Endings of the files that may be held compressed: only pickles shrink enough to be worth it."""
_LEVEL = 1
_SAMPLE = 1 << 20
_WORTH_IT = 0.8
# Level 1 never uses a larger window; a frame that asks for more is not ours, and would cost a reader that much memory.
_LARGEST_WINDOW = 8 << 20
_SKIP = 1 << 20
_COMPRESSED_CHUNK = 256 << 10


def is_candidate(name: str) -> bool:
    """Whether a file of this name may be held compressed at all."""
    return PurePosixPath(name).suffix.lower() in PICKLES


def shrinks(sample: memoryview) -> bool:
    """Whether the beginning of a file compresses well enough to hold the file compressed."""
    sample = sample[:_SAMPLE]
    return len(sample) > 0 and len(ZstdCompressor(level=_LEVEL).compress(sample)) < _WORTH_IT * len(sample)


class ZstdWriter(Closing):
    """Compresses what is written to another writer, and counts what comes out."""

    def __init__(self, writer: BlobWriter) -> None:
        self._writer = writer
        self._compressor = ZstdCompressor(level=_LEVEL).compressobj()
        self.size = 0
        self._ended = False

    def write(self, data: Buffer) -> None:
        """Append plain bytes."""
        self._pass_on(self._compressor.compress(data))

    def _pass_on(self, data: bytes) -> None:
        self.size += len(data)
        if data:
            self._writer.write(data)

    def end(self) -> None:
        """Write the end of the frame; `size` is final afterwards."""
        if not self._ended:
            self._ended = True
            self._pass_on(self._compressor.flush())

    def commit(self, key: str) -> None:
        """Make it the object `key`."""
        self.end()
        self._writer.commit(key)

    def abort(self) -> None:
        """Forget what was written."""
        self._writer.abort()

    close = abort


class _Stored(io.RawIOBase):
    """The stored bytes of an object as a file that can only be read forward."""

    def __init__(self, reader: BlobReader) -> None:
        super().__init__()
        self._reader = reader
        self._offset = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:  # type: ignore[override]
        count = self._reader.readinto(self._offset, memoryview(buffer))
        self._offset += count
        return count


class ZstdSource:
    """Reads the plain bytes of a compressed object forward; never produces more than it is asked for."""

    def __init__(self, reader: BlobReader, name: str) -> None:
        self._name = name
        decompressor = ZstdDecompressor(max_window_size=_LARGEST_WINDOW)
        self._stream = decompressor.stream_reader(
            cast("IO[bytes]", _Stored(reader)), read_size=_COMPRESSED_CHUNK, read_across_frames=True
        )

    def readinto(self, buffer: memoryview) -> int:
        """Fill the buffer with the next plain bytes; fewer only at the end."""
        done = 0
        try:
            while done < len(buffer) and (count := self._stream.readinto(buffer[done:])):
                done += count
        except ZstdError as error:
            raise IntegrityError(f"the stored copy of {self._name} is damaged: {error}") from error
        return done

    def skip(self, count: int) -> None:
        """Pass over plain bytes."""
        scratch = memoryview(bytearray(min(count, _SKIP)))
        while count > 0 and (done := self.readinto(scratch[: min(count, _SKIP)])):
            count -= done
