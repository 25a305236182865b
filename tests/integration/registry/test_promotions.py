"""Promotion requests on real databases: four eyes, evidence on record, and what happens at the same moment."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from components.asking import Asking
from components.crowd import together
from components.yards import open_caller
from modelyard import ModelRegistry
from modelyard.bootstrap import EmbeddedCaller
from modelyard.domain.durations import later
from modelyard.errors import (
    ApprovalRequired,
    Conflict,
    GateRefused,
    InvalidRequest,
    InvalidStage,
    InvalidTransition,
    ModelyardError,
    PromotionClosed,
    PromotionNotFound,
    SelfApproval,
)

GATED: dict[str, Any] = {
    "initial": "development",
    "exclusive": ["production"],
    "moves": {
        "development": ["staging", "archived"],
        "staging": {
            "production": {"requirements": {"min_auc": 0.9, "validation_report": True}, "approvals": 2},
            "archived": {},
        },
        "production": ["archived"],
        "archived": [],
    },
}


@pytest.fixture
def registry(caller: EmbeddedCaller) -> ModelRegistry:
    """A registry whose production needs evidence and two people, with a version of dora's in staging."""
    opened = Asking(caller)
    opened.register_version("fraud", "1.0.0", metrics={"auc": 0.95}, created_by="dora", create=True)
    opened.promote_model("fraud/1.0.0", "staging")
    opened.set_stage_graph(GATED)
    return opened


def kinds(registry: ModelRegistry, prefix: str = "promotion.") -> list[str]:
    events = registry.get_history("fraud")
    return [event.type.removeprefix(prefix) for event in events if event.type.startswith(prefix)]


@pytest.mark.feature("STG-12", "STG-13", "EXP-30", "STG-08")
def test_four_eyes_from_asking_to_the_move(registry):
    asked = registry.request_promotion("fraud", "1.0.0", "production", "ana", comment="beats 0.9")
    assert (asked.state, asked.requester, asked.from_stage, asked.approvals_needed) == ("pending", "ana", "staging", 2)
    assert [(it.requirement, it.met) for it in asked.verdicts] == [("min_auc", True), ("validation_report", False)]
    for name in ("ana", "dora", ""):
        with pytest.raises(SelfApproval):
            registry.approve_promotion(asked, name)
    assert registry.approve_promotion(asked, "bob", comment="fine").state == "pending"
    with pytest.raises(Conflict):
        registry.approve_promotion(asked, "bob")
    with pytest.raises(ApprovalRequired, match="1 of the 2"):
        registry.apply_promotion(asked)
    assert registry.approve_promotion(asked, "carl").state == "approved"
    with pytest.raises(GateRefused, match="validation_report") as refused:
        registry.apply_promotion(asked)
    assert [it["met"] for it in refused.value.details["verdicts"]] == [True, False]
    assert registry.get_model("fraud/1.0.0").stage == "staging"

    registry.set_tags("fraud/1.0.0", {"validation_report": "s3://reports/17"})
    done = registry.apply_promotion(asked)
    assert (done.state, done.applied_by, [vote.by for vote in done.votes]) == ("applied", "local", ["bob", "carl"])
    assert registry.get_model("fraud/production").version == "1.0.0"
    before = kinds(registry)
    assert registry.apply_promotion(asked) == done
    assert kinds(registry) == before == ["requested", "approved", "approved", "evaluated", "applied"]
    (move,) = [event for event in registry.get_history("fraud") if event.data.get("to") == "production"][-1:]
    assert done.id == move.data["promotion"]


@pytest.mark.feature("STG-09", "STG-08")
def test_the_direct_way_is_closed_where_people_have_to_agree(registry):
    with pytest.raises(ApprovalRequired) as refused:
        registry.promote_model("fraud/1.0.0", "production")
    assert "modelyard request fraud/1.0.0" in refused.value.hint
    registry.register_version("fraud", "2.0.0")
    with pytest.raises(InvalidTransition):
        registry.request_promotion("fraud/2.0.0", "production")
    with pytest.raises(InvalidTransition):
        registry.register_version("fraud", "3.0.0", stage="production")


def test_a_refused_direct_promotion_is_on_record_with_its_inputs(registry):
    with pytest.raises(GateRefused):
        registry.promote_model("fraud/1.0.0", "archived", requirements={"min_auc": 0.99})
    (refused,) = registry.list_promotions("fraud", state="refused")
    (verdict,) = refused.verdicts
    assert (verdict.requirement, verdict.required, verdict.actual, verdict.met) == ("min_auc", 0.99, 0.95, False)
    assert refused.direct
    assert registry.get_model("fraud/1.0.0").stage == "staging"
    assert kinds(registry) == ["refused"]


def test_a_version_has_to_match_who_stands_there(registry):
    registry.register_version("fraud", "1.1.0", metrics={"auc": 0.941})
    wanted = {"not_worse_than": {"stage": "Staging", "tolerance": "1%"}}
    (same,) = registry.check_gates("fraud/1.1.0", "staging", wanted).verdicts
    assert (same.met, same.actual) == (True, {"holder": "1.0.0", "metrics": {"auc": [0.941, 0.95]}})
    with pytest.raises(GateRefused, match=r"auc is 0.941 against 0.95"):
        registry.promote_model("fraud/1.1.0", "staging", {"not_worse_than": "staging"})
    assert registry.check_gates("fraud/1.1.0", "staging", {"not_worse_than": "production"}).met
    assert registry.check_gates("fraud/1.0.0", "staging", {"not_worse_than": "staging"}).met
    with pytest.raises(InvalidStage, match="mars"):
        registry.check_gates("fraud/1.1.0", "staging", {"not_worse_than": "mars"})


def test_ages_are_counted_from_the_record(registry, caller):
    def met_at(length: float, requirement: dict[str, str]) -> bool:
        moved = replace(now, clock=lambda: later(born, length))
        object.__setattr__(caller, "yard", moved)
        return registry.check_gates("fraud/1.0.0", "archived", requirement).met

    now, born = caller.yard, registry.get_model("fraud/1.0.0").created_at
    assert not met_at(3600, {"min_age": "2h"})
    assert met_at(7200, {"min_age": "2h"})
    assert met_at(7200, {"max_age": "2h"})
    assert not met_at(7201, {"max_age": "2h"})
    assert not met_at(3600, {"min_time_in_stage": "2h"})
    assert met_at(7260, {"min_time_in_stage": "2h"})


def test_a_refusal_ends_a_request_and_a_new_one_may_follow(registry):
    asked = registry.request_promotion("fraud/1.0.0", "production")
    with pytest.raises(Conflict, match=asked.id):
        registry.request_promotion("fraud/1.0.0", "production")
    rejected = registry.reject_promotion(asked, "bob", comment="recall fell")
    assert (rejected.state, rejected.votes[0].comment) == ("rejected", "recall fell")
    for call in (registry.approve_promotion, registry.apply_promotion, registry.withdraw_promotion):
        with pytest.raises(PromotionClosed, match="rejected"):
            call(asked.id)
    again = registry.request_promotion("fraud/1.0.0", "production")
    assert registry.withdraw_promotion(again).state == "withdrawn"
    remark = registry.comment_promotion(again, "noted 👍", "eve")
    assert [(one.by, one.text) for one in remark.comments] == [("eve", "noted 👍")]
    assert [one.state for one in registry.list_promotions("fraud", limit=2)] == ["withdrawn", "rejected"]


def test_a_request_expires_and_that_is_written_down_once(registry, caller):
    asked = registry.request_promotion("fraud/1.0.0", "production", expires_after="2h")
    assert asked.expires_at == later(asked.created_at, 7200)
    object.__setattr__(caller, "yard", replace(caller.yard, clock=lambda: later(asked.created_at, 7201)))
    assert registry.get_promotion(asked).state == "expired"
    assert [one.id for one in registry.list_promotions(state="expired")] == [asked.id]
    assert registry.list_promotions(state="open") == []
    for _ in range(2):
        with pytest.raises(PromotionClosed, match="expired"):
            registry.approve_promotion(asked, "bob")
    assert kinds(registry) == ["requested", "expired"]
    assert registry.request_promotion("fraud/1.0.0", "production").state == "pending"


def test_the_rule_that_holds_now_decides(registry):
    asked = registry.request_promotion("fraud/1.0.0", "production", requirements={"min_auc": 0.5})
    for name in ("bob", "carl"):
        registry.approve_promotion(asked, name)
    stricter = {**GATED, "moves": {**GATED["moves"], "staging": {"production": {"approvals": 3}, "archived": {}}}}
    registry.set_stage_graph(stricter)
    with pytest.raises(ApprovalRequired, match="2 of the 3"):
        registry.apply_promotion(asked)
    judged = registry.evaluate_promotion(asked)
    assert (judged.state, judged.approvals_needed, len(judged.verdicts)) == ("pending", 3, 1)
    registry.approve_promotion(asked, "eve")
    assert registry.apply_promotion(asked).state == "applied"


def test_what_the_record_lacks_and_what_names_nothing(registry):
    with pytest.raises(PromotionNotFound):
        registry.get_promotion("pr_nothing")
    asked = registry.request_promotion("fraud/1.0.0", "production")
    with pytest.raises(InvalidRequest, match="empty"):
        registry.comment_promotion(asked, "  ")
    with pytest.raises(InvalidRequest):
        registry.approve_promotion(asked, "b\x00b")
    with pytest.raises(InvalidRequest, match="expires_after"):
        registry.request_promotion("fraud/1.0.0", "archived", expires_after="soon")
    with pytest.raises(InvalidRequest, match="no state"):
        registry.list_promotions(state="done")
    with pytest.raises(Conflict, match="stands in staging already"):
        registry.request_promotion("fraud/1.0.0", "staging")


def test_deleting_a_version_ends_what_was_asked_for_it(registry):
    asked = registry.request_promotion("fraud/1.0.0", "production")
    registry.delete_model("fraud/1.0.0")
    assert registry.get_promotion(asked).state == "withdrawn"


def test_pages_of_promotions(registry):
    for number in range(5):
        asked = registry.request_promotion("fraud/1.0.0", "archived", comment=str(number))
        registry.withdraw_promotion(asked)
    assert [one.comment for one in registry.list_promotions("fraud", limit=3)] == ["4", "3", "2"]
    assert len(registry.list_promotions()) == 6  # with the move to staging


def approve_and_apply(folder: str, database_url: str, promotion: str, name: str) -> str:
    with open_caller(Path(folder), database_url) as caller:
        registry = Asking(caller)
        try:
            registry.approve_promotion(promotion, name)
            return registry.apply_promotion(promotion).state
        except ModelyardError as error:
            return error.code


def test_many_approve_and_apply_at_once_and_the_version_moves_once(registry, caller, database_url, tmp_path):
    registry.set_tags("fraud/1.0.0", {"validation_report": "here"})
    asked = registry.request_promotion("fraud/1.0.0", "production")
    people = ["bob", "carl", "eve", "finn", "gil"]
    folder = str(tmp_path / "registry")
    ended = together(approve_and_apply, [(folder, database_url, asked.id, name) for name in people])
    assert "applied" in ended
    assert set(ended) <= {"applied", "approval_required", "promotion_closed"}
    moves = [event for event in registry.get_history("fraud") if event.data.get("to") == "production"]
    assert len([event for event in moves if event.type == "version.stage_moved"]) == 1
    assert kinds(registry).count("applied") == 1
