"""A store in a local folder, with the durability that a database would ask for.

Order of a write: temporary file in the same file system → bytes → fsync → rename to the key → fsync of the folder.
A crash before the rename leaves a file in `tmp/`; after it the object is whole. The order must never change.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from stat import S_ISREG

from modelyard.artifacts.backend import Buffer, Closing, Stat
from modelyard.artifacts.faults import store_faults
from modelyard.artifacts.layout import temporary_key

_READ_ONLY = 0o444
_WORTH_A_HINT = 1 << 20


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable: a rename is only safe once the folder itself is on disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_all(descriptor: int, data: Buffer) -> None:
    """Write all of `data`; the system may take it in several pieces."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


class LocalWriter(Closing):
    """One file being written below `tmp/`."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._path = root / temporary_key()
        self._descriptor: int | None = None
        self._size = 0
        with store_faults(root):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)

    def write(self, data: Buffer) -> None:
        """Append bytes."""
        if self._descriptor is None:
            raise ValueError("write to a finished writer")
        with store_faults(self._root):
            write_all(self._descriptor, data)
        count = len(memoryview(data))
        if count >= _WORTH_A_HINT and sys.platform == "linux":
            # At this hint Linux begins to write to the disk (the pages stay cached), so that fsync finds little to do.
            os.posix_fadvise(self._descriptor, self._size, count, os.POSIX_FADV_DONTNEED)
        self._size += count

    def commit(self, key: str) -> None:
        """Make the bytes durable under `key`."""
        if self._descriptor is None:
            raise ValueError("commit of a finished writer")
        try:
            with store_faults(self._root):
                os.fchmod(self._descriptor, _READ_ONLY)
                os.fsync(self._descriptor)
                target = self._root / key
                self._make_folder(target.parent)
                self._path.rename(target)
                sync_folder(target.parent)
        finally:
            self.abort()

    def _make_folder(self, folder: Path) -> None:
        if folder.is_dir():
            return
        self._make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)

    def abort(self) -> None:
        """Close and remove the temporary file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
            with suppress(OSError):
                self._path.unlink()

    close = abort


class LocalReader(Closing):
    """One file of the store, open for reading."""

    def __init__(self, descriptor: int, where: Path) -> None:
        self._descriptor = descriptor
        self._where = where
        self.size = os.fstat(descriptor).st_size

    def readinto(self, offset: int, buffer: memoryview) -> int:
        """Fill the buffer from `offset` on."""
        done = 0
        with store_faults(self._where):
            while done < len(buffer):
                count = os.preadv(self._descriptor, [buffer[done:]], offset + done)
                if count == 0:
                    break
                done += count
        return done

    def close(self) -> None:
        """Close the file; calling it again is harmless."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class LocalBackend:
    """Objects as files below a folder, which is made at the first write."""

    def __init__(self, root: Path) -> None:
        self.root: Path | None = root
        self.where = str(root)
        self._root = root

    def new_writer(self) -> LocalWriter:
        """Begin a new file below `tmp/`."""
        return LocalWriter(self._root)

    def open(self, key: str) -> LocalReader | None:
        """Open a file of the store; a link in its place is not followed."""
        path = self._root / key
        with store_faults(self._root):
            try:
                descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            except (FileNotFoundError, NotADirectoryError):
                return None
        return LocalReader(descriptor, path)

    def stat(self, key: str) -> Stat | None:
        """Facts of one file, or None."""
        with store_faults(self._root):
            try:
                found = (self._root / key).lstat()
            except (FileNotFoundError, NotADirectoryError):
                return None
        return Stat(key=key, size=found.st_size, modified=found.st_mtime) if S_ISREG(found.st_mode) else None

    def touch(self, key: str) -> None:
        """Set the file's time to now, and make sure that its name is durable.

        Another process may have renamed the file a moment ago and not yet synchronised the folder.
        """
        path = self._root / key
        with store_faults(self._root), suppress(FileNotFoundError):
            os.utime(path)
            sync_folder(path.parent)

    def last_needed(self, key: str) -> float | None:
        """The file's modification time."""
        found = self.stat(key)
        return found.modified if found else None

    def delete(self, key: str) -> bool:
        """Remove a file; its folder stays, since a writer may be about to use it."""
        with store_faults(self._root):
            try:
                (self._root / key).unlink()
            except (FileNotFoundError, NotADirectoryError):
                return False
        return True

    def list(self, prefix: str) -> Iterator[Stat]:
        """Walk the files below a folder; files that vanish meanwhile are left out."""
        waiting = [prefix]
        while waiting:
            folder = waiting.pop()
            with store_faults(self._root), suppress(FileNotFoundError), os.scandir(self._root / folder) as entries:
                found = list(entries)
                waiting += [f"{folder}{entry.name}/" for entry in found if entry.is_dir(follow_symlinks=False)]
                yield from (stat for entry in found if (stat := self.stat(folder + entry.name)))
