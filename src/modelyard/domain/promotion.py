"""How a promotion goes from asking to the end.

    pending ──approve (enough votes)──▶ approved ──apply──▶ applied
       │  └───────── reject, withdraw, expire ──────┘ │
       ▼                                              ▼
    rejected · withdrawn · expired               (the same ends)

    refused: a direct promotion whose gates said no; nothing follows.

Rules
1. Only an open promotion (pending or approved) can be voted on, commented on for a decision, withdrawn or applied.
2. Whoever asks for a promotion does not approve it, nor does whoever made the version.
3. Nobody votes twice for the same; who approved may still reject, which ends the promotion.
4. Where the rule names approvers, only their approvals count.
5. An open promotion expires at its moment; from then on it is expired, whether anybody has noticed yet or not.
6. A request needs at least one approval, and as many as the rule of its move says. Enough approvals make it approved;
   where the rule has grown stricter since, it becomes pending again.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from modelyard.domain.graph import MoveRule
from modelyard.domain.names import is_same_person, shown
from modelyard.domain.wire.promotions import Promotion, Vote
from modelyard.errors import Conflict, InvalidRequest, PermissionDenied, PromotionClosed, SelfApproval

PENDING, APPROVED, APPLIED = "pending", "approved", "applied"
REJECTED, WITHDRAWN, EXPIRED, REFUSED = "rejected", "withdrawn", "expired", "refused"
STATES = (PENDING, APPROVED, APPLIED, REJECTED, WITHDRAWN, EXPIRED, REFUSED)
OPEN = (PENDING, APPROVED)
WAITING_TIME = "14d"
"""How long a request waits where its move's rule does not say."""

APPROVE, REJECT = "approve", "reject"


@dataclass(frozen=True, kw_only=True)
class Voter:
    """Who decides: their name, and whether it was proven."""

    name: str
    proven: bool


def state_at(promotion: Promotion, now: str) -> str:
    """The state of a promotion at a moment: what is on record, or expired."""
    if promotion.state in OPEN and promotion.expires_at is not None and promotion.expires_at <= now:
        return EXPIRED
    return promotion.state


def check_open(promotion: Promotion, now: str) -> None:
    """Refuse to go on with a promotion that has ended.

    Raises:
        PromotionClosed: it has.
    """
    state = state_at(promotion, now)
    if state not in OPEN:
        raise PromotionClosed(
            f"the promotion {promotion.id} of {promotion.name} {promotion.version} is {state}",
            details={"id": promotion.id, "state": state},
        )


def approvals_needed(rule: MoveRule) -> int:
    """How many people have to approve a request."""
    return max(1, rule.approvals)


def approved_by(promotion: Promotion) -> list[str]:
    """The people whose approval counts."""
    names = [vote.by for vote in promotion.votes if vote.decision == APPROVE]
    return [name for name in names if not promotion.approvers or name in promotion.approvers]


def settled(promotion: Promotion, rule: MoveRule) -> Promotion:
    """A promotion by what the rule of its move says now: who may approve, how many have to, and whether they did."""
    if promotion.state not in OPEN:
        return promotion
    asked = replace(promotion, approvers=list(rule.approvers), approvals_needed=approvals_needed(rule))
    enough = len(approved_by(asked)) >= asked.approvals_needed
    return replace(asked, state=APPROVED if enough else PENDING)


def approve(promotion: Promotion, voter: Voter, now: str, comment: str, *, authors: Collection[str]) -> Promotion:
    """Count an approval.

    Args:
        promotion: an open one.
        voter: who approves.
        now: the moment.
        comment: why.
        authors: everybody who made the version.

    Raises:
        SelfApproval: the voter asked for the promotion, or made the version.
        PermissionDenied: the rule names other approvers.
        Conflict: the voter has approved it already.
    """
    check_open(promotion, now)
    if any(is_same_person(voter.name, name) for name in (promotion.requester, *authors)):
        asked = is_same_person(voter.name, promotion.requester)
        role, what = ("asked for", "this promotion") if asked else ("made", "this version")
        hint = None if voter.proven else "somebody else has to: name them (approver=, --as), or turn on auth.enabled"
        raise SelfApproval(f"{shown(voter.name)} {role} {what} and does not approve it", hint=hint)
    if promotion.approvers and voter.name not in promotion.approvers:
        raise PermissionDenied(
            f"{shown(voter.name)} is not among the approvers of this move",
            hint=f"the approvers are {', '.join(promotion.approvers)}",
        )
    if any(is_same_person(vote.by, voter.name) and vote.decision == APPROVE for vote in promotion.votes):
        raise Conflict(f"{shown(voter.name)} has approved {promotion.id} already", hint="somebody else has to")
    vote = Vote(by=voter.name, decision=APPROVE, at=now, comment=comment)
    voted = replace(promotion, votes=[*promotion.votes, vote])
    enough = len(approved_by(voted)) >= voted.approvals_needed
    return replace(voted, state=APPROVED if enough else PENDING)


def reject(promotion: Promotion, voter: Voter, now: str, comment: str) -> Promotion:
    """End a promotion by a refusal; anybody with the permission may, also who asked for it."""
    check_open(promotion, now)
    vote = Vote(by=voter.name, decision=REJECT, at=now, comment=comment)
    return replace(promotion, votes=[*promotion.votes, vote], state=REJECTED)


def check_state(word: str) -> tuple[str, ...]:
    """The states that a filter names; `open` is pending and approved, and the empty text all.

    Raises:
        InvalidRequest: there is no such state.
    """
    if not word:
        return ()
    if word == "open":
        return OPEN
    if word not in STATES:
        raise InvalidRequest(f"there is no state {shown(word)}", hint=f"use open, {', '.join(STATES)}")
    return (word,)
