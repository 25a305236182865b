"""When an alert begins, fires and resolves, who is told, and what goes into one message."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.domain.alerts import (
    BAD,
    BEGAN,
    BETWEEN,
    CHANGED,
    CLEAR,
    DROPPED,
    FIRED,
    FIRING,
    GONE,
    PENDING,
    REFRESH_S,
    RESOLVED,
    RESOLVES,
    UNKNOWN,
    Reading,
    Standing,
    Subject,
    Timing,
    Turn,
    fits,
    follow,
    gathered,
    group_of,
    hearers,
    is_about,
    is_named,
    is_worse,
    level_of,
    live_key,
    notice,
    subject_text,
    timing_of,
    wants,
)
from modelyard.domain.durations import later
from modelyard.domain.wire import AlertMatch, AlertNotice, AlertRule, BurnWindow, Channel

START = "2026-03-02T12:00:00.000000Z"
TIMING = Timing(for_s=60, keep_firing_s=120, stale_s=300)
FRAUD = Subject(model="fraud", environment="production", version="1.0.0")


def run(readings, timing=TIMING, step=30.0):
    """Follow readings that come one after the other, `step` seconds apart; return the events and the last standing."""
    standing, events, now = None, [], START
    for reading in readings:
        turn = follow(timing, standing, Reading(level=reading) if isinstance(reading, str) else reading, now)
        if turn is not None:
            events.append(turn.event)
            standing = None if turn.event == DROPPED else turn.standing
        now = later(now, step)
    return events, standing


@pytest.mark.feature("PRF-08")
def test_an_alert_waits_fires_and_resolves():
    events, standing = run([BAD, BAD, BAD, CLEAR, CLEAR, CLEAR, CLEAR, CLEAR])
    assert events == [BEGAN, FIRED, CHANGED, RESOLVES]
    assert standing.state == RESOLVED
    assert standing.started_at == START
    assert standing.fired_at == later(START, 60)
    assert standing.resolved_at == later(START, 90 + 120)


def test_what_does_not_last_is_forgotten_untold():
    for other in (CLEAR, BETWEEN, UNKNOWN, GONE):
        assert run([BAD, other]) == ([BEGAN, DROPPED], None)


def test_without_a_time_to_wait_it_fires_at_once():
    events, standing = run([BAD], Timing())
    assert (events, standing.state, standing.fired_at) == ([FIRED], FIRING, START)


@pytest.mark.parametrize("level", [CLEAR, BETWEEN, UNKNOWN, GONE])
def test_nothing_begins_without_something_bad(level):
    assert follow(TIMING, None, Reading(level=level), START) is None


def test_what_is_over_stays_over():
    _, standing = run([BAD, CLEAR], Timing())
    assert standing.state == RESOLVED
    assert follow(Timing(), standing, Reading(level=BAD), START) is None


def test_between_the_limits_it_neither_ends_nor_begins():
    events, standing = run([BAD] * 3 + [BETWEEN] * 50)
    assert (events, standing.state) == ([BEGAN, FIRED], FIRING)


def test_a_relapse_starts_the_time_of_being_well_again():
    events, standing = run([BAD, BAD, BAD, CLEAR, CLEAR, CLEAR, BAD, CLEAR, CLEAR, CLEAR, CLEAR])
    assert standing.state == FIRING
    assert RESOLVES not in events
    events, _ = run([BAD, BAD, BAD, CLEAR, CLEAR, CLEAR, BETWEEN, CLEAR, CLEAR, CLEAR, CLEAR])
    assert RESOLVES not in events


@pytest.mark.feature("PRF-08")
def test_a_value_that_swings_about_its_limit_fires_once():
    events, _ = run([BAD] * 3 + [CLEAR, BAD] * 40)
    assert events.count(FIRED) == 1
    assert RESOLVES not in events


def test_without_data_a_firing_alert_stays_and_then_says_that_nothing_was_measured():
    events, standing = run([BAD, BAD, BAD] + [UNKNOWN] * 10)
    assert (events[-1], standing.state) == (CHANGED, FIRING)
    events, standing = run([BAD, BAD, BAD] + [UNKNOWN] * 12)
    assert events[-1] == RESOLVES
    assert standing.reason == "nothing was measured for 300 s"


def test_time_without_data_is_no_time_in_which_it_was_well():
    _, standing = run([BAD, BAD, BAD, CLEAR, CLEAR, UNKNOWN, CLEAR, CLEAR, CLEAR, CLEAR])
    assert standing.state == FIRING
    _, standing = run([BAD, BAD, BAD, UNKNOWN, UNKNOWN, BAD] + [UNKNOWN] * 9)
    assert standing.state == FIRING


def test_what_is_gone_resolves_at_once():
    events, standing = run([BAD, BAD, BAD, GONE])
    assert (events[-1], standing.reason) == (RESOLVES, "what it was about is gone")
    _, standing = run([BAD, BAD, BAD, Reading(level=GONE, summary="the rule was deleted")])
    assert standing.reason == "the rule was deleted"


def test_numbers_of_what_goes_on_are_written_now_and_then():
    _, standing = run([BAD, BAD, BAD])
    numbers = Reading(level=BAD, value=0.5, summary="worse")
    assert follow(TIMING, standing, numbers, later(standing.updated_at, REFRESH_S - 1)) is None
    turn = follow(TIMING, standing, numbers, later(standing.updated_at, REFRESH_S))
    assert turn is not None
    assert (turn.event, turn.standing.value, turn.standing.summary) == (CHANGED, 0.5, "worse")
    severe = follow(TIMING, standing, replace(numbers, severity="critical"), standing.updated_at)
    assert severe is not None
    assert severe.standing.severity == "critical"


LEVELS = st.lists(st.sampled_from([BAD, BETWEEN, CLEAR, UNKNOWN, GONE]), max_size=40)


@given(LEVELS, st.sampled_from([0.0, 30.0, 90.0]), st.sampled_from([0.0, 60.0]))
def test_an_alert_goes_its_way_in_order(levels, for_s, keep):
    timing = Timing(for_s=for_s, keep_firing_s=keep, stale_s=120)
    standing, now, before = None, START, None
    for level in levels:
        turn = follow(timing, standing, Reading(level=level), now)
        if turn is not None:
            after = turn.standing.state
            way = (None if standing is None else standing.state, after, turn.event)
            assert way in {
                (None, PENDING, BEGAN),
                (None, FIRING, FIRED),
                (PENDING, PENDING, DROPPED),
                (PENDING, FIRING, FIRED),
                (FIRING, FIRING, CHANGED),
                (FIRING, RESOLVED, RESOLVES),
            }
            if turn.event == FIRED:
                assert level == BAD
            if turn.event == RESOLVES:
                assert level != BAD
                assert before != RESOLVES
            before = turn.event
            standing = None if turn.event == DROPPED or after == RESOLVED else turn.standing
        now = later(now, 30)


@pytest.mark.parametrize(
    ("value", "level"), [(0.06, BAD), (0.05, BETWEEN), (0.04, BETWEEN), (0.03, CLEAR), (0.0, CLEAR)]
)
def test_levels_above_a_limit(value, level):
    assert level_of(value, 0.05, above=True, resolve_at=0.03) == level


@pytest.mark.parametrize(("value", "level"), [(94.9, BAD), (95.0, BETWEEN), (97.0, CLEAR), (99.0, CLEAR)])
def test_levels_below_a_limit(value, level):
    assert level_of(value, 95.0, above=False, resolve_at=97.0) == level


def test_without_a_second_limit_the_first_counts_for_both():
    assert [level_of(value, 0.05, above=True) for value in (0.051, 0.05)] == [BAD, CLEAR]


def test_the_longest_window_says_when_nothing_is_measured_any_more():
    rule = AlertRule(
        kind="burn_rate", burn=[BurnWindow(long_s=3600, short_s=300, factor=14.4)], for_s=5, severity="info"
    )
    assert timing_of(rule) == Timing(for_s=5, keep_firing_s=300, stale_s=3600, severity="info")
    assert timing_of(AlertRule(kind="threshold", window_s=600)).stale_s == 600


def test_a_rule_is_about_what_its_patterns_match():
    rule = AlertRule(kind="threshold", model="fra*", environment="production", version="1.*")
    assert is_about(rule, FRAUD)
    assert not is_about(rule, replace(FRAUD, model="churn"))
    assert not is_about(rule, replace(FRAUD, environment="edge"))
    assert not is_about(rule, replace(FRAUD, version="2.0.0"))
    assert is_about(rule, replace(FRAUD, version="")), "an endpoint as a whole, by these versions"


def test_a_silence_matches_by_all_of_its_patterns():
    match = AlertMatch(rule="slow", model="fra*")
    assert fits(match, "slow", FRAUD, "warning")
    assert not fits(match, "other", FRAUD, "warning")
    assert not fits(replace(match, severity="critical"), "slow", FRAUD, "warning")


def test_a_channel_hears_what_it_wants():
    channel = Channel(kind="slack", models=["fraud"], severity="warning")
    assert wants(channel, FRAUD, "warning")
    assert wants(channel, FRAUD, "critical")
    assert not wants(channel, FRAUD, "info")
    assert not wants(channel, replace(FRAUD, model="churn"), "critical")
    assert not wants(replace(channel, active=False), FRAUD, "critical")
    assert wants(Channel(kind="slack"), replace(FRAUD, model="anything"), "info")
    assert is_named("team", [])
    assert is_named("team", ["team"])
    assert not is_named("team", ["other"])


def standing(state=FIRING, **fields) -> Standing:
    """A standing that began at `START`."""
    return Standing(state=state, **{"severity": "warning", "started_at": START, "updated_at": START, **fields})


def test_who_is_told():
    fired = Turn(event=FIRED, standing=standing())
    assert hearers(fired, None, ["a", "b"], {"a"}, silenced=False) == ["a", "b"]
    assert hearers(fired, None, ["a", "b"], {"a"}, silenced=True) == []
    begun = Turn(event=BEGAN, standing=standing(PENDING))
    assert hearers(begun, None, ["a"], {"a"}, silenced=False) == []


def test_who_was_told_that_it_fires_is_told_that_it_is_over_silence_or_not():
    over = Turn(event=RESOLVES, standing=standing(RESOLVED, told=["a", "b"]))
    for silenced in (False, True):
        assert hearers(over, standing(), ["c"], {"a", "c"}, silenced=silenced) == ["a"]


def test_after_a_silence_people_are_told_of_what_still_fires():
    goes_on = Turn(event=CHANGED, standing=standing())
    assert hearers(goes_on, standing(), ["a"], set(), silenced=True) == []
    assert hearers(goes_on, standing(), ["a"], set(), silenced=False) == ["a"]
    known = Turn(event=CHANGED, standing=standing(told=["a"]))
    assert hearers(known, standing(told=["a"]), ["a"], set(), silenced=False) == []


def test_what_gets_worse_is_told_again():
    before = standing(told=["a"])
    worse = Turn(event=CHANGED, standing=replace(before, severity="critical"))
    assert hearers(worse, before, ["a", "b"], set(), silenced=False) == ["a", "b"]
    assert not is_worse(worse.standing, before)
    assert not is_worse(None, before)


def made(**fields) -> AlertNotice:
    """A notice of an alert about a version of fraud."""
    whole = {"alert": "al_1", "event": FIRED, "rule": "slow", "severity": "warning", "model": "fraud", **fields}
    return AlertNotice(**whole)


def test_a_notice_tells_the_alert():
    turn = Turn(event=RESOLVES, standing=standing(RESOLVED, summary="p95 is 0.4", reason="p95 is 0.1", value=0.4))
    found = notice("al_1", "slow", FRAUD, turn)
    assert (found.event, found.model, found.version, found.value) == (RESOLVES, "fraud", "1.0.0", 0.4)
    assert found.summary == "p95 is 0.4 (over: p95 is 0.1)"
    assert notice("al_1", "slow", FRAUD, Turn(event=FIRED, standing=turn.standing)).summary == "p95 is 0.4"


def test_groups_are_what_labels_agree_in():
    assert group_of(made(environment="edge"), ["model", "environment"]) == "model=fraud, environment=edge"
    assert group_of(made(), []) == ""
    long = made(model="m" * 250)
    assert len(group_of(long, ["model"])) == 200
    assert group_of(long, ["model"]) != group_of(made(model="m" * 249), ["model"])


def test_an_alert_stands_in_a_message_once_as_it_is_last_known():
    first, other, again = made(), made(alert="al_2"), made(event=RESOLVES)
    assert gathered(gathered([first], other), again) == [other, again]


def test_subjects_in_words_and_as_keys():
    assert subject_text(FRAUD) == "fraud 1.0.0 in production"
    assert subject_text(Subject(model="fraud")) == "fraud"
    keys = {live_key("a", FRAUD), live_key("b", FRAUD), live_key("a", replace(FRAUD, version=""))}
    assert len(keys) == 3
    assert live_key("a", FRAUD) == live_key("a", replace(FRAUD))
