"""Promotion requests: ask, judge, vote, apply.

The states and who may vote are pure rules in `modelyard.domain.promotion`; here they meet the database.

Rules
- What a request needs is judged when it is made, whenever somebody asks, and once more in the transaction that applies
  it. Each judgement is on record with its inputs.
- The rule of the move that holds at the moment counts, not the one that held when the request was made.
- Applying a promotion twice changes nothing the second time.
- There is one open request for a version and a stage at a time.
- Where the registry asks nobody to prove who they are, people may say who they are; where it does, they cannot.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import Row

from modelyard.domain import promotion as rules
from modelyard.domain.checks import check_text
from modelyard.domain.durations import later, seconds
from modelyard.domain.evidence import Finding
from modelyard.domain.gates import all_met
from modelyard.domain.graph import Move
from modelyard.domain.names import shown
from modelyard.domain.paging import check_limit, number_of, token_after
from modelyard.domain.permissions import Principal
from modelyard.domain.wire import Comment, Promotion, PromotionPage
from modelyard.errors import (
    ApprovalRequired,
    Conflict,
    InvalidRequest,
    ModelyardError,
    PermissionDenied,
    PromotionNotFound,
)
from modelyard.metadata import models, promotions
from modelyard.metadata.database import known
from modelyard.operations import (
    APPLY_PROMOTION,
    APPROVE_PROMOTION,
    COMMENT_PROMOTION,
    EVALUATE_PROMOTION,
    GET_PROMOTION,
    LIST_PROMOTIONS,
    REJECT_PROMOTION,
    REQUEST_PROMOTION,
    WITHDRAW_PROMOTION,
    Decide,
    ListPromotions,
    NamedPromotion,
    RequestPromotion,
    Say,
)
from modelyard.registry.context import Context, Yard
from modelyard.registry.dispatch import Preparation, serves
from modelyard.registry.gating import Case, case_of, judge, prepare
from modelyard.registry.lookup import document, find, find_model
from modelyard.registry.moves import enter, refuse_deprecated, who_makes_room
from modelyard.registry.promoting import author_of, move_facts, refusal, speaker, tell

LONGEST_COMMENT = 10_000


def _prepare_request(yard: Yard, request: RequestPromotion, principal: Principal) -> Mapping[str, Finding]:
    permission, asked = REQUEST_PROMOTION.permission, request.requirements
    return prepare(yard, principal, permission, request.reference, request.target_stage, asked)


def _prepare_again(permission: str) -> Preparation:
    def prepare_again(yard: Yard, request: NamedPromotion, principal: Principal) -> Mapping[str, Finding]:
        with yard.database.read() as tx:
            row = promotions.by_id(tx, request.id) if request.id.isascii() else None
            promotion = promotions.record(row) if row is not None else None
        if promotion is None or rules.state_at(promotion, yard.clock()) not in rules.OPEN:
            return {}
        reference, target, asked = promotion.version_id, promotion.target_stage, promotion.requirements
        try:
            return prepare(yard, principal, permission, reference, target, asked)
        except ModelyardError:
            # The transaction meets the same refusal, and knows how much of it the caller may be told.
            return {}

    return prepare_again


@serves(REQUEST_PROMOTION, prepare=_prepare_request)
def request_promotion(context: Context, request: RequestPromotion) -> Promotion:
    """Ask for a version to be moved. Gates that are not met yet do not refuse the request; they refuse its application.

    Raises:
        InvalidStage, InvalidTransition: the graph has no such stage or move.
        Conflict: the version stands there already, is deprecated, or there is an open request for the same.
    """
    comment = check_text("comment", request.comment, LONGEST_COMMENT)
    requester = speaker(context, request.requester)
    case = case_of(context, request.reference, request.target_stage, request.requirements, lock=True)
    context.require(REQUEST_PROMOTION.permission, case.row.name, str(case.target))
    _refuse_pointless(context, case)
    waits = request.expires_after or case.rule.expires_after or rules.WAITING_TIME
    promotion = Promotion(
        id=context.yard.new_id("pr"),
        name=case.row.name,
        version=case.row.version,
        version_id=case.row.id,
        number=case.row.number,
        from_stage=str(case.source),
        target_stage=str(case.target),
        state=rules.PENDING,
        requester=requester,
        author=author_of(context, case.row.id),
        comment=comment,
        requirements=dict(request.requirements or {}),
        archive_previous=request.archive_previous,
        created_at=context.now,
        expires_at=later(context.now, seconds(waits, "expires_after")),
    )
    promotion = rules.settled(_judged(context, case, promotion), case.rule)
    promotions.add(context.tx, promotion, case.row.model_id)
    facts: dict[str, Any] = {"to": promotion.target_stage, "from": promotion.from_stage}
    facts |= {"requester": requester, "comment": comment}
    verdicts = [asdict(verdict) for verdict in promotion.verdicts]
    facts |= {"expires_at": promotion.expires_at or "", "requirements": promotion.requirements, "verdicts": verdicts}
    tell(context, promotion, case.row.model_id, "requested", {key: value for key, value in facts.items() if value})
    return _again(context, promotion)


@serves(LIST_PROMOTIONS)
def list_promotions(context: Context, request: ListPromotions) -> PromotionPage:
    """Return a page of promotions, the newest first."""
    limit = check_limit(request.limit)
    states = rules.check_state(request.state)
    model_id = find_model(context, request.name).id if request.name else ""
    found: list[Row[Any]] = []
    before, more = number_of(request.page_token), True
    while more and len(found) <= limit:
        rows = promotions.page(
            context.tx, model_id=model_id, states=states, now=context.now, before=before, limit=limit + 1
        )
        found += [row for row in rows if context.principal.allows(context.permission, row.name)]
        more = len(rows) > limit
        before = rows[-1].seq if rows else before
    following = token_after(found[limit - 1].seq) if len(found) > limit else ""
    return PromotionPage(promotions=[_shown(context, row) for row in found[:limit]], next_page_token=following)


@serves(GET_PROMOTION)
def get_promotion(context: Context, request: NamedPromotion) -> Promotion:
    """Return a promotion as it stands now."""
    return _shown(context, _find(context, request.id))


@serves(EVALUATE_PROMOTION, prepare=_prepare_again(EVALUATE_PROMOTION.permission))
def evaluate_promotion(context: Context, request: NamedPromotion) -> Promotion:
    """Judge the gates of an open promotion again, and count its votes by the rule that holds now."""
    promotion, model_id = _open(context, request.id)
    if context.refusals:
        return promotion
    case = case_of(context, promotion.version_id, promotion.target_stage, promotion.requirements)
    judged = rules.settled(_judged(context, case, promotion), case.rule)
    _write(context, judged)
    verdicts = [asdict(verdict) for verdict in judged.verdicts]
    tell(
        context,
        judged,
        model_id,
        "evaluated",
        {"met": all_met(judged.verdicts), "state": judged.state, "verdicts": verdicts},
    )
    return _again(context, judged)


@serves(APPROVE_PROMOTION)
def approve_promotion(context: Context, request: Decide) -> Promotion:
    """Count the caller's approval.

    Raises:
        SelfApproval: the caller asked for it, or made the version.
        PromotionClosed: it has ended.
    """
    comment = check_text("comment", request.comment, LONGEST_COMMENT)
    voter = rules.Voter(name=speaker(context, request.approver), proven=context.principal.proven)
    promotion, model_id = _open(context, request.id)
    if context.refusals:
        return promotion
    context.require(APPROVE_PROMOTION.permission, promotion.name, promotion.target_stage)
    row = find(context, promotion.version_id)
    case = case_of(context, row.id, promotion.target_stage, None)
    current = rules.settled(promotion, case.rule)
    made_by = {promotion.author, document(row).get("created_by", "")} - {""}
    voted = rules.approve(current, voter, context.now, comment, authors=made_by)
    _write(context, voted)
    facts = {"by": voter.name, "comment": comment, "state": voted.state}
    tell(context, voted, model_id, "approved", {key: value for key, value in facts.items() if value})
    return _again(context, voted)


@serves(REJECT_PROMOTION)
def reject_promotion(context: Context, request: Decide) -> Promotion:
    """End a promotion by the caller's refusal."""
    comment = check_text("comment", request.comment, LONGEST_COMMENT)
    voter = rules.Voter(name=speaker(context, request.approver), proven=context.principal.proven)
    promotion, model_id = _open(context, request.id)
    if context.refusals:
        return promotion
    context.require(REJECT_PROMOTION.permission, promotion.name, promotion.target_stage)
    rejected = rules.reject(promotion, voter, context.now, comment)
    _write(context, rejected)
    tell(context, rejected, model_id, "rejected", {"by": voter.name, "comment": comment})
    return _again(context, rejected)


@serves(COMMENT_PROMOTION)
def comment_promotion(context: Context, request: Say) -> Promotion:
    """Add a remark to a promotion, also to one that has ended."""
    text = check_text("comment", request.comment, LONGEST_COMMENT)
    if not text.strip():
        raise InvalidRequest("the comment is empty", hint="say something")
    author = speaker(context, request.author)
    row = _find(context, request.id, lock=True)
    promotion = promotions.record(row)
    said = replace(promotion, comments=[*promotion.comments, Comment(by=author, at=context.now, text=text)])
    _write(context, said)
    tell(context, said, row.model_id, "commented", {"by": author, "comment": text})
    return _again(context, said)


@serves(WITHDRAW_PROMOTION)
def withdraw_promotion(context: Context, request: Decide) -> Promotion:
    """Take a request back; only who asked for it, and administrators, may.

    Raises:
        PermissionDenied: somebody else asked for it.
    """
    comment = check_text("comment", request.comment, LONGEST_COMMENT)
    who = speaker(context, request.approver)
    promotion, model_id = _open(context, request.id)
    if context.refusals:
        return promotion
    if context.principal.proven and who != promotion.requester and not context.principal.allows("registry.admin"):
        raise PermissionDenied(
            f"{shown(promotion.requester)} asked for {promotion.id}, not {shown(who)}", hint="reject it instead"
        )
    withdrawn = replace(promotion, state=rules.WITHDRAWN)
    _write(context, withdrawn)
    tell(context, withdrawn, model_id, "withdrawn", {"by": who, **({"comment": comment} if comment else {})})
    return _again(context, withdrawn)


@serves(APPLY_PROMOTION, prepare=_prepare_again(APPLY_PROMOTION.permission))
def apply_promotion(context: Context, request: NamedPromotion) -> Promotion:
    """Make the move of an approved promotion, once.

    Raises:
        ApprovalRequired: people have still to agree.
        GateRefused: a requirement is not met now; the verdicts are on record.
        InvalidTransition: the version has gone where the graph knows no such move from.
        PromotionClosed: it was rejected or withdrawn, or has expired.
    """
    row = _find(context, request.id, lock=True)
    present = promotions.record(row)
    context.require(APPLY_PROMOTION.permission, present.name, present.target_stage)
    if present.state == rules.APPLIED:
        return present
    promotion, model_id = _open(context, request.id)
    if context.refusals:
        return promotion
    case = case_of(context, promotion.version_id, promotion.target_stage, promotion.requirements)
    current = rules.settled(promotion, case.rule)
    if current.state != rules.APPROVED:
        raise _not_approved(current)
    judged = _judged(context, case, current)
    if not all_met(judged.verdicts):
        _write(context, judged)
        verdicts = [asdict(verdict) for verdict in judged.verdicts]
        tell(context, judged, model_id, "evaluated", {"met": False, "state": judged.state, "verdicts": verdicts})
        context.refusals.append(refusal(case, judged.verdicts, judged.id))
        return judged
    return _applied(context, case, judged, model_id)


def _applied(context: Context, case: Case, promotion: Promotion, model_id: str) -> Promotion:
    replaced = []
    if case.move is Move.MOVE:
        given = promotion.archive_previous
        wanted = given if given is not None else case.rule.archive_previous
        replaced = list(who_makes_room(context, case.row, case.target, archive_previous=wanted))
        enter(context, case.row, case.source, case.target, replaced, move_facts(promotion))
    done = replace(
        promotion,
        state=rules.APPLIED,
        applied_at=context.now,
        applied_by=context.actor,
        archived=[other.id for other in replaced],
    )
    _write(context, done)
    tell(context, done, model_id, "applied", {"to": done.target_stage, "by": context.actor})
    return _again(context, done)


def _refuse_pointless(context: Context, case: Case) -> None:
    name = f"{case.row.name} {case.row.version}"
    if case.move is Move.STAY:
        raise Conflict(f"{name} stands in {case.target} already", hint="there is nothing to ask for")
    refuse_deprecated(case.graph, case.row, case.target)
    present = promotions.open_one(context.tx, case.row.id, str(case.target), context.now)
    if present is not None:
        raise Conflict(
            f"there is an open request to move {name} to {case.target}: {present.id}",
            hint="vote on that one, or withdraw it",
            details={"promotion": present.id},
        )


def _judged(context: Context, case: Case, promotion: Promotion) -> Promotion:
    verdicts = list(judge(context, case))
    return replace(promotion, verdicts=verdicts, evaluated_at=context.now, from_stage=str(case.source))


def _not_approved(promotion: Promotion) -> ApprovalRequired:
    there = len(rules.approved_by(promotion))
    return ApprovalRequired(
        f"the promotion {promotion.id} has {there} of the {promotion.approvals_needed} approvals that it needs",
        hint=f"others approve it with `modelyard approve {promotion.id}`",
        details={"promotion": promotion.id, "approvals": there, "needed": promotion.approvals_needed},
    )


def _find(context: Context, promotion_id: str, *, lock: bool = False) -> Row[Any]:
    row = promotions.by_id(context.tx, promotion_id) if promotion_id.isascii() else None
    if row is None or not context.sees(row.name):
        raise PromotionNotFound(f"there is no promotion {shown(promotion_id)}", details={"id": promotion_id[:100]})
    context.require(context.permission, row.name)
    if not lock:
        return row
    models.lock_by_id(context.tx, row.model_id)
    return known(promotions.by_id(context.tx, promotion_id))


def _open(context: Context, promotion_id: str) -> tuple[Promotion, str]:
    """Lock a promotion that is still open; one whose time is over is written down as expired, and refused after that.

    Raises:
        PromotionClosed: it has ended.
    """
    row = _find(context, promotion_id, lock=True)
    promotion = promotions.record(row)
    try:
        rules.check_open(promotion, context.now)
    except ModelyardError as closed:
        if promotion.state not in rules.OPEN:
            raise
        promotion = replace(promotion, state=rules.EXPIRED)
        _write(context, promotion)
        tell(context, promotion, row.model_id, "expired", {"at": promotion.expires_at})
        context.refusals.append(closed)
    return promotion, row.model_id


def _shown(context: Context, row: Row[Any]) -> Promotion:
    promotion = promotions.record(row)
    return replace(promotion, state=rules.state_at(promotion, context.now))


def _write(context: Context, promotion: Promotion) -> None:
    promotions.change(context.tx, promotion, context.now)


def _again(context: Context, promotion: Promotion) -> Promotion:
    return promotions.record(known(promotions.by_id(context.tx, promotion.id)))
