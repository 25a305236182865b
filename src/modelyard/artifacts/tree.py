"""A folder or file of the user becomes a manifest, and a manifest becomes files again.

What is taken from a folder:

1. Regular files, hidden ones too, by their path relative to the folder.
2. A link to a regular file inside the folder counts as that file. A link that leaves the folder is refused: it would
   take files that nobody meant to publish. A link to a folder is refused: it can go round in circles.
3. Sockets, devices and pipes are refused. Empty folders are not recorded.
4. Empty files are taken, since packages have them, but a folder whose files are all empty is refused like an empty
   file.
5. More than 100,000 files are refused.
6. A folder that holds the registry itself, or lies inside it, is refused: it would take its own files, and those of all
   other models, into the version.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from modelyard.artifacts.faults import source_faults
from modelyard.artifacts.fetch import Progress
from modelyard.artifacts.store import ArtifactStore
from modelyard.domain.manifest import FileEntry, Manifest, media_type_of, safe_path
from modelyard.errors import InvalidArtifact

MOST_FILES = 100_000

_KINDS = ((stat.S_ISSOCK, "a socket"), (stat.S_ISFIFO, "a named pipe"), (stat.S_ISDIR, "a folder"))


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceFile:
    """A file to be taken: its path in the version, and where it lies now."""

    path: str
    location: Path
    size: int


def walk(path: str | os.PathLike[str]) -> list[SourceFile]:
    """List the files of a folder, or the one file, sorted by path.

    Raises:
        InvalidArtifact: nothing is there, or something in it cannot become part of a version (see the module's rules).
    """
    root = Path(path)
    with source_faults(root):
        found = root.stat()
    if not stat.S_ISDIR(found.st_mode):
        return [_file(root.name, root, found)]
    files: list[SourceFile] = []
    for file in _walk_folder(root):
        files.append(file)
        if len(files) > MOST_FILES:
            raise InvalidArtifact(f"{root} has more than {MOST_FILES:,} files", hint="pack them into an archive")
    if not files:
        raise InvalidArtifact(f"{root} is an empty folder", hint="register a file, or a folder that has files")
    return sorted(files, key=lambda file: file.path)


def _walk_folder(root: Path) -> Iterator[SourceFile]:
    inside = os.path.realpath(root)
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        with source_faults(root / folder), os.scandir(root / folder) as entries:
            listed = list(entries)
        for entry in listed:
            path = folder + entry.name
            if entry.is_dir(follow_symlinks=False):
                waiting.append(f"{path}/")
            else:
                yield _entry(path, entry, inside)


def _entry(path: str, entry: os.DirEntry[str], inside: str) -> SourceFile:
    with source_faults(entry.path):
        location = Path(entry.path)
        if entry.is_symlink():
            location = Path(os.path.realpath(entry.path))
            if not location.is_relative_to(inside):
                raise InvalidArtifact(
                    f"{path} is a link that leaves the folder, to {location}",
                    hint="put the file itself in its place, or leave the link out",
                )
        return _file(path, location, location.stat())


def _file(path: str, location: Path, found: os.stat_result) -> SourceFile:
    if not stat.S_ISREG(found.st_mode):
        kind = next((name for check, name in _KINDS if check(found.st_mode)), "a device")
        hint = "only regular files, and links to regular files within the folder, can be registered"
        raise InvalidArtifact(f"{path} is {kind}, or a link to one", hint=hint)
    return SourceFile(path=_checked(path), location=location, size=found.st_size)


def _checked(path: str) -> str:
    try:
        path.encode()
    except UnicodeEncodeError as error:
        raise InvalidArtifact(f"the name {path!r} is not UTF-8", hint="rename the file") from error
    return safe_path(path)


def ingest(store: ArtifactStore, path: str | os.PathLike[str], progress: Progress | None = None) -> Manifest:
    """Put a file, or all files of a folder, into the store.

    Args:
        store: where they go.
        path: the file or folder. A single file is recorded under its own name.
        progress: called with the number of bytes done since the last call.

    Raises:
        InvalidArtifact: see `walk`; or the folder holds the registry or lies inside it; or all is empty, or a file
            changed while it was read. Files that are in the store by then stay there until the collector finds that
            nothing refers to them.
    """
    _refuse_registry(store, path)
    files = walk(path)
    if not any(file.size for file in files):
        raise InvalidArtifact(f"{path} is empty", hint="register a file that has content")
    return Manifest(files=tuple(_ingest_file(store, file, progress) for file in files))


def _refuse_registry(store: ArtifactStore, path: str | os.PathLike[str]) -> None:
    """Refuse a folder that is the store's own folder, contains it or lies inside it; a single file may come from it."""
    with source_faults(path):
        if store.root is None or not Path(path).is_dir():
            return
    folder, root = Path(os.path.realpath(path)), Path(os.path.realpath(store.root))
    if folder.is_relative_to(root) or root.is_relative_to(folder):
        raise InvalidArtifact(f"{path}: the folder holds the registry itself", hint="register a folder beside it")


def _ingest_file(store: ArtifactStore, file: SourceFile, progress: Progress | None) -> FileEntry:
    blob = store.add_file(file.location, progress, allow_empty=True)
    return FileEntry(
        path=file.path,
        size=blob.size,
        blake3=blob.digest,
        sha256=blob.sha256,
        media_type=media_type_of(file.path),
        parts=blob.parts,
    )


def restore(
    store: ArtifactStore, files: Iterable[FileEntry], folder: str | os.PathLike[str], progress: Progress | None = None
) -> list[Path]:
    """Write files of a manifest below a folder, each verified; gives where they are.

    Each file appears whole or not at all. Files that stand there already under the same paths are replaced.

    Raises:
        IntegrityError: a file is missing or damaged in the store; the files before it are good.
        InvalidRequest, StorageFull: the folder cannot be written.
    """
    written = []
    for file in files:
        target = Path(folder) / safe_path(file.path)
        store.fetch_to(file.blake3, file.size, file.parts, target, name=file.path, progress=progress)
        written.append(target)
    return written
