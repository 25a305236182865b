"""Where people find a version's files; in a local store, a readable tree written from what the database says.

Refreshing reads the version and writes its tree under a lock of the file system, so that of two processes that
changed the same version the later state is what remains.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from modelyard.artifacts import view
from modelyard.artifacts.compress import PICKLES
from modelyard.artifacts.faults import store_faults
from modelyard.artifacts.layout import COMPRESSED_SUFFIX, VIEW, blob_key
from modelyard.artifacts.store import ArtifactStore
from modelyard.domain.manifest import Manifest
from modelyard.domain.stages import ModelStage
from modelyard.domain.wire import FileRecord
from modelyard.metadata import manifests, models, versions
from modelyard.metadata.database import Database

LOCK_NAME = "view.lock"
NOTHING = Manifest(files=())


class CloudPlaces:
    """A bucket has no tree: a version of one file is found under the file's object, one of several has no single place.

    Args:
        url: the store's address, without options.
    """

    writes = False

    def __init__(self, url: str) -> None:
        self.url = url.partition("?")[0].rstrip("/")

    def refresh(self, model: str, version: str) -> None:
        """Nothing is to be refreshed."""

    def locate(self, _model: str, _version: str, files: Sequence[FileRecord]) -> str | None:
        """Return the address of a version's only file."""
        return f"{self.url}/{blob_key(files[0].blake3)}" if len(files) == 1 else None


class LocalViews:
    """Writes `view/<model>/<version>/` of a local store.

    Args:
        database: what is true.
        store: a store with a folder; `root` is that folder.
        absolute: whether `locate` gives absolute paths, or paths relative to the registry.
    """

    writes = True

    def __init__(self, database: Database, store: ArtifactStore, root: Path, *, absolute: bool) -> None:
        self.database, self.store, self.root = database, store, root
        self._base = f"{root}/" if absolute else ""

    def refresh(self, model: str, version: str) -> None:
        """Make the tree of one version what the database says: write, rewrite or remove it."""
        with self._lock():
            with self.database.read() as tx:
                owner = models.by_name(tx, model)
                row = versions.by_version(tx, owner.id, version) if owner is not None else None
                manifest = manifests.load(tx, row.digest) if row is not None else NOTHING
            if row is None:
                view.remove_version(self.store, model, version)
                return
            document = msgspec.json.decode(row.document, type=dict[str, Any])
            view.write_version(
                self.store,
                model,
                version,
                manifest,
                metadata=_facts(row, document),
                metrics=document.get("metrics", {}),
            )

    def locate(self, model: str, version: str, files: Sequence[FileRecord]) -> str:
        """Return where a version's only file is, or its folder."""
        # Texts and not paths: a list of a thousand versions asks this a thousand times.
        place = f"{VIEW}{view.folder_name(model)}/{view.folder_name(version)}"
        if len(files) == 1:
            place = f"{place}/{files[0].path}"
            # lexists, unlike Path.is_symlink, says no to a name that is too long for the file system.
            if place.lower().endswith(PICKLES) and os.path.lexists(self.root / (place + COMPRESSED_SUFFIX)):
                place += COMPRESSED_SUFFIX
        return f"{self._base}{place}"

    @contextmanager
    def _lock(self) -> Iterator[None]:
        with store_faults(self.root):
            self.root.mkdir(parents=True, exist_ok=True)
            handle = (self.root / LOCK_NAME).open("w")
        with handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield


def _facts(row: Any, document: dict[str, Any]) -> dict[str, Any]:
    return {
        "version_id": row.id,
        "model_name": row.name,
        "number": row.number,
        "version": row.version,
        "stage": row.stage,
        "label": row.label,
        "deployed": row.stage == ModelStage.PRODUCTION,
        "deprecated": row.deprecation is not None,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "digest": row.digest,
        "model_hash": row.model_hash,
        "model_size_bytes": row.size,
        **document,
    }
