"""Looking back: who was live when, the auditor's log, checkpoints, and the check of the record."""

from __future__ import annotations

from dataclasses import dataclass

from modelyard.domain import wire
from modelyard.domain.contract import Operation

# ------------------------------------------------------------------------------------------------------------- requests


@dataclass(frozen=True, kw_only=True)
class WhoWasLive:
    """A model, a moment, and the stage that is meant; the present moment and production where they are left out."""

    name: str
    at: str | None = None
    stage: str = "production"


@dataclass(frozen=True, kw_only=True)
class ReadLog:
    """A page of events that meet all of some conditions, the oldest first."""

    name: str = ""
    """Only of models that have, or had, this name."""
    version: str = ""
    """Only of the version with this id."""
    actor: str = ""
    type: str = ""
    """Only of this type; `version.*` stands for all types that begin so."""
    since: str = ""
    """Only from this moment on."""
    until: str = ""
    """Only up to this moment, itself included."""
    limit: int = 100
    page_token: str = ""


@dataclass(frozen=True, kw_only=True)
class MakeCheckpoint:
    """A request for a checkpoint; it says nothing."""


@dataclass(frozen=True, kw_only=True)
class VerifyRecord:
    """A check of the whole record, against the hash of a checkpoint that was kept outside if there is one."""

    anchor: str = ""


# ----------------------------------------------------------------------------------------------------------------- rows

WHO_WAS_LIVE = Operation(
    "who_was_live", "GET", "/api/models/{name}/as-of", "event.read", WhoWasLive, wire.AsOfRecord,
    "Tell which version stood in a stage at a moment, who put it there, and on which evidence",
    example={"at": "2026-03-01T12:00Z"},
)  # fmt: skip
AUDIT_LOG = Operation(
    "audit_log", "GET", "/api/audit/events", "audit.read", ReadLog, wire.AuditLog,
    "List who did what, of deleted models too", everywhere=True,
)  # fmt: skip
AUDIT_CHECKPOINT = Operation(
    "audit_checkpoint", "POST", "/api/audit/checkpoint", "registry.admin", MakeCheckpoint, wire.CheckpointRecord,
    "Record the ends of all chains of events, unless nothing happened since", everywhere=True,
)  # fmt: skip
VERIFY_RECORD = Operation(
    "verify_record", "GET", "/api/audit/verify", "audit.read", VerifyRecord, wire.AuditReport,
    "Check all events, checkpoints and tables against each other", long=True, everywhere=True,
)  # fmt: skip
