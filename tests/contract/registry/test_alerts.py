"""Rules, silences and channels: the same in a folder and on a server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from modelyard import AlertNotFound, Conflict, InvalidRequest, ModelRegistry, PreconditionFailed
from modelyard.domain.wire import AlertRule, Channel


@pytest.mark.feature("PRF-08")
@pytest.mark.every_way
def test_there_is_nothing_wrong_at_first(registry: ModelRegistry):
    assert registry.list_alerts() == registry.list_alerts("fraud", state="firing", severity="critical") == []
    assert [*registry.list_alert_rules(), *registry.list_silences(), *registry.list_channels()] == []
    for ask in (registry.get_alert, registry.get_alert_rule, registry.get_channel, registry.end_silence):
        with pytest.raises(AlertNotFound):
            ask("nobody")


@pytest.mark.feature("PRF-08", "PRF-09")
@pytest.mark.every_way
def test_rules_are_made_replaced_and_deleted(registry: ModelRegistry):
    made = registry.set_alert_rule("slow", "threshold", model="fraud", metric="p95", above=0.3, for_s=120)
    assert (made.name, made.rule.above, made.rule.for_s, made.revision) == ("slow", 0.3, 120.0, 1)
    assert registry.get_alert_rule("slow") == made
    assert registry.set_alert_rule("slow", rule=made.rule) == made, "nothing changed"
    with pytest.raises(PreconditionFailed):
        registry.set_alert_rule("slow", "no_data", if_match=7)
    changed = registry.set_alert_rule("slow", "no_data", window_s=600, if_match=1)
    assert (changed.rule, changed.revision) == (AlertRule(kind="no_data", window_s=600.0), 2)
    with pytest.raises(PreconditionFailed):
        registry.delete_alert_rule("slow", if_match=1)
    assert registry.delete_alert_rule("slow").name == "slow"
    assert registry.list_alert_rules() == []
    names = [one.name for one in registry.set_default_alert_rules("fraud", prefix="f-")]
    assert names
    assert sorted(names) == [one.name for one in registry.list_alert_rules()]


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("a rule", {"kind": "no_data"}),
        ("slow", {}),
        ("slow", {"kind": "threshold"}),
        ("slow", {"kind": "threshold", "above": "much"}),
        ("slow", {"kind": "threshold", "above": 0.1, "mood": 1}),
        ("slow", {"kind": "threshold", "above": 0.1, "channels": "team"}),
        ("deployment", {"kind": "no_data"}),
    ],
)
def test_rules_that_cannot_be_are_refused_alike(either_registry: ModelRegistry, name, fields):
    with pytest.raises(InvalidRequest):
        either_registry.set_alert_rule(name, **fields)


@pytest.mark.feature("PRF-10")
@pytest.mark.every_way
def test_silences_hold_for_their_time(registry: ModelRegistry):
    made = registry.silence_alerts(model="fraud", duration="2h", reason="a move")
    until = datetime.now(UTC) + timedelta(hours=1)
    first = registry.silence_alerts(rule="slow", until=until)
    assert [one.id for one in registry.list_silences()] == [first.id, made.id]
    assert (made.match.model, made.reason, made.match.rule) == ("fraud", "a move", "*")
    registry.end_silence(made)
    assert registry.end_silence(made.id).until < until.isoformat()
    assert [one.id for one in registry.list_silences()] == [first.id]


@pytest.mark.parametrize(
    "fields",
    [
        {"duration": "1h"},
        {"model": "fraud"},
        {"model": "fraud", "duration": "1h", "until": "2999-01-01"},
        {"model": "fraud", "until": "2001-01-01"},
        {"model": "fraud", "until": "soon"},
        {"model": "fraud", "duration": "800d"},
        {"model": "fraud", "duration": "1h", "mood": "*"},
        {"model": "a*b", "duration": "1h"},
    ],
)
def test_silences_that_cannot_be(either_registry: ModelRegistry, fields):
    with pytest.raises(InvalidRequest):
        either_registry.silence_alerts(**fields)


@pytest.mark.feature("PRF-10")
@pytest.mark.every_way
def test_channels_are_made_tested_and_deleted(registry: ModelRegistry):
    made = registry.set_channel("team", "slack", url_env="SLACK_WEBHOOK_URL", severity="warning", models=("fraud",))
    assert made.channel == Channel(
        kind="slack", url_env="SLACK_WEBHOOK_URL", severity="warning", models=["fraud"], min_interval_s=1.0
    )
    assert registry.set_channel("team", channel=made.channel) == made
    queued = registry.test_channel("team")
    assert (queued.channel, [one.event for one in queued.alerts]) == ("team", ["test"])
    assert [one.id for one in registry.list_notifications("team")] == [queued.id]
    changed = registry.set_channel("team", "slack", url_env="SLACK_WEBHOOK_URL", active=False, if_match=1)
    assert changed.revision == 2
    with pytest.raises(Conflict):
        registry.test_channel("team")
    with pytest.raises(PreconditionFailed):
        registry.delete_channel("team", if_match=1)
    assert registry.delete_channel("team").name == "team"
    assert registry.list_channels() == []


def test_channels_and_lists_that_cannot_be(either_registry: ModelRegistry):
    registry = either_registry
    for fields in ({"kind": "slack", "url": "https://example.com"}, {"kind": "pigeon"}, {"mood": 1}, {}):
        with pytest.raises(InvalidRequest):
            registry.set_channel("team", **fields)
    registry.set_channel("team", "slack", url_env="SLACK_WEBHOOK_URL")
    for ask in (
        lambda: registry.list_notifications("team", state="lost"),
        lambda: registry.list_alerts(state="lost"),
        lambda: registry.list_alerts(severity="loud"),
        lambda: registry.get_alert(""),
        lambda: registry.list_alerts(limit=-1),
    ):
        with pytest.raises(InvalidRequest):
            ask()
