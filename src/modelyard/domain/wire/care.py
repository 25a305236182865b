"""Records of looking after a registry: what was verified, what was collected, and how much there is."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Damage:
    """One thing that is not as it should be: what, where and how to mend it."""

    subject: str
    problem: str
    hint: str = ""


@dataclass(frozen=True, kw_only=True)
class Verification:
    """The outcome of reading a version's bytes back: nothing in `damage` means that every digest holds."""

    name: str
    version: str
    id: str
    files: int
    bytes: int
    damage: list[Damage] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class GarbageReport:
    """What a collection removed, or would remove: files, bytes freed, and bytes kept."""

    dry_run: bool
    blobs: int
    bytes: int
    stale_uploads: int
    kept_blobs: int
    kept_bytes: int


@dataclass(frozen=True, kw_only=True)
class Stats:
    """The registry in numbers."""

    total_models: int
    total_versions: int
    total_size_bytes: int
    stored_size_bytes: int
    """Bytes after equal content was stored once."""
    total_aliases: int
    total_events: int
    models_by_stage: dict[str, int]
    versions_by_label: dict[str, int]
    frameworks: dict[str, int]
    last_registered: str | None
    total_endpoints: int = 0
    serving_endpoints: int = 0
    """Endpoints that serve some version."""
    live_deployments: int = 0
    deployments_by_state: dict[str, int] = field(default_factory=dict)
    total_artifacts: int = 0
    """Files that MLflow's clients keep here without a version."""
    artifacts_size_bytes: int = 0
    """Their bytes, equal content counted each time."""
