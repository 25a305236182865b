"""Records of promotions, of what their gates said, and of the stage graphs that decide about them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from modelyard.domain.wire.registry import VerdictRecord


@dataclass(frozen=True, kw_only=True)
class Vote:
    """What somebody decided about a promotion: `approve` or `reject`, and why."""

    by: str
    decision: str
    at: str
    comment: str = ""


@dataclass(frozen=True, kw_only=True)
class Comment:
    """What somebody said about a promotion."""

    by: str
    at: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Promotion:
    """A request to move a version: what it needs, what was found, who agreed, and how it ended.

    `state` is pending (waits for approvals), approved (may be applied), applied, rejected, withdrawn, expired, or
    refused (a direct promotion whose gates said no).
    """

    id: str
    name: str
    version: str
    version_id: str
    number: int
    from_stage: str
    target_stage: str
    state: str
    requester: str
    author: str
    """Who registered the version."""
    comment: str = ""
    requirements: dict[str, Any] = field(default_factory=dict)
    """What the request demands beyond the stage graph."""
    verdicts: list[VerdictRecord] = field(default_factory=list)
    evaluated_at: str = ""
    approvals_needed: int = 0
    approvers: list[str] = field(default_factory=list)
    """Who may approve; empty for whoever has the permission."""
    votes: list[Vote] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    archive_previous: bool | None = None
    direct: bool = False
    """Whether it was asked for and applied in one call."""
    created_at: str = ""
    updated_at: str = ""
    expires_at: str | None = None
    applied_at: str = ""
    applied_by: str = ""
    archived: list[str] = field(default_factory=list)
    """The ids of the versions that made room."""
    revision: int = 1


@dataclass(frozen=True, kw_only=True)
class PromotionPage:
    """A page of promotions, the newest first."""

    promotions: list[Promotion]
    next_page_token: str = ""


@dataclass(frozen=True, kw_only=True)
class GateReport:
    """What a move would need and whether it is there, without anything being moved."""

    name: str
    version: str
    from_stage: str
    target_stage: str
    met: bool
    """Whether every requirement is met; approvals are counted apart."""
    verdicts: list[VerdictRecord] = field(default_factory=list)
    approvals_needed: int = 0
    would_replace: list[str] = field(default_factory=list)
    """The versions that would make room, as references."""


@dataclass(frozen=True, kw_only=True)
class SuiteResult:
    """How a suite of tests ended, as it was recorded."""

    name: str
    version: str
    version_id: str
    suite: str
    passed: bool
    at: str
    by: str
    source: str
    """`command` where modelyard ran it, `report` where somebody told it."""
    exit_code: int | None = None
    seconds: float = 0.0
    output: str = ""
    """The end of what the command printed."""


@dataclass(frozen=True, kw_only=True)
class GraphRecord:
    """A stage graph: of the registry, or of one model."""

    name: str
    """The model; empty for the registry."""
    own: bool
    """Whether it was set for exactly this; otherwise it is inherited from the registry or is the default one."""
    document: dict[str, Any]
    stages: list[str]
    revision: int = 0
    updated_at: str = ""
    dry_run: bool = False
    changes: dict[str, list[str]] = field(default_factory=dict)
    """What was changed, or would be: stages_added, moves_removed, …; empty where nothing changes."""


@dataclass(frozen=True, kw_only=True)
class SuiteResults:
    """How each suite of tests ended last, by the name of the suite."""

    results: list[SuiteResult]
