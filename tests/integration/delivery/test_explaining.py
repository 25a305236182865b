"""Explanations of real judgements: computed again from the log, and told in words that fit what happened."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import delete, text, update

from components.rollouts import Rollouts
from modelyard.delivery import explaining
from modelyard.delivery.driving import Driver
from modelyard.domain.wire import DeploymentRecord, Explanation, JudgeOptions, Limits
from modelyard.errors import DeploymentNotFound
from modelyard.metadata.tables import evidence, judgements
from modelyard.operations import EXPLAIN_DEPLOYMENT, ExplainDeployment
from modelyard.reports.judgement import judgement_page

GOOD, BAD = {"1.0.0": 0.05, "2.0.0": 0.05}, {"1.0.0": 0.01, "2.0.0": 0.3}


def canary(yard: Rollouts, **options: Any) -> DeploymentRecord:
    """Begin a canary by 10 and 50 percent, with a minute for each step."""
    given = {"steps": [10, 50], "step_seconds": 60, "bake_seconds": 60, "holdback": 10, **options}
    return yard.deploy("2.0.0", "canary", **given)


def explained(yard: Rollouts, deployment: DeploymentRecord, **how: Any) -> Explanation:
    """Ask for the explanation, and make a page of it."""
    found = yard.call(EXPLAIN_DEPLOYMENT, ExplainDeployment(id=deployment.id, **how))
    page = judgement_page(found)
    assert "http" not in page.replace("http-equiv", "")
    return found


def whole(found: Explanation) -> str:
    """All the words in one text."""
    return " ".join(found.words)


@pytest.mark.feature("EXP-22")
def test_a_rollback_is_explained_with_its_numbers_and_its_course(served: Rollouts):
    begun = canary(served)
    served.clock.move(20)
    served.meet(1500, failing=BAD)
    served.after(begun, 5)
    found = explained(served, begun)
    assert found.judgement is not None
    (one,) = found.judgement.challengers
    assert (found.state, found.replayed) == ("ROLLED_BACK", True)
    assert f"2.0.0 failed in {one.failed} of {one.units} units" in whole(found)
    assert "limit of 1 in 20 (alpha 5 %)" in whole(found)
    assert "rolled back to 1.0.0 at 2026-03-02 12:00:25 after 25 s" in whole(found)
    assert f"About {one.harm:.1f} units failed that would not have failed on 1.0.0." in found.words
    assert "same to the last bit" in whole(found)
    assert [point.position for point in found.course] == list(range(1, found.judgement.position + 1))
    assert found.course[-1].challengers[0].e_value == one.e_value
    assert found.course[-1].challengers[0].weight == pytest.approx(0.1)


@pytest.mark.feature("EXP-22")
def test_a_course_has_at_most_two_hundred_points_and_its_last_one_is_what_stands(served: Rollouts):
    begun = canary(served, judge=JudgeOptions(mode="observe"))
    for seed in range(5):
        served.meet(5000, failing=GOOD, seed=seed)
        served.drive(begun)
    found = explained(served, begun)
    assert found.judgement is not None
    assert (found.judgement.position, len(found.course), found.replayed) == (250, 200, True)
    assert found.course[-1].position == 250
    assert found.course[-1].challengers[0].e_value == found.judgement.challengers[0].e_value
    assert found.units == 25_000


def test_what_is_not_decided_yet_is_told_with_what_a_proof_needs(served: Rollouts):
    begun = canary(served, judge=JudgeOptions(require_proof=2.0))
    assert "No unit of 2.0.0 has been seen yet" in whole(explained(served, begun))
    # Too few errors for a proof, however they fall.
    served.meet(100, failing={"1.0.0": 0.08, "2.0.0": 0.08})
    served.drive(begun)
    found = explained(served, begun)
    assert "no evidence of harm, and no proof" in whole(found)
    assert "would prove that it does not fail 2 times as often" in whole(found)
    assert "No step is left without proof" in whole(found)
    assert "It is in progress now" in whole(found)
    for seed in range(2, 12):
        served.meet(2000, failing=GOOD, seed=seed)
        served.drive(begun)
    found = explained(served, begun)
    assert found.judgement is not None
    assert found.judgement.state == "HEALTHY"
    assert "2.0.0 is proven not to fail 2 times as often as 1.0.0" in whole(found)


def test_a_judge_who_observes_tells_what_he_would_have_done(served: Rollouts):
    begun = canary(served, judge=JudgeOptions(mode="observe"))
    served.meet(1500, failing=BAD)
    served.drive(begun)
    assert "the judge only observes" in whole(explained(served, begun))


def test_void_lots_are_explained(served: Rollouts):
    begun = canary(served)
    served.meet(1500, drawn="2.0.0")
    served.drive(begun)
    served.clock.move(40)
    served.meet(200, drawn="2.0.0", seed=2)
    served.drive(begun)
    found = explained(served, begun)
    assert found.replayed is True
    assert "Nothing follows from this: lots do not fall as the weights say" in whole(found)


def test_a_rollback_for_another_reason_does_not_blame_the_judge(served: Rollouts):
    begun = canary(served, limits=Limits(max_error_rate=0.2, min_requests=20))
    served.meet(1000, failing={"1.0.0": 0.4, "2.0.0": 0.4})
    served.after(begun, 5)
    assert "for another reason: error rate is" in whole(explained(served, begun))


@pytest.mark.parametrize(
    ("version", "strategy", "options", "why"),
    [
        ("2.0.0", "canary", {"judge": JudgeOptions(mode="off")}, "the judge is off"),
        ("2.0.0", "blue-green", {}, "never answer side by side"),
        ("2.0.0", "direct", {}, "never answer side by side"),
    ],
)
def test_why_nobody_judges_is_told(
    served: Rollouts, version: str, strategy: str, options: dict[str, Any], why: str
):  # fmt: skip
    found = explained(served, served.deploy(version, strategy, **options))
    assert (found.judgement, found.replayed, found.course) == (None, None, [])
    assert why in found.words[0]


def test_a_first_deployment_and_one_that_has_not_begun_are_explained(yard: Rollouts):
    assert "nothing served before" in whole(explained(yard, yard.deploy("1.0.0")))
    later = yard.begin("2.0.0", "canary", start_at="2026-03-09T00:00:00Z")
    assert "it has had no traffic" in whole(explained(yard, later))


def test_a_deployment_from_before_there_was_a_judge_is_explained_and_goes_on(served: Rollouts):
    begun = canary(served)
    with served.yard.database.write() as tx:
        tx.run(delete(judgements))
    served.meet(1500, failing=BAD)
    assert served.after(begun, 5).state == "STAGE"
    assert "it is from before there was one" in whole(explained(served, begun))
    assert served.after(begun, 61).step == 1


def test_a_deleted_log_is_told_and_no_error(served: Rollouts):
    begun = canary(served)
    served.meet(1500, failing=BAD)
    served.after(begun, 5)
    with served.yard.database.write() as tx:
        tx.run(delete(evidence))
    found = explained(served, begun)
    assert (found.replayed, found.course, found.batches) == (None, [], 0)
    assert "is not kept any more" in whole(found)
    assert "failed in" in whole(found)


def test_a_judgement_that_was_changed_is_found_out(served: Rollouts):
    begun = canary(served)
    served.meet(500, failing=GOOD)
    served.drive(begun)
    with served.yard.database.write() as tx:
        document = tx.scalar(text("SELECT document FROM judgements"))
        tx.run(update(judgements).values(document=str(document).replace('"failed":', '"failed":1')))
    found = explained(served, begun)
    assert found.replayed is False
    assert "NOT the same" in whole(found)


def test_a_log_that_is_too_long_is_computed_again_only_if_asked_to(served: Rollouts, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(explaining, "MOST_REPLAYED", 100)
    begun = canary(served)
    served.meet(500, failing=GOOD)
    served.drive(begun)
    short = explained(served, begun)
    assert (short.replayed, short.course) == (None, [])
    assert "more than the 100" in whole(short)
    assert explained(served, begun, full=True).replayed is True


def test_batches_that_came_too_late_are_told(served: Rollouts):
    begun = canary(served)
    served.meet(300, failing=GOOD)
    served.drive(begun)
    served.meet(200, failing=GOOD, seed=2)
    served.abort(begun)
    found = explained(served, begun)
    assert "2 batches of evidence came when it had been decided" in whole(found)
    assert found.replayed is True


def test_what_is_not_there_or_not_to_be_seen_is_not_explained(served: Rollouts):
    with pytest.raises(DeploymentNotFound):
        served.call(EXPLAIN_DEPLOYMENT, ExplainDeployment(id="dp_none"))


def test_damaged_batches_are_passed_over_and_told(served: Rollouts):
    begun = canary(served)
    served.meet(300, failing=GOOD)
    with served.yard.database.write() as tx:
        tx.run(update(evidence).where(evidence.c.number == 2).values(document=b"\xc1damaged"))
    assert served.drive(begun).state == "STAGE"
    found = explained(served, begun)
    assert found.judgement is not None
    assert (found.judgement.position, found.judgement.damaged, found.replayed) == (3, 1, True)
    assert "1 of 3 batches of evidence could not be read" in found.judgement.reason
    assert "1 batch of evidence could not be read." in found.words
    served.meet(3000, failing=BAD, seed=2)
    assert served.drive(begun).state == "ROLLED_BACK"


def test_a_damaged_checkpoint_is_made_again_from_the_log(served: Rollouts):
    begun = canary(served)
    served.meet(300, failing=GOOD)
    served.drive(begun)
    with served.yard.database.write() as tx:
        tx.run(update(judgements).values(checkpoint=b"damaged"))
    served.driver = Driver(served.yard, served.engine, check=lambda _tx: None, pulses=served.pulses)
    served.meet(3000, failing=BAD, seed=2)
    assert served.drive(begun).state == "ROLLED_BACK"
    assert explained(served, begun).replayed is True


@pytest.mark.parametrize(
    "damage",
    [
        {"terms": "{"},
        {"checkpoint": b"damaged", "position": 7},
    ],
    ids=["its terms", "its log"],
)
def test_a_trial_that_is_lost_voids_itself_and_the_deployment_goes_on_by_its_limits(
    served: Rollouts, damage: dict[str, Any]
):  # fmt: skip
    begun = canary(served, limits=Limits(max_error_rate=0.2, min_requests=20))
    served.meet(300, failing=GOOD)
    served.drive(begun)
    with served.yard.database.write() as tx:
        tx.run(update(judgements).values(**damage))
    served.driver = Driver(served.yard, served.engine, check=lambda _tx: None, pulses=served.pulses)
    served.meet(100, failing=GOOD, seed=2)
    halted = served.drive(begun)
    assert (halted.state, halted.reason.startswith("halted: ")) == ("PAUSED", True)
    found = explained(served, begun)
    assert "Nothing follows from this" in whole(found)
    assert found.replayed is not True
    served.meet(1000, failing={"1.0.0": 0.5, "2.0.0": 0.5}, seed=3)
    assert served.drive(begun).state == "ROLLED_BACK"


def test_a_damaged_judgement_is_told_and_made_anew_by_the_next_batch(served: Rollouts):
    begun = canary(served, judge=JudgeOptions(mode="observe"))
    served.meet(300, failing=GOOD)
    served.drive(begun)
    with served.yard.database.write() as tx:
        tx.run(update(judgements).values(document="{"))
    assert "what the judge said last is damaged" in served.get(begun).verdict.reason
    assert "damaged" in whole(explained(served, begun))
    served.meet(100, failing=GOOD, seed=2)
    served.drive(begun)
    assert "failed in" in whole(explained(served, begun))
