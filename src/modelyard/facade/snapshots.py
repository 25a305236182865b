"""Snapshots: all that an endpoint served at a moment, kept so that it can be had again."""

from __future__ import annotations

from modelyard.domain.wire import EndpointRollback, SnapshotDiff, SnapshotRecord
from modelyard.facade.arguments import name_of
from modelyard.facade.base import Base
from modelyard.operations import COMPARE_SNAPSHOTS, GET_SNAPSHOT, LIST_SNAPSHOTS, RESTORE_SNAPSHOT, TAKE_SNAPSHOT

NOW = "now"


class Snapshots(Base):
    """The methods of `ModelRegistry` for snapshots. A snapshot is named by its id or by its record."""

    def take_snapshot(self, name: str, *, environment: str | None = None, reason: str = "") -> SnapshotRecord:
        """Keep all that an endpoint serves now: its route, its configuration, the model's aliases and stages.

        Raises:
            EndpointNotFound: nothing was ever deployed there.
        """
        return self._call(TAKE_SNAPSHOT, name=name_of(name), environment=environment, reason=reason)

    def list_snapshots(
        self, name: str, *, environment: str | None = None, limit: int | None = None
    ) -> list[SnapshotRecord]:
        """Return an endpoint's snapshots, the newest first."""
        given = {"name": name_of(name), "environment": environment}
        return self._all(LIST_SNAPSHOTS, lambda page: page.snapshots, limit=limit, **given)

    def get_snapshot(self, snapshot: str | SnapshotRecord) -> SnapshotRecord:
        """Return a snapshot.

        Raises:
            SnapshotNotFound: there is none of this id.
        """
        return self._call(GET_SNAPSHOT, id=snapshot_id(snapshot))

    def restore_snapshot(
        self, snapshot: str | SnapshotRecord, *, reason: str = "", dry_run: bool = False, force: bool = False
    ) -> EndpointRollback:
        """Make an endpoint what it was.

        Args:
            snapshot: the snapshot.
            reason: why; kept in the history.
            dry_run: only tell what would change.
            force: also where a version of it does not answer probes, or is deprecated.
        """
        given = {"reason": reason, "dry_run": dry_run, "force": force}
        return self._call(RESTORE_SNAPSHOT, id=snapshot_id(snapshot), **given)

    def compare_snapshots(self, snapshot: str | SnapshotRecord, other: str | SnapshotRecord = NOW) -> SnapshotDiff:
        """Tell what differs between a snapshot and another one, or the present."""
        return self._call(COMPARE_SNAPSHOTS, id=snapshot_id(snapshot), other=snapshot_id(other))


def snapshot_id(snapshot: str | SnapshotRecord) -> str:
    """The id of a snapshot, given by text or by its record."""
    return snapshot.id if isinstance(snapshot, SnapshotRecord) else snapshot
