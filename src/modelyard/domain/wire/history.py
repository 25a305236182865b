"""Records of the past: who was live when, the log of an auditor, and what a check of the record found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from modelyard.domain.wire.delivery import EndpointConfiguration, Route
from modelyard.domain.wire.registry import EventRecord, VersionRecord


@dataclass(frozen=True, kw_only=True)
class ChainedEvent(EventRecord):
    """An event with the chain that it belongs to; `model_id` is `md_registry` for the registry's own."""

    model_id: str


@dataclass(frozen=True, kw_only=True)
class AuditLog:
    """A page of events in the order in which they happened; `next_page_token` is empty on the last page."""

    events: list[ChainedEvent]
    next_page_token: str = ""


@dataclass(frozen=True, kw_only=True)
class Opinion:
    """What one person said to a promotion: `approved` or `rejected`, with their words."""

    decision: str
    by: str
    at: str
    comment: str = ""


@dataclass(frozen=True, kw_only=True)
class EndpointThen:
    """What took a model's traffic in an environment at a moment, since when, and by whom."""

    environment: str
    kind: str
    version: str | None
    """The version with the largest share; None where nothing was served."""
    epoch: int
    route: Route
    configuration: EndpointConfiguration
    since: str
    """When this route came into force."""
    until: str | None = None
    """When another one did; None where it still holds."""
    by: str = ""
    cause: str = ""
    """What made it, such as `deployment.advanced`."""
    deployment_id: str = ""
    """The deployment that was live at that moment; empty where none was."""


@dataclass(frozen=True, kw_only=True)
class AsOfRecord:
    """Who stood in a stage of a model at a moment, who put it there, and on which evidence."""

    name: str
    stage: str
    at: str
    version: VersionRecord | None
    """The version as it was then, the highest where several stood there; None where nobody did."""
    since: str | None = None
    until: str | None = None
    """When it left the stage; None where it stands there still."""
    by: str | None = None
    event: ChainedEvent | None = None
    """What put it there."""
    verdicts: list[dict[str, Any]] = field(default_factory=list)
    """What was demanded of the move, what was found, and whether that was enough."""
    approvals: list[Opinion] = field(default_factory=list)
    promotion: list[ChainedEvent] = field(default_factory=list)
    """All events of the promotion that moved it."""
    others: list[str] = field(default_factory=list)
    """The other versions that stood in the stage too."""
    aliases: dict[str, str] = field(default_factory=dict)
    """Alias → version, for all aliases of the model at that moment."""
    endpoints: list[EndpointThen] = field(default_factory=list)
    """What took the model's traffic at that moment, by environment, whatever the stage."""


@dataclass(frozen=True, kw_only=True)
class CheckpointRecord:
    """A checkpoint of all chains: its `hash` is the anchor to keep outside."""

    position: int
    at: str
    hash: str
    root: str
    """BLAKE3 of the ends of all chains."""
    chains: int
    events: int
    made: bool
    """Whether it was made now; False where nothing had happened since it was made."""


@dataclass(frozen=True, kw_only=True)
class AuditFinding:
    """One place where the record is not as it was written."""

    kind: str
    """`event`, `chain`, `checkpoint`, `state` (a table says something else than the events) or `file`."""
    subject: str
    """The model, or the version where one is meant; `registry` for the registry's own chain."""
    position: int | None
    """Place of the event in its chain."""
    sequence: int | None
    problem: str
    model_id: str = ""


@dataclass(frozen=True, kw_only=True)
class AuditReport:
    """The outcome of checking every event, every checkpoint and every table against each other."""

    sound: bool
    events: int
    chains: int
    versions: int
    checkpoints: int
    findings: list[AuditFinding] = field(default_factory=list)
    unlisted: int = 0
    """How many more findings there are than are listed."""
    anchor: str = ""
    """Hash of the newest checkpoint: keep it where nobody who can write the database can write."""
    anchor_at: str = ""
    anchored: bool = False
    """Whether an anchor from outside was given, and found."""
    unanchored_events: int = 0
    """Events after the newest checkpoint."""
    limits: list[str] = field(default_factory=list)
    """What this check cannot see."""
