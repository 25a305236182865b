"""Deploying, rolling back and keeping snapshots, each as a class of its own.

They do what the methods of `ModelRegistry` do, for programs that need no more than one of these:

    with DeploymentManager("./model_registry") as manager:
        deployment_id = manager.deploy("gemini", "2.0.0", "canary")
        manager.wait(deployment_id, timeout=600)
"""

from __future__ import annotations

import builtins
import os
from types import TracebackType
from typing import Any, Self, Unpack

from modelyard.domain.wire import DeploymentRecord, EndpointRollback, Limits, SnapshotDiff, SnapshotRecord
from modelyard.facade.deploying import DeployOptions
from modelyard.facade.registry import ModelRegistry


class Manager:
    """Opens a registry as `ModelRegistry` does.

    Args:
        target: a path, a server's URL, or the URL of a database; or a registry that is open already, which then stays
            open when this is closed.
        opening: what `ModelRegistry` takes besides.
    """

    def __init__(self, target: str | os.PathLike[str] | ModelRegistry | None = None, **opening: Any) -> None:
        self._owned = not isinstance(target, ModelRegistry)
        self.registry = target if isinstance(target, ModelRegistry) else ModelRegistry(target, **opening)

    def close(self) -> None:
        """Give back connections. Closing it twice does no harm."""
        if self._owned:
            self.registry.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.registry.address!r})"


class DeploymentManager(Manager):
    """Deploys versions, and watches and steers deployments."""

    def deploy(self, name: str, version: str, strategy: str = "direct", **options: Unpack[DeployOptions]) -> str:
        """Begin to serve a version, and return the deployment's id; see `ModelRegistry.deploy`."""
        return self.registry.deploy(name, version, strategy, **options).id

    def status(self, deployment_id: str) -> DeploymentRecord:
        """Return a deployment with its plan, its history and what was observed."""
        return self.registry.get_deployment(deployment_id)

    def list(self, name: str | None = None, **filters: Any) -> builtins.list[DeploymentRecord]:
        """Return deployments, the newest first; see `ModelRegistry.list_deployments`."""
        return self.registry.list_deployments(name, **filters)

    def pause(self, deployment_id: str, reason: str = "") -> DeploymentRecord:
        """Stop a deployment at its step."""
        return self.registry.pause_deployment(deployment_id, reason=reason)

    def resume(self, deployment_id: str, reason: str = "") -> DeploymentRecord:
        """Let a paused deployment go on."""
        return self.registry.resume_deployment(deployment_id, reason=reason)

    def promote(
        self, deployment_id: str, *, full: bool = False, winner: str | None = None, reason: str = ""
    ) -> DeploymentRecord:
        """Take a deployment to its next step, to its end (`full`), or to the winner of an A/B test."""
        return self.registry.promote_deployment(deployment_id, full=full, winner=winner, reason=reason)

    def abort(self, deployment_id: str, reason: str = "") -> DeploymentRecord:
        """End a deployment: what served before serves again."""
        return self.registry.abort_deployment(deployment_id, reason=reason)

    def wait(self, deployment_id: str, timeout: float | None = None) -> DeploymentRecord:
        """Wait until a deployment has ended, and return it; TimedOut after `timeout` seconds."""
        return self.registry.wait_for_deployment(deployment_id, timeout)


class RollbackManager(Manager):
    """Brings back what served before."""

    def rollback_to_previous(self, name: str, *, environment: str = "", reason: str = "", force: bool = False) -> str:
        """Go back to what was served last and healthy, and return the version that serves now.

        A model without an endpoint gives its production stage back to the version that held it before.

        Raises:
            SnapshotNotFound, VersionNotFound: there is nothing to go back to.
        """
        record = self.registry.rollback_model(name, environment=environment, reason=reason, force=force)
        return record.version.version if record.endpoint is None else record.endpoint.version or ""

    def rollback_to_version(
        self, name: str, version: str | int, *, environment: str = "", reason: str = "", force: bool = False
    ) -> bool:
        """Go back to a version, and tell whether it serves now.

        Raises:
            VersionNotFound: there is no such version.
            NotDeployable: it does not answer probes, or is deprecated; `force` takes it all the same.
        """
        record = self.registry.rollback_model(name, version, environment=environment, reason=reason, force=force)
        return record.endpoint is None or record.endpoint.version_id == record.version.id

    def auto_rollback_on_error(
        self,
        name: str,
        error_threshold: float = 0.1,
        *,
        environment: str | None = None,
        window_s: float | None = None,
        keep: bool = False,
    ) -> bool:
        """Go back if more than this share of the last requests failed, and tell whether that was so.

        Args:
            name: the model.
            error_threshold: the largest share of errors, in 0..1.
            environment: production unless said otherwise.
            window_s: how many seconds back it looks; 300 where it is left out.
            keep: hold the endpoint to this limit from now on, without being asked again.
        """
        limits = Limits(max_error_rate=error_threshold)
        report = self.registry.check_guard(name, limits=limits, environment=environment, window_s=window_s, keep=keep)
        return report.triggered

    def history(self, name: str | None = None, *, limit: int | None = None) -> list[EndpointRollback]:
        """Return rollbacks with their evidence, the newest first."""
        return self.registry.list_rollbacks(name, limit=limit)


class SnapshotManager(Manager):
    """Keeps what endpoints serve, and brings it back."""

    def create(self, name: str, reason: str = "", *, environment: str | None = None) -> SnapshotRecord:
        """Keep all that an endpoint serves now."""
        return self.registry.take_snapshot(name, environment=environment, reason=reason)

    def list(
        self, name: str, *, environment: str | None = None, limit: int | None = None
    ) -> builtins.list[SnapshotRecord]:
        """Return an endpoint's snapshots, the newest first."""
        return self.registry.list_snapshots(name, environment=environment, limit=limit)

    def restore(
        self, snapshot: str | SnapshotRecord, *, reason: str = "", dry_run: bool = False, force: bool = False
    ) -> EndpointRollback:
        """Make an endpoint what it was; `dry_run` only tells what would change."""
        return self.registry.restore_snapshot(snapshot, reason=reason, dry_run=dry_run, force=force)

    def diff(self, snapshot: str | SnapshotRecord, other: str | SnapshotRecord = "now") -> SnapshotDiff:
        """Tell what differs between a snapshot and another one, or the present."""
        return self.registry.compare_snapshots(snapshot, other)
