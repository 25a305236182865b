"""Records of snapshots: all that an endpoint served at a moment, and what differs between two of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from modelyard.domain.wire.delivery import EndpointConfiguration, Route, SnapshotChange


@dataclass(frozen=True, kw_only=True, slots=True)
class SnapshotDocument:
    """All that an endpoint served at a moment. Aliases: name → version id. Stages: version id → environment → stage.

    The own stage of a version stands under the empty environment. Only versions in use are listed: those of the route,
    and those in a stage other than the first one, archived or rejected.
    """

    route: Route
    configuration: EndpointConfiguration
    aliases: dict[str, str] = field(default_factory=dict)
    stages: dict[str, dict[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class SnapshotRecord:
    """A snapshot: the target of a rollback. Equal content has an equal digest."""

    id: str
    name: str
    environment: str
    epoch: int
    digest: str
    healthy: bool
    reason: str = ""
    version: str | None = None
    content: SnapshotDocument
    created_by: str = ""
    created_at: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class SnapshotPage:
    """Snapshots, the newest first."""

    snapshots: list[SnapshotRecord]
    next_page_token: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class SnapshotDiff:
    """What differs between a snapshot and another, or the present."""

    id: str
    other: str
    """The other snapshot's id, or `now`."""
    changes: list[SnapshotChange] = field(default_factory=list)
