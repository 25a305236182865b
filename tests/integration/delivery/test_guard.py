"""The guard: limits that hold at all times, and a way back when they are exceeded."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from components.deadlines import until
from components.rollouts import Rollouts
from modelyard.delivery.controller import Controller
from modelyard.domain.wire import GuardReport, Limits
from modelyard.errors import EndpointNotFound, InvalidRequest
from modelyard.operations import (
    CHECK_GUARD,
    DEPRECATE,
    LIST_ROLLBACKS,
    SET_FLAG,
    CheckGuard,
    Deprecate,
    ListRollbacks,
    SetFlag,
)

LIMITS = Limits(max_error_rate=0.1, max_p95_s=1.0)


@pytest.fixture
def two(served: Rollouts) -> Rollouts:
    """1.0.0 was served, and 2.0.0 is, since long ago."""
    served.serve("2.0.0")
    served.clock.move(3600)
    return served


def guard(yard: Rollouts, limits: Limits = LIMITS, **fields: Any) -> GuardReport:
    return yard.call(CHECK_GUARD, CheckGuard(name="fraud", limits=limits, **fields))


@pytest.mark.feature("RBK-04", "RBK-05", "RBK-08")
@pytest.mark.parametrize(("did", "metric"), [({"errors": 11}, "error_rate"), ({"seconds": 4.0}, "p95_s")])
def test_an_endpoint_beyond_its_limits_goes_back_with_the_evidence(two: Rollouts, did: dict[str, Any], metric: str):
    two.observe("2.0.0", 100, **did)
    report = guard(two)
    assert report.triggered
    assert report.rollback is not None
    assert (report.rollback.version, report.rollback.left, report.rollback.cause) == ("1.0.0", "2.0.0", "limit")
    assert (report.rollback.evidence["metric"], report.rollback.reason) == (metric, report.reason)
    assert (report.observed[0].version, report.observed[0].requests) == ("2.0.0", 100)
    assert two.shares() == {"1.0.0": 1.0}
    assert two.call(LIST_ROLLBACKS, ListRollbacks()).rollbacks[0].evidence == report.rollback.evidence
    assert not guard(two).triggered, "what serves now has done nothing yet"


@pytest.mark.feature("RBK-04")
def test_within_its_limits_nothing_happens(two: Rollouts):
    two.observe("2.0.0", 100, errors=10)
    report = guard(two)
    assert (report.triggered, report.rollback, report.reason) == (False, None, "within its limits on 100 requests")
    assert two.endpoint().configuration.guard is None


def test_too_few_requests_prove_nothing(two: Rollouts):
    two.observe("2.0.0", 19, errors=19)
    assert guard(two).reason == "19 of 20 requests that a verdict needs"
    assert guard(two, replace(LIMITS, min_requests=19)).triggered


def test_what_was_before_the_window_does_not_count(two: Rollouts):
    two.observe("2.0.0", 100, errors=100)
    two.clock.move(600)
    assert not guard(two, window_s=300).triggered
    assert guard(two, window_s=900).triggered


def test_what_a_version_did_before_it_served_last_does_not_count(two: Rollouts):
    two.observe("2.0.0", 100, errors=100)
    two.rolled_back(deprecate=False)
    two.serve("2.0.0")
    assert not guard(two).triggered


def test_there_may_be_nothing_to_go_back_to(served: Rollouts):
    served.clock.move(3600)
    served.observe("1.0.0", 100, errors=50)
    report = guard(served)
    assert (report.triggered, served.shares()) == (False, {"1.0.0": 1.0})
    assert "above the limit of 10 %" in report.reason
    assert "no healthy snapshot" in report.reason


def test_nothing_is_judged_where_nothing_is_served(yard: Rollouts):
    with pytest.raises(EndpointNotFound):
        guard(yard)
    yard.configure(timeout_s=3)
    assert guard(yard).reason == "nothing is served"


def test_it_does_not_go_back_to_a_deprecated_version(two: Rollouts):
    two.call(DEPRECATE, Deprecate(reference="fraud/1.0.0", reason="leaks labels"))
    two.observe("2.0.0", 100, errors=50)
    report = guard(two, keep=True)
    assert (report.triggered, two.shares()) == (False, {"2.0.0": 1.0})
    assert "above the limit of 10 %" in report.reason
    assert "fraud 1.0.0 is deprecated: leaks labels" in report.reason
    assert two.endpoint().configuration.guard == LIMITS, "that there is no way back now is no reason to forget it"


@pytest.mark.feature("RBK-04")
@pytest.mark.parametrize("fault", ["broken", "dead"])
def test_it_does_not_go_back_to_what_does_not_answer(two: Rollouts, fault: str):
    getattr(two.engine, fault).add(two.ids["1.0.0"])
    two.observe("2.0.0", 100, errors=50)
    report = guard(two)
    assert (report.triggered, two.shares()) == (False, {"2.0.0": 1.0})
    assert "does not answer" in report.reason
    getattr(two.engine, fault).clear()
    assert guard(two).triggered


@pytest.mark.feature("RBK-04")
def test_the_controller_does_not_go_back_to_what_does_not_answer_either(two: Rollouts):
    two.configure(guard={"max_error_rate": 0.1})
    two.engine.dead.add(two.ids["1.0.0"])
    two.observe("2.0.0", 100, errors=50)
    two.engine.started.clear()
    with Controller(two.yard, two.engine) as controller:
        controller.start()
        until(lambda: two.ids["1.0.0"] in two.engine.started, "it is tried")
    assert two.shares() == {"2.0.0": 1.0}
    two.engine.dead.clear()
    with Controller(two.yard, two.engine) as controller:
        controller.start()
        until(lambda: two.shares() == {"1.0.0": 1.0}, "it goes back")


def test_a_canary_is_not_ended_for_what_its_base_does(two: Rollouts):
    begun = two.deploy("3.0.0", "canary")
    two.observe("2.0.0", 100, errors=90)
    report = guard(two)
    assert (report.triggered, two.get(begun).state) == (False, "STAGE")
    assert "2.0.0 is what it would go back to" in report.reason


def test_a_live_deployment_ends_when_its_version_has_most_of_the_traffic(two: Rollouts):
    begun = two.deploy("3.0.0", "canary", steps=[80, 100])
    two.observe("3.0.0", 100, errors=90)
    report = guard(two)
    assert report.triggered
    ended = two.get(begun)
    assert (ended.state, ended.rollback and ended.rollback.cause) == ("ROLLED_BACK", "limit")
    assert two.shares() == {"2.0.0": 1.0}


@pytest.mark.feature("RBK-04", "DEP-11")
def test_limits_that_are_kept_judge_deployments_without_limits_of_their_own(two: Rollouts):
    assert not guard(two, keep=True).triggered
    assert two.endpoint().configuration.guard == LIMITS
    begun = two.deploy("3.0.0", "canary")
    two.observe("3.0.0", 50, errors=50)
    assert two.drive(begun).state == "ROLLED_BACK"


@pytest.mark.feature("RBK-04", "DEP-11")
def test_the_controller_holds_an_endpoint_to_its_guard_without_a_person(two: Rollouts):
    guard(two, keep=True)
    two.observe("2.0.0", 100, errors=50)
    with Controller(two.yard, two.engine) as controller:
        controller.start()
        until(lambda: two.shares() == {"1.0.0": 1.0}, "the guard takes the endpoint back")
    (done,) = two.call(LIST_ROLLBACKS, ListRollbacks()).rollbacks
    assert (done.actor, done.cause, done.left) == ("controller", "limit", "2.0.0")


def test_limits_and_windows_that_make_no_sense_are_refused(two: Rollouts):
    for window in (0, -1, math.nan, math.inf, 10**400, "5m", None):
        with pytest.raises(InvalidRequest, match="window_s"):
            guard(two, window_s=window)
    for limits in (Limits(), Limits(max_error_rate=-0.1), Limits(max_p95_s=0), Limits(max_error_rate="0.1")):  # type: ignore[arg-type]  # it is what is refused
        with pytest.raises(InvalidRequest):
            guard(two, limits)
    assert two.endpoint().configuration.guard is None


def test_a_flag_that_is_set_does_not_hide_what_a_version_did(two: Rollouts):
    two.observe("2.0.0", 100, errors=100)
    two.clock.move(1)
    two.call(SET_FLAG, SetFlag(name="fraud", flag="beta", version="3.0.0", header="x-beta"))
    assert guard(two).triggered
