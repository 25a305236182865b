"""Hands bytes out of the store, verified: no byte leaves before the part that it lies in agrees with its digest.

1. A file of one part is verified whole, a larger one part by part against the manifest's list of parts.
2. A stored object of another length than the manifest says is refused before its first byte.
3. What is verified is the buffer that is handed out, never the file read a second time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from blake3 import blake3

from modelyard.artifacts.backend import Backend, BlobReader
from modelyard.artifacts.compress import ZstdSource
from modelyard.artifacts.hashing import PART_SIZE, digest_of, part_count
from modelyard.artifacts.layout import blob_key
from modelyard.errors import IntegrityError


class Source(Protocol):
    """The plain bytes of an object, read forward."""

    def readinto(self, buffer: memoryview) -> int:
        """Fill the buffer; fewer bytes only at the end."""

    def skip(self, count: int) -> None:
        """Pass over bytes."""


class PlainSource:
    """An object held as it is."""

    def __init__(self, reader: BlobReader) -> None:
        self._reader = reader
        self._offset = 0

    def readinto(self, buffer: memoryview) -> int:
        """Fill the buffer with the next bytes."""
        count = self._reader.readinto(self._offset, buffer)
        self._offset += count
        return count

    def skip(self, count: int) -> None:
        """Pass over bytes."""
        self._offset += count


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """A file as a manifest describes it.

    Attributes:
        digest: BLAKE3 of the whole file.
        size: length in bytes.
        parts: BLAKE3 of each 8 MiB part, empty up to one part.
        name: how messages name the file; the digest if empty.
    """

    digest: str
    size: int
    parts: tuple[str, ...] = ()
    name: str = ""

    def __post_init__(self) -> None:
        if len(self.parts) != part_count(self.size):
            raise IntegrityError(
                f"the manifest lists {len(self.parts)} parts for {self.label} of {self.size} bytes,"
                f" where {part_count(self.size)} belong",
                details=self.facts(),
            )

    @property
    def label(self) -> str:
        """How messages name the file."""
        return self.name or f"blake3:{self.digest}"

    def facts(self) -> dict[str, object]:
        """What programs want to know of a file that is damaged."""
        return {"file": self.name, "digest": self.digest, "size": self.size}

    def digest_of_part(self, number: int) -> str:
        """What part `number`, counted from 0, must hash to."""
        return self.parts[number] if self.parts else self.digest

    def length_of_part(self, number: int) -> int:
        """Length of part `number` in bytes."""
        return min(PART_SIZE, self.size - number * PART_SIZE)

    def count(self) -> int:
        """How many parts there are to read, at least one."""
        return max(1, len(self.parts))


def damaged(wanted: Wanted, what: str) -> IntegrityError:
    """The error for a stored file that is not what it should be."""
    return IntegrityError(f"{wanted.label} is damaged in the store: {what}", details=wanted.facts())


@contextmanager
def opened(backend: Backend, digest: str, label: str) -> Iterator[tuple[Source, int | None]]:
    """Open the object of a digest, compressed or not; also gives its plain size where that is known without reading.

    Raises:
        IntegrityError: the store has no such object.
    """
    reader = backend.open(blob_key(digest))
    if reader is not None:
        with reader:
            yield PlainSource(reader), reader.size
        return
    reader = backend.open(blob_key(digest, compressed=True))
    if reader is None:
        raise IntegrityError(
            f"{label} is missing from the store at {backend.where}", details={"digest": digest, "missing": True}
        )
    with reader:
        yield ZstdSource(reader, label), None


class VerifiedParts:
    """Reads one file part by part into buffers that the caller gives."""

    def __init__(self, source: Source, stored_size: int | None, wanted: Wanted) -> None:
        if stored_size is not None and stored_size != wanted.size:
            raise damaged(wanted, f"it has {stored_size} bytes instead of {wanted.size}")
        self._source = source
        self._wanted = wanted

    def skip_to(self, number: int) -> None:
        """Go to part `number`; only forward, and before anything is read."""
        self._source.skip(number * PART_SIZE)

    def read(self, number: int, buffer: memoryview) -> int:
        """Read part `number`, which must be the next one, into the buffer *without* verifying it; gives its length."""
        length = self._wanted.length_of_part(number)
        count = self._source.readinto(buffer[:length])
        if count != length:
            raise damaged(self._wanted, f"it ends after {number * PART_SIZE + count} bytes of {self._wanted.size}")
        if number == self._wanted.count() - 1 and self._source.readinto(memoryview(bytearray(1))):
            raise damaged(self._wanted, f"it goes on after {self._wanted.size} bytes")
        return count

    def check(self, number: int, part: memoryview) -> None:
        """Verify what `read` gave.

        Raises:
            IntegrityError: the bytes are not those that were registered.
        """
        if digest_of(part) != self._wanted.digest_of_part(number):
            raise damaged(self._wanted, f"the bytes from {number * PART_SIZE} on do not match their digest")


def read_verified(backend: Backend, wanted: Wanted, start: int, end: int) -> Iterator[memoryview]:
    """Yield the bytes from `start` up to `end`, each piece after the whole part around it has been verified.

    Every piece is a buffer of its own that the caller may keep. `end` beyond the file means its end.
    """
    start, end = max(start, 0), min(end, wanted.size)
    if start >= end and wanted.size:
        return
    with opened(backend, wanted.digest, wanted.label) as (source, stored_size):
        parts = VerifiedParts(source, stored_size, wanted)
        first = start // PART_SIZE
        parts.skip_to(first)
        for number in range(first, -(-end // PART_SIZE) or 1):
            buffer = memoryview(bytearray(wanted.length_of_part(number)))
            parts.read(number, buffer)
            parts.check(number, buffer)
            base = number * PART_SIZE
            piece = buffer[max(start - base, 0) : end - base].toreadonly()
            if piece:
                yield piece


def digest_stored(backend: Backend, digest: str, label: str) -> tuple[str, int]:
    """Read an object to its end and give the BLAKE3 and length of its plain bytes."""
    hasher, buffer, size = blake3(), memoryview(bytearray(PART_SIZE)), 0
    with opened(backend, digest, label) as (source, _):
        while count := source.readinto(buffer):
            hasher.update(buffer[:count])
            size += count
    return hasher.hexdigest(), size
