"""The life of a deployment: each row of the table of events, and what a controller decides on what it sees."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from modelyard.domain import deployment as rules
from modelyard.domain.deployment import (
    BAKE,
    CANCELLED,
    EVENTS,
    HALTED,
    PAUSED,
    PENDING,
    PREFLIGHT,
    REJECTED,
    ROLLED_BACK,
    ROLLING_BACK,
    STAGE,
    STATES,
    SUCCEEDED,
    SUPERSEDED,
    TERMINAL,
    WITH_TRAFFIC,
    Sight,
    check_move,
    decide,
    is_at_rest,
)
from modelyard.domain.durations import later
from modelyard.domain.judge import HEALTHY, REGRESSED
from modelyard.domain.judge import PENDING as NO_VERDICT
from modelyard.domain.wire.delivery import (
    Arm,
    DeploymentOptions,
    DeploymentRecord,
    DeploymentVerdict,
    Plan,
    Route,
    Rule,
    Step,
)
from modelyard.errors import DeploymentClosed

NOW = "2026-03-01T12:00:00.000000Z"
OLD, NEW = "mv_1", "mv_2"


def arms(share: float) -> list[Arm]:
    """The new version's share beside the old one's."""
    old = [Arm(version_id=OLD, version="1.0.0", weight=1 - share)] if share < 1 else []
    return [*old, Arm(version_id=NEW, version="2.0.0", weight=share)]


def step(share: float = 0.1, **fields: Any) -> Step:
    return Step(arms=arms(share), **{"min_seconds": 60.0, "min_requests": 50, "max_seconds": 600.0, **fields})


def made(state: str = STAGE, *, steps: list[Step] | None = None, bake: float = 0.0, **fields: Any) -> DeploymentRecord:
    """A canary of 2.0.0 over 1.0.0 whose state began at NOW."""
    plan = Plan(steps=steps or [step(0.1), step(0.5), step(1.0)], bake_seconds=bake, final=arms(1.0))
    base = {"base": "1.0.0", "base_id": OLD}
    known: dict[str, Any] = {"id": "dp_1", "name": "fraud", "environment": "production", "endpoint_id": "ep_1"}
    known |= {"version": "2.0.0", "version_id": NEW, "strategy": "canary", "since": NOW} | base
    return DeploymentRecord(**{**known, "plan": plan, "state": state, **fields})


def sight(seconds: float = 60.0, **fields: Any) -> Sight:
    """What is seen some seconds later; enough requests unless they are given."""
    return Sight(moment=later(NOW, seconds), **{"requests": 50, **fields})


def verdict(state: str, **evidence: Any) -> DeploymentVerdict:
    return DeploymentVerdict(state=state, reason=f"it is {state.lower()}", evidence=evidence)


BAD = verdict(REGRESSED, metric="error_rate", value=0.2, limit=0.1)


def event_of(deployment: DeploymentRecord, seen: Sight) -> str:
    """What is decided; empty for nothing."""
    decision = decide(deployment, seen)
    return decision.event if decision is not None else ""


# The table of events


LEGAL = [
    ("created", "", PENDING),
    ("created", "", SUCCEEDED),
    ("preflight_started", PENDING, PREFLIGHT),
    ("preflight_passed", PREFLIGHT, STAGE),
    ("rejected", PREFLIGHT, REJECTED),
    ("advanced", STAGE, STAGE),
    ("advanced", PAUSED, STAGE),
    ("paused", STAGE, PAUSED),
    ("paused", BAKE, PAUSED),
    ("inconclusive", STAGE, PAUSED),
    ("halted", STAGE, PAUSED),
    ("halted", PAUSED, PAUSED),
    ("halted", BAKE, PAUSED),
    ("resumed", PAUSED, STAGE),
    ("resumed", PAUSED, BAKE),
    ("baking", STAGE, BAKE),
    ("baking", PAUSED, BAKE),
    ("succeeded", STAGE, SUCCEEDED),
    ("succeeded", PAUSED, SUCCEEDED),
    ("succeeded", BAKE, SUCCEEDED),
    ("rolling_back", STAGE, ROLLING_BACK),
    ("rolling_back", PAUSED, ROLLING_BACK),
    ("rolling_back", BAKE, ROLLING_BACK),
    ("rolled_back", ROLLING_BACK, ROLLED_BACK),
    ("cancelled", PENDING, CANCELLED),
    ("cancelled", PREFLIGHT, CANCELLED),
    *(("superseded", state, SUPERSEDED) for state in sorted(STATES - TERMINAL)),
]


def test_the_table_has_these_moves_and_no_others():
    told = {(event, start, end) for event, (starts, ends) in EVENTS.items() for start in starts for end in ends}
    assert told == set(LEGAL)


@pytest.mark.parametrize(("event", "source", "target"), LEGAL)
def test_each_move_of_the_table_is_allowed(event: str, source: str, target: str):
    check_move(event, source, target)


@pytest.mark.parametrize("state", sorted(TERMINAL))
@pytest.mark.parametrize("event", sorted(EVENTS))
def test_nothing_moves_what_has_ended(event: str, state: str):
    for target in STATES:
        with pytest.raises(DeploymentClosed) as refusal:
            check_move(event, state, target)
        assert refusal.value.details == {"state": state, "event": event}


def test_a_move_to_a_wrong_state_is_refused():
    with pytest.raises(DeploymentClosed, match="new cannot be created"):
        check_move("created", "", BAKE)
    with pytest.raises(DeploymentClosed, match="STAGE cannot be rolled back"):
        check_move("rolled_back", STAGE, ROLLED_BACK)


# The way back


@pytest.mark.parametrize("state", sorted(WITH_TRAFFIC))
def test_a_verdict_against_it_counts_in_every_state_that_has_traffic(state: str):
    found = made(state, steps=[step(1.0)], bake=60, resumes=STAGE if state == PAUSED else "")
    decision = decide(found, sight(0, verdict=BAD, window_open=False))
    assert decision is not None
    assert (decision.event, decision.cause, decision.reason) == ("rolling_back", "verdict", "it is regressed")
    assert decision.evidence == BAD.evidence


@pytest.mark.parametrize("state", sorted(WITH_TRAFFIC))
def test_a_dead_new_version_goes_back_in_every_state_that_has_traffic(state: str):
    decision = decide(made(state), sight(0, alive=False))
    assert decision is not None
    assert (decision.event, decision.cause) == ("rolling_back", "probe")
    assert decision.reason == "2.0.0 does not answer probes"


@pytest.mark.parametrize("state", sorted(STATES - WITH_TRAFFIC))
def test_nothing_is_decided_where_there_is_no_traffic(state: str):
    assert decide(made(state), sight(9e6, verdict=BAD, alive=False, base_alive=False)) is None


@pytest.mark.parametrize("state", sorted(WITH_TRAFFIC))
def test_without_a_version_that_served_before_it_halts(state: str):
    found = made(state, base=None, base_id=None, steps=[step(1.0)])
    for seen, cause in ((sight(verdict=BAD), "verdict"), (sight(alive=False), "probe")):
        decision = decide(found, seen)
        assert decision is not None
        assert (decision.event, decision.cause) == ("halted", cause)
        assert decision.reason.startswith(HALTED)
        assert "nothing served before" in decision.reason
    assert decide(found, sight(verdict=BAD)).evidence == BAD.evidence  # type: ignore[union-attr]  # seen above


@pytest.mark.parametrize("state", sorted(WITH_TRAFFIC))
@pytest.mark.parametrize("seen", [sight(verdict=BAD, base_alive=False), sight(alive=False, base_alive=False)])
def test_there_is_no_way_back_onto_a_dead_version(state: str, seen: Sight):
    decision = decide(made(state), seen)
    assert decision is not None
    assert decision.event == "halted"
    assert "1.0.0 does not answer probes either" in decision.reason


@pytest.mark.parametrize("state", sorted(WITH_TRAFFIC))
def test_it_halts_where_the_old_version_dies_while_it_serves(state: str):
    decision = decide(made(state), sight(9e6, verdict=verdict(HEALTHY), alive=True, base_alive=False))
    assert decision is not None
    assert (decision.event, decision.cause) == ("halted", "probe")
    assert "1.0.0, which served before, does not answer probes" in decision.reason


def test_an_old_version_without_traffic_may_be_dead():
    assert event_of(made(step=2), sight(base_alive=False)) == "succeeded"


def test_what_is_halted_is_not_halted_again_and_may_still_go_back():
    found = made(PAUSED, reason=HALTED + "both are dead")
    assert decide(found, sight(verdict=BAD, base_alive=False)) is None
    assert decide(found, sight(base_alive=False)) is None
    assert event_of(found, sight(verdict=BAD, base_alive=True)) == "rolling_back"


def test_what_a_person_has_paused_is_halted_too():
    assert event_of(made(PAUSED, reason="looking"), sight(base_alive=False)) == "halted"


def test_nothing_but_danger_moves_what_is_paused():
    assert decide(made(PAUSED), sight(9e6, verdict=verdict(HEALTHY), alive=True, base_alive=True)) is None


# The way on


@pytest.mark.parametrize(
    ("place", "bake", "event"), [(0, 0.0, "advanced"), (1, 9.0, "advanced"), (2, 9.0, "baking"), (2, 0.0, "succeeded")]
)
def test_it_goes_on_when_time_and_requests_are_there(place: int, bake: float, event: str):
    found = made(step=place, bake=bake)
    assert event_of(found, sight(59.9)) == ""
    assert event_of(found, sight(60, requests=49)) == ""
    assert event_of(found, sight(60)) == event
    assert event_of(found, sight(60, verdict=verdict(HEALTHY))) == event


def test_a_judged_step_waits_for_its_verdict():
    assert event_of(made(), sight(60, verdict=verdict(NO_VERDICT))) == ""
    assert event_of(made(), sight(60, verdict=verdict(HEALTHY))) == "advanced"


def test_a_step_that_asks_for_no_requests_does_not_wait_for_a_verdict_on_them():
    found = made(steps=[step(1.0, min_requests=0, min_seconds=0.0)])
    decision = decide(found, sight(0, requests=0, verdict=verdict(NO_VERDICT)))
    assert decision is not None
    assert (decision.event, decision.reason) == ("succeeded", "it serves; no verdict yet: it is pending")


def test_it_says_that_nothing_was_asked_of_a_step():
    decision = decide(made(steps=[step(1.0, min_requests=0, min_seconds=0.0)]), sight(0))
    assert decision is not None
    assert decision.reason == "it serves, and nothing speaks against it"


def test_it_says_on_what_it_goes_on():
    alone = decide(made(), sight(60, requests=70))
    assert alone is not None
    assert (alone.reason, alone.evidence) == (
        "its time is over and 70 requests were answered",
        {"requests": 70},
    )
    judged = decide(made(), sight(60, verdict=verdict(HEALTHY, candidate={"requests": 70})))
    assert judged is not None
    assert (judged.reason, judged.evidence) == ("it is healthy", {"candidate": {"requests": 70}})


def test_a_step_that_holds_waits_for_a_person_and_still_goes_back():
    found = made(steps=[step(0.5, hold=True, max_seconds=None)])
    assert decide(found, sight(9e6)) is None
    assert decide(found, sight(9e6, requests=0)) is None
    assert event_of(found, sight(verdict=BAD)) == "rolling_back"


@pytest.mark.feature("DEP-07")
def test_nothing_goes_on_while_the_window_is_closed():
    shut = {"window_open": False}
    assert decide(made(), sight(9e6, **shut)) is None
    assert decide(made(BAKE, bake=10), sight(9e6, **shut)) is None
    assert event_of(made(), sight(60, verdict=BAD, **shut)) == "rolling_back"
    assert event_of(made(), sight(60, base_alive=False, **shut)) == "halted"
    promote = DeploymentOptions(on_inconclusive="promote")
    assert decide(made(options=promote), sight(600, requests=0, **shut)) is None
    assert event_of(made(options=promote), sight(600, requests=0)) == "advanced"


def test_the_bake_ends_well_when_its_time_is_over():
    found = made(BAKE, step=2, bake=120)
    assert decide(found, sight(119)) is None
    assert event_of(found, sight(120, requests=0)) == "succeeded"


# Without a verdict


def test_a_step_without_a_verdict_in_its_time_is_inconclusive():
    found = made()
    assert decide(found, sight(599, requests=20)) is None
    decision = decide(found, sight(600, requests=20))
    assert decision is not None
    assert (decision.event, decision.cause) == ("inconclusive", "inconclusive")
    assert decision.reason == "no verdict in 600 s: about 30 more requests of 2.0.0 are needed"
    assert decision.evidence == {"requests": 20, "missing_requests": 30}


def test_a_step_that_lacks_only_the_verdict_says_so():
    decision = decide(made(), sight(600, requests=60, verdict=verdict(NO_VERDICT)))
    assert decision is not None
    assert decision.evidence["missing_requests"] == 0
    assert "it is pending" in decision.reason
    assert "0 more" not in decision.reason


@pytest.mark.parametrize(("place", "event"), [(0, "advanced"), (2, "succeeded")])
def test_an_inconclusive_step_goes_on_where_that_was_chosen(place: int, event: str):
    found = made(step=place, options=DeploymentOptions(on_inconclusive="promote"))
    decision = decide(found, sight(600, requests=0))
    assert decision is not None
    assert decision.event == event
    assert "as was chosen" in decision.reason
    assert decision.evidence["missing_requests"] == 50


def test_a_step_that_only_a_person_ends_does_not_go_on_for_want_of_a_verdict():
    found = made(steps=[step(0.5, hold=True)], options=DeploymentOptions(on_inconclusive="promote"))
    assert event_of(found, sight(600, requests=0)) == "inconclusive"


def test_an_inconclusive_step_goes_back_where_that_was_chosen():
    found = made(options=DeploymentOptions(on_inconclusive="rollback"))
    decision = decide(found, sight(600, requests=0, window_open=False))
    assert decision is not None
    assert (decision.event, decision.cause) == ("rolling_back", "inconclusive")
    assert event_of(found, sight(600, requests=0, base_alive=False)) == "halted"
    assert event_of(replace(found, base=None, base_id=None), sight(600, requests=0)) == "halted"


@pytest.mark.parametrize("policy", ["hold", "promote", "rollback"])
def test_from_no_requests_no_verdict_follows_before_the_time_is_over(policy: str):
    found = made(options=DeploymentOptions(on_inconclusive=policy))
    assert decide(found, sight(599, requests=0, verdict=verdict(NO_VERDICT))) is None


def test_a_step_without_a_longest_time_waits_for_ever():
    assert decide(made(steps=[step(0.1, max_seconds=None)]), sight(9e6, requests=0)) is None


# Steps, routes and times


def test_the_bake_stays_at_the_last_step():
    found = made(BAKE, step=7)
    assert rules.step_of(found) == found.plan.steps[2]


PRESENT = Route(epoch=4, deployment_id="dp_0", salt="dp_0", arms=[Arm(version_id=OLD, version="1.0.0", weight=1.0)])
FLAGS = [Rule(name="beta", version="2.0.0", version_id=NEW)]


def test_the_route_of_a_step_is_one_epoch_behind_the_present_one():
    copies = [Arm(version_id=NEW, version="2.0.0", weight=1.0)]
    wanted = Step(arms=PRESENT.arms, shadow=copies, warm=["mv_0"])
    route = rules.route_of_step(made(), wanted, PRESENT, FLAGS)
    assert route == Route(
        epoch=5, deployment_id="dp_1", salt="dp_1", arms=PRESENT.arms, shadow=copies, warm=["mv_0"], rules=FLAGS
    )
    assert not rules.same_traffic(PRESENT, route)
    assert rules.same_traffic(route, replace(route, epoch=9, deployment_id="dp_9"))


def test_at_the_end_nothing_is_kept_warm_that_serves():
    found = made()
    found = replace(found, plan=replace(found.plan, warm=[OLD, NEW]))
    route = rules.final_route(found, found.plan.final, PRESENT, [])
    assert (route.epoch, route.warm, route.arms, route.shadow) == (5, [OLD], arms(1.0), [])


def test_shares_are_read_off_a_route():
    route = replace(PRESENT, arms=arms(0.25))
    assert (rules.weight_of(route, NEW), rules.weight_of(route, "mv_9")) == (0.25, 0)
    assert rules.main_arm(route) == route.arms[0]
    assert rules.main_arm(Route()) is None


def test_it_is_known_when_something_is_due():
    assert rules.due_of(made(BAKE, bake=90), now=NOW) == later(NOW, 90)
    assert rules.due_of(made(), now=NOW) == later(NOW, 60)
    assert rules.due_of(made(steps=[step(hold=True)]), now=NOW) is None
    assert [rules.due_of(made(state), now=NOW) for state in (PREFLIGHT, ROLLING_BACK)] == [NOW, NOW]
    assert [rules.due_of(made(state), now=NOW) for state in (PAUSED, *sorted(TERMINAL))] == [None] * 6


def test_what_waits_is_told_from_what_would_go_on_now():
    measured, timed = step(min_requests=1, min_seconds=0.0), step(min_requests=0, min_seconds=5.0)
    assert rules.is_at_rest(made(steps=[measured]), NOW)
    assert rules.is_at_rest(made(steps=[timed]), NOW)
    assert not rules.is_at_rest(made(steps=[timed]), later(NOW, 5))
    assert rules.is_at_rest(made(PAUSED, steps=[timed]), later(NOW, 5))


def test_it_is_at_rest_where_only_time_requests_or_a_person_take_it_on():
    at_once = made(steps=[step(1.0, min_requests=0, min_seconds=0.0)])
    assert not is_at_rest(at_once, at_once.since)
    assert is_at_rest(made(steps=[step(1.0, min_requests=0, min_seconds=60.0)]), at_once.since)
    assert is_at_rest(made(steps=[step(1.0, min_requests=5, min_seconds=0.0)]), at_once.since)
    assert is_at_rest(made(steps=[step(1.0, hold=True)]), at_once.since)
    assert is_at_rest(made("PAUSED"), at_once.since)
