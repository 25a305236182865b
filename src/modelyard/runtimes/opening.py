"""Which back end runs a version: its provider's if it has one, worker processes if it has files."""

from __future__ import annotations

from dataclasses import dataclass

from modelyard.artifacts.materialise import FileCache, Lease, materialise
from modelyard.artifacts.store import ArtifactStore
from modelyard.config import Settings, cache_folder
from modelyard.errors import NotDeployable
from modelyard.runtimes.backend import Backend, Runnable, Sizing
from modelyard.runtimes.pool import Folders, WorkerPool
from modelyard.runtimes.providers import open_provider
from modelyard.runtimes.supervision import WorkerPolicy


@dataclass(frozen=True, kw_only=True)
class BackendOpener:
    """Makes back ends; what `Fleet` calls.

    Attributes:
        folders: gives the files of a version as a folder.
        policy: how worker processes are treated.
    """

    folders: Folders
    policy: WorkerPolicy

    def __call__(self, runnable: Runnable, sizing: Sizing) -> Backend:
        """The back end of a version, not started yet.

        Raises:
            NotDeployable: it has neither a provider nor files, or a provider that cannot be used.
        """
        return open_backend(runnable, sizing, folders=self.folders, policy=self.policy)


def open_backend(runnable: Runnable, sizing: Sizing, *, folders: Folders, policy: WorkerPolicy) -> Backend:
    """The back end of a version, not started yet; see `BackendOpener`."""
    if runnable.provider:
        return open_provider(runnable, sizing)
    if runnable.files:
        return WorkerPool(runnable, sizing, folders, policy)
    raise NotDeployable(
        f"{runnable.reference} has nothing to run: neither files nor a provider",
        hint="register a version with a model's files, or with a provider",
    )


def backends_of(store: ArtifactStore, settings: Settings) -> BackendOpener:
    """What makes back ends in a server: files come out of the store, into the cache that the settings name."""
    cache = FileCache(cache_folder(settings), settings["cache.max_bytes"])

    def folder_of(runnable: Runnable) -> Lease:
        return materialise(store, runnable.files, cache)

    return BackendOpener(folders=folder_of, policy=WorkerPolicy(start_timeout_s=settings["workers.start_timeout_s"]))
