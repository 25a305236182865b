"""Promotions: who may vote, when a request is open, how it ends."""

from __future__ import annotations

from dataclasses import replace

import pytest

from modelyard.domain import promotion as rules
from modelyard.domain.graph import FREE, MoveRule
from modelyard.domain.wire import Promotion
from modelyard.errors import Conflict, InvalidRequest, PermissionDenied, PromotionClosed, SelfApproval

NOW, THEN = "2026-03-01T12:00:00.000000Z", "2026-03-02T12:00:00.000000Z"
ASKED = Promotion(
    id="pr_1",
    name="fraud",
    version="1.0.0",
    version_id="mv_1",
    number=1,
    from_stage="staging",
    target_stage="production",
    state=rules.PENDING,
    requester="ana",
    author="dora",
    approvals_needed=2,
    expires_at=THEN,
)


def voter(name, *, proven=True):
    return rules.Voter(name=name, proven=proven)


def approve(promotion, name, **more):
    return rules.approve(promotion, voter(name, **more), NOW, "fine", authors={"dora"})


@pytest.mark.feature("STG-13")
def test_enough_approvals_make_it_approved():
    once = approve(ASKED, "bob")
    assert (once.state, rules.approved_by(once)) == (rules.PENDING, ["bob"])
    twice = approve(once, "carl")
    assert (twice.state, [vote.by for vote in twice.votes]) == (rules.APPROVED, ["bob", "carl"])


@pytest.mark.feature("EXP-30")
@pytest.mark.parametrize("name", ["ana", "dora", "Ana", "ANA ", "\uff41na"])
def test_nobody_approves_what_they_asked_for_or_made(name):
    with pytest.raises(SelfApproval):
        approve(ASKED, name)
    with pytest.raises(SelfApproval) as caught:
        approve(ASKED, name, proven=False)
    assert "auth.enabled" in caught.value.hint


def test_nobody_approves_twice():
    with pytest.raises(Conflict, match="bob"):
        approve(approve(ASKED, "bob"), "bob")


def test_only_named_approvers_count():
    named = rules.settled(ASKED, MoveRule(approvals=1, approvers=("bob",)))
    with pytest.raises(PermissionDenied, match="carl"):
        approve(named, "carl")
    assert approve(named, "bob").state == rules.APPROVED
    # A rule that names others later takes the votes of those whom it does not name away.
    late = rules.settled(approve(named, "bob"), MoveRule(approvals=1, approvers=("eve",)))
    assert (late.state, rules.approved_by(late)) == (rules.PENDING, [])


def test_a_request_needs_somebody_at_least():
    assert rules.approvals_needed(FREE) == 1
    assert rules.approvals_needed(MoveRule(approvals=3)) == 3
    done = replace(ASKED, state=rules.APPLIED)
    assert rules.settled(done, MoveRule(approvals=9)) is done


def test_an_approval_can_be_followed_by_a_refusal():
    refused = rules.reject(approve(ASKED, "bob"), voter("bob"), NOW, "changed my mind")
    assert (refused.state, refused.votes[-1].decision) == (rules.REJECTED, "reject")
    for call in (lambda: approve(refused, "carl"), lambda: rules.reject(refused, voter("carl"), NOW, "")):
        with pytest.raises(PromotionClosed, match="rejected"):
            call()


def test_a_request_is_over_at_its_moment():
    assert rules.state_at(ASKED, NOW) == rules.PENDING
    assert rules.state_at(ASKED, THEN) == rules.EXPIRED
    assert rules.state_at(replace(ASKED, expires_at=None), THEN) == rules.PENDING
    assert rules.state_at(replace(ASKED, state=rules.APPLIED), THEN) == rules.APPLIED
    with pytest.raises(PromotionClosed, match="expired"):
        rules.approve(ASKED, voter("bob"), THEN, "", authors=())


def test_states_to_filter_by():
    assert rules.check_state("") == ()
    assert rules.check_state("open") == ("pending", "approved")
    assert rules.check_state("expired") == ("expired",)
    with pytest.raises(InvalidRequest, match="done"):
        rules.check_state("done")
