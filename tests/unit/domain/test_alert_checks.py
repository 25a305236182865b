"""What rules, silences and channels may say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from modelyard import InvalidRequest
from modelyard.domain.alert_checks import (
    check_burn_windows,
    check_channel,
    check_match,
    check_name,
    check_rule,
    default_rules,
)
from modelyard.domain.alert_measures import FAST
from modelyard.domain.wire import AlertMatch, AlertRule, BurnWindow, Channel

GOOD: dict[str, dict[str, Any]] = {
    "threshold": {"above": 0.1},
    "degradation": {"metric": "p95"},
    "burn_rate": {},
    "no_data": {},
    "drift": {},
}
NAN, INFINITE = float("nan"), float("inf")


@pytest.mark.parametrize("kind", GOOD)
def test_sound_rules_pass(kind):
    rule = AlertRule(kind=kind, **GOOD[kind])
    assert check_rule(rule) == replace(rule, burn=list(FAST) if kind == "burn_rate" else [])


def test_more_sound_rules_pass():
    check_rule(AlertRule(kind="threshold", above=0.1, below=0.05, resolve_at=0.07))
    check_rule(AlertRule(kind="degradation", ratio=3.0, resolve_at=1.5))
    check_rule(AlertRule(kind="drift", above=0.3, resolve_at=0.1))
    check_rule(AlertRule(kind="drift", resolve_at=0.1))


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "guess"},
        {"kind": "threshold"},
        {"kind": "threshold", "above": -1.0},
        {"kind": "threshold", "above": NAN},
        {"kind": "threshold", "above": INFINITE},
        {"kind": "threshold", "above": 0.1, "below": 0.1},
        {"kind": "threshold", "above": 0.1, "resolve_at": 0.2},
        {"kind": "threshold", "below": 0.1, "resolve_at": 0.05},
        {"kind": "threshold", "above": 0.1, "resolve_at": NAN},
        {"kind": "threshold", "above": 0.1, "metric": "mood"},
        {"kind": "threshold", "above": 0.1, "severity": "awful"},
        {"kind": "threshold", "above": 0.1, "model": ""},
        {"kind": "threshold", "above": 0.1, "model": "a*b"},
        {"kind": "threshold", "above": 0.1, "version": "1" * 300},
        {"kind": "threshold", "above": 0.1, "window_s": 10.0},
        {"kind": "threshold", "above": 0.1, "for_s": -1.0},
        {"kind": "threshold", "above": 0.1, "min_requests": -1},
        {"kind": "threshold", "above": 0.1, "channels": ["no such name!"]},
        {"kind": "threshold", "above": 0.1, "channels": ["a"] * 51},
        {"kind": "threshold", "above": 0.1, "description": "x" * 3000},
        {"kind": "degradation", "above": 0.1},
        {"kind": "degradation", "ratio": 1.0},
        {"kind": "degradation", "ratio": 2.0, "resolve_at": 3.0},
        {"kind": "degradation", "baseline": "never"},
        {"kind": "degradation", "metric": "success_rate"},
        {"kind": "burn_rate", "below": 0.1},
        {"kind": "burn_rate", "objective": 1.0},
        {"kind": "burn_rate", "burn": [BurnWindow(long_s=300, short_s=600, factor=1)]},
        {"kind": "burn_rate", "burn": [BurnWindow(long_s=300, short_s=60, factor=1e9)]},
        {"kind": "burn_rate", "burn": [BurnWindow(long_s=300, short_s=60, factor=1)] * 6},
        {"kind": "no_data", "above": 1.0},
        {"kind": "drift", "below": 0.1},
        {"kind": "drift", "above": 0.0},
        {"kind": "drift", "resolve_at": 0.5},
        {"kind": "burn_rate", "metric": "p95"},
        {"kind": "burn_rate", "resolve_at": 5.0},
        {"kind": "threshold", "above": 0.1, "ratio": NAN},
        {"kind": "threshold", "above": 0.1, "objective": 0.9},
        {"kind": "drift", "metric": "p95"},
        {"kind": "no_data", "ratio": 3.0},
        {"kind": "threshold", "above": 0.1, "min_requests": 10**400},
        {"kind": "threshold", "above": 0.1, "description": "\ud800"},
    ],
)
def test_what_cannot_be_right_is_refused(fields):
    with pytest.raises(InvalidRequest):
        check_rule(AlertRule(**fields))


@pytest.mark.parametrize("name", ["", "-a", "a b", "a/b", "x" * 101, "deployment"])
def test_names_that_cannot_be(name):
    with pytest.raises(InvalidRequest):
        check_name(name, "a rule")


def test_defaults_are_rules_that_can_be_followed():
    found = default_rules("fraud*")
    assert len(found) >= 6
    for name, rule in found.items():
        assert check_name(name, "a rule") == name
        assert check_rule(rule).model == "fraud*"
        assert rule.description
    assert {rule.kind for rule in found.values()} == set(GOOD)


def test_a_silence_names_something():
    assert check_match(AlertMatch(model="fraud")).model == "fraud"
    for match in (AlertMatch(), AlertMatch(model="a*b")):
        with pytest.raises(InvalidRequest):
            check_match(match)


MAIL: dict[str, Any] = {
    "kind": "email",
    "host": "smtp.example.com",
    "sender": "a@example.com",
    "recipients": ["b@example.com"],
}
SLACK: dict[str, Any] = {"kind": "slack", "url_env": "SLACK_WEBHOOK_URL"}
PAGER: dict[str, Any] = {"kind": "pagerduty", "routing_key_env": "PAGERDUTY_ROUTING_KEY"}
HOOK: dict[str, Any] = {"kind": "webhook", "url": "https://example.com/alerts"}


def test_sound_channels_pass_and_get_their_interval():
    assert [check_channel(Channel(**one)).min_interval_s for one in (MAIL, SLACK, PAGER, HOOK)] == [60.0, 1.0, 0.0, 0.0]
    login = {**MAIL, "username": "ana", "password_env": "SMTP_PASSWORD", "min_interval_s": 5.0}
    assert check_channel(Channel(**login)).min_interval_s == 5.0
    check_channel(Channel(kind="webhook", url_env="TEAM_WEBHOOK_URL", secret_env="TEAM_WEBHOOK_SECRET"))
    check_channel(Channel(**PAGER, url="https://events.eu.pagerduty.com/v2/enqueue"))
    assert check_channel(Channel(**SLACK, group_by=["model", "rule"])).group_by == ["rule", "model"]


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "pigeon"},
        {"kind": "slack"},
        {"kind": "pagerduty"},
        {"kind": "webhook"},
        {"kind": "email"},
        {**SLACK, "url": "https://hooks.slack.com/services/T/B/x"},
        {**SLACK, "url_env": "HOME"},
        {**SLACK, "url_env": "slack_webhook_url"},
        {**SLACK, "url_env": "MODELYARD_DATABASE_WEBHOOK_URL"},
        {**SLACK, "severity": "loud"},
        {**SLACK, "group_by": ["mood"]},
        {**SLACK, "group_by": ["model"] * 51},
        {**SLACK, "models": ["a*b"]},
        {**SLACK, "models": ["a"] * 51},
        {**SLACK, "group_wait_s": -1.0},
        {**SLACK, "min_interval_s": NAN},
        {**SLACK, "description": "x" * 3000},
        {**SLACK, "password_env": "SMTP_PASSWORD"},
        {**PAGER, "routing_key_env": "OPENAI_API_KEY"},
        {**HOOK, "url_env": "TEAM_WEBHOOK_URL"},
        {**HOOK, "url": "ftp://example.com"},
        {**HOOK, "url": "https://ana:secret@example.com"},
        {**HOOK, "secret_env": "AWS_SECRET_ACCESS_KEY"},
        {**MAIL, "host": "smtp example"},
        {**MAIL, "port": 0},
        {**MAIL, "port": 10**400},
        {**MAIL, "recipients": ["\ud800@example.com"]},
        {**MAIL, "recipients": ["(ana)@example.com"]},
        {**MAIL, "tls": "maybe"},
        {**MAIL, "sender": "nobody"},
        {**MAIL, "sender": "a@example.com\nBcc: all@example.com"},
        {**MAIL, "recipients": []},
        {**MAIL, "recipients": ["b@example.com, c@example.com"]},
        {**MAIL, "recipients": ["b@example.com"] * 51},
        {**MAIL, "username": "ana"},
        {**MAIL, "password_env": "SMTP_PASSWORD"},
        {**MAIL, "username": "ana", "password_env": "SMTP_PASSWORD", "tls": "none"},
    ],
)
def test_channels_that_cannot_be(fields):
    with pytest.raises(InvalidRequest) as caught:
        check_channel(Channel(**fields))
    assert "secret@" not in str(caught.value)


def test_burn_windows_as_people_write_them():
    assert check_burn_windows("3600/300/14.4,21600/1800/6") == list(FAST)
    for text in ("3600", "a/b/c", "1/2/3/4"):
        with pytest.raises(InvalidRequest):
            check_burn_windows(text)
