"""A version's files as one stream: a tar archive that is made while it is sent, from verified bytes only.

The archive of a manifest is always the same, byte for byte: files in the manifest's order, no owners, times or folders,
mode 0644. Its length is known beforehand. A damaged file ends the stream with an error before its bytes are given, so
that the receiver sees an archive that is cut short, never one that is wrong.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterable, Iterator

from modelyard.artifacts.store import ArtifactStore
from modelyard.domain.manifest import FileEntry

_BLOCK = tarfile.BLOCKSIZE
_END = bytes(2 * _BLOCK)


def _header(file: FileEntry) -> bytes:
    member = tarfile.TarInfo(file.path)
    member.size = file.size
    member.mode = 0o644
    return member.tobuf(tarfile.PAX_FORMAT)


def _padding(size: int) -> bytes:
    return bytes(-size % _BLOCK)


def tar_size(files: Iterable[FileEntry]) -> int:
    """Length in bytes of what `tar_stream` gives for these files."""
    return len(_END) + sum(len(_header(file)) + file.size + len(_padding(file.size)) for file in files)


def tar_stream(store: ArtifactStore, files: Iterable[FileEntry]) -> Iterator[bytes | memoryview]:
    """Yield a tar archive of the files in pieces of up to 8 MiB.

    Raises:
        IntegrityError: a file is missing or damaged; the stream ends there.
    """
    for file in files:
        yield _header(file)
        yield from store.read(file.blake3, file.size, file.parts, name=file.path)
        if padding := _padding(file.size):
            yield padding
    yield _END
