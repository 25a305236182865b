"""Writing promotions down: the rows, the events, and the refusal of a gate. What both ways of promoting share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any, NamedTuple

from sqlalchemy import Row

from modelyard.domain.names import person, shown
from modelyard.domain.promotion import WITHDRAWN
from modelyard.domain.wire import Promotion, VerdictRecord
from modelyard.errors import GateRefused, PermissionDenied
from modelyard.metadata import journal, promotions
from modelyard.operations import Promote
from modelyard.registry.context import Context
from modelyard.registry.gating import Case


class Kept(NamedTuple):
    """A promotion that was written down: its id, whom it replaced, and what the move's event tells of it."""

    id: str
    archived: list[str]
    facts: dict[str, Any]


def speaker(context: Context, claimed: str) -> str:
    """Return who speaks: the caller, or the name that a caller gives whom nobody asked to prove who they are.

    Raises:
        PermissionDenied: a caller who is known speaks in another's name.
    """
    if not claimed:
        return context.actor
    name = person(claimed, "a name")
    if context.principal.proven and name != context.actor:
        raise PermissionDenied(
            f"{shown(context.actor)} cannot speak for {shown(name)}", hint="leave the name out; the token tells it"
        )
    return name


def author_of(context: Context, version_id: str) -> str:
    """Return who registered a version."""
    registered = journal.of_kind(context.tx, version_id, "version.registered")
    return registered[0].actor if registered else ""


def keep_direct(
    context: Context, case: Case, request: Promote, verdicts: Sequence[VerdictRecord], state: str, archived: list[str]
) -> Kept:
    """Write down a promotion that was asked for and decided in one call."""
    applied = state == "applied"
    promotion = Promotion(
        id=context.yard.new_id("pr"),
        name=case.row.name,
        version=case.row.version,
        version_id=case.row.id,
        number=case.row.number,
        from_stage=str(case.source),
        target_stage=str(case.target),
        state=state,
        requester=context.actor,
        author=author_of(context, case.row.id),
        comment=request.comment,
        requirements=dict(request.requirements or {}),
        verdicts=list(verdicts),
        evaluated_at=context.now,
        archive_previous=request.archive_previous,
        direct=True,
        created_at=context.now,
        applied_at=context.now if applied else "",
        applied_by=context.actor if applied else "",
        archived=archived,
    )
    promotions.add(context.tx, promotion, case.row.model_id)
    facts = move_facts(promotion)
    if not applied:
        tell(context, promotion, case.row.model_id, "refused", {"to": promotion.target_stage, **facts})
    return Kept(promotion.id, archived, facts)


def move_facts(promotion: Promotion) -> dict[str, Any]:
    """Return what the event of a move tells of the promotion behind it: the evidence on which it was made."""
    approvals = [asdict(vote) for vote in promotion.votes if vote.decision == "approve"]
    facts = {
        "promotion": promotion.id,
        "verdicts": [asdict(verdict) for verdict in promotion.verdicts],
        "comment": promotion.comment,
        "approvals": approvals,
        "requester": "" if promotion.direct else promotion.requester,
    }
    return {name: value for name, value in facts.items() if value}


def tell(context: Context, promotion: Promotion, model_id: str, what: str, facts: dict[str, Any]) -> None:
    """Append an event about a promotion."""
    context.tell(
        model_id=model_id,
        kind=f"promotion.{what}",
        version_id=promotion.version_id,
        data={"promotion": promotion.id, **facts},
    )


def end_open(context: Context, row: Row[Any]) -> None:
    """Withdraw the open requests of a version that is being deleted."""
    for found in promotions.open_of_version(context.tx, row.id):
        withdrawn = replace(promotions.record(found), state=WITHDRAWN)
        promotions.change(context.tx, withdrawn, context.now)
        tell(context, withdrawn, row.model_id, "withdrawn", {"by": context.actor, "comment": "the version was deleted"})


def refusal(case: Case, verdicts: Sequence[VerdictRecord], promotion_id: str = "") -> GateRefused:
    """The error that tells which gates of a move are not met."""
    row, target = case.row, case.target
    reasons = "; ".join(f"{verdict.requirement}: {verdict.reason}" for verdict in verdicts if not verdict.met)
    details = {
        "name": row.name,
        "version": row.version,
        "target_stage": str(target),
        "verdicts": [asdict(verdict) for verdict in verdicts],
    }
    if promotion_id:
        details["promotion"] = promotion_id
    return GateRefused(f"{row.name} {row.version} may not move to {target}: {reasons}", details=details)
