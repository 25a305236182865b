"""Files of versions as real folders on this machine, fetched once and kept as long as there is room.

The tree, below one folder of the user::

    <cache>/
      <digest>/          the files of a version under their own names; the digest is that of its manifest
      <digest>.use       locked, shared, by whoever uses the folder; its time is that of the last use
      <digest>.make      locked by whoever makes the folder
      <digest>.….part    a folder on its way in or out; what a killed process left is removed by the next sweep

Rules
- A folder appears whole, by a rename, or not at all: ending a process at any moment leaves nothing half done.
- Every byte is compared with its digest each time a folder is handed out. A damaged folder is fetched anew, so nothing
  has to be flushed to the disk: what a power failure damages is found.
- Versions of equal content share a folder, processes of this user share the cache, and one of them fetches.
- Beyond `max_bytes` the folders that have not been used for the longest time go, never one that is in use. Locks belong
  to open files: the system takes them back when a process ends, however it ends.
- Files are copies, read-only, never links into a store: a model's own code could write through a link, and change what
  was registered.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from blake3 import blake3

from modelyard.artifacts.faults import target_faults
from modelyard.artifacts.store import ArtifactStore
from modelyard.artifacts.tree import restore
from modelyard.domain.manifest import FileEntry, Manifest
from modelyard.domain.wire import FileRecord

Fetch = Callable[[Path], object]
"""Writes the files of a version, verified, below a folder."""

_NAME = re.compile(r"([0-9a-f]{64})(?:\.use|\.make|\.[0-9a-f]{16}\.part)?", re.ASCII)
_READ_ONLY = 0o444
_PIECE = 1 << 20


class Lease:
    """A folder that stays as long as the lease does.

    Attributes:
        path: the folder.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor

    def release(self) -> None:
        """Say that the folder is not used any more; harmless when repeated."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def __del__(self) -> None:
        self.release()


def materialise(store: ArtifactStore, files: Sequence[FileRecord], cache: FileCache) -> Lease:
    """A version's files as a folder, out of a store.

    Raises:
        IntegrityError: a file is missing or damaged in the store.
        InvalidRequest, StorageFull: the cache's folder cannot be written.
    """
    entries = entries_of(files)
    return cache.lease(entries, lambda folder: restore(store, entries, folder))


def entries_of(files: Iterable[FileRecord]) -> tuple[FileEntry, ...]:
    """The files of a record as those of a manifest, sorted; InvalidArtifact if they break its rules."""
    made = (
        FileEntry(
            path=file.path,
            size=file.size,
            blake3=file.blake3,
            sha256=file.sha256,
            media_type=file.media_type,
            parts=tuple(file.parts),
        )
        for file in files
    )
    return Manifest(tuple(made)).files


@dataclass(frozen=True)
class FileCache:
    """Folders with the files of versions; any number of threads and processes may use one at once.

    Attributes:
        folder: where they are; made when it is first needed.
        max_bytes: how much all of them may take together; what is in use may take more.
    """

    folder: Path
    max_bytes: int

    def lease(self, files: Sequence[FileEntry], fetch: Fetch) -> Lease:
        """The folder of these files, fetched if it is not there or is damaged.

        Raises:
            InvalidRequest, StorageFull: the cache's folder cannot be written.
            ModelyardError: what `fetch` raises; nothing is left of the attempt.
        """
        digest = Manifest(tuple(files)).digest
        target = self.folder / digest
        with target_faults(self.folder):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            lease = Lease(target, _locked(self._use(digest), fcntl.LOCK_SH))
        try:
            if not _is_sound(target, files):
                self._make(digest, files, fetch)
            with suppress(FileNotFoundError):
                os.utime(self._use(digest))
        except BaseException:
            lease.release()
            raise
        return lease

    def _make(self, digest: str, files: Sequence[FileEntry], fetch: Fetch) -> None:
        target = self.folder / digest
        with target_faults(self.folder), _holding(self.folder / f"{digest}.make"):
            # Another process may have made it while this one waited.
            if _is_sound(target, files):
                return
            self._remove_parts(digest)
            self._sweep(sum(file.size for file in files))
            part = self._part(digest)
            try:
                part.mkdir()
                fetch(part)
                for file in files:
                    (part / file.path).chmod(_READ_ONLY)
                if target.exists():
                    self._discard(digest)
                part.rename(target)
            except BaseException:
                shutil.rmtree(part, ignore_errors=True)
                raise

    def _sweep(self, room: int) -> None:
        """Remove what killed processes left, and unused folders until there is room for so many bytes."""
        found = _entries(self.folder)
        sizes = {digest: _size(self.folder / digest) for digest in found}
        excess = sum(sizes.values()) + room - self.max_bytes
        for digest in sorted(found, key=lambda digest: _last_use(self._use(digest))):
            descriptor = _try_locked(self._use(digest))
            if descriptor is None:
                continue
            try:
                self._remove_parts(digest)
                if excess > 0 and sizes[digest]:
                    self._discard(digest)
                    excess -= sizes[digest]
                if not (self.folder / digest).exists():
                    self._use(digest).unlink(missing_ok=True)
                    (self.folder / f"{digest}.make").unlink(missing_ok=True)
            finally:
                os.close(descriptor)

    def _discard(self, digest: str) -> None:
        """Take a folder away at once, then remove what was in it."""
        part = self._part(digest)
        with suppress(FileNotFoundError):
            (self.folder / digest).rename(part)
            shutil.rmtree(part, ignore_errors=True)

    def _remove_parts(self, digest: str) -> None:
        for rest in self.folder.glob(f"{digest}.*.part"):
            shutil.rmtree(rest, ignore_errors=True)

    def _use(self, digest: str) -> Path:
        return self.folder / f"{digest}.use"

    def _part(self, digest: str) -> Path:
        return self.folder / f"{digest}.{secrets.token_hex(8)}.part"


def _locked(path: Path, kind: int) -> int:
    """Open and lock a file, which is made if need be; gives its descriptor."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, kind)
            if _is_current(path, descriptor):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        # The sweep removed the name before the lock was ours: the lock says nothing to those who come later.
        os.close(descriptor)


def _try_locked(path: Path) -> int | None:
    """Lock a file that nobody has locked, alone; None if somebody has."""
    try:
        return _locked(path, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return None


def _is_current(path: Path, descriptor: int) -> bool:
    try:
        found = path.stat()
    except FileNotFoundError:
        return False
    ours = os.fstat(descriptor)
    return (found.st_dev, found.st_ino) == (ours.st_dev, ours.st_ino)


@contextmanager
def _holding(path: Path) -> Iterator[None]:
    descriptor = _locked(path, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(descriptor)


def _entries(folder: Path) -> set[str]:
    """The digests that have anything in the cache; whatever else lies there is nobody's business."""
    with os.scandir(folder) as names:
        return {found[1] for entry in names if (found := _NAME.fullmatch(entry.name))}


def _size(folder: Path) -> int:
    """Bytes of all files below a folder; 0 if it is missing."""
    total = 0
    for root, _folders, files in os.walk(folder):
        for name in files:
            with suppress(FileNotFoundError):
                total += (Path(root) / name).stat().st_size
    return total


def _last_use(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _is_sound(folder: Path, files: Iterable[FileEntry]) -> bool:
    """Whether a folder has all of the files, each with its digest."""
    return folder.is_dir() and all(_digest(folder / file.path, file.size) == file.blake3 for file in files)


def _digest(path: Path, size: int) -> str:
    """The digest of a regular file of this size; empty for anything else."""
    try:
        if path.is_symlink() or path.stat().st_size != size:
            return ""
        with path.open("rb") as stream:
            digest = blake3()
            while piece := stream.read(_PIECE):
                digest.update(piece)
    except OSError:
        return ""
    return digest.hexdigest()
