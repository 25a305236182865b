"""Takes the bytes of one file, hashes them and stores them, in one pass and constant memory.

A file of one part is hashed in place and, if the store has it, never written. A larger one is hashed and written by
helper threads while the caller brings the next part. A stored object is read and verified before it is taken for the
file; a damaged one is replaced by the good bytes at hand.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Self

from blake3 import blake3

from modelyard.artifacts import compress
from modelyard.artifacts.backend import Backend, BlobWriter, Buffer
from modelyard.artifacts.hashing import PART_SIZE, Blob, ContentHash, Rounds
from modelyard.artifacts.known import remember
from modelyard.artifacts.layout import blob_key
from modelyard.artifacts.reader import opened
from modelyard.errors import IntegrityError, InvalidArtifact, RegistryUnusable


class ContentWriter:
    """One file on its way into the store. Use it in a `with` block: leaving it without `commit` leaves nothing behind.

    Args:
        backend: where the bytes go.
        name: the file's name, for messages and for the choice of compression.
        compression: whether files that shrink well may be held compressed.
    """

    def __init__(self, backend: Backend, name: str, *, compression: bool) -> None:
        self._backend = backend
        self._name = name
        self._may_compress = compression and compress.is_candidate(name)
        self._hash = ContentHash()
        self._rounds = Rounds([self._hash.sha256_lane, self._hash.blake3_lane, self._store])
        self._writer: BlobWriter | compress.ZstdWriter | None = None
        self._filled = 0
        self._passed = 0
        self._done = False

    def write(self, chunk: Buffer) -> None:
        """Append bytes, as many as the caller has at hand."""
        view = memoryview(chunk).cast("B")
        while view:
            taken = min(len(view), PART_SIZE - self._filled)
            self._free()[:taken] = view[:taken]
            self._filled += taken
            view = view[taken:]

    def fill(self, readinto: Callable[[memoryview], int | None]) -> int:
        """Let `readinto` write straight into the writer's buffer; gives back what it gives back, 0 at the end."""
        count = readinto(self._free()) or 0
        self._filled += count
        return count

    def _free(self) -> memoryview:
        """The free rest of the buffer, after a full one has been passed on."""
        if self._done:
            raise ValueError("write to a finished writer")
        if self._filled == PART_SIZE:
            self._pass_on()
        return self._rounds.buffer[self._filled :]

    def _pass_on(self) -> None:
        if self._writer is None:
            self._writer = self._new_writer()
        self._rounds.submit(self._filled)
        self._passed += 1
        self._filled = 0

    def _new_writer(self) -> BlobWriter | compress.ZstdWriter:
        plain = self._backend.new_writer()
        compressed = self._may_compress and compress.shrinks(self._rounds.buffer[: self._filled])
        return compress.ZstdWriter(plain) if compressed else plain

    def _store(self, part: memoryview) -> None:
        if self._writer is not None:
            self._writer.write(part)

    def commit(self, *, allow_empty: bool = False) -> Blob:
        """Finish the file and make it durable.

        Raises:
            InvalidArtifact: nothing was written, and `allow_empty` is not set.
            StorageFull, RegistryReadOnly, RegistryUnusable: the store could not take it; nothing is left behind.
        """
        try:
            if not self._filled and not self._passed and not allow_empty:
                raise InvalidArtifact(f"{self._name or 'the file'} is empty", hint="register a file that has content")
            blob = self._finish_large() if self._passed else self._finish_small()
        finally:
            self.abort()
        return blob

    def _finish_large(self) -> Blob:
        if self._filled:
            self._pass_on()
        self._rounds.finish()
        stored = self._settle()
        blob = self._hash.blob(stored=stored)
        if blob.parts and not isinstance(self._writer, compress.ZstdWriter):
            remember(self._backend, blob)
        return blob

    def _finish_small(self) -> Blob:
        part = self._rounds.buffer[: self._filled]
        self._hash.sha256_lane(part)
        self._hash.blake3_lane(part)
        if self._holds(blob_key(self._hash.digest), len(part)):
            return self._hash.blob(stored=False)
        self._writer = self._new_writer()
        self._store(part)
        return self._hash.blob(stored=self._settle())

    def _settle(self) -> bool:
        """Give the bytes their key, unless the store has them undamaged; says whether they had to be stored."""
        writer, plain = self._writer, blob_key(self._hash.digest)
        if writer is None or self._holds(plain, self._hash.size):
            return False
        if not isinstance(writer, compress.ZstdWriter):
            writer.commit(plain)
            return True
        writer.end()
        key = blob_key(self._hash.digest, compressed=True)
        missing = not self._holds(key, writer.size)
        if missing:
            writer.commit(key)
        # A damaged plain object, if there is one, would be read in preference to the good compressed one.
        self._backend.delete(plain)
        return missing

    def _holds(self, key: str, size: int) -> bool:
        """Whether an object of this stored size is there and its bytes are those of the file."""
        stat = self._backend.stat(key)
        if stat is None or stat.size != size:
            return False
        # Before the object is read, which can take long: the collector must not remove it meanwhile.
        self._backend.touch(key)
        return self._is_intact()

    def _is_intact(self) -> bool:
        # One byte more than a small file has tells an object that goes on after it.
        hasher, buffer = blake3(), memoryview(bytearray(min(self._hash.size + 1, PART_SIZE)))
        try:
            with opened(self._backend, self._hash.digest, self._name) as (source, _):
                while count := source.readinto(buffer):
                    hasher.update(buffer[:count])
        except (IntegrityError, RegistryUnusable):
            # A disk that cannot read the old bytes may well take the new ones; if not, writing them says so.
            return False
        return hasher.hexdigest() == self._hash.digest

    def abort(self) -> None:
        """Forget the file; harmless after `commit`."""
        self._done = True
        self._rounds.close()
        if self._writer is not None:
            self._writer.abort()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.abort()
