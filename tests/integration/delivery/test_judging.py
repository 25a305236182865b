"""The judge at work: releases decided by evidence, on a real database; lots are drawn by the real router."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from components.rollouts import Rollouts
from modelyard.delivery.driving import Driver
from modelyard.delivery.judging import replayed, resumed
from modelyard.domain.wire import DeploymentOptions, DeploymentRecord, JudgeOptions, Limits
from modelyard.errors import InvalidRequest
from modelyard.metadata import evidence

GOOD, BAD = {"1.0.0": 0.01, "2.0.0": 0.01}, {"1.0.0": 0.01, "2.0.0": 0.3}


def canary(yard: Rollouts, **options: Any) -> DeploymentRecord:
    """Begin a canary by 10 and 50 percent, with a minute for each step."""
    given = {"steps": [10, 50], "step_seconds": 60, "bake_seconds": 60, "holdback": 10, **options}
    return yard.deploy("2.0.0", "canary", **given)


def from_the_log(yard: Rollouts, deployment: DeploymentRecord) -> bytes:
    """The judge's state, computed again from the first batch on."""
    with yard.yard.database.read() as tx:
        row = evidence.judgement_of(tx, deployment.id)
        assert row is not None
        *_, (_, trial) = replayed(tx, row)
        return trial.state()


def from_the_checkpoint(yard: Rollouts, deployment: DeploymentRecord) -> bytes:
    """The judge's state as another process would take it over."""
    with yard.yard.database.read() as tx:
        row = evidence.judgement_of(tx, deployment.id)
        assert row is not None
        return resumed(tx, row).state()


@pytest.mark.feature("EXP-22", "DEP-20")
def test_a_version_that_fails_more_often_is_rolled_back_on_evidence(served: Rollouts):
    before = served.route()
    begun = canary(served)
    served.meet(1500, failing=BAD)
    ended = served.after(begun, 5)
    assert (ended.state, ended.verdict.state) == ("ROLLED_BACK", "REGRESSED")
    assert served.route().arms == before.arms
    found = served.get(begun)
    assert found.judgement is not None
    (challenger,) = found.judgement.challengers
    assert challenger.peak >= found.judgement.limit == 20
    assert challenger.failed > 0
    assert challenger.harm > 0
    assert found.rollback is not None
    assert (found.rollback.cause, found.rollback.evidence["metric"]) == ("verdict", "errors")
    assert "1 in" in found.reason


@pytest.mark.feature("EXP-22", "DEP-20")
def test_a_version_that_is_slower_is_rolled_back_on_evidence(served: Rollouts):
    begun = canary(served)
    served.meet(800, seconds={"1.0.0": 0.1, "2.0.0": 0.25})
    ended = served.after(begun, 5)
    assert ended.state == "ROLLED_BACK"
    assert ended.rollback is not None
    assert ended.rollback.evidence["metric"] == "latency"
    assert "slower" in ended.reason


@pytest.mark.feature("EXP-22")
def test_an_outage_that_both_share_rolls_nothing_back_and_an_equal_version_gets_through(served: Rollouts):
    begun = canary(served)
    served.meet(600, failing=GOOD, seed=2)
    found = served.after(begun, 61)
    assert (found.state, found.step) == ("STAGE", 1)
    assert found.unproven == [0], "no proof was asked for, and none was there"
    served.meet(600, failing={"1.0.0": 0.5, "2.0.0": 0.5})
    assert served.after(begun, 61).weight == 0.9
    served.meet(600, failing=GOOD, seed=3)
    assert served.after(begun, 61).state == "BAKE"
    served.meet(600, failing=GOOD, seed=4)
    assert served.after(begun, 61).state == "SUCCEEDED"


@pytest.mark.feature("EXP-22")
def test_what_the_judge_says_can_be_computed_again_from_the_log_to_the_last_bit(served: Rollouts):
    begun = canary(served, judge=JudgeOptions(mode="observe"))
    for seed in range(3):
        served.meet(3000, failing={"1.0.0": 0.05, "2.0.0": 0.08}, users=400 * seed, seed=seed)
        # Another controller takes over each time, and knows nothing but what is stored.
        served.driver = Driver(served.yard, served.engine, check=lambda _tx: None, pulses=served.pulses)
        served.drive(begun)
    found = served.get(begun)
    assert found.judgement is not None
    assert found.judgement.position == 90
    assert from_the_log(served, begun) == from_the_checkpoint(served, begun)


@pytest.mark.feature("EXP-22")
def test_a_judge_who_only_observes_says_what_he_would_have_done(served: Rollouts):
    begun = canary(served, judge=JudgeOptions(mode="observe"))
    served.meet(1500, failing=BAD)
    found = served.after(begun, 5)
    assert (found.state, served.get(begun).verdict.state) == ("STAGE", "INCONCLUSIVE")
    assert "would be rolled back" in served.get(begun).verdict.reason


def test_a_judge_who_is_off_looks_at_nothing(served: Rollouts):
    begun = canary(served, judge=JudgeOptions(mode="off"))
    served.meet(1500, failing=BAD)
    assert served.after(begun, 5).state == "STAGE"
    assert served.get(begun).judgement is None


@pytest.mark.feature("EXP-22")
def test_a_step_that_needs_proof_waits_for_it_and_says_how_much_is_missing(served: Rollouts):
    begun = canary(served, judge=JudgeOptions(require_proof=3.0), max_step_seconds=300)
    served.meet(500, failing=GOOD)
    found = served.after(begun, 61)
    assert (found.state, found.step) == ("STAGE", 0)
    assert "more of its units" in served.get(begun).verdict.reason
    held = served.after(begun, 300)
    assert held.state == "PAUSED"
    resumed_again = served.resume(begun)
    for seed in range(2, 8):
        served.meet(2000, failing={"1.0.0": 0.1, "2.0.0": 0.1}, seed=seed)
        served.drive(resumed_again)
    found = served.after(begun, 61)
    assert (found.step, found.unproven) == (1, [])


@pytest.mark.feature("EXP-22", "RBK-04")
def test_a_limit_of_errors_holds_also_where_there_is_nothing_to_compare(served: Rollouts):
    begun = served.deploy(
        "2.0.0", "blue-green", bake_seconds=600, judge=JudgeOptions(max_error_rate=0.05)
    )  # fmt: skip
    assert begun.state == "BAKE"
    served.meet(400, failing={"2.0.0": 0.03})
    assert served.drive(begun).state == "BAKE"
    served.meet(600, failing={"2.0.0": 0.2}, seed=2)
    ended = served.drive(begun)
    assert (ended.state, ended.rollback and ended.rollback.evidence["metric"]) == ("ROLLED_BACK", "slo")


def test_users_who_always_fail_count_once(served: Rollouts):
    begun = canary(served)
    served.meet(4000, users=40, failing={"1.0.0": 0.5, "2.0.0": 0.5})
    served.drive(begun)
    judgement = served.get(begun).judgement
    assert judgement is not None
    (challenger,) = judgement.challengers
    assert challenger.units + challenger.base_units == 40
    assert challenger.failed + challenger.base_failed == 40


def test_lots_that_fall_otherwise_than_the_weights_say_halt_it_once(served: Rollouts):
    begun = canary(served)
    # What is recorded says that lots gave everything to the new version, though its weight is a tenth.
    served.meet(1500, drawn="2.0.0")
    assert served.drive(begun).state == "STAGE", "requests that are still under way could be the reason"
    served.clock.move(40)
    served.meet(200, drawn="2.0.0", seed=2)
    halted = served.drive(begun)
    assert (halted.state, halted.reason.startswith("halted: lots")) == ("PAUSED", True)
    assert served.get(begun).verdict.state == "INCONCLUSIVE"
    served.resume(begun)
    assert served.drive(begun).state == "STAGE", "a person has seen it"


@pytest.mark.feature("EXP-22")
def test_limits_of_people_count_beside_the_judge(served: Rollouts):
    begun = canary(served, limits=Limits(max_error_rate=0.2, min_requests=20))
    served.meet(1000, failing={"1.0.0": 0.4, "2.0.0": 0.4})
    ended = served.after(begun, 5)
    assert (ended.state, ended.rollback and ended.rollback.evidence["metric"]) == ("ROLLED_BACK", "error_rate")


@pytest.mark.parametrize(
    "wrong",
    [
        {"mode": "sometimes"},
        {"alpha": 0.0},
        {"alpha": float("nan")},
        {"alpha": True},
        {"metrics": []},
        {"metrics": ["errors", "errors"]},
        {"metrics": ["speed"]},
        {"tolerate_errors": 0.5},
        {"tolerate_latency": -0.1},
        {"max_error_rate": 1.0},
        {"require_proof": 1.0},
        {"beta": 0.9},
    ],
)
def test_options_that_no_judge_could_go_by_are_refused(served: Rollouts, wrong: dict[str, Any]):
    with pytest.raises(InvalidRequest):
        served.begin("2.0.0", "canary", judge=JudgeOptions(**wrong))


def test_old_records_of_deployments_are_judged_by_default():
    assert msgspec.json.decode(b"{}", type=DeploymentOptions).judge == JudgeOptions()
