"""The course of deployments: to their ends, back, and what waits for whom."""

from __future__ import annotations

from typing import Any

import pytest

from components.rollouts import Rollouts
from modelyard.domain.health import Pulse
from modelyard.domain.wire import Arm, DeploymentRecord, Limits, Window
from modelyard.errors import DeploymentClosed, InvalidRequest
from modelyard.operations import DEPRECATE, LIST_DEPLOYMENTS, Deprecate, ListDeployments
from modelyard.telemetry.windows import SHADOW

LIMITS = Limits(max_error_rate=0.05, max_p95_s=0.5, min_requests=20)


def canary(yard: Rollouts, version: str = "2.0.0", **options: Any) -> DeploymentRecord:
    """Begin a canary by 10, 50 and 100 percent, with 30 requests and a minute for each step."""
    given = {"steps": [10, 50, 100], "step_seconds": 60, "min_requests": 30, "limits": LIMITS, **options}
    begun = yard.deploy(version, "canary", **given)
    assert begun.state == "STAGE"
    return begun


@pytest.mark.feature("DEP-04", "DEP-11")
def test_a_canary_goes_step_by_step_while_it_is_watched(served: Rollouts):
    begun = canary(served)
    assert (begun.step, begun.weight, served.shares()) == (0, 0.1, {"1.0.0": 0.9, "2.0.0": 0.1})
    for step, shares in enumerate([{"1.0.0": 0.5, "2.0.0": 0.5}, {"2.0.0": 1.0}], start=1):
        served.observe("2.0.0", 29)
        assert served.after(begun, 60).step == step - 1, "it lacks a request"
        served.observe("2.0.0", 1)
        found = served.drive(begun)
        assert (found.state, found.step, served.shares()) == ("STAGE", step, shares)
        assert served.drive(begun).step == step, "what was answered in a step does not count in the next one"
    served.observe("2.0.0", 30)
    assert served.drive(begun).state == "STAGE", "it lacks time"
    done = served.after(begun, 60)
    assert (done.state, done.live, done.unproven, done.weight) == ("SUCCEEDED", False, [], 1.0)
    names = ["created", "preflight_started", "preflight_passed", "advanced", "advanced", "succeeded"]
    assert served.events(begun) == names
    advanced = served.get(begun).history[3]
    assert (advanced.actor, advanced.evidence["candidate"]["requests"]) == ("controller", 30)


@pytest.mark.parametrize(
    ("did", "metric", "value", "limit"),
    [({"errors": 3}, "error_rate", 0.1, 0.05), ({"seconds": 2.0}, "p95_s", 2.0, 0.5)],
)
@pytest.mark.feature("RBK-05", "DEP-11", "DEP-19")
def test_limits_that_are_exceeded_give_everything_back_and_the_evidence_says_why(
    served: Rollouts, did: dict[str, Any], metric: str, value: float, limit: float
):
    before = served.route()
    begun = canary(served)
    served.observe("2.0.0", 30, **did)
    ended = served.after(begun, 1)
    assert (ended.state, ended.live, ended.weight) == ("ROLLED_BACK", False, 0.0)
    after = served.route()
    assert (after.arms, after.salt, after.deployment_id) == (before.arms, before.salt, before.deployment_id)
    assert "above the limit of" in ended.reason
    assert ended.rollback is not None
    assert (ended.rollback.cause, ended.rollback.version, ended.rollback.left) == ("verdict", "1.0.0", "2.0.0")
    evidence = ended.rollback.evidence
    assert (evidence["metric"], evidence["limit"]) == (metric, limit)
    assert evidence["value"] == pytest.approx(value, rel=0.02)
    assert [line.event for line in served.get(begun).history][-2:] == ["rolling_back", "rolled_back"]


def test_too_few_requests_prove_nothing(served: Rollouts):
    begun = canary(served)
    served.observe("2.0.0", 19, errors=19)
    assert served.after(begun, 120).state == "STAGE"
    served.observe("2.0.0", 1, errors=1)
    assert served.drive(begun).state == "ROLLED_BACK"


def test_errors_of_the_old_version_are_not_held_against_the_new_one(served: Rollouts):
    begun = canary(served)
    served.observe("1.0.0", 300, errors=300)
    served.observe("2.0.0", 30)
    assert served.after(begun, 60).step == 1


@pytest.mark.feature("RBK-05")
@pytest.mark.parametrize("paused", [False, True])
def test_a_new_version_that_answers_no_probes_goes_back_even_while_it_is_paused(served: Rollouts, *, paused: bool):
    begun = canary(served)
    if paused:
        served.pause(begun)
    served.dies("2.0.0")
    ended = served.drive(begun)
    assert (ended.state, ended.rollback and ended.rollback.cause) == ("ROLLED_BACK", "probe")
    assert served.shares() == {"1.0.0": 1.0}


def test_a_verdict_counts_while_it_is_paused_and_while_it_bakes(served: Rollouts):
    begun = canary(served)
    served.pause(begun)
    served.observe("2.0.0", 20, errors=20)
    assert served.drive(begun).state == "ROLLED_BACK"
    again = canary(served, steps=[100], bake_seconds=600, holdback=5)
    served.observe("2.0.0", 30)
    assert served.after(again, 60).state == "BAKE"
    assert served.shares() == {"1.0.0": 0.05, "2.0.0": 0.95}
    served.observe("2.0.0", 30, errors=30)
    assert served.drive(again).state == "ROLLED_BACK"
    assert served.shares() == {"1.0.0": 1.0}


@pytest.mark.feature("DEP-11")
def test_nothing_is_rolled_back_onto_a_dead_version(served: Rollouts):
    begun = canary(served)
    served.dies("1.0.0", "2.0.0")
    held = served.drive(begun)
    assert held.state == "PAUSED"
    assert held.reason.startswith("halted: 2.0.0 does not answer probes; but 1.0.0")
    assert served.shares() == {"1.0.0": 0.9, "2.0.0": 0.1}
    revision = held.revision
    assert served.after(begun, 600).revision == revision, "it halts once"
    served.recovers("1.0.0")
    assert served.drive(begun).state == "ROLLED_BACK"


def test_the_old_version_is_probed_before_the_traffic_goes_back_to_it(served: Rollouts):
    begun = canary(served)
    served.engine.dead.add(served.ids["1.0.0"])
    served.observe("2.0.0", 20, errors=20)
    held = served.drive(begun)
    assert (held.state, held.resumes) == ("PAUSED", "STAGE")
    assert "1.0.0 does not answer probes either" in held.reason
    assert served.get(begun).history[-1].evidence["metric"] == "error_rate"


def test_a_deployment_halts_where_the_old_version_dies_and_a_person_takes_it_on(served: Rollouts):
    begun = canary(served)
    served.dies("1.0.0")
    assert served.drive(begun).reason.startswith("halted: 1.0.0, which served before")
    assert served.promote(begun, full=True).state == "SUCCEEDED"
    assert served.shares() == {"2.0.0": 1.0}


def test_the_first_version_of_an_endpoint_has_nothing_to_go_back_to(yard: Rollouts):
    begun = canary(yard, steps=[100], bake_seconds=60, min_requests=0)
    assert (begun.state, begun.base) == ("STAGE", None)
    yard.observe("2.0.0", 20, errors=20)
    held = yard.drive(begun)
    assert (held.state, yard.shares()) == ("PAUSED", {"2.0.0": 1.0})
    assert "nothing served before" in held.reason
    ended = yard.abort(begun)
    assert (ended.state, yard.route().arms) == ("ROLLED_BACK", [])


@pytest.mark.parametrize(
    ("policy", "state", "shares"),
    [
        ("hold", "PAUSED", {"1.0.0": 0.9, "2.0.0": 0.1}),
        ("promote", "STAGE", {"1.0.0": 0.5, "2.0.0": 0.5}),
        ("rollback", "ROLLED_BACK", {"1.0.0": 1.0}),
    ],
)
def test_a_step_without_a_verdict_ends_as_was_chosen(
    served: Rollouts, policy: str, state: str, shares: dict[str, float]
):
    begun = canary(served, max_step_seconds=120, on_inconclusive=policy)
    served.observe("2.0.0", 12)
    assert served.after(begun, 119).step == 0
    found = served.after(begun, 1)
    assert (found.state, served.shares()) == (state, shares)
    line = next(line for line in served.get(begun).history if "missing_requests" in line.evidence)
    assert (line.evidence["missing_requests"], "about 18 more requests" in line.reason) == (18, True)


def test_what_was_held_gets_its_time_anew(served: Rollouts):
    begun = canary(served, max_step_seconds=120)
    assert served.after(begun, 120).state == "PAUSED"
    assert served.after(begun, 9000).state == "PAUSED"
    assert served.resume(begun).state == "STAGE"
    assert served.after(begun, 119).state == "STAGE"
    served.observe("2.0.0", 30)
    assert served.drive(begun).step == 1


@pytest.mark.parametrize("policy", ["hold", "rollback"])
def test_a_long_pause_does_not_use_up_the_time_of_a_step(served: Rollouts, policy: str):
    begun = canary(served, max_step_seconds=120, on_inconclusive=policy)
    served.pause(begun, "weekend")
    served.clock.move(9000)
    assert served.resume(begun).state == "STAGE"
    assert served.drive(begun).state == "STAGE"


def test_pausing_and_resuming_twice_changes_nothing_and_time_goes_on(served: Rollouts):
    begun = canary(served)
    served.observe("2.0.0", 30)
    paused = served.pause(begun, "looking")
    assert (paused.state, paused.resumes, paused.reason) == ("PAUSED", "STAGE", "looking")
    assert served.pause(begun).revision == paused.revision
    assert served.after(begun, 600).state == "PAUSED"
    resumed = served.resume(begun)
    assert served.resume(begun).revision == resumed.revision
    assert served.drive(begun).step == 1


def test_a_pause_while_it_bakes_comes_back_to_the_bake(served: Rollouts):
    begun = canary(served, steps=[100], bake_seconds=600)
    served.observe("2.0.0", 30)
    assert served.after(begun, 60).state == "BAKE"
    assert served.pause(begun).resumes == "BAKE"
    assert served.resume(begun).state == "BAKE"
    assert served.after(begun, 599).state == "BAKE"
    assert served.after(begun, 1).state == "SUCCEEDED"
    assert served.shares() == {"2.0.0": 1.0}


def test_steps_that_nothing_judged_count_as_unproven(served: Rollouts):
    begun = canary(served, limits=None)
    for expected in ([0], [0, 1], [0, 1, 2]):
        served.observe("2.0.0", 30)
        assert served.after(begun, 60).unproven == expected
    assert served.get(begun).state == "SUCCEEDED"


def test_a_step_that_a_person_cuts_short_is_unproven_though_the_one_before_was_not(served: Rollouts):
    begun = canary(served)
    served.observe("2.0.0", 30)
    assert served.after(begun, 60).unproven == []
    advanced = served.promote(begun)
    assert (advanced.unproven, advanced.verdict.state) == ([1], "PENDING")
    served.observe("2.0.0", 30)
    assert served.promote(begun).unproven == [1], "by then the judge was content"


@pytest.mark.feature("DEP-06", "DEP-22")
@pytest.mark.parametrize("winner", ["2.0.0", "1.0.0", "3.0.0"])
def test_a_test_between_three_versions_ends_with_its_winner(served: Rollouts, winner: str):
    begun = served.deploy("2.0.0", "ab-test", split={"1.0.0": 50, "3.0.0": 20})
    assert (begun.state, served.shares()) == ("STAGE", {"1.0.0": 0.5, "3.0.0": 0.2, "2.0.0": 0.3})
    served.observe("2.0.0", 100)
    assert served.after(begun, 9e6).state == "STAGE", "a person ends it"
    with pytest.raises(InvalidRequest, match="takes no part"):
        served.promote(begun, winner="1.1.0")
    done = served.promote(begun, winner=winner)
    assert (done.state, served.shares()) == ("SUCCEEDED", {winner: 1.0})


def test_only_a_test_has_a_winner_and_it_has_to_be_named(served: Rollouts):
    begun = served.deploy("2.0.0", "A/B", split={"1.0.0": 50})
    with pytest.raises(InvalidRequest, match="no winner is named"):
        served.promote(begun)
    assert served.promote(begun, full=True).state == "SUCCEEDED"
    canary = served.deploy("3.0.0", "canary")
    with pytest.raises(InvalidRequest, match="nobody wins it"):
        served.promote(canary, winner="2.0.0")


def test_the_winner_of_a_test_may_be_named_by_its_id(served: Rollouts):
    begun = served.deploy("2.0.0", "A/B", split={"1.0.0": 50})
    assert served.promote(begun, winner=served.ids["2.0.0"]).state == "SUCCEEDED"
    assert served.shares() == {"2.0.0": 1.0}


def test_a_shadow_is_judged_by_its_copies_and_serves_nobody(served: Rollouts):
    begun = served.deploy("2.0.0", "shadow", step_seconds=60, min_requests=20, limits=LIMITS)
    assert (served.shares(), [arm.version for arm in served.route().shadow]) == ({"1.0.0": 1.0}, ["2.0.0"])
    assert begun.weight == 0
    served.observe("2.0.0", 30)
    assert served.after(begun, 60).state == "STAGE", "only copies count"
    served.observe("2.0.0", 30, role=SHADOW)
    assert served.drive(begun).state == "SUCCEEDED"
    assert (served.shares(), served.route().shadow) == ({"1.0.0": 1.0}, [])
    again = served.deploy("2.0.0", "shadow", limits=LIMITS)
    served.observe("2.0.0", 30, role=SHADOW, seconds=3.0)
    assert served.drive(again).state == "ROLLED_BACK"
    assert served.route().shadow == []


@pytest.mark.feature("DEP-05")
def test_rolling_replaces_one_share_after_the_other(served: Rollouts):
    begun = served.deploy("2.0.0", "rolling", replicas=4, step_seconds=10)
    assert served.endpoint().configuration.replicas == 4
    seen = [served.shares().get("2.0.0")]
    while begun.live:
        begun = served.after(begun, 10)
        seen.append(served.shares().get("2.0.0"))
    assert seen == [0.25, 0.5, 0.75, 1.0, 1.0]


def test_replicas_that_a_deployment_changed_are_given_back_with_the_traffic(served: Rollouts):
    served.configure(replicas=2, timeout_s=5)
    begun = served.deploy("2.0.0", "rolling", replicas=4, step_seconds=10)
    served.configure(timeout_s=7)
    served.abort(begun)
    configuration = served.endpoint().configuration
    assert (configuration.replicas, configuration.timeout_s) == (2, 7), "what a person changed meanwhile stays"


@pytest.mark.feature("DEP-03", "RBK-11")
def test_blue_green_keeps_the_old_version_warm_and_lets_it_go_in_time(served: Rollouts):
    done = served.deploy("2.0.0", "blue-green", keep_warm_seconds=300)
    assert (done.state, served.shares(), served.route().warm) == ("SUCCEEDED", {"2.0.0": 1.0}, [served.ids["1.0.0"]])
    green, flip = [line.epoch for line in served.get(done).history if line.event in {"preflight_passed", "advanced"}]
    assert flip == green + 1
    assert served.rolled_back().version == "1.0.0"
    assert served.shares() == {"1.0.0": 1.0}


@pytest.mark.feature("DEP-07")
def test_a_window_holds_back_what_goes_on_and_never_the_way_back(served: Rollouts):
    begun = canary(served, window=Window(days=["mon"], start="12:00", end="13:00"))
    served.observe("2.0.0", 30)
    assert served.after(begun, 3600).step == 0, "it is one o'clock"
    assert served.after(begun, 7 * 86_400 - 3600).step == 1
    served.observe("2.0.0", 30, errors=30)
    assert served.after(begun, 3600).state == "ROLLED_BACK"


@pytest.mark.feature("DEP-10", "DEP-21")
@pytest.mark.parametrize(("fault", "reason"), [("broken", "cannot be started"), ("dead", "3 of 3 probes failed")])
def test_what_does_not_pass_its_probes_gets_no_traffic(served: Rollouts, fault: str, reason: str):
    getattr(served.engine, fault).add(served.ids["2.0.0"])
    before = served.route()
    ended = served.deploy("2.0.0", "canary")
    assert (ended.state, served.route()) == ("REJECTED", before)
    assert reason in ended.reason
    assert served.events(ended) == ["created", "preflight_started", "rejected"]
    getattr(served.engine, fault).clear()
    assert served.serve("2.0.0").state == "SUCCEEDED"


@pytest.mark.feature("DEP-21")
def test_every_arm_of_a_test_is_probed_but_not_what_serves_already(served: Rollouts):
    served.engine.started.clear()
    served.engine.dead.add(served.ids["3.0.0"])
    ended = served.deploy("2.0.0", "ab-test", split={"1.0.0": 50, "3.0.0": 20})
    assert (ended.state, served.get(ended).history[-1].evidence["version_id"]) == ("REJECTED", served.ids["3.0.0"])
    assert served.engine.started == [served.ids["2.0.0"], served.ids["3.0.0"]]


@pytest.mark.feature("DEP-07", "DEP-21")
def test_a_version_that_was_withdrawn_before_its_time_came_is_not_started(served: Rollouts):
    begun = served.begin("2.0.0", start_at="2026-03-02T14:00:00+01:00")
    assert served.after(begun, 3599).state == "PENDING"
    served.call(DEPRECATE, Deprecate(reference="fraud/2.0.0", reason="leaks labels"))
    ended = served.after(begun, 1)
    assert (ended.state, served.shares()) == ("REJECTED", {"1.0.0": 1.0})
    assert "deprecated: leaks labels" in ended.reason


@pytest.mark.feature("DEP-19")
def test_the_same_version_may_be_tried_again_with_other_users_first(served: Rollouts):
    first = canary(served)
    salt = served.route().salt
    served.observe("2.0.0", 30, errors=30)
    assert served.drive(first).state == "ROLLED_BACK"
    again = canary(served)
    assert again.id != first.id
    assert served.route().salt not in {salt, first.id}
    served.observe("2.0.0", 30)
    assert served.after(again, 60).step == 1, "what it did in the first try does not count"


def test_no_step_is_left_before_the_gateway_serves_it(served: Rollouts):
    begun = canary(served)
    served.observe("2.0.0", 30)
    served.engine.behind = True
    assert served.after(begun, 60).step == 0
    served.engine.behind = False
    assert served.drive(begun).step == 1
    served.engine.behind = True
    served.observe("2.0.0", 30, errors=30)
    assert served.drive(begun).state == "ROLLED_BACK", "the way back does not wait for it"


def test_a_rollback_that_has_begun_is_finished_whatever_the_probes_say(served: Rollouts):
    begun = canary(served)
    served.observe("2.0.0", 30, errors=30)
    # As by a controller that is killed behind its first commit.
    begin = served.driver._go(served.driver._look(begun.id))
    assert begin is not None
    assert (begin.state, served.shares()) == ("ROLLING_BACK", {"1.0.0": 1.0})
    served.dies("1.0.0", "2.0.0")
    assert served.drive(begun).state == "ROLLED_BACK"
    epoch = served.route().epoch
    assert served.drive(begun).state == "ROLLED_BACK"
    assert served.route().epoch == epoch


@pytest.mark.feature("RBK-10")
@pytest.mark.parametrize("deprecate", [False, True])
def test_a_verdict_deprecates_the_version_where_that_was_asked_for(served: Rollouts, *, deprecate: bool):
    begun = canary(served, deprecate=deprecate)
    served.observe("2.0.0", 30, errors=30)
    served.drive(begun)
    found = served.call(LIST_DEPLOYMENTS, ListDeployments(name="fraud", state="rolled_back")).deployments
    assert [one.id for one in found] == [begun.id]
    if not deprecate:
        assert canary(served).live
        return
    with pytest.raises(Exception, match="is deprecated: rolled back"):
        served.begin("2.0.0")


def test_what_has_ended_cannot_be_steered(served: Rollouts):
    done = served.serve("2.0.0")
    for steer in (served.pause, served.resume, served.abort, served.promote):
        with pytest.raises(DeploymentClosed):
            steer(done)
    assert served.drive(done).revision == done.revision


def test_before_traffic_it_can_only_be_cancelled(served: Rollouts):
    begun = served.begin("2.0.0")
    for steer in (served.pause, served.resume, served.promote):
        with pytest.raises(DeploymentClosed):
            steer(begun)
    epoch = served.route().epoch
    ended = served.abort(begun, "never mind")
    assert (ended.state, ended.reason, served.route().epoch) == ("CANCELLED", "never mind", epoch)


def test_two_failed_probes_are_no_death(served: Rollouts):
    begun = canary(served)
    served.pulses[served.ids["2.0.0"]] = Pulse().after(ok=False).after(ok=False)
    assert served.drive(begun).state == "STAGE"


@pytest.mark.slow
@pytest.mark.feature("DEP-15")
def test_a_hundred_endpoints_are_deployed_side_by_side(served: Rollouts):
    options: dict[str, Any] = {"kind": "edge", "step_seconds": 30}
    begun = [served.begin("2.0.0", "canary", environment=f"edge-{number}", **options) for number in range(100)]
    live = served.call(LIST_DEPLOYMENTS, ListDeployments(state="live", limit=200)).deployments
    assert {one.id for one in live} == {one.id for one in begun}
    assert {served.drive(one).state for one in begun} == {"STAGE"}
    served.clock.move(1)
    assert {served.promote(one, full=True).state for one in begun} == {"SUCCEEDED"}
    assert [served.shares(f"edge-{number}") for number in (0, 57, 99)] == [{"2.0.0": 1.0}] * 3
    assert served.shares() == {"1.0.0": 1.0}


def test_the_route_has_the_arms_of_the_plan(served: Rollouts):
    begun = canary(served)
    old, new = served.ids["1.0.0"], served.ids["2.0.0"]
    assert begun.plan.steps[0].arms == [
        Arm(version_id=old, version="1.0.0", weight=0.9),
        Arm(version_id=new, version="2.0.0", weight=0.1),
    ]
    assert served.route().arms == begun.plan.steps[0].arms
