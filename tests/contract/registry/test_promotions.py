"""Promotions, gates and stage graphs are the same here and on a server."""

from __future__ import annotations

import pytest

from modelyard.errors import ApprovalRequired, GateRefused, InvalidConfig, PromotionNotFound, SelfApproval

GATED = {
    "initial": "development",
    "exclusive": ["production"],
    "environments": {"eu": ["eu-production"]},
    "moves": {
        "development": ["staging"],
        "staging": {
            "production": {"requirements": {"min_auc": 0.9, "tests": ["edge"]}, "approvals": 1},
            "eu-production": None,
        },
        "production": ["archived"],
        "eu-production": [],
        "archived": [],
    },
}


@pytest.mark.feature("STG-12", "STG-13", "STG-17", "EXP-30")
@pytest.mark.every_way
def test_a_promotion_from_asking_to_the_move(registry):
    registry.register_version("fraud", "1.0.0", metrics={"auc": 0.95}, create=True)
    registry.promote_model("fraud/1.0.0", "staging")
    record = registry.set_stage_graph(GATED, dry_run=True)
    assert (record.dry_run, record.changes["stages_added"]) == (True, ["eu-production"])
    registry.set_stage_graph(GATED)
    assert registry.promote_model("fraud/1.0.0", "eu-production").version.environments == {"eu": "eu-production"}
    with pytest.raises(ApprovalRequired):
        registry.promote_model("fraud/1.0.0", "production")

    asked = registry.request_promotion("fraud", "1.0.0", "production", "ana")
    with pytest.raises(SelfApproval) as caught:
        registry.approve_promotion(asked.id, "ana")
    assert caught.value.hint
    assert registry.approve_promotion(asked.id, "bob", comment="fine").state == "approved"
    with pytest.raises(GateRefused) as refused:
        registry.apply_promotion(asked.id)
    assert [it["met"] for it in refused.value.details["verdicts"]] == [True, False]
    report = registry.check_gates("fraud/1.0.0", "production", {"max_loss": 1})
    assert [it.met for it in report.verdicts] == [True, False, False]
    assert registry.report_tests("fraud/1.0.0", "edge", passed=True).source == "report"
    assert registry.evaluate_promotion(asked.id).verdicts[1].met
    applied = registry.apply_promotion(asked.id)
    assert (applied.state, registry.get_promotion(asked.id)) == ("applied", applied)
    assert [one.id for one in registry.list_promotions("fraud", state="applied", limit=1)] == [asked.id]
    assert registry.get_model("fraud/production").version == "1.0.0"


def test_what_is_refused_has_the_same_error_here_and_there(either_registry):
    with pytest.raises(PromotionNotFound):
        either_registry.get_promotion("pr_none")
    with pytest.raises(InvalidConfig, match="no path leads"):
        either_registry.set_stage_graph({"initial": "a", "moves": {"a": [], "b": []}})
    assert either_registry.list_promotions() == []
