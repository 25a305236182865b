"""Stages: promote, move, archive, roll back.

Rules
- A move is legal by the stage graph and passes its requirements, or nothing of the version changes. A version that
  stays where it is passes as well, and nothing changes.
- Each move is a promotion: asked for and applied in one call. One whose gates say no is on record too, as refused,
  with every verdict and what it was drawn from.
- A move that needs approvals is not made in one call; it is requested (see `modelyard.registry.promotions`).
- A rollback goes back only to a version that stood in the stage before: it is no way around the gates.
- A rollback takes no version away from another exclusive stage: it would leave that stage empty.
- A rollback names where it goes back to, or takes the holder before; it bypasses the graph, for what was archived is
  exactly what it brings back.
- Whoever is rolled back from is deprecated in the same transaction, unless the caller says that it was not at fault.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row

from modelyard.domain.checks import check_text
from modelyard.domain.evidence import Finding
from modelyard.domain.gates import all_met
from modelyard.domain.graph import Move, normalise_stage
from modelyard.domain.holders import StageMove, previous_holder
from modelyard.domain.permissions import Principal
from modelyard.domain.promotion import APPLIED, REFUSED
from modelyard.domain.stages import ModelStage
from modelyard.domain.wire import GateReport, PromotionRecord, RollbackRecord
from modelyard.errors import ApprovalRequired, Conflict, InvalidStage, VersionNotFound
from modelyard.metadata import journal, versions
from modelyard.metadata.database import known
from modelyard.operations import (
    ARCHIVE,
    CHECK_GATES,
    PROMOTE,
    ROLLBACK,
    UPDATE_STAGE,
    CheckGates,
    Explained,
    Promote,
    Rollback,
    UpdateStage,
)
from modelyard.registry.context import Context, Yard
from modelyard.registry.deprecation import deprecate_row
from modelyard.registry.dispatch import serves
from modelyard.registry.gating import Case, case_of, judge, prepare
from modelyard.registry.lookup import check_revision, find, find_within, record, versions_in_stage
from modelyard.registry.moves import (
    ROLLED_BACK,
    enter,
    make_room,
    standing_of,
    who_makes_room,
    write_entry,
)
from modelyard.registry.promoting import keep_direct, refusal

NO_WAY_BACK = frozenset({ModelStage.DEVELOPMENT, ModelStage.ARCHIVED, ModelStage.REJECTED})
"""Stages that nobody holds: many versions stand there, and none for another."""
LONGEST_REASON = 10_000


def _as_promote(request: UpdateStage | Explained) -> Promote:
    if isinstance(request, Explained):
        target, comment, archive_previous = str(ModelStage.ARCHIVED), request.reason, None
    else:
        target, comment, archive_previous = request.stage, request.comment, request.archive_previous
    return Promote(
        reference=request.reference,
        target_stage=target,
        archive_previous=archive_previous,
        comment=comment,
        if_match=request.if_match,
    )


def _prepare(yard: Yard, request: Promote, principal: Principal) -> Mapping[str, Finding]:
    asked = request.requirements
    return prepare(yard, principal, PROMOTE.permission, request.reference, request.target_stage, asked)


def _prepare_move(yard: Yard, request: UpdateStage | Explained, principal: Principal) -> Mapping[str, Finding]:
    return _prepare(yard, _as_promote(request), principal)


def _prepare_check(yard: Yard, request: CheckGates, principal: Principal) -> Mapping[str, Finding]:
    target, asked = request.target_stage, request.requirements
    return prepare(yard, principal, CHECK_GATES.permission, request.reference, target, asked, run_tests=False)


@serves(PROMOTE, prepare=_prepare)
def promote(context: Context, request: Promote) -> PromotionRecord:
    """Move a version to a stage if the graph has the move and every requirement is met.

    Raises:
        InvalidStage, InvalidTransition: the graph has no such stage or move.
        ApprovalRequired: people have to agree first.
        GateRefused: a requirement is not met; `details["verdicts"]` has them all.
    """
    check_text("comment", request.comment, LONGEST_REASON)
    case = case_of(context, request.reference, request.target_stage, request.requirements, lock=True)
    check_revision(case.row, request.if_match, f"{case.row.name} {case.row.version}")
    context.require(PROMOTE.permission, case.row.name, str(case.target))
    _refuse_without_approval(case)
    verdicts = judge(context, case)
    if all_met(verdicts):
        if case.move is Move.STAY:
            return _promotion(context, case, verdicts)
        wanted = request.archive_previous if request.archive_previous is not None else case.rule.archive_previous
        replaced = who_makes_room(context, case.row, case.target, archive_previous=wanted)
        kept = keep_direct(context, case, request, verdicts, APPLIED, [other.id for other in replaced])
        enter(context, case.row, case.source, case.target, replaced, kept.facts)
        return _promotion(context, case, verdicts, kept.archived, kept.id)
    context.refusals.append(refusal(case, verdicts))
    if case.move is not Move.STAY:
        keep_direct(context, case, request, verdicts, REFUSED, [])
    return _promotion(context, case, verdicts)


@serves(UPDATE_STAGE, prepare=_prepare_move)
def update_stage(context: Context, request: UpdateStage) -> PromotionRecord:
    """Move a version along the graph, with no requirements beyond the graph's own."""
    return promote(context, _as_promote(request))


@serves(ARCHIVE, prepare=_prepare_move)
def archive(context: Context, request: Explained) -> PromotionRecord:
    """Move a version to the archive."""
    return promote(context, _as_promote(request))


@serves(CHECK_GATES, prepare=_prepare_check)
def check_gates(context: Context, request: CheckGates) -> GateReport:
    """Tell what a move would need, and whether it is there."""
    case = case_of(context, request.reference, request.target_stage, request.requirements)
    verdicts = judge(context, case)
    replaced = who_makes_room(context, case.row, case.target, archive_previous=case.rule.archive_previous)
    return GateReport(
        name=case.row.name,
        version=case.row.version,
        from_stage=str(case.source),
        target_stage=str(case.target),
        met=all_met(verdicts),
        verdicts=list(verdicts),
        approvals_needed=case.rule.approvals,
        would_replace=[f"{row.name}/{row.version}" for row in replaced],
    )


def roll_back(context: Context, request: Rollback) -> RollbackRecord:
    """Give a stage back to an earlier version; archive, and deprecate, who stands there now.

    `modelyard.delivery.rollback` serves the operation, and calls this where no endpoint is meant.

    Raises:
        VersionNotFound: there is no earlier holder, or no such version.
        Conflict: the version stands there already, or is deprecated.
    """
    check_text("reason", request.reason, LONGEST_REASON)
    named = find(context, request.reference, lock=True)
    stage = normalise_stage(context.graphs.of(named.model_id), request.stage or ModelStage.PRODUCTION)
    if stage in NO_WAY_BACK:
        raise InvalidStage(
            f"a rollback gives nothing back to {stage}", hint="name a stage that versions are promoted to"
        )
    context.require(ROLLBACK.permission, named.name, str(stage))
    present = versions_in_stage(context, named.model_id, stage)
    if request.version:
        target = find_within(context, named.name, request.version)
    else:
        target = _previous(context, named, stage, present)
    _check_return(context, target, stage)
    present = _who_leaves(context, named, stage, present)
    for row in present:
        make_room(context, row, stage, {"cause": "rollback", "by": target.id})
    source = target.stage
    facts = {"from": source, "to": str(stage), "replaced": [row.id for row in present], "reason": request.reason}
    write_entry(context, target, stage, ROLLED_BACK, facts)
    if request.deprecate:
        why = f"rolled back from {stage}" + (f": {request.reason}" if request.reason else "")
        for row in present:
            deprecate_row(context, _again(context, row), why, successor=f"{target.name}/{target.version}")
    return RollbackRecord(
        version=record(context, _again(context, target)),
        replaced=present[-1].id if present else None,
        stage=str(stage),
        left=[row.id for row in present],
    )


def _who_leaves(
    context: Context, named: Row[Any], stage: ModelStage, present: Sequence[Row[Any]]
) -> Sequence[Row[Any]]:
    """Return who makes room: everybody in an exclusive stage; elsewhere the one that is named, or that came last."""
    if stage in context.graphs.of(named.model_id).exclusive or not present:
        return present
    here = {row.id: row for row in present}
    if named.id in here:
        return [here[named.id]]
    latest = next(
        move.version_id for move in reversed(_stage_moves(context, named.model_id)) if move.version_id in here
    )
    return [here[latest]]


def _refuse_without_approval(case: Case) -> None:
    if case.rule.approvals and case.move is not Move.STAY:
        needed = f"{case.rule.approvals} approval" + ("s" if case.rule.approvals > 1 else "")
        reference = f"{case.row.name}/{case.row.version}"
        raise ApprovalRequired(
            f"{case.row.name} {case.row.version} needs {needed} to enter {case.target}",
            hint=f"ask for it: modelyard request {reference} --target-stage {case.target}",
            details={"approvals": case.rule.approvals, "approvers": list(case.rule.approvers)},
        )


def _promotion(
    context: Context, case: Case, verdicts: Sequence[Any], archived: Sequence[str] = (), promotion_id: str = ""
) -> PromotionRecord:
    return PromotionRecord(
        version=record(context, _again(context, case.row)),
        from_stage=str(case.source),
        to_stage=str(case.target),
        verdicts=list(verdicts),
        archived=list(archived),
        promotion_id=promotion_id,
    )


def _stage_moves(context: Context, model_id: str) -> list[StageMove]:
    return [
        StageMove(event.version_id or "", event.data["to"], event.type == ROLLED_BACK)
        for event in reversed(journal.stage_moves(context.tx, model_id))
    ]


def _previous(context: Context, named: Row[Any], stage: ModelStage, present: Sequence[Row[Any]]) -> Row[Any]:
    def may_return(version_id: str) -> bool:
        row = versions.by_id(context.tx, version_id)
        if row is None or row.stage == ModelStage.REJECTED:
            return False
        return row.deprecation is None and not _is_needed(context, row, stage)

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
    graph = context.graphs.of(row.model_id)
    # Entering an environment takes a version away from nothing but its other stage in the same environment.
    place = graph.environment_of(stage)
    standing = standing_of(context, row)
    left = standing.environments.get(place) if place else standing.stage
    return left is not None and left != stage and left in graph.exclusive


def _check_return(context: Context, target: Row[Any], stage: ModelStage) -> None:
    if stage in standing_of(context, target).stages:
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
    if target.stage == ModelStage.REJECTED:
        raise Conflict(f"{target.name} {target.version} was rejected", hint="name a version that was not")
    if target.deprecation is not None:
        raise Conflict(
            f"{target.name} {target.version} is deprecated",
            hint="name a version that is not, or take the deprecation back: modelyard deprecate REFERENCE --undo",
        )


def _again(context: Context, row: Row[Any]) -> Row[Any]:
    """Read a row again after it was changed."""
    return known(versions.by_id(context.tx, row.id))
