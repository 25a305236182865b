"""Unpacks archives that strangers give: tar (plain, gzip, bzip2, xz, zstd) and zip.

1. Only regular files and folders are taken; links, devices and encrypted members refuse the whole archive.
2. Every path must be a plain relative path (`modelyard.domain.manifest.safe_path`), and none may come twice.
3. What comes out is counted as it comes, whatever the archive says of itself: files, bytes, and bytes against the size
   of the archive. Past a limit the archive is refused, which bounds what a decompression bomb can cost.
4. The target folder appears when all is unpacked; otherwise nothing is left.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import secrets
import shutil
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from stat import S_IFMT, S_ISREG
from tempfile import TemporaryFile, gettempdir
from typing import IO, Any

from zstandard import ZstdDecompressor, ZstdError

from modelyard.artifacts.faults import source_faults, target_faults
from modelyard.artifacts.tree import MOST_FILES
from modelyard.domain.manifest import safe_path
from modelyard.errors import InvalidArtifact, InvalidRequest, ModelyardError

_CHUNK = 1 << 20
_LONGEST_HEADER = 1 << 20
_LARGEST_WINDOW = 128 << 20
_ZSTD = ZstdDecompressor(max_window_size=_LARGEST_WINDOW)
_ENCRYPTED = 1
_ZIP = b"PK"
_BROKEN = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    ZstdError,
    EOFError,
    OverflowError,
    struct.error,
    NotImplementedError,
    ValueError,
)

_DECOMPRESSORS: tuple[tuple[bytes, Callable[[IO[bytes]], Any]], ...] = (
    (b"\x1f\x8b", lambda file: gzip.GzipFile(fileobj=file)),
    (b"BZh", bz2.BZ2File),
    (b"\xfd7zXZ\0", lzma.LZMAFile),
    (b"\x28\xb5\x2f\xfd", lambda file: _ZSTD.stream_reader(file, read_across_frames=True)),
)

Member = tuple[str, IO[bytes]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """How much may come out of an archive.

    Attributes:
        files: number of members.
        size: bytes in all.
        ratio: bytes that come out for each byte of the archive, once more than `free` bytes have come out.
        free: bytes that are not held against the ratio.
    """

    files: int = MOST_FILES
    size: int = 64 << 30
    ratio: int = 200
    free: int = 64 << 20


class _Meter:
    """Counts what comes out of an archive, and stops it past a limit."""

    def __init__(self, archive: Path, size: int, limits: Limits) -> None:
        self._archive = archive
        self._allowed = min(limits.size, max(limits.free, limits.ratio * size))
        self._limits = limits
        self._files = 0
        self._bytes = 0

    def file(self) -> None:
        self._files += 1
        if self._files > self._limits.files:
            raise InvalidArtifact(f"{self._archive} has more than {self._limits.files:,} members", hint="split it")

    def take(self, count: int) -> None:
        self._bytes += count
        if self._bytes > self._allowed:
            raise InvalidArtifact(
                f"{self._archive} unpacks to more than {self._allowed:,} bytes, which is too much for its size",
                hint="register the files themselves, or raise the limit",
            )

    def restart(self) -> None:
        self._bytes = 0

    def copy(self, source: IO[bytes], target: IO[bytes]) -> None:
        while chunk := self._read(source):
            self.take(len(chunk))
            target.write(chunk)

    def _read(self, source: IO[bytes]) -> bytes:
        # Some decompressors report damage as an OSError, which must not pass for a fault of the target.
        with source_faults(self._archive):
            return source.read(_CHUNK)


class _Guarded(io.RawIOBase):
    """A tar file whose headers are small: the standard library reads a header whole, however long it claims to be."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__()
        self._file = file

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def read(self, size: int = -1) -> bytes:
        if size < 0 or size > _LONGEST_HEADER:
            raise tarfile.ReadError("a header is too long")
        return self._file.read(size)


def unpack(archive: Path, target: Path, *, limits: Limits | None = None) -> list[str]:
    """Unpack an archive into a new folder; gives the paths of the files in it, sorted.

    Args:
        archive: the archive, whose kind is found from its content.
        target: the folder to make; it must not exist.
        limits: how much may come out.

    Raises:
        InvalidArtifact: it is no archive, it is broken, or it breaks a rule of this module; nothing is left at
        `target`. InvalidRequest, StorageFull: the target exists or cannot be written.
    """
    if target.exists():
        raise InvalidRequest(f"{target} exists", hint="name a folder that does not exist yet")
    with source_faults(archive):
        size = archive.stat().st_size
    meter = _Meter(archive, size, limits or Limits())
    partial = target.parent / f".modelyard-{secrets.token_hex(8)}"
    try:
        with target_faults(target):
            partial.mkdir(parents=True)
            paths = _unpack_all(archive, partial, meter)
            partial.rename(target)
    except ModelyardError:
        raise
    except _BROKEN as error:
        raise InvalidArtifact(f"{archive} cannot be unpacked: {error}", hint="make the archive again") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return paths


def _unpack_all(archive: Path, folder: Path, meter: _Meter) -> list[str]:
    paths: list[str] = []
    with ExitStack() as stack:
        kind = _zip_members if _magic(archive).startswith(_ZIP) else _tar_members
        members = kind(archive, meter, stack)
        while member := _next(members, archive):
            path, source = member
            meter.file()
            with source, _create(folder, safe_path(path)) as file:
                meter.copy(source, file)
            paths.append(path)
    if not paths:
        raise InvalidArtifact(f"{archive} has no files", hint="pack the files into it first")
    return sorted(paths)


def _next(members: Iterator[Member], archive: Path) -> Member | None:
    """The next member; a fault while looking for it is the archive's, not the target's."""
    with source_faults(archive):
        return next(members, None)


def _create(folder: Path, path: str) -> IO[bytes]:
    try:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        return (folder / path).open("xb")
    except (FileExistsError, IsADirectoryError, NotADirectoryError) as error:
        raise InvalidArtifact(f"the archive has {path} twice", hint="make the archive again") from error


def _magic(archive: Path) -> bytes:
    with source_faults(archive), archive.open("rb") as file:
        return file.read(8)


def _zip_members(archive: Path, meter: _Meter, stack: ExitStack) -> Iterator[Member]:
    opened = stack.enter_context(zipfile.ZipFile(archive))
    for info in opened.infolist():
        mode = info.external_attr >> 16
        if not info.filename:
            raise _refused(archive, "", "a member without a name")
        if info.is_dir():
            meter.file()
            continue
        if S_IFMT(mode) and not S_ISREG(mode):
            raise _refused(archive, info.filename, "not a regular file")
        if info.flag_bits & _ENCRYPTED:
            raise _refused(archive, info.filename, "encrypted")
        if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            # The standard library decompresses the other methods without a bound.
            raise _refused(archive, info.filename, "compressed in an unusual way")
        yield info.filename, opened.open(info)


def _tar_members(archive: Path, meter: _Meter, stack: ExitStack) -> Iterator[Member]:
    plain: IO[bytes] = stack.enter_context(archive.open("rb"))
    magic = _magic(archive)
    for prefix, decompress in _DECOMPRESSORS:
        if magic.startswith(prefix):
            # Headers are found by seeking, which a compressed file cannot do without starting over each time.
            plain = _spooled(decompress(plain), meter, stack)
    opened = tarfile.open(fileobj=_Guarded(plain), mode="r:")  # noqa: SIM115  (the stack closes it)
    stack.callback(opened.close)
    for member in opened:
        if member.isdir():
            meter.file()
            continue
        source = None if member.issparse() or not member.isreg() else opened.extractfile(member)
        if source is None:
            raise _refused(archive, member.name, "not a regular file")
        yield member.name, source


def _spooled(source: IO[bytes], meter: _Meter, stack: ExitStack) -> IO[bytes]:
    spool = TemporaryFile()  # noqa: SIM115  (the stack closes it)
    stack.callback(spool.close)
    with target_faults(gettempdir()):
        meter.copy(source, spool)
    meter.restart()
    spool.seek(0)
    return spool


def _refused(archive: Path, path: str, why: str) -> InvalidArtifact:
    return InvalidArtifact(f"{path} in {archive} is {why}", hint="pack regular files only, with tar or zip")
