"""Stages: promote, move, archive, roll back.

Rules
- A move is legal by the stage graph and passes its requirements, or nothing changes. A version that stays where it is
  passes as well, and nothing changes.
- Who stands in an exclusive stage is archived in the same transaction as the newcomer enters, unless the caller keeps
  it.
- A deprecated version enters no exclusive stage.
- A rollback goes back only to a version that stood in the stage before: it is no way around the gates.
- A rollback takes no version away from another exclusive stage: it would leave that stage empty.
- A rollback names where it goes back to, or takes the holder before; it bypasses the graph, for what was archived is
  exactly what it brings back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Row

from modelyard.domain.checks import check_text
from modelyard.domain.gates import Evidence, all_met, evaluate, parse_requirements
from modelyard.domain.holders import StageMove, previous_holder
from modelyard.domain.metadata import completeness
from modelyard.domain.stages import ModelStage, Move, check_move, normalise_stage
from modelyard.domain.wire import PromotionRecord, RollbackRecord, VerdictRecord
from modelyard.errors import Conflict, GateRefused, InvalidStage, VersionNotFound
from modelyard.metadata import journal, models, versions
from modelyard.metadata.database import known
from modelyard.operations import ARCHIVE, PROMOTE, ROLLBACK, UPDATE_STAGE, Explained, Promote, Rollback, UpdateStage
from modelyard.registry.context import Context
from modelyard.registry.dispatch import serves
from modelyard.registry.lookup import check_revision, document, find, find_within, record
from modelyard.registry.views import mark_stale

NO_WAY_BACK = frozenset({ModelStage.DEVELOPMENT, ModelStage.ARCHIVED, ModelStage.REJECTED})
"""Stages that nobody holds: many versions stand there, and none for another."""
LONGEST_REASON = 10_000


@serves(PROMOTE)
def promote(context: Context, request: Promote) -> PromotionRecord:
    """Move a version to a stage if the graph has the move and every requirement is met.

    Raises:
        InvalidStage, InvalidTransition: the graph has no such stage or move.
        GateRefused: a requirement is not met; `details["verdicts"]` has them all.
    """
    requirements = parse_requirements(request.requirements)
    check_text("comment", request.comment, LONGEST_REASON)
    row = find(context, request.reference, lock=True)
    check_revision(row, request.if_match, f"{row.name} {row.version}")
    target = normalise_stage(context.yard.graph, request.target_stage)
    move = check_move(context.yard.graph, ModelStage(row.stage), target)
    verdicts = evaluate(requirements, _evidence(document(row)))
    if not all_met(verdicts):
        raise _refusal(row, target, verdicts)
    archived = [] if move is Move.STAY else _enter(context, row, target, request, verdicts)
    return _promotion(context, row, target, verdicts, archived)


@serves(UPDATE_STAGE)
def update_stage(context: Context, request: UpdateStage) -> PromotionRecord:
    """Move a version along the graph, with no requirements beyond the graph's own."""
    return promote(
        context,
        Promote(
            reference=request.reference,
            target_stage=request.stage,
            archive_previous=request.archive_previous,
            comment=request.comment,
            if_match=request.if_match,
        ),
    )


@serves(ARCHIVE)
def archive(context: Context, request: Explained) -> PromotionRecord:
    """Move a version to the archive."""
    return promote(
        context,
        Promote(
            reference=request.reference,
            target_stage=ModelStage.ARCHIVED,
            comment=request.reason,
            if_match=request.if_match,
        ),
    )


@serves(ROLLBACK)
def roll_back(context: Context, request: Rollback) -> RollbackRecord:
    """Give a stage back to an earlier version and archive who stands there now.

    Raises:
        VersionNotFound: there is no earlier holder, or no such version.
        Conflict: the version stands there already, or is deprecated.
    """
    stage = normalise_stage(context.yard.graph, request.stage or ModelStage.PRODUCTION)
    if stage in NO_WAY_BACK:
        raise InvalidStage(
            f"a rollback gives nothing back to {stage}", hint="name a stage that versions are promoted to"
        )
    check_text("reason", request.reason, LONGEST_REASON)
    named = find(context, request.reference, lock=True)
    present = versions.in_stage(context.tx, named.model_id, stage)
    if request.version:
        target = find_within(context, named.name, request.version)
    else:
        target = _previous(context, named, stage, present)
    _check_return(context, target, stage)
    for row in present:
        _move(context, row, ModelStage.ARCHIVED, {"cause": "rollback", "by": target.id})
    facts = {"from": target.stage, "to": str(stage), "replaced": [row.id for row in present], "reason": request.reason}
    _write_stage(context, target, stage, "version.rolled_back", facts)
    return RollbackRecord(
        version=record(context, _again(context, target)),
        replaced=present[-1].id if present else None,
        stage=str(stage),
    )


def _evidence(metadata: dict[str, Any]) -> Evidence:
    return Evidence(
        metrics=metadata.get("metrics", {}),
        validation_metrics=metadata.get("validation_metrics", {}),
        training_metrics=metadata.get("training_metrics", {}),
        tags=metadata.get("tags", {}),
        description=metadata.get("description", ""),
        missing=tuple(completeness(metadata).missing),
    )


def _refusal(row: Row[Any], target: ModelStage, verdicts: Sequence[VerdictRecord]) -> GateRefused:
    unmet = [verdict for verdict in verdicts if not verdict.met]
    reasons = "; ".join(f"{verdict.requirement}: {verdict.reason}" for verdict in unmet)
    return GateRefused(
        f"{row.name} {row.version} may not move to {target}: {reasons}",
        details={
            "name": row.name,
            "version": row.version,
            "target_stage": str(target),
            "verdicts": [asdict(verdict) for verdict in verdicts],
        },
    )


def _enter(
    context: Context,
    row: Row[Any],
    target: ModelStage,
    request: Promote,
    verdicts: Sequence[VerdictRecord],
) -> list[str]:
    """Move a version into a stage and archive whom it replaces; return their ids."""
    exclusive = target in context.yard.graph.exclusive
    if exclusive and row.deprecation is not None:
        raise Conflict(f"{row.name} {row.version} is deprecated and enters no {target}", hint="promote its successor")
    replaced = []
    if exclusive if request.archive_previous is None else request.archive_previous:
        replaced = [other for other in versions.in_stage(context.tx, row.model_id, target) if other.id != row.id]
    for other in replaced:
        _move(context, other, ModelStage.ARCHIVED, {"cause": "replaced", "by": row.id})
    facts: dict[str, Any] = {"verdicts": [asdict(verdict) for verdict in verdicts]} if verdicts else {}
    _move(context, row, target, {**facts, **({"comment": request.comment} if request.comment else {})})
    return [other.id for other in replaced]


def _promotion(
    context: Context, row: Row[Any], target: ModelStage, verdicts: Sequence[VerdictRecord], archived: list[str]
) -> PromotionRecord:
    return PromotionRecord(
        version=record(context, _again(context, row)),
        from_stage=row.stage,
        to_stage=str(target),
        verdicts=list(verdicts),
        archived=archived,
    )


def _stage_moves(context: Context, model_id: str) -> list[StageMove]:
    return [
        StageMove(event.version_id or "", event.data["to"], event.type == "version.rolled_back")
        for event in reversed(journal.stage_moves(context.tx, model_id))
    ]


def _previous(context: Context, named: Row[Any], stage: ModelStage, present: Sequence[Row[Any]]) -> Row[Any]:
    def may_return(version_id: str) -> bool:
        row = versions.by_id(context.tx, version_id)
        return row is not None and row.deprecation is None and not _is_needed(context, row, stage)

    moves = _stage_moves(context, named.model_id)
    found = previous_holder(moves, stage, {row.id for row in present}, may_return)
    target = versions.by_id(context.tx, found) if found else None
    if target is None:
        raise VersionNotFound(
            f"{named.name} has no earlier version to go back to in {stage}",
            hint="name the version to go back to, or promote one",
        )
    return target


def _is_needed(context: Context, row: Row[Any], stage: ModelStage) -> bool:
    """Tell whether a version holds another exclusive stage, which would be left empty if it were taken away."""
    return row.stage != stage and row.stage in context.yard.graph.exclusive


def _check_return(context: Context, target: Row[Any], stage: ModelStage) -> None:
    if target.stage == stage:
        raise Conflict(f"{target.name} {target.version} stands in {stage} already", hint="name another version")
    if not any(move == (target.id, stage, move.is_rollback) for move in _stage_moves(context, target.model_id)):
        raise Conflict(
            f"{target.name} {target.version} never stood in {stage}, so there is no way back to it",
            hint=f"promote it to {stage}, through the gates of that move",
        )
    if _is_needed(context, target, stage):
        raise Conflict(
            f"{target.name} {target.version} stands in {target.stage}, which a rollback of {stage} would empty",
            hint=f"name another version, or roll {target.stage} back first",
        )
    if target.deprecation is not None:
        raise Conflict(f"{target.name} {target.version} is deprecated", hint="name a version that is not")


def _move(context: Context, row: Row[Any], target: ModelStage, facts: dict[str, Any]) -> None:
    _write_stage(context, row, target, "version.stage_moved", {"from": row.stage, "to": str(target), **facts})


def _write_stage(context: Context, row: Row[Any], stage: ModelStage, kind: str, facts: dict[str, Any]) -> None:
    versions.change(context.tx, row, context.now, stage=str(stage))
    models.touch(context.tx, row.model_id, context.now)
    journal.append(
        context.tx,
        model_id=row.model_id,
        kind=kind,
        at=context.now,
        actor=context.actor,
        version_id=row.id,
        data=facts,
    )
    mark_stale(context, row)


def _again(context: Context, row: Row[Any]) -> Row[Any]:
    """Read a row again after it was changed."""
    return known(versions.by_id(context.tx, row.id))
