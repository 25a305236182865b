"""What models and versions are called by clients of the Hugging Face Hub.

The Hub's clients know repositories, revisions, commits and files; a registry has models, versions and manifests.

Rules
1. A model is a repository: `modelyard/NAME`, or its bare name. There is no other namespace.
2. A version is a commit. Its hash has 40 hexadecimal digits: 8 that check the version's content and identity, then the
   128 bits of its id. So it is stable, the version is found by it without an index, and a client that caches by commit
   never gets other bytes.
3. A revision is read in this order: a commit's hash; `main`, which is the alias of that name where the model has one,
   and `latest` where it has none; a selector as behind a model's name in a reference, such as `1.4.2`, `^1.4`, `3`,
   `production`, `@champion`. A bare word that is no stage is an alias.
4. Branches are `main`, aliases, and stages that hold a version; tags are SemVers. An alias whose bare name would be
   read as something else is listed with its `@`.
5. Every file counts as one of large file storage: its identity is the SHA-256 of its content, and the hash that git
   would know it by is that of the pointer which git would keep in its place.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from blake3 import blake3

from modelyard.domain.ids import ENTROPY_BYTES, new_version_id
from modelyard.domain.manifest import FileEntry, Manifest
from modelyard.domain.names import model_name
from modelyard.domain.references import LATEST, Reference
from modelyard.domain.wire import ModelRecord
from modelyard.errors import ModelyardError

NAMESPACE: Final = "modelyard"
MAIN: Final = "main"

_COMMIT: Final = re.compile(r"[0-9a-f]{40}")
_CHECK_DIGITS: Final = 8
_ENTROPY_BITS: Final = 8 * ENTROPY_BYTES
# The digits of identifiers, and those that Python reads as base 32.
_DIGITS: Final = str.maketrans("0123456789abcdefghjkmnpqrstvwxyz", "0123456789abcdefghijklmnopqrstuv")


@dataclass(frozen=True, kw_only=True, slots=True)
class Folder:
    """A folder of a version: its path, and a hash that changes when a file in it does."""

    path: str
    oid: str


def repository_of(name: str) -> str:
    """The repository that a model is to clients."""
    return f"{NAMESPACE}/{name}"


def commit_of(version_id: str, digest: str) -> str:
    """The hash of the commit that a version is.

    Args:
        version_id: the version's identifier, which `is_version_id` accepts.
        digest: the digest of its manifest; empty for a version without files.
    """
    bits = int(version_id.partition("_")[2].translate(_DIGITS), 32)
    check = blake3(f"{version_id} {digest}".encode()).hexdigest()[:_CHECK_DIGITS]
    return f"{check}{bits:032x}"


def version_of(commit: str) -> str | None:
    """The id of the version that a commit's hash was made of; None for a text that is no such hash.

    Whether the hash is right is known when the version's digest is; see `commit_of`.
    """
    if not _COMMIT.fullmatch(commit):
        return None
    bits = int(commit[_CHECK_DIGITS:], 16)
    entropy = bits & ((1 << _ENTROPY_BITS) - 1)
    return new_version_id(bits >> _ENTROPY_BITS, entropy.to_bytes(ENTROPY_BYTES, "big"))


def readings(name: str, revision: str, stages: Collection[str]) -> tuple[Reference, ...]:
    """The references that a revision may stand for, the first that there is counts; commits are looked up before.

    Args:
        name: the model.
        revision: `main`, an alias, or what stands behind a model's name in a reference.
        stages: the stages that the model's versions may stand in.

    Raises:
        InvalidReference: it can name no version.
    """
    if revision == MAIN:
        model = model_name(name)
        return Reference(model, "alias", MAIN), Reference(model, "latest", LATEST)
    found = Reference.within(name, revision)
    if found.kind == "stage" and found.value not in stages:
        return (Reference.within(name, f"@{revision}"),)
    return (found,)


def branch_of(name: str, alias: str, stages: Collection[str]) -> str:
    """The branch that an alias of a model is: its bare name, or with its `@` where that is something else."""
    if alias == MAIN:
        return alias
    try:
        read = readings(name, alias, stages)
    except ModelyardError:
        return f"@{alias}"
    is_plain = read[0].kind == "alias" and version_of(alias) is None
    return alias if is_plain else f"@{alias}"


def branches(model: ModelRecord, latest: str, stages: Collection[str]) -> dict[str, str]:
    """All branches of a model, each with the SemVer that it points to, `main` first.

    Args:
        model: the model, with its aliases and with the stages that hold a version.
        latest: the SemVer of its latest version.
        stages: all stages that its versions may stand in.
    """
    found = {MAIN: model.aliases.get(MAIN, latest)}
    found |= {branch_of(model.name, alias, stages): version for alias, version in model.aliases.items()}
    return found | model.stages


def pointer_of(entry: FileEntry) -> bytes:
    """The pointer that git keeps in place of a large file."""
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{entry.sha256}\nsize {entry.size}\n".encode()


def blob_of(entry: FileEntry) -> str:
    """The hash by which git knows a file's pointer, 40 hexadecimal digits."""
    pointer = pointer_of(entry)
    return hashlib.sha1(b"blob %d\0" % len(pointer) + pointer, usedforsecurity=False).hexdigest()


def file_at(manifest: Manifest, path: str) -> FileEntry | None:
    """The file at a path."""
    return next((entry for entry in manifest.files if entry.path == path), None)


def present(manifest: Manifest, paths: Iterable[str]) -> list[FileEntry | Folder]:
    """What is there of some paths, each once, in the order asked for; a folder is one if a file is in it.

    Args:
        manifest: the version's files.
        paths: paths without a slash at their ends; the empty one is the root.
    """
    wanted = dict.fromkeys(paths)
    inside: dict[str, list[FileEntry]] = {"": []} if "" in wanted else {}
    files: dict[str, FileEntry] = {}
    for entry in manifest.files:
        if entry.path in wanted:
            files[entry.path] = entry
        for folder in _folders_above(entry.path):
            if folder in wanted:
                inside.setdefault(folder, []).append(entry)
    folders = {path: Folder(path=path, oid=_hash_of(content)) for path, content in inside.items()}
    return [found for path in wanted if (found := files.get(path) or folders.get(path)) is not None]


def tree(manifest: Manifest, path: str, *, recursive: bool) -> list[FileEntry | Folder] | None:
    """What is in a folder, by path: files and folders, of all depths if it is recursive; None if there is no folder."""
    inside = _inside(path)
    files = [entry for entry in manifest.files if entry.path.startswith(inside)]
    if path and not files:
        return None
    contents: dict[str, list[FileEntry]] = {}
    found: list[FileEntry | Folder] = []
    for entry in files:
        folders = entry.path[len(inside) :].split("/")[:-1]
        for depth in range(1, (len(folders) if recursive else min(1, len(folders))) + 1):
            contents.setdefault(inside + "/".join(folders[:depth]), []).append(entry)
        if recursive or not folders:
            found.append(entry)
    found += [Folder(path=folder, oid=_hash_of(content)) for folder, content in contents.items()]
    return sorted(found, key=lambda one: one.path)


def _hash_of(files: Iterable[FileEntry]) -> str:
    lines = "".join(f"{entry.sha256} {entry.path}\n" for entry in files)
    return hashlib.sha1(lines.encode(), usedforsecurity=False).hexdigest()


def _folders_above(path: str) -> Iterator[str]:
    """The folders that a file lies in, from the root on."""
    yield ""
    end = path.find("/")
    while end >= 0:
        yield path[:end]
        end = path.find("/", end + 1)


def _inside(path: str) -> str:
    return f"{path}/" if path else ""
