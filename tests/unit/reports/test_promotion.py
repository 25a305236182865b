"""Promotions as Markdown."""

from __future__ import annotations

from modelyard.domain.wire import GateReport, Promotion, PromotionRecord, VerdictRecord, VersionRecord, Vote
from modelyard.errors import GateRefused
from modelyard.reports.promotion import of_check, of_move, of_refusal, of_request

MET = VerdictRecord(requirement="min_auc", required=0.9, actual=0.95, met=True, reason="auc is 0.95, at least 0.9")
UNMET = VerdictRecord(requirement="signed", required=True, actual=None, met=False, reason="nobody signed <it>")
VERSION = VersionRecord(id="mv_1", name="fraud", number=1, version="1.0.0", stage="production")


def test_a_check_tells_each_gate():
    report = GateReport(
        name="fraud", version="1.0.0", from_stage="staging", target_stage="production", met=False, verdicts=[MET, UNMET]
    )
    assert of_check(report).splitlines() == [
        "",
        "### fraud/1.0.0 to production",
        "",
        "The gates are not met.",
        "",
        "| gate | required | found | met | why |",
        "| --- | --- | --- | --- | --- |",
        r"| min\_auc | 0.9 | 0.95 | yes | auc is 0.95, at least 0.9 |",
        r"| signed | True | n/a | NO | nobody signed \<it> |",
    ]


def test_a_move_without_gates_is_a_sentence():
    moved = PromotionRecord(version=VERSION, from_stage="staging", to_stage="production")
    assert of_move(moved) == "\n### fraud/1.0.0 to production\n\nMoved from staging.\n"
    stays = PromotionRecord(version=VERSION, from_stage="production", to_stage="production")
    assert "stands there already" in of_move(stays)


def test_a_request_tells_who_said_what():
    record = Promotion(
        id="pr-1",
        name="fraud",
        version="1.0.0",
        version_id="mv_1",
        number=1,
        from_stage="staging",
        target_stage="production",
        state="rejected",
        requester="ana",
        author="ana",
        votes=[Vote(by="bob", decision="approve", at=""), Vote(by="@eve", decision="reject", at="", comment="a\nb")],
    )
    assert of_request(record).splitlines()[3:] == [
        "pr-1 is rejected.  ",
        "bob: approve  ",
        "@\u200beve: reject, a  ",
        "b",
    ]


def test_a_refusal_without_verdicts_is_told_elsewhere():
    assert of_refusal(GateRefused("rejected", details={"promotion": "pr_1"})) == ""
    told = {"name": "fraud", "version": "1.0.0", "target_stage": "production", "verdicts": []}
    assert "Refused: the gates are not met." in of_refusal(GateRefused("refused", details=told))
