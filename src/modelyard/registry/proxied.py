"""Kept artifacts: files that MLflow's clients put under paths of their own choice, and beside them those of versions.

Rules
- A file is in the store, durably, before its path is recorded; the record is one transaction. So a reader sees the file
  whole, or the one before it, or none. Of two that put a file at one path, the later wins.
- Nothing is put below a file, nor in the place of a folder. A folder is there as long as a file lies below it.
- Artifacts belong to no model, so what may be done with them is granted for the registry as a whole (`artifact.read`,
  `artifact.write`). They are no versions: nothing of them stands in the record of events until a version is made of
  them, which keeps its own list of their content and does not change when they do.
- Below `modelyard/<version id>/` lie the files of versions, for whoever may see them (`version.read` on the model);
  they are read there, and never written or deleted.
"""

from __future__ import annotations

from dataclasses import replace

from modelyard.domain.manifest import FileEntry, Manifest
from modelyard.domain.mlflow.artifacts import OWN, Child, artifact_path, children, folders_above, own_file
from modelyard.domain.names import shown
from modelyard.domain.permissions import Principal
from modelyard.domain.references import Reference
from modelyard.errors import ArtifactNotFound, InvalidArtifact, RegistryUnusable
from modelyard.metadata import proxied
from modelyard.metadata.database import Transaction
from modelyard.registry.context import SEEING, Context, Yard
from modelyard.registry.lookup import content, find_reference

READ = "artifact.read"
WRITE = "artifact.write"


def writable(path: str) -> str:
    """Return a client's path of a file, or of a folder, that may be put or deleted, in its one form.

    Raises:
        InvalidArtifact: it leads nowhere, is the root, or belongs to a version.
    """
    plain = artifact_path(path)
    if not plain:
        raise InvalidArtifact("Invalid path: it names the root of all artifacts", hint="name a file or a folder in it")
    if own_file(plain) is not None:
        raise InvalidArtifact(
            f"Invalid path: what lies below {OWN}/ are the files of versions, which never change",
            hint="choose another folder; versions are made by registering them, and deleted by `modelyard delete`",
        )
    return plain


def put(yard: Yard, entry: FileEntry, principal: Principal) -> None:
    """Record a file, whose bytes are in the store, under its path.

    Raises:
        PermissionDenied: who asks may not write artifacts.
        InvalidArtifact: the path is a folder, or lies in a file.
        RegistryUnusable: the bytes left the store meanwhile; to be repeated.
    """
    principal.require(WRITE)
    with yard.database.write() as tx:
        proxied.claim(tx, entry.path)
        if proxied.has_below(tx, entry.path):
            raise InvalidArtifact(f"Invalid path: {shown(entry.path)} is a folder", hint="name a file in it")
        if file := proxied.any_of(tx, folders_above(entry.path)):
            raise InvalidArtifact(f"Invalid path: {shown(file)} is a file, and no folder", hint="choose another folder")
        # Keeps collectors away until the path is recorded.
        tx.guard_artifacts(alone=False)
        if not yard.store.exists(entry.blake3):
            raise RegistryUnusable(f"{shown(entry.path)} is not in the store any more", hint="repeat the upload")
        proxied.put(tx, entry, yard.clock())


def remove(yard: Yard, path: str, principal: Principal) -> int:
    """Remove a file, or everything below a folder; return how many files there were, which may be none.

    Raises:
        PermissionDenied: who asks may not write artifacts.
        InvalidArtifact: the path cannot be deleted.
    """
    principal.require(WRITE)
    plain = writable(path)
    with yard.database.write() as tx:
        return proxied.drop(tx, plain)


def listed(yard: Yard, path: str, principal: Principal) -> list[Child]:
    """Return what lies in a folder, by name; nothing where there is no such folder, or where it is a file.

    Raises:
        PermissionDenied: who asks may not read artifacts, or the version whose folder it is.
        InvalidArtifact: there can be no such folder.
        VersionNotFound, InvalidReference: there is no such version.
    """
    plain = artifact_path(path)
    with yard.database.read() as tx:
        own = own_file(plain)
        if own is None:
            principal.require(READ)
            return proxied.children(tx, plain)
        identifier, inside = own
        files = _version_files(_seeing(yard, tx, principal), identifier) if identifier else ()
    return children([(entry.path, entry.size) for entry in files], inside)


def opened(yard: Yard, path: str, principal: Principal) -> FileEntry:
    """Return the file at a path: under its path there, and where its bytes are in the store.

    Raises:
        PermissionDenied: who asks may not read artifacts, or the version whose file it is.
        InvalidArtifact: nothing can lie there.
        ArtifactNotFound: nothing does, or it is a folder.
        VersionNotFound, InvalidReference: there is no such version.
    """
    plain = artifact_path(path)
    with yard.database.read() as tx:
        own = own_file(plain)
        if own is None:
            principal.require(READ)
            found = proxied.one(tx, plain)
        else:
            files = _version_files(_seeing(yard, tx, principal), own[0]) if own[1] else ()
            found = next((entry for entry in files if entry.path == own[1]), None)
    if found is None:
        raise ArtifactNotFound(f"there is no artifact {shown(plain)}", hint="list its folder to see what is there")
    return found


def manifest_of(context: Context, path: str) -> Manifest:
    """Return what lies at a client's path as the files of a version to be: a folder's files, or the one file itself.

    Raises:
        PermissionDenied: who asks may not read it.
        InvalidArtifact: there can be no such path, or the files cannot be a version's together.
        ArtifactNotFound: nothing lies there.
    """
    plain = artifact_path(path)
    own = own_file(plain)
    if own is None:
        context.require(READ)
        manifest = manifest_below(context.tx, plain)
    else:
        files = _version_files(context, own[0]) if own[0] else ()
        manifest = Manifest(files=_moved(files, own[1]))
    if not manifest.files:
        raise ArtifactNotFound(f"there is no artifact {shown(plain)}", hint="upload the files before registering them")
    return manifest


def manifest_below(tx: Transaction, folder: str) -> Manifest:
    """Return the kept files below a folder, under their paths in it; of a file, the file under its own name.

    Asks nobody for a permission. Empty where nothing lies there.

    Raises:
        InvalidArtifact: the files cannot be a version's together, as where two names differ by case only.
    """
    file = proxied.one(tx, folder)
    return Manifest(files=_moved([file] if file else proxied.below(tx, folder), folder))


def _moved(files: list[FileEntry] | tuple[FileEntry, ...], folder: str) -> tuple[FileEntry, ...]:
    """Return the files at or below a path, under their paths in it."""
    prefix = f"{folder}/" if folder else ""
    inside = [replace(entry, path=entry.path.removeprefix(prefix)) for entry in files if entry.path.startswith(prefix)]
    named = [replace(entry, path=entry.path.rpartition("/")[2]) for entry in files if entry.path == folder]
    return tuple(inside + named)


def _seeing(yard: Yard, tx: Transaction, principal: Principal) -> Context:
    return Context(yard=yard, tx=tx, principal=principal, now=yard.clock(), permission=SEEING)


def _version_files(context: Context, identifier: str) -> tuple[FileEntry, ...]:
    reference = Reference(None, "id", identifier)
    return content(context, find_reference(context, reference, permission=SEEING)).files
