"""A promotion as Markdown: what a CI job shows of the gates of a move, and of how it ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from modelyard.domain.wire import GateReport, Promotion, PromotionRecord, VerdictRecord
from modelyard.errors import GateRefused
from modelyard.reports.markdown import heading, paragraph, table

_HEAD = ("gate", "required", "found", "met", "why")


def of_check(report: GateReport) -> str:
    """What a move would need, and whether it is there."""
    outcome = "The gates are met." if report.met else "The gates are not met."
    if report.approvals_needed:
        outcome += f" Approvals needed: {report.approvals_needed}."
    return _section(report.name, report.version, report.target_stage, outcome, report.verdicts)


def of_move(record: PromotionRecord) -> str:
    """A move that was made in one call, or was not needed."""
    stays = record.from_stage == record.to_stage
    outcome = "It stands there already." if stays else f"Moved from {record.from_stage}."
    return _section(record.version.name, record.version.version, record.to_stage, outcome, record.verdicts)


def of_request(record: Promotion) -> str:
    """A promotion that people decide about, as it stands."""
    said = [f"{vote.by}: {vote.decision}{f', {vote.comment}' if vote.comment else ''}" for vote in record.votes]
    outcome = "\n".join((f"{record.id} is {record.state}.", *said))
    return _section(record.name, record.version, record.target_stage, outcome, record.verdicts)


def of_refusal(error: GateRefused) -> str:
    """A move that gates refused; nothing where the error does not tell which."""
    told: Mapping[str, Any] = error.details
    if not {"name", "version", "target_stage", "verdicts"} <= told.keys():
        return ""
    outcome = "Refused: the gates are not met."
    return _section(told["name"], told["version"], told["target_stage"], outcome, told["verdicts"])


def _section(
    name: str, version: str, target: str, outcome: str, verdicts: Sequence[VerdictRecord | Mapping[str, Any]]
) -> str:
    told = [asdict(verdict) if isinstance(verdict, VerdictRecord) else verdict for verdict in verdicts]
    rows = [
        (one["requirement"], one["required"], one["actual"], "yes" if one["met"] else "NO", one["reason"])
        for one in told
    ]
    gates = f"\n{table(_HEAD, rows)}" if rows else ""
    return f"{heading(f'{name}/{version} to {target}', 3)}\n{paragraph(outcome)}{gates}"
