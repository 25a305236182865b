"""Strategies: what plans they make, and what they refuse."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.domain.plans import MOST_STEPS, Ask, Pace, check_plan, step_of
from modelyard.domain.routing import check_shares
from modelyard.domain.strategies import BUILT_IN, plan, strategy_name
from modelyard.domain.wire.delivery import Arm, Plan, Step
from modelyard.errors import InvalidRequest

NEW = Arm(version_id="mv_new", version="2.0.0", weight=1.0)
OLD = Arm(version_id="mv_old", version="1.0.0", weight=0.25)
THIRD = Arm(version_id="mv_3", version="3.0.0", weight=0.0)


def at(arm: Arm, weight: float) -> Arm:
    """Return an arm with another weight."""
    return replace(arm, weight=weight)


def asked(**fields: Any) -> Ask:
    """Ask for version 2.0.0 where 1.0.0 serves."""
    return Ask(**{"candidate": NEW, "base": OLD, **fields})


def shares(made: Plan) -> list[dict[str, float]]:
    """Return the weights of each step by version, in percent."""
    return [{arm.version: round(arm.weight * 100, 6) for arm in step.arms} for step in made.steps]


def grown(made: Plan) -> list[float]:
    """Return the share of 2.0.0 in each step, in percent."""
    return [weights.get("2.0.0", 0.0) for weights in shares(made)]


@pytest.mark.feature("DEP-02")
def test_direct_moves_everything_in_one_step():
    made = plan("direct", asked())
    assert shares(made) == [{"2.0.0": 100}]
    step = made.steps[0]
    assert (step.min_seconds, step.min_requests, step.max_seconds, step.hold) == (0, 0, 3600, False)
    assert step.warm == ["mv_old"]
    assert (made.final, made.warm, made.bake_seconds) == ([at(NEW, 1.0)], [], 0)


@pytest.mark.feature("DEP-03", "RBK-11")
def test_blue_green_loads_the_new_version_first_and_keeps_the_old_one():
    made = plan("blue-green", asked(min_requests=5, keep_warm_seconds=600))
    assert shares(made) == [{"1.0.0": 100}, {"2.0.0": 100}]
    assert [step.warm for step in made.steps] == [["mv_new"], ["mv_old"]]
    assert [step.min_requests for step in made.steps] == [0, 5]
    assert made.warm == ["mv_old"]
    assert plan("blue-green", asked()).warm == ["mv_old"]
    assert plan("blue-green", asked(keep_warm_seconds=0)).warm == []


@pytest.mark.feature("DEP-04")
def test_a_canary_goes_by_10_50_100_and_waits_for_time_and_requests():
    made = plan("canary", asked())
    assert shares(made) == [{"1.0.0": 90, "2.0.0": 10}, {"1.0.0": 50, "2.0.0": 50}, {"2.0.0": 100}]
    assert {(step.min_seconds, step.min_requests, step.max_seconds) for step in made.steps} == {(60, 50, 3600)}
    assert [step.warm for step in made.steps] == [[], [], ["mv_old"]]
    assert (made.final, made.warm, made.bake_seconds) == ([at(NEW, 1.0)], [], 0)


@pytest.mark.feature("DEP-04")
@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"steps": [1, 5, 100]}, [1, 5, 100]),
        ({"steps": (25,)}, [25, 100]),
        ({"steps": [0.1, 99.9]}, [0.1, 99.9, 100]),
        ({"bake_seconds": 60}, [10, 50, 95]),
        ({"bake_seconds": 60, "holdback": 0}, [10, 50, 100]),
        ({"bake_seconds": 0}, [10, 50, 100]),
        ({"holdback": 10}, [10, 50, 90]),
        ({"steps": [50, 96, 98, 100], "holdback": 5}, [50, 95]),
        ({"holdback": 60}, [10, 40]),
    ],
)
def test_a_canary_takes_other_steps_and_a_holdback_keeps_its_share_back(fields, expected):
    made = plan("canary", asked(**fields))
    assert grown(made) == expected
    assert made.final == [at(NEW, 1.0)]
    assert made.bake_seconds == fields.get("bake_seconds", 0)


def test_a_step_lasts_as_long_as_the_caller_says():
    step = plan("canary", asked(step_seconds=5, min_requests=7, max_step_seconds=90)).steps[0]
    assert (step.min_seconds, step.min_requests, step.max_seconds) == (5, 7, 90)
    assert plan("canary", asked(step_seconds=7200)).steps[0].max_seconds == 14_400
    assert plan("canary", asked(max_step_seconds=30)).steps[0].min_seconds == 30


@pytest.mark.feature("DEP-05")
@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, [25, 50, 75, 100]),
        ({"replicas": 2}, [50, 100]),
        ({"replicas": 1}, [100]),
        ({"bake_seconds": 9}, [25, 50, 75, 95]),
    ],
)
def test_rolling_goes_replica_by_replica(fields, expected):
    assert grown(plan("rolling", asked(**fields))) == expected


@pytest.mark.feature("DEP-06", "DEP-22")
@pytest.mark.parametrize(
    ("split", "expected"),
    [
        ((), {"1.0.0": 50, "2.0.0": 50}),
        ((at(OLD, 80),), {"1.0.0": 80, "2.0.0": 20}),
        ((at(OLD, 40), at(THIRD, 40)), {"1.0.0": 40, "2.0.0": 20, "3.0.0": 40}),
        ((at(OLD, 30), at(NEW, 70)), {"1.0.0": 30, "2.0.0": 70}),
        ((at(THIRD, 10),), {"2.0.0": 90, "3.0.0": 10}),
    ],
)
def test_an_ab_test_holds_a_fixed_split(split, expected):
    made = plan("ab", asked(split=split))
    assert shares(made) == [expected]
    assert (made.steps[0].hold, made.steps[0].max_seconds) == (True, None)
    assert made.steps[0].warm == ([] if "1.0.0" in expected else ["mv_old"])
    assert made.final == [at(NEW, 1.0)]


@pytest.mark.feature("EXP-21")
def test_a_shadow_gets_copies_and_no_traffic():
    made = plan("shadow", asked(keep_warm_seconds=60))
    assert shares(made) == [{"1.0.0": 100}]
    assert made.steps[0].shadow == [at(NEW, 1.0)]
    assert (made.final, made.warm) == ([at(OLD, 1.0)], [])


def test_a_version_that_is_replaced_stays_loaded_for_as_long_as_is_asked():
    assert plan("canary", asked(keep_warm_seconds=60)).warm == ["mv_old"]


@pytest.mark.parametrize("base", [None, NEW])
@pytest.mark.parametrize("name", ["direct", "blue-green", "canary", "rolling"])
def test_where_nothing_else_serves_everything_goes_to_the_version_at_once(name, base):
    made = plan(name, asked(base=base, bake_seconds=30, keep_warm_seconds=60))
    assert shares(made) == [{"2.0.0": 100}]
    assert (made.steps[0].min_seconds, made.steps[0].warm, made.warm) == (0, [], [])
    assert (made.final, made.bake_seconds) == ([at(NEW, 1.0)], 30)


@pytest.mark.parametrize("name", ["ab", "shadow"])
def test_a_comparison_needs_two_versions(name):
    with pytest.raises(InvalidRequest, match="needs a version that serves") as caught:
        plan(name, asked(base=None))
    assert "direct" in caught.value.hint
    with pytest.raises(InvalidRequest, match=r"2\.0\.0 serves already"):
        plan(name, asked(base=NEW))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Blue_Green", "blue-green"),
        ("bluegreen", "blue-green"),
        ("a/b", "ab"),
        ("A-B test", "ab"),
        ("ab-test", "ab"),
        (" CANARY ", "canary"),
        ("rolling update", "rolling"),
        ("all-at-once", "direct"),
        ("mirror", "shadow"),
    ],
)
def test_names_of_strategies_are_read_in_any_spelling(text, name):
    assert strategy_name(text) == name
    assert name in BUILT_IN


@pytest.mark.parametrize(("text", "near"), [("canery", "mean canary"), ("", ""), (None, ""), ("🐤", "")])
def test_an_unknown_strategy_is_refused_with_the_known_ones(text, near):
    with pytest.raises(InvalidRequest, match="there is no strategy") as caught:
        plan(text, asked())
    assert near in caught.value.hint
    assert all(name in caught.value.hint for name in BUILT_IN)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"steps": []}, "percentages, and not"),
        ({"steps": "10"}, "percentages, and not '10'"),
        ({"steps": 10}, "percentages, and not 10"),
        ({"steps": [1] * (MOST_STEPS + 1)}, "1 to 100 percentages"),
        ({"steps": [50, 10]}, "from 50 to 10 percent"),
        ({"steps": [10, 10]}, "from 10 to 10 percent"),
        ({"steps": [0, 100]}, "a step is 0"),
        ({"steps": [-1, 100]}, "a step is -1"),
        ({"steps": [10, 101]}, "a step is 101"),
        ({"steps": [math.nan]}, "nan, not finite"),
        ({"steps": [math.inf]}, "inf, not finite"),
        ({"steps": ["10"]}, "not a number"),
        ({"steps": [True]}, "not a number"),
        ({"step_seconds": -1}, "step_seconds is -1"),
        ({"step_seconds": math.inf}, "step_seconds is inf"),
        ({"step_seconds": 1e12}, "step_seconds is 1"),
        ({"max_step_seconds": 0}, "max_step_seconds is 0"),
        ({"max_step_seconds": 5, "step_seconds": 6}, "less than the 6"),
        ({"bake_seconds": math.nan}, "bake_seconds is nan"),
        ({"keep_warm_seconds": -5}, "keep_warm_seconds is -5"),
        ({"holdback": 100}, "leaves the new version nothing"),
        ({"holdback": 101}, "holdback is 101"),
        ({"min_requests": -1}, "min_requests is -1"),
        ({"min_requests": 1.5}, "min_requests is 1.5"),
        ({"replicas": 0}, "replicas is 0"),
        ({"split": (at(OLD, 50),)}, "canary has no split"),
    ],
)
def test_a_canary_refuses_what_makes_no_sense(fields, problem):
    with pytest.raises(InvalidRequest, match=problem) as caught:
        plan("canary", asked(**fields))
    assert caught.value.hint


@pytest.mark.parametrize(
    ("name", "fields", "problem"),
    [
        ("direct", {"steps": [10]}, "direct has no steps"),
        ("blue-green", {"steps": [10]}, "blue-green has no steps"),
        ("rolling", {"steps": [10]}, "rolling has no steps"),
        ("rolling", {"replicas": 101}, "101 steps"),
        ("rolling", {"split": (at(OLD, 50),)}, "rolling has no split"),
        ("shadow", {"steps": [10]}, "shadow has no steps"),
        ("shadow", {"holdback": 5}, "shadow has no holdback"),
        ("ab", {"steps": [10]}, "ab has no steps"),
        ("ab", {"holdback": 5}, "ab has no holdback"),
        ("ab", {"split": (at(OLD, 100),)}, "leaves 0 percent"),
        ("ab", {"split": (at(OLD, 60), at(THIRD, 60))}, "leaves -20 percent"),
        ("ab", {"split": (at(OLD, 0),)}, r"share of 1\.0\.0 is 0"),
        ("ab", {"split": (at(OLD, math.nan),)}, r"share of 1\.0\.0 is nan"),
        ("ab", {"split": (at(NEW, 100),)}, "two versions or more"),
        ("ab", {"split": (at(NEW, 50), at(OLD, 40))}, "add up to 0.9"),
        ("ab", {"split": (at(OLD, 40), at(OLD, 40))}, "twice"),
    ],
)
def test_options_that_a_strategy_cannot_follow_are_refused(name, fields, problem):
    with pytest.raises(InvalidRequest, match=problem):
        plan(name, asked(**fields))


@given(
    name=st.sampled_from(["direct", "blue-green", "canary", "rolling"]),
    steps=st.lists(st.floats(0.01, 100), min_size=1, max_size=8, unique=True).map(sorted),
    holdback=st.none() | st.floats(0, 99),
    bake=st.none() | st.floats(0, 1e6),
    replicas=st.none() | st.integers(1, MOST_STEPS),
)
def test_whatever_is_asked_users_move_one_way_and_all_traffic_is_served(name, steps, holdback, bake, replicas):
    fields = {"steps": steps} if name == "canary" else {}
    made = plan(name, asked(holdback=holdback, bake_seconds=bake, replicas=replicas, **fields))
    weights = [sum(arm.weight for arm in step.arms if arm.version == "2.0.0") for step in made.steps]
    assert weights == sorted(weights)
    assert len(set(weights)) == len(weights)
    for step in made.steps:
        check_shares(step.arms)
    assert made.final == [at(NEW, 1.0)]


def test_strategies_of_others_are_found_in_any_spelling_and_their_plans_are_checked():
    def halves(ask: Ask) -> Plan:
        share = ask.options["share"]
        step = step_of(ask, Pace(), [at(OLD, 1 - share), at(NEW, share)])
        return Plan(steps=[step], final=[at(NEW, 1.0)])

    others = {"Two_Halves": halves}
    made = plan("two halves", asked(options={"share": 0.5}), others)
    assert grown(made) == [50]
    assert strategy_name("TWO-HALVES", others) == "Two_Halves"
    with pytest.raises(InvalidRequest, match="add up to"):
        plan("two-halves", asked(options={"share": math.nan}), {"two halves": lambda _: _bad([at(OLD, 0.3)])})


def test_a_built_in_strategy_is_not_replaced_by_that_of_others():
    assert grown(plan("direct", asked(), {"DIRECT": lambda _: _bad([at(OLD, 1.0)])})) == [100]
    assert strategy_name("direct", {"DIRECT": lambda _: _bad([])}) == "direct"


def _bad(arms: list[Arm], **fields: Any) -> Plan:
    return Plan(steps=[Step(arms=arms, **fields)], final=[at(NEW, 1.0)])


@pytest.mark.parametrize(
    ("made", "problem"),
    [
        (None, "None, which is no plan"),
        (Plan(steps=[], final=[at(NEW, 1.0)]), "this one has 0"),
        (Plan(steps=[Step(arms=[at(NEW, 1.0)])] * 101, final=[at(NEW, 1.0)]), "this one has 101"),
        (Plan(steps=[Step(arms=[at(NEW, 1.0)])]), "nothing is served at its end"),
        (_bad([]), "serves nothing"),
        (_bad([at(OLD, 0.5)]), "add up to 0.5"),
        (_bad([at(OLD, 1.0)], shadow=[at(NEW, 2.0)]), "share 2.0"),
        (_bad([at(THIRD, 1.0)]), "not asked for: mv_3"),
        (_bad([at(OLD, 1.0)], warm=["mv_x"]), "not asked for: mv_x"),
        (Plan(steps=[Step(arms=[at(NEW, 1.0)])], final=[at(NEW, 1.0)], warm=["mv_y"]), "not asked for: mv_y"),
        (_bad([at(OLD, 1.0)], min_seconds=-1), "min_seconds is -1"),
        (_bad([at(OLD, 1.0)], min_seconds=math.nan), "min_seconds is nan"),
        (_bad([at(OLD, 1.0)], min_requests=-1), "min_requests is -1"),
        (_bad([at(OLD, 1.0)], min_seconds=9, max_seconds=3), "ends after 3s"),
        (Plan(steps=[Step(arms=[at(NEW, 1.0)])], final=[at(NEW, 1.0)], bake_seconds=math.inf), "bake_seconds is inf"),
        (Plan(steps=[Step(arms=[at(NEW, 1.0)]), Step(arms=[at(OLD, 1.0)])], final=[at(NEW, 1.0)]), "back from 1 to 0"),
    ],
)
def test_a_plan_that_cannot_be_followed_is_refused(made, problem):
    with pytest.raises(InvalidRequest, match=problem):
        check_plan(made, asked())
