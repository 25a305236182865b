"""Answers to clients of the Hugging Face Hub, as JSON values in the Hub's own words.

What has no meaning here (likes, downloads) is told as none. Tags of a version are its own, as `key:value`, with its
SemVer and its stage before them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelyard.domain import hub as rules
from modelyard.domain.hub import NAMESPACE, Folder, blob_of, pointer_of, repository_of
from modelyard.domain.manifest import FileEntry
from modelyard.domain.permissions import Principal
from modelyard.domain.wire import FileRecord, ModelRecord, VersionRecord
from modelyard.registry.hub import Refs, Repository, Snapshot


def listed(model: ModelRecord) -> dict[str, Any]:
    """A model as it stands in a list."""
    return {
        "_id": model.id,
        "id": repository_of(model.name),
        "modelId": repository_of(model.name),
        "author": NAMESPACE,
        "createdAt": model.created_at,
        "lastModified": model.updated_at,
        "private": False,
        "gated": False,
        "disabled": False,
        "downloads": 0,
        "likes": 0,
        "tags": [f"{key}:{value}" for key, value in sorted(model.tags.items())],
    }


def described(found: Repository, *, blobs: bool) -> dict[str, Any]:
    """A model with one of its versions; with `blobs`, the size and the digests of each file."""
    made = listed(found.model) | {"sha": found.commit, "siblings": []}
    version = found.version
    if version is None:
        return made
    own = [f"{key}:{value}" for key, value in sorted(version.tags.items())]
    return made | {
        "lastModified": version.created_at,
        "tags": [f"version:{version.version}", f"stage:{version.stage}", *own],
        "library_name": version.framework or None,
        "usedStorage": version.model_size_bytes,
        "siblings": [_sibling(file, blobs=blobs) for file in version.files],
    }


def entry(found: FileEntry | Folder, snapshot: Snapshot, *, expand: bool) -> dict[str, Any]:
    """A file or a folder of a version; with `expand`, the version's commit, too."""
    commit = {"id": snapshot.commit, "title": _title(snapshot.name, snapshot.version), "date": snapshot.created_at}
    more = {"lastCommit": commit} if expand else {}
    if isinstance(found, Folder):
        return {"type": "directory", "oid": found.oid, "size": 0, "path": found.path, **more}
    large = {"oid": found.sha256, "size": found.size, "pointerSize": len(pointer_of(found))}
    return {"type": "file", "oid": blob_of(found), "size": found.size, "lfs": large, "path": found.path, **more}


def references(refs: Refs) -> dict[str, Any]:
    """Branches and tags; there are no conversions and no pull requests."""
    named = {"branches": _refs("heads", refs.branches), "tags": _refs("tags", refs.tags)}
    return {**named, "converts": [], "pullRequests": []}


def commit(sha: str, version: VersionRecord) -> dict[str, Any]:
    """A version as a commit."""
    return {
        "id": sha,
        "title": _title(version.name, version.version),
        "message": version.changelog or version.description,
        "authors": [{"user": version.created_by or version.owner or "unknown"}],
        "date": version.created_at,
    }


def caller(principal: Principal) -> dict[str, Any]:
    """Who asks."""
    token = {"displayName": principal.name, "role": "read"}
    return {
        "type": "user",
        "id": principal.name,
        "name": principal.name,
        "fullname": principal.name,
        "isPro": False,
        "orgs": [],
        "auth": {"type": "access_token", "accessToken": token},
    }


def _title(name: str, version: str) -> str:
    return f"{name} {version}"


def _sibling(file: FileRecord, *, blobs: bool) -> dict[str, Any]:
    if not blobs:
        return {"rfilename": file.path}
    whole = FileEntry(path=file.path, size=file.size, blake3=file.blake3, sha256=file.sha256)
    large = {"sha256": file.sha256, "size": file.size, "pointerSize": len(rules.pointer_of(whole))}
    return {"rfilename": file.path, "size": file.size, "blobId": blob_of(whole), "lfs": large}


def _refs(kind: str, found: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "ref": f"refs/{kind}/{name}", "targetCommit": sha} for name, sha in found.items()]
