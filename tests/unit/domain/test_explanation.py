"""Explanations in words, for every way that a deployment may go."""

from __future__ import annotations

from typing import Any

import pytest

from modelyard.domain.explanation import Replay, rarity, told
from modelyard.domain.wire.delivery import (
    Arm,
    DeploymentChange,
    DeploymentOptions,
    DeploymentRecord,
    EndpointRollback,
    Plan,
    Step,
)
from modelyard.domain.wire.judge import ChallengerEvidence, Judgement, JudgeOptions, MetricEvidence
from modelyard.domain.wording import percent

BEGUN, ENDED = "2026-03-01T12:00:00.000000Z", "2026-03-01T12:01:36.000000Z"
SAME = Replay(same=True, batches=3, units=340)


def arms(share: float) -> list[Arm]:
    """The new version's share beside the old one's."""
    return [
        Arm(version_id="new", version="1.4.0", weight=share),
        Arm(version_id="old", version="1.3.0", weight=1 - share),
    ]


def change(event: str, at: str = BEGUN) -> DeploymentChange:
    """A line of the history."""
    return DeploymentChange(
        position=1, event=event, from_state="", to_state="", step=0, epoch=1, actor="controller", at=at
    )


def deployment(
    state: str = "STAGE", share: float = 0.1, judge: JudgeOptions | None = None, **fields: Any
) -> DeploymentRecord:
    """A canary of 1.4.0 over 1.3.0 whose traffic began at BEGUN."""
    known: dict[str, Any] = {"id": "dp_1", "name": "fraud", "environment": "production", "endpoint_id": "ep_1"}
    known |= {"version": "1.4.0", "version_id": "new", "base": "1.3.0", "base_id": "old", "strategy": "canary"}
    known |= {"state": state, "live": state in {"STAGE", "PAUSED", "BAKE"}, "history": [change("preflight_passed")]}
    known |= {"plan": Plan(steps=[Step(arms=arms(share))]), "options": DeploymentOptions(judge=judge or JudgeOptions())}
    return DeploymentRecord(**{**known, **fields})


def evidence(**fields: Any) -> ChallengerEvidence:
    """What is known of 1.4.0."""
    known: dict[str, Any] = {"version_id": "new", "version": "1.4.0", "e_value": 46.0, "peak": 46.0}
    known |= {"units": 340, "failed": 17, "base_units": 3060, "base_failed": 31, "harm": 13.6}
    known |= {"metrics": [MetricEvidence(metric="errors", e_value=90.0, weight=0.5)]}
    return ChallengerEvidence(**{**known, **fields})


def judgement(state: str = "REGRESSED", *challengers: ChallengerEvidence, **fields: Any) -> Judgement:
    """What the judge says, on three batches."""
    return Judgement(**{"state": state, "challengers": [*challengers] or [evidence()], "position": 3, **fields})


def rollback(cause: str = "verdict", reason: str = "it fails more often") -> EndpointRollback:
    """A rollback to 1.3.0."""
    return EndpointRollback(
        name="fraud", environment="production", version="1.3.0", cause=cause, reason=reason, at=ENDED
    )


@pytest.mark.feature("EXP-22")
def test_a_rollback_is_told_with_counts_rarity_limit_time_and_harm():
    found = told(deployment("ROLLED_BACK", rollback=rollback()), judgement(), SAME)
    assert found == [
        "1.4.0 failed in 17 of 340 units (5 %), 1.3.0 in 31 of 3,060 (1.01 %).",
        (
            "If 1.4.0 were no worse, so much evidence (E = 46) would turn up in 1 of 46 releases; that is beyond the"
            " limit of 1 in 20 (alpha 5 %)."
        ),
        "It was rolled back to 1.3.0 at 2026-03-01 12:01:36 after 96 s of traffic.",
        "About 13.6 units failed that would not have failed on 1.3.0.",
        "Computed again from its log of 3 batches, all of this is the same to the last bit.",
    ]


def test_several_metrics_and_several_versions_are_told_one_by_one():
    metrics = [
        MetricEvidence(metric="errors", e_value=0.5, weight=0.5),
        MetricEvidence(metric="latency", e_value=1234.5, weight=0.4),
        MetricEvidence(metric="cost", e_value=1.0, weight=0.1),
    ]
    other = evidence(version_id="third", version="1.5.0", units=0, failed=0)
    said = judgement("INCONCLUSIVE", evidence(metrics=metrics, peak=30.0, base_units=0), other, limit=40.0)
    found = told(deployment(), said, SAME)
    assert found[0] == "1.4.0 failed in 17 of 340 units (5 %)."
    assert found[1].endswith("that is within the limit of 1 in 40 (alpha 5 %, shared by 2 versions).")
    assert "errors E = 0.5 with a weight of 50 %, latency E = 1,234 with a weight of 40 %, cost E = 1" in found[2]
    assert found[3] == "No unit of 1.5.0 has been seen yet; a unit is a key, or a request without one."


def test_a_unit_that_only_erred_counts_without_a_rate():
    assert told(deployment(), judgement("INCONCLUSIVE", evidence(units=0, failed=2, base_units=0)), SAME)[0] == (
        "1.4.0 failed in 2 of 0 units."
    )


@pytest.mark.parametrize(
    ("needed", "text"),
    [
        (1, "About 1 more unit of 1.4.0 would prove that it does not fail 2 times as often"),
        (1200, "About 1,200 more units of 1.4.0 would prove"),
    ],
)
def test_what_a_proof_still_takes_is_told(needed: int, text: str):
    found = told(deployment(), judgement("INCONCLUSIVE", evidence(peak=2.0, needed=needed)), SAME)
    assert text in found[2]
    assert found[2].startswith("There is no evidence of harm, and no proof of the contrary.")


def test_where_nobody_knows_what_a_proof_takes_nothing_is_told():
    found = told(deployment(), judgement("INCONCLUSIVE", evidence(peak=2.0)), SAME)
    assert found[2] == "There is no evidence of harm, and no proof of the contrary."


def test_a_proof_that_is_required_and_missing_is_told_and_one_that_is_there_too():
    asked = JudgeOptions(require_proof=3.0)
    missing = told(deployment(judge=asked), judgement("INCONCLUSIVE", evidence(peak=2.0)), SAME)
    assert "No step is left without proof that it does not fail 3 times as often." in missing
    there = told(deployment(judge=asked), judgement("HEALTHY", evidence(peak=1.0, proof=25.0, proof_ratio=3.0)), SAME)
    assert there[2] == (
        "1.4.0 is proven not to fail 3 times as often as 1.3.0: so good a result would turn up in 1 of 25 releases that"
        " do."
    )
    assert not [line for line in there if line.startswith("No step")]


def test_a_void_trial_says_why_and_a_lost_one_too():
    found = told(deployment("PAUSED", reason="halted"), judgement("INCONCLUSIVE", void="lots are wrong"), SAME)
    assert "Nothing follows from this: lots are wrong." in found
    assert "It is paused now: halted." in found
    lost = told(deployment(), Judgement(state="INCONCLUSIVE", void="it is lost"), Replay())
    assert lost == ["Nothing follows from this: it is lost.", "It is in progress now."]
    assert told(deployment(), Judgement(state="INCONCLUSIVE"), Replay()) == ["It is in progress now."]


def test_who_only_observes_says_what_he_would_have_done():
    found = told(deployment(judge=JudgeOptions(mode="observe")), judgement(), SAME)
    assert "It would have been rolled back for that, but the judge only observes." in found


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        (
            {"unproven": [0, 2]},
            "It succeeded at 2026-03-01 12:01:36; the steps 1, 3 were passed by time, without proof.",
        ),
        ({"unproven": [1]}, "It succeeded at 2026-03-01 12:01:36; step 2 was passed by time, without proof."),
        ({}, "It succeeded at 2026-03-01 12:01:36."),
    ],
)
def test_a_success_is_told(fields: dict[str, Any], text: str):
    found = told(deployment("SUCCEEDED", finished_at=ENDED, **fields), judgement("INCONCLUSIVE"), SAME)
    assert text in found


def test_another_end_is_told_with_its_reason():
    assert "It ended as superseded: 1.5.0 came." in told(
        deployment("SUPERSEDED", reason="1.5.0 came"), judgement("INCONCLUSIVE"), SAME
    )
    (line,) = told(deployment("CANCELLED", history=[]), None, Replay())
    assert line.endswith("no record of a judge was made when its traffic began: it is from before there was one.")


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        (
            {"rollback": rollback("abort", "aborted")},
            "It was rolled back to 1.3.0 at 2026-03-01 12:01:36 after 96 s of traffic, for another reason: aborted.",
        ),
        (
            {"reason": "superseded", "finished_at": ENDED, "history": []},
            "It was rolled back to 1.3.0 at 2026-03-01 12:01:36, for another reason: superseded.",
        ),
    ],
)
def test_a_rollback_for_another_reason_does_not_blame_the_judge(fields: dict[str, Any], text: str):
    found = told(deployment("ROLLED_BACK", **fields), judgement("INCONCLUSIVE", evidence(harm=-1.0, peak=2.0)), SAME)
    assert text in found
    assert not [line for line in found if line.startswith("About ")]


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"judge": JudgeOptions(mode="off")}, "the judge is off for it"),
        ({"base": None, "base_id": None}, "nothing served before 1.4.0"),
        ({"base_id": "new"}, "1.4.0 served before, so there is nothing new"),
        ({"state": "PENDING", "history": []}, "it has had no traffic"),
        ({"state": "REJECTED", "history": [change("rejected")]}, "it has had no traffic"),
        ({"share": 1.0}, "1.4.0 and 1.3.0 never answer side by side"),
        ({}, "it is from before there was one"),
    ],
)
def test_why_nobody_judges_is_told(fields: dict[str, Any], why: str):
    found = told(deployment(**fields), None, Replay())
    assert found[0].startswith("Nobody judges this deployment: ")
    assert why in found[0]


def test_a_rollback_that_nobody_judged_is_told():
    found = told(deployment("ROLLED_BACK", rollback=rollback("probe", "it does not answer")), None, Replay())
    assert found[1].endswith("for another reason: it does not answer.")


@pytest.mark.parametrize(
    ("fields", "replay", "text"),
    [
        ({"dropped": 1}, SAME, "1 request came too fast to be looked at one by one"),
        ({"damaged": 2}, SAME, "2 batches of evidence could not be read."),
        ({}, Replay(same=True, late=1), "1 batch of evidence came when it had been decided, and counted no more."),
        ({"position": 1}, SAME, "Computed again from its log of 1 batch, all of this is the same"),
        ({}, Replay(same=False), "Computed again from its log of 3 batches, this is NOT the same"),
        ({}, Replay(batches=2), "The log is not kept any more, so this cannot be computed again."),
        ({}, Replay(batches=3, units=9000, most=100), "Its log has 9,000 units, more than the 100"),
    ],
)
def test_what_is_left_out_or_cannot_be_computed_again_is_told(fields: dict[str, Any], replay: Replay, text: str):
    assert [line for line in told(deployment(), judgement(**fields), replay) if text in line]


def test_the_log_of_an_ended_deployment_is_told_to_be_gone_with_the_end():
    found = told(deployment("SUCCEEDED", finished_at=ENDED), judgement("INCONCLUSIVE"), Replay())
    assert found[-1] == (
        "The log of a deployment that ended at 2026-03-01 12:01:36 is not kept any more, so this cannot be computed"
        " again."
    )


@pytest.mark.parametrize(
    ("e_value", "text"),
    [
        (0.3, "nearly every release"),
        (1.4, "nearly every release"),
        (1.6, "1 of 2 releases"),
        (46.2, "1 of 46 releases"),
        (1e12, "less than 1 of 1,000,000,000 releases"),
    ],
)
def test_rarity_is_a_number_of_releases(e_value: float, text: str):
    assert rarity(e_value) == text


def test_huge_evidence_is_short_and_shares_are_in_per_cent():
    found = told(deployment(), judgement("REGRESSED", evidence(peak=1e100, e_value=1e100)), SAME)
    assert "(E = 1e+100) would turn up in less than 1 of 1,000,000,000 releases" in found[1]
    assert percent(0.0123) == "1.23 %"
