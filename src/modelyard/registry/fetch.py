"""Fetch: which of a version's files a caller asks for.

Rules
- A path names one file. A format (`onnx`, `pth`, …) names the only file with that extension.
- Without either, the only file is meant, or the whole folder where there are several.
"""

from __future__ import annotations

from typing import NamedTuple

from modelyard.domain.manifest import FileEntry, Manifest
from modelyard.domain.names import shown
from modelyard.domain.permissions import LOCAL, Principal
from modelyard.domain.wire import VersionRecord
from modelyard.errors import ArtifactNotFound, InvalidRequest
from modelyard.registry.context import SEEING, Context, Yard
from modelyard.registry.lookup import content, find, record

ALSO_CALLED = {"pytorch": ("pt", "pth"), "pth": ("pth", "pt"), "pickle": ("pkl", "pickle"), "joblib": ("joblib",)}


class Fetched(NamedTuple):
    """A version, its content, and the one file asked for; None stands for the whole folder."""

    record: VersionRecord
    manifest: Manifest
    entry: FileEntry | None


def opened(yard: Yard, reference: str, *, path: str = "", format: str = "", principal: Principal = LOCAL) -> Fetched:  # noqa: A002 - the name of the query parameter
    """Return what a download will send.

    Raises:
        ArtifactNotFound: the version has no files, or none of that path or format.
        InvalidRequest: several files have that format.
    """
    with yard.database.read() as tx:
        context = Context(yard=yard, tx=tx, principal=principal, now=yard.clock(), permission=SEEING)
        row = find(context, reference)
        manifest = content(context, row)
        version = record(context, row)
    if not manifest.files:
        raise ArtifactNotFound(
            f"{version.name} {version.version} has no files",
            hint="it was registered without any, as provider-backed models are",
        )
    return Fetched(version, manifest, _chosen(version, manifest, path, format))


def _chosen(version: VersionRecord, manifest: Manifest, path: str, extension: str) -> FileEntry | None:
    if not path and not extension:
        return manifest.files[0] if len(manifest.files) == 1 else None
    wanted = extension.lower().lstrip(".")
    endings = ALSO_CALLED.get(wanted, (wanted,))
    if path:
        found = [entry for entry in manifest.files if entry.path == path]
    else:
        found = [entry for entry in manifest.files if entry.path.lower().endswith(tuple(f".{end}" for end in endings))]
    if len(found) == 1:
        return found[0]
    names = [entry.path for entry in manifest.files]
    details = {"files": names[:100]}
    if not found:
        what = f"file {shown(path)}" if path else f"{shown(extension)} file"
        raise ArtifactNotFound(
            f"{version.name} {version.version} has no {what}", hint=f"it has {', '.join(names[:10])}", details=details
        )
    raise InvalidRequest(
        f"{len(found)} files of {version.name} {version.version} are {extension}", hint="give a path", details=details
    )
