"""The readable tree: every version as a folder that any program can look into.

    view/<model>/<version>/<path>            a relative link to the file's object in `blobs/`
    view/<model>/<version>/<path>.zst        the same where the object is held compressed
    view/<model>/<version>/metadata.json     what is recorded of the version
    view/<model>/<version>/metrics.json      its metrics alone

1. The tree is a convenience: nothing reads it back, and it can be made again at any time from the database. A crash in
   the middle is repaired by writing the version again; every function here may be repeated.
2. Where a version itself has a file or a folder of one of these names, the version's own keeps the name and ours is
   called `_modelyard.metadata.json` (and so on until the name is free).
3. Only links and our own two documents are ever removed, never a file that somebody else has put there.
4. Names are kept as they are, except what a file system cannot hold: `/`, `%`, control characters and a leading dot are
   percent-encoded, and a name over 200 bytes is cut and ends in a digest of the whole. The version's own paths fit as
   they are; where `.zst` would make one too long for a file system, the link has no `.zst`.
5. A store in a bucket has no tree; there these functions do nothing.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from modelyard.artifacts.faults import store_faults
from modelyard.artifacts.hashing import digest_of
from modelyard.artifacts.layout import COMPRESSED_SUFFIX, VIEW, blob_key, temporary_key
from modelyard.artifacts.store import ArtifactStore
from modelyard.domain.manifest import LONGEST_SEGMENT, Manifest

_UNSAFE = re.compile(r"[\x00-\x1f\x7f%/]|^\.")
_LONGEST = 200
_OURS = "_modelyard."
_DOCUMENTS = ("metadata.json", "metrics.json")
_OUR_DOCUMENT = re.compile(r"(?:_modelyard\.)*(?:metadata|metrics)\.json")


def folder_name(name: str) -> str:
    """A model's name or a version as the name of one folder; different names give different folders."""
    safe = _UNSAFE.sub(lambda found: f"%{ord(found[0]):02X}", name)
    if len(safe.encode()) <= _LONGEST:
        return safe
    return f"{safe.encode()[:_LONGEST].decode(errors='ignore')}%{digest_of(name.encode())[:16]}"


def version_folder(store: ArtifactStore, model: str, version: str) -> Path | None:
    """Where the version's folder is or would be; None for a store in a bucket."""
    if store.root is None:
        return None
    return store.root / VIEW / folder_name(model) / folder_name(version)


def write_version(
    store: ArtifactStore,
    model: str,
    version: str,
    manifest: Manifest,
    *,
    metadata: Mapping[str, Any],
    metrics: Mapping[str, Any],
) -> Path | None:
    """Make the version's folder say what the arguments say; gives the folder.

    Args:
        store: the store that holds the files.
        model: the model's name.
        version: the version as people write it.
        manifest: the version's files.
        metadata: what goes into `metadata.json`, JSON values only.
        metrics: what goes into `metrics.json`, JSON values only.

    Raises:
        StorageFull, RegistryReadOnly, RegistryUnusable: it could not be written; write it again later.
    """
    folder = version_folder(store, model, version)
    if folder is None or store.root is None:
        return None
    with store_faults(folder):
        links = _links(store, manifest)
        _remove_links(folder, keep=set(links))
        for path, key in links.items():
            _link(folder / path, store.root / key)
        taken = _taken(links)
        for name, document in zip(_DOCUMENTS, (metadata, metrics), strict=True):
            _write_document(store.root, folder / _free_name(name, taken), document)
    return folder


def remove_version(store: ArtifactStore, model: str, version: str) -> None:
    """Remove the version's folder, and the model's when it was the last; harmless when they are gone."""
    folder = version_folder(store, model, version)
    if folder is None or not folder.is_dir():
        return
    with store_faults(folder):
        for path in list(folder.iterdir()):
            if _OUR_DOCUMENT.fullmatch(path.name) and not path.is_dir():
                path.unlink(missing_ok=True)
        _remove_links(folder, keep=set())
        for empty in (folder, folder.parent):
            with suppress(OSError):
                empty.rmdir()


def _links(store: ArtifactStore, manifest: Manifest) -> dict[str, str]:
    """Path in the folder → key of the object. A file held compressed gives way where its longer name is taken."""
    taken = _taken(file.path for file in manifest.files)
    links: dict[str, str] = {}
    for file in manifest.files:
        key = store.stored_key(file.blake3) or blob_key(file.blake3)
        path = _compressed_name(file.path, taken) if key.endswith(COMPRESSED_SUFFIX) else file.path
        taken.add(path)
        links[path] = key
    return links


def _taken(paths: Iterable[str]) -> set[str]:
    """The paths and all folders above them."""
    taken: set[str] = set()
    for path in paths:
        while path and path not in taken:
            taken.add(path)
            path = path.rpartition("/")[0]  # noqa: PLW2901
    return taken


def _compressed_name(path: str, taken: set[str]) -> str:
    name = _free_name(path + COMPRESSED_SUFFIX, taken)
    return name if len(name.rpartition("/")[2].encode()) <= LONGEST_SEGMENT else path


def _free_name(path: str, taken: set[str]) -> str:
    folder, separator, name = path.rpartition("/")
    while f"{folder}{separator}{name}" in taken:
        name = _OURS + name
    return f"{folder}{separator}{name}"


def _link(path: Path, target: Path) -> None:
    text = os.path.relpath(target, path.parent)
    if path.is_symlink():
        if str(path.readlink()) == text:
            return
        path.unlink()
    path.parent.mkdir(parents=True, exist_ok=True)
    # Another process that writes the same version makes the same link.
    with suppress(FileExistsError):
        path.symlink_to(text)


def _write_document(root: Path, path: Path, document: Mapping[str, Any]) -> None:
    """Write a document under another name and then give it its own, so that nobody sees it half written."""
    text = json.dumps(document, indent=2, ensure_ascii=False, sort_keys=True) + "\n"
    temporary = root / temporary_key()
    temporary.parent.mkdir(parents=True, exist_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        temporary.write_text(text, "utf-8")
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _remove_links(folder: Path, keep: set[str]) -> None:
    """Remove links that are not in `keep`, and folders that become empty by that."""
    for place, folders, files in os.walk(folder, topdown=False):
        for name in [*files, *folders]:
            path = Path(place, name)
            if path.is_symlink() and path.relative_to(folder).as_posix() not in keep:
                path.unlink()
        if place != str(folder):
            with suppress(OSError):
                Path(place).rmdir()
