"""The store: files in, digests out; digests in, verified bytes out.

Thread-safe and free of state: any number of processes may work on one store. Everything that is not a digest (which
version has which file, what is still needed) is the caller's to know.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from stat import S_ISREG

from modelyard.artifacts import known
from modelyard.artifacts.backend import Backend
from modelyard.artifacts.compress import is_candidate
from modelyard.artifacts.faults import source_faults
from modelyard.artifacts.fetch import Progress, fetch
from modelyard.artifacts.hashing import PART_SIZE, Blob
from modelyard.artifacts.layout import blob_key
from modelyard.artifacts.reader import Wanted, digest_stored, read_verified
from modelyard.artifacts.writer import ContentWriter
from modelyard.errors import IntegrityError, InvalidArtifact, RegistryUnusable


class ArtifactStore:
    """Bytes by digest over some backend.

    Args:
        backend: where the bytes lie.
        compression: whether pickles that shrink well are held zstd-compressed from now on; reading does not depend on
        it.
    """

    def __init__(self, backend: Backend, *, compression: bool = False) -> None:
        self.backend = backend
        self.compression = compression

    @property
    def root(self) -> Path | None:
        """The folder of a local store; None for a bucket."""
        return self.backend.root

    def writer(self, name: str = "") -> ContentWriter:
        """Take a file whose bytes come piece by piece, as from an upload.

        Args:
            name: the file's name, used in messages and to choose compression.
        """
        return ContentWriter(self.backend, name, compression=self.compression)

    def add_file(
        self, path: str | os.PathLike[str], progress: Progress | None = None, *, allow_empty: bool = False
    ) -> Blob:
        """Put a file into the store; a file that is there already is recognised and not written again.

        A file of one part is compared with the stored bytes, and these are replaced when they are damaged. A larger
        one is recognised by its note without reading the stored bytes (see `known`), unless they have been found
        damaged since.

        Args:
            path: a regular file, or a link to one.
            progress: called with the number of bytes done since the last call.
            allow_empty: take a file without content, which is otherwise refused.

        Raises:
            InvalidArtifact: it is missing, unreadable, empty, not a regular file, or it changed while it was read.
        """
        with source_faults(path):
            # Without O_NONBLOCK, opening a named pipe would wait for somebody to write to it.
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            before = _facts(descriptor)
            if not S_ISREG(before.st_mode):
                raise InvalidArtifact(f"{path} is not a regular file", hint="register a file or a folder of files")
            blob = self._recognise(descriptor, path, before.st_size)
            if blob and progress:
                progress(blob.size)
            if blob is None:
                blob = self._copy(descriptor, path, progress, allow_empty=allow_empty)
            after = _facts(descriptor)
        finally:
            os.close(descriptor)
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns) or blob.size != before.st_size:
            hint = "wait until nobody writes to it, then repeat"
            raise InvalidArtifact(f"{path} changed while it was read", hint=hint)
        return blob

    def _recognise(self, descriptor: int, path: object, size: int) -> Blob | None:
        if size <= PART_SIZE or (self.compression and is_candidate(str(path))):
            return None
        buffer = memoryview(bytearray(PART_SIZE))

        def next_part() -> memoryview:
            with source_faults(path):
                return buffer[: os.readv(descriptor, [buffer])]

        blob = known.recognise(self.backend, next_part, size)
        if blob:
            self.backend.touch(blob_key(blob.digest))
        else:
            os.lseek(descriptor, 0, os.SEEK_SET)
        return blob

    def _copy(self, descriptor: int, path: object, progress: Progress | None, *, allow_empty: bool) -> Blob:
        def readinto(buffer: memoryview) -> int:
            with source_faults(path):
                return os.readv(descriptor, [buffer])

        with self.writer(os.fspath(path) if isinstance(path, os.PathLike) else str(path)) as writer:
            while count := writer.fill(readinto):
                if progress:
                    progress(count)
            return writer.commit(allow_empty=allow_empty)

    def read(self, digest: str, size: int, parts: tuple[str, ...] = (), *, name: str = "") -> Iterator[memoryview]:
        """Yield a file's bytes in pieces of up to 8 MiB, each verified before it is given.

        Nothing is opened before the first piece is asked for, so that errors come from there.

        Args:
            digest: BLAKE3 of the file.
            size: its length in bytes.
            parts: BLAKE3 of its parts, from the manifest.
            name: the file's name for messages.

        Raises:
            IntegrityError: it is missing or damaged; the pieces given before that are good.
        """
        return self.read_range(digest, size, parts, start=0, end=size, name=name)

    def read_range(
        self, digest: str, size: int, parts: tuple[str, ...] = (), *, start: int, end: int, name: str = ""
    ) -> Iterator[memoryview]:
        """Yield the bytes from `start` up to but not including `end`, verified; otherwise like `read`."""
        wanted = Wanted(digest=digest, size=size, parts=tuple(parts), name=name)
        return self._read(wanted, start, end)

    def _read(self, wanted: Wanted, start: int, end: int) -> Iterator[memoryview]:
        with self._forgetting(wanted.digest):
            yield from read_verified(self.backend, wanted, start, end)

    def fetch_to(
        self,
        digest: str,
        size: int,
        parts: tuple[str, ...],
        target: Path,
        *,
        name: str = "",
        progress: Progress | None = None,
    ) -> None:
        """Write a file to `target`, replacing it at the end, once all bytes are verified.

        Raises:
            IntegrityError: it is missing or damaged; the target stays as it was.
            InvalidRequest, StorageFull: the target cannot be written.
        """
        wanted = Wanted(digest=digest, size=size, parts=tuple(parts), name=name)
        with self._forgetting(digest):
            fetch(self.backend, wanted, target, progress)

    def verify(self, digest: str, *, name: str = "") -> int:
        """Read a stored file to its end and compare it with its digest; gives its length in bytes.

        A damaged file is stored anew when the good one is put into the store again.

        Raises:
            IntegrityError: it is missing or damaged.
        """
        label = name or f"blake3:{digest}"
        with self._forgetting(digest):
            found, size = digest_stored(self.backend, digest, label)
            if found != digest:
                raise IntegrityError(
                    f"{label} is damaged in the store: its bytes do not match their digest",
                    details={"file": name, "digest": digest, "found": found, "size": size},
                )
        return size

    @contextmanager
    def _forgetting(self, digest: str) -> Iterator[None]:
        """Forget what is known of a file that turns out to be damaged, so that it is written when it comes in again."""
        try:
            yield
        except IntegrityError:
            # A store that cannot be written keeps its note; the damage is what must be reported.
            with suppress(RegistryUnusable):
                known.forget(self.backend, {digest})
            raise

    def exists(self, digest: str) -> bool:
        """Whether the store has an object for this digest; says nothing of its health."""
        return self.stored_key(digest) is not None

    def stored_key(self, digest: str) -> str | None:
        """The key under which a digest is held, which tells whether it is compressed; None if it is not held."""
        keys = (blob_key(digest), blob_key(digest, compressed=True))
        return next((key for key in keys if self.backend.stat(key)), None)

    def delete(self, digest: str) -> bool:
        """Remove a file from the store, whoever needs it; says whether it was there."""
        return sum(self.backend.delete(blob_key(digest, compressed=compressed)) for compressed in (False, True)) > 0


def _facts(descriptor: int) -> os.stat_result:
    with source_faults("the file"):
        return os.fstat(descriptor)
