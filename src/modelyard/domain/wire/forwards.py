"""Records of versions that are sent on to a tracking system."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class ForwardRecord:
    """A version on its way to a tracking system: how often it was tried, what came of it, and where it is there."""

    id: int
    target: str
    """`mlflow` or `wandb`."""
    name: str
    version: str
    version_id: str
    state: str
    """`pending`, `sent` or `failed`."""
    attempts: int
    due_at: str
    """When a pending one is tried next."""
    created_at: str
    """When it was put in line, the last time."""
    finished_at: str | None = None
    last_error: str | None = None
    run_id: str = ""
    """The run's, in the tracking system."""
    url: str = ""
    """Where people see it."""
    note: str = ""
    """What was left out, and why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ForwardPage:
    """A page of forwards, the newest first."""

    forwards: list[ForwardRecord] = field(default_factory=list)
    next_page_token: str = ""
