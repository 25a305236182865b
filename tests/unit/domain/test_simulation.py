"""Simulated releases: they follow the plan, numbers follow their laws, and what is told is what was counted."""

from __future__ import annotations

import math
from dataclasses import replace
from random import Random
from statistics import mean

import pytest

from modelyard.domain.releases import (
    Effect,
    Release,
    Scenario,
    World,
    binomial,
    geometric,
    most_requests,
    release,
)
from modelyard.domain.simulation import MOST_REQUESTS, Study, check_scenario, quantile, usual_effects
from modelyard.domain.units import MOST_SEEN
from modelyard.domain.wire.judge import JudgeOptions
from modelyard.errors import InvalidRequest

ERRORS = Scenario(options=JudgeOptions(metrics=["errors"]), requests=2_000)
NEVER = JudgeOptions(metrics=["errors"], alpha=1e-6)
"""A judge who hardly ever finds anything."""


def released(scenario: Scenario, effect: Effect | None = None, seed: object = 1) -> Release:
    """How a release ends."""
    return release(World(scenario, effect or Effect()), Random(f"{seed}"))


@pytest.mark.parametrize("rate", [0.001, 0.2, 0.5, 0.99])
def test_gaps_between_events_are_geometric(rate):
    chance = Random(1)
    drawn = [geometric(chance, rate) for _ in range(20_000)]
    assert min(drawn) == 1.0
    assert mean(drawn) == pytest.approx(1 / rate, rel=0.03)
    assert sum(one == 1.0 for one in drawn) / 20_000 == pytest.approx(rate, abs=0.012)


def test_what_is_certain_comes_at_once_and_what_is_impossible_never():
    assert geometric(Random(1), 1.0) == 1.0
    assert geometric(Random(1), 0.0) == math.inf


@pytest.mark.parametrize(
    ("tries", "rate"), [(0, 0.3), (10, 0.0), (10, 1.0), (20, 0.2), (20, 0.9), (5_000, 0.1), (300, 0.5)]
)
def test_successes_are_binomial(tries, rate):
    chance = Random(2)
    drawn = [binomial(chance, tries, rate) for _ in range(4_000)]
    assert all(0 <= one <= tries for one in drawn)
    spread = math.sqrt(tries * rate * (1 - rate))
    assert mean(drawn) == pytest.approx(tries * rate, abs=4 * spread / math.sqrt(4_000) + 1e-9)
    found = math.sqrt(mean((one - tries * rate) ** 2 for one in drawn))
    assert found == pytest.approx(spread, rel=0.06, abs=1e-9)


def test_the_same_numbers_make_the_same_release():
    scenario = replace(ERRORS, p50_s=0.1, tokens=100.0, options=JudgeOptions())
    assert released(scenario, seed=7) == released(scenario, seed=7)
    assert released(scenario, seed=7) != released(scenario, seed=8)


@pytest.mark.parametrize("p50", [None, 0.1])
@pytest.mark.parametrize("keys", [0, 300])
def test_a_release_ends_after_all_requests_and_the_new_version_got_its_share(p50, keys):
    scenario = replace(ERRORS, options=NEVER, p50_s=p50, keys=keys, requests=5_000)
    found = released(scenario)
    assert found.completed
    assert not found.rolled_back
    assert found.seconds == pytest.approx(5_000 / 500 * 60)
    assert found.requests == pytest.approx(500, abs=150 if keys else 90)


@pytest.mark.slow
@pytest.mark.parametrize("per_minute", [60.0, 500.0, 60_000.0, 600_000.0])
def test_skipping_what_tells_nothing_leaves_the_share_the_time_and_the_finding_as_they_are(per_minute):
    scenario = replace(ERRORS, per_minute=per_minute, requests=200_000, error_rate=0.05)
    skipped = [released(scenario, Effect(errors=3.0), seed=n) for n in range(30)]
    drawn = [
        released(replace(scenario, tokens=1.0, options=JudgeOptions(metrics=["errors"])), Effect(errors=3.0), seed=n)
        for n in range(30)
    ]
    for found in (skipped, drawn):
        assert all(one.rolled_back for one in found)
    second = per_minute / 60
    assert quantile([one.requests for one in skipped], 0.5) == pytest.approx(
        quantile([one.requests for one in drawn], 0.5), rel=0.5, abs=0.1 * second
    )


def test_steps_follow_each_other_by_the_clock():
    scenario = replace(ERRORS, options=NEVER, steps=(0.0, 0.1, 1.0), step_seconds=60.0, requests=None, per_minute=600.0)
    found = released(scenario)
    assert found.completed
    assert found.seconds == pytest.approx(180.0)
    assert found.requests == pytest.approx(660, abs=40)


def test_steps_that_are_cut_short_are_not_completed():
    scenario = replace(ERRORS, options=NEVER, steps=(0.1, 0.5), step_seconds=60.0, requests=700, per_minute=600.0)
    found = released(scenario)
    assert not found.completed
    assert found.seconds == pytest.approx(70.0)


def test_where_proof_is_required_a_step_waits_for_it_and_at_last_no_longer():
    options = replace(NEVER, require_proof=2.0)
    scenario = replace(
        ERRORS, options=options, steps=(0.1, 0.5), step_seconds=6.0, requests=None, per_minute=6_000.0, error_rate=0.02
    )
    found = released(scenario)
    assert found.completed
    assert found.proof_requests
    assert found.seconds > 12.0
    bad = released(replace(scenario, max_step_seconds=60.0), Effect(errors=2.0))
    assert not bad.completed
    assert not bad.rolled_back
    assert bad.proof_requests is None
    assert bad.seconds == pytest.approx(60.0)


def test_a_new_version_that_never_fails_while_the_old_one_does_is_left_alone():
    found = released(replace(ERRORS, error_rate=0.5), Effect(error_rate=0.0))
    assert found.completed
    assert found.harm < 0


def test_without_any_error_nothing_is_found():
    found = released(replace(ERRORS, error_rate=0.0))
    assert (found.rolled_back, found.completed, found.proof_requests, found.skewed) == (False, True, None, False)
    assert found.requests == pytest.approx(200, abs=60)
    assert found.seconds == pytest.approx(240.0)
    assert found.harm == 0.0


def test_a_fault_shows_from_the_request_on_that_it_begins_with():
    early, late = Effect(error_rate=1.0), Effect(error_rate=1.0, after=1_500)
    for scenario in (ERRORS, replace(ERRORS, p50_s=0.1, options=JudgeOptions())):
        assert released(scenario, early).seconds < 30
        found = released(scenario, late)
        assert found.rolled_back
        assert 180 < found.seconds < 240
        assert 0 < found.harm < 40
    slow = replace(ERRORS, p50_s=0.1, options=JudgeOptions())
    found = released(slow, Effect(latency=8.0, after=1_500))
    assert found.rolled_back
    assert found.seconds > 180


def test_a_drifting_rate_ends_where_it_should():
    world = World(replace(ERRORS, drift=10.0, error_rate=0.01), Effect(errors=2.0))
    assert world.rates(0) == (0.01, 0.02)
    assert world.rates(1_999)[0] == pytest.approx(0.1, rel=0.02)
    assert world.rates(1_999)[1] == pytest.approx(0.2, rel=0.02)
    assert World(replace(ERRORS, drift=10.0, error_rate=0.9), Effect()).rates(1_999) == (1.0, 1.0)
    assert world.steady(0, 500) == 10
    assert World(ERRORS, Effect(after=30)).steady(10, 500) == 20
    assert World(ERRORS, Effect(after=30)).steady(30, 500) == 500


def test_a_limit_of_errors_is_watched_where_the_new_version_has_all_of_the_traffic():
    options = JudgeOptions(metrics=["errors"], max_error_rate=0.05)
    found = released(replace(ERRORS, options=options, steps=(1.0,)), Effect(error_rate=0.5))
    assert found.rolled_back
    assert found.requests < 100


def test_more_requests_than_the_recorder_looks_at_in_a_second_are_counted_all_the_same():
    scenario = replace(ERRORS, per_minute=60.0 * 2 * MOST_SEEN, requests=4 * MOST_SEEN, p50_s=0.1, options=NEVER)
    found = released(scenario)
    assert found.seconds == pytest.approx(2.0)
    assert found.requests == pytest.approx(0.4 * MOST_SEEN, rel=0.1)
    assert not found.skewed


@pytest.mark.slow
def test_a_past_that_is_not_known_costs_the_first_units():
    scenario = replace(ERRORS, p50_s=0.1, per_minute=60.0, options=JudgeOptions(metrics=["latency"]))
    known = [released(scenario, Effect(latency=3.0), seed=n).requests for n in range(25)]
    fresh = [released(replace(scenario, has_history=False), Effect(latency=3.0), seed=n).requests for n in range(25)]
    assert mean(known) < mean(fresh) < 10 * mean(known)


def test_users_with_trouble_make_all_errors_together_as_many_as_the_rate_says():
    scenario = replace(ERRORS, keys=500, troubled=0.1, error_rate=0.05, options=NEVER, requests=20_000)
    found = released(scenario, Effect(error_rate=0.1))
    assert found.harm == pytest.approx(found.requests * 0.05, rel=0.01)
    assert found.requests == pytest.approx(2_000, rel=0.35)


def test_how_long_a_release_lasts_at_most():
    assert most_requests(ERRORS) == 2_000
    assert most_requests(replace(ERRORS, requests=None)) == math.inf
    stepped = replace(ERRORS, steps=(0.1, 0.5), step_seconds=60.0)
    assert most_requests(stepped) == 1_000
    assert most_requests(replace(stepped, requests=700)) == 700
    proof = replace(stepped, options=replace(NEVER, require_proof=2.0), max_step_seconds=90.0, requests=None)
    assert most_requests(proof) == 1_500


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": ()}, "the steps are"),
        ({"steps": (0.1, 1.2), "step_seconds": 9.0}, "the steps are"),
        ({"steps": (1.0,)}, "nothing could be compared"),
        ({"steps": (0.1, 0.5)}, "how long each lasts"),
        ({"p99_s": 1.0}, "has to be above the median"),
        ({"p50_s": 1.0, "p99_s": 1.0}, "has to be above the median"),
        ({"keys": 100, "troubled": 0.001}, "could not make so many errors"),
        ({"requests": None}, "a release would take"),
        ({"requests": MOST_REQUESTS + 1}, "a release would take"),
        ({"steps": (0.1,), "step_seconds": 0.001}, "a release would take"),
        ({"options": JudgeOptions(alpha=0.9)}, "alpha"),
    ],
)
def test_a_scenario_that_nothing_could_be_learnt_from_is_refused(changes, message):
    with pytest.raises(InvalidRequest, match=message):
        check_scenario(replace(ERRORS, **changes))


@pytest.mark.parametrize(
    ("effect", "message"),
    [
        (Effect(name="latency x2", latency=2.0), "needs to know latencies"),
        (Effect(name="tokens x2", tokens=2.0), "needs to know tokens"),
        (Effect(name="errors x2", errors=2.0), "without any errors"),
    ],
)
def test_an_effect_on_what_is_not_described_is_refused(effect, message):
    with pytest.raises(InvalidRequest, match=message):
        Study(replace(ERRORS, error_rate=0.0), [effect])


def test_a_study_has_some_effects_but_not_too_many():
    with pytest.raises(InvalidRequest, match="there are 0 effects"):
        Study(ERRORS, [])
    with pytest.raises(InvalidRequest, match="there are 51 effects"):
        Study(ERRORS, [Effect()] * 51)


def test_the_usual_effects_are_those_that_the_scenario_can_show():
    assert [one.name for one in usual_effects(ERRORS)] == ["no change", "errors x1.5", "errors x2", "errors x5"]
    assert [one.name for one in usual_effects(replace(ERRORS, error_rate=0.0))][1:] == [
        "errors 0.1%", "errors 1%", "errors 5%",
    ]  # fmt: skip
    whole = replace(ERRORS, p50_s=0.1, tokens=10.0)
    assert [one.name for one in usual_effects(whole)][4:] == ["latency +20%", "latency +100%", "tokens +50%"]


def test_what_a_study_tells_is_what_was_counted():
    study = Study(
        ERRORS, [Effect(name="errors x50", errors=50.0), Effect(), Effect(name="errors x1.01", errors=1.01)], 5
    )
    assert len(study) == 3
    found = [study.go_on(0) for _ in range(9)]
    for _ in range(3):
        study.go_on(1)
    assert [study.runs(place) for place in range(3)] == [9, 3, 0]
    result = study.result()
    assert [row.effect for row in result.effects] == ["errors x50", "no change"]
    row = result.effects[0]
    assert (row.runs, row.rolled_back, row.rolled_back_error, row.completed) == (9, 1.0, 0.0, 0.0)
    assert row.requests == sorted(one.requests for one in found)[4]
    assert row.requests_q90 == sorted(one.requests for one in found)[8]
    assert row.seconds == math.ceil(sorted(one.seconds for one in found)[4])
    assert row.harm == pytest.approx(mean(one.harm for one in found))
    assert (result.alpha, result.proof_ratio, result.steps, result.seed) == (0.05, 2.0, [0.1], 5)
    assert result.words[0].startswith("errors x50: rolled back in 9 of 9 simulated releases, after about")
    assert "not more than 5 of 100" in result.words[1]


def test_what_was_never_found_is_told_as_that():
    study = Study(ERRORS, [Effect(name="errors x0.5", errors=0.5)])
    study.go_on(0)
    assert study.result().words == ["errors x0.5: not found in 1 simulated release; it takes more traffic or time"]
    assert study.result().effects[0].requests is None


def test_the_beginning_of_a_study_does_not_depend_on_how_long_it_goes_on():
    short, long = Study(ERRORS, [Effect()], 3), Study(ERRORS, [Effect()], 3)
    first = [long.go_on(0) for _ in range(5)]
    assert [short.go_on(0) for _ in range(2)] == first[:2]
    assert Study(ERRORS, [Effect()], 4).go_on(0) != first[0]


@pytest.mark.parametrize(("per_minute", "unit"), [(1e5, "s"), (100.0, "m"), (2.0, "h"), (0.05, "d")])
def test_times_are_told_in_a_unit_that_suits_them(per_minute, unit):
    scenario = replace(ERRORS, per_minute=per_minute)
    study = Study(scenario, [Effect(name="errors x10", errors=10.0)])
    for _ in range(9):
        study.go_on(0)
    assert study.result().words[0].endswith(unit)


def test_a_quantile_is_a_value_that_was_there_and_none_of_nothing():
    assert quantile([], 0.5) is None
    assert quantile([3, 1, 2], 0.5) == 2
    assert quantile([1.2], 0.9) == 2
    assert quantile(range(1, 11), 0.9) == 9
