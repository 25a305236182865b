"""The feed and webhooks: the same, wherever the registry is."""

from __future__ import annotations

import threading
from datetime import datetime
from itertools import islice

import pytest

from modelyard import InvalidRequest, ModelNotFound, PreconditionFailed, WebhookNotFound


def names(events) -> list[str]:
    return [event.model for event in events]


@pytest.mark.feature("EXP-06")
def test_events_go_on_behind_the_last_one(registry):
    for name in "abc":
        registry.create_model(name)
    seen = list(registry.events())
    assert names(seen) == ["a", "b", "c"]
    assert list(registry.events()) == registry.get_history()
    registry.update_model("a", owner="ada")
    (new,) = registry.events(after=seen[-1].sequence)
    assert (new.model, new.type) == ("a", "model.updated")
    assert list(registry.events(after=new.sequence)) == []
    assert names(registry.events(after=-2)) == ["c", "a"]
    assert names(registry.events(types=["model.created"], name="a")) == ["a"]
    assert names(registry.events(types=["model.u*"])) == ["a"]


@pytest.mark.feature("EXP-06", "OBS-04")
@pytest.mark.every_way
def test_events_are_read_back_from_a_moment_on_and_by_who_did_it(registry, monkeypatch):
    monkeypatch.setattr("modelyard.facade.events.PAGE", 2)
    for name in "abcde":
        registry.create_model(name)
    every = list(registry.events())
    assert list(registry.events(newest_first=True)) == every[::-1]
    third = every[2]
    assert list(registry.events(until=third.at)) == every[:3]
    assert list(registry.events(until=third.at, newest_first=True)) == every[2::-1]
    assert list(registry.events(until=datetime.fromisoformat(third.at), after=-2)) == every[1:3]
    assert list(registry.events(until=third.at, newest_first=True, after=every[0].sequence)) == every[2:0:-1]
    assert list(registry.events(until=third.at, name="d")) == []
    assert list(registry.events(until=every[3].at, name="d", newest_first=True)) == [every[3]]
    assert list(registry.events(until="2020-01-01")) == list(registry.events(until="2020-01-01", after=-3)) == []
    assert list(registry.events(until="2020-01-01", name="a")) == []
    assert list(registry.events(actor=third.actor, types=["model.*"], newest_first=True)) == every[::-1]
    assert list(registry.events(actor="nobody")) == list(registry.events(actor="nobody", name="a")) == []
    beginning = registry.follow_events(after=0, actor=third.actor)
    assert names(islice(beginning, 2)) == ["a", "b"]
    beginning.close()


def test_numbers_that_nobody_gave_out_are_refused(registry):
    for after in (1 << 63, 10**30):
        with pytest.raises(InvalidRequest, match="digits"):
            list(registry.events(after=after))
    webhook = registry.create_webhook("https://ci.example.com/hooks").id
    for choice in ({"after": 1 << 63}, {"delivery": 10**30}):
        with pytest.raises(InvalidRequest, match="digits"):
            registry.replay_deliveries(webhook, **choice)


@pytest.mark.feature("EXP-06")
def test_events_are_followed_as_they_happen(registry):
    registry.create_model("before")
    now = registry.follow_events()
    registry.create_model("a")
    beginning = registry.follow_events(after=0)
    assert names(islice(beginning, 2)) == ["before", "a"]
    waiting: list[str] = []
    follower = threading.Thread(target=lambda: waiting.extend(names(islice(now, 3))))
    follower.start()
    registry.update_model("a", owner="ada")
    registry.create_model("b")
    follower.join(30)
    assert waiting == ["a", "a", "b"]
    assert names(islice(beginning, 2)) == ["a", "b"]
    assert names(islice(registry.follow_events(after=-2), 2)) == ["a", "b"]
    assert names(islice(registry.follow_events(after=-99, types=["model.created"]), 3)) == ["before", "a", "b"]
    assert names(islice(registry.follow_events(after=0, name="b"), 1)) == ["b"]
    for stream in (now, beginning):
        stream.close()


def test_events_that_cannot_be_are_refused(either_registry):
    for wrong in (
        {"after": "1"},
        {"after": True},
        {"after": 1.0},
        {"types": "model.*"},
        {"types": ["Model"]},
        {"actor": 5},
        {"actor": "a\0"},
    ):
        with pytest.raises(InvalidRequest):
            list(either_registry.events(**wrong))
        with pytest.raises(InvalidRequest):
            next(either_registry.follow_events(**wrong))
    for wrong in (
        {"until": "soon"},
        {"until": "9999-01-01"},
        {"until": 5},
        {"newest_first": "yes"},
        {"newest_first": True, "after": -1},
    ):
        with pytest.raises(InvalidRequest):
            list(either_registry.events(**wrong))
    with pytest.raises(ModelNotFound):
        next(either_registry.follow_events(name="nobody"))
    with pytest.raises(ModelNotFound):
        next(either_registry.follow_events(after=0, name="nobody"))


@pytest.mark.feature("EXP-05")
def test_a_webhook_lives(registry):
    made = registry.create_webhook("https://example.com/hook", ["model.*"], ["fraud*"], description="CI")
    assert made.secret.startswith("whsec_")
    registry.create_model("fraud")
    registry.create_model("churn")
    found = registry.get_webhook(made)
    assert (found.pending, found.active, found.events, found.models) == (1, True, ["model.*"], ["fraud*"])
    assert registry.list_webhooks() == [found]
    assert not hasattr(found, "secret")
    off = registry.update_webhook(made.id, active=False, events=["alias.*"], if_match=1)
    assert (off.active, off.events, off.models, off.revision) == (False, ["alias.*"], ["fraud*"], 2)
    with pytest.raises(PreconditionFailed):
        registry.update_webhook(made, active=True, if_match=1)
    registry.update_webhook(made, active=True)
    ping = registry.test_webhook(made)
    (first, second) = registry.list_deliveries(made)
    assert (first.id, first.type, second.type) == (ping.id, "webhook.ping", "model.created")
    assert registry.list_deliveries(made, state="dead", limit=None) == []
    assert registry.replay_deliveries(made, after=0) == 0
    assert registry.rotate_webhook_secret(made, overlap_seconds=60).secret not in {"", made.secret}
    assert registry.delete_webhook(made).pending == 2
    with pytest.raises(WebhookNotFound):
        registry.get_webhook(made)


def test_webhooks_that_cannot_be_are_refused(either_registry):
    for wrong in (
        {"url": "https://u:p@example.com/"},
        {"url": 5},
        {"url": "https://example.com/", "events": "model.*"},
        {"url": "https://example.com/", "active": "yes"},
        {"url": "https://example.com/", "secret": "whsec_short"},
    ):
        with pytest.raises(InvalidRequest):
            either_registry.create_webhook(**wrong)
    for call in (either_registry.get_webhook, either_registry.delete_webhook, either_registry.test_webhook):
        with pytest.raises(InvalidRequest):
            call(5)
        with pytest.raises(WebhookNotFound):
            call("wh_nobody")
    webhook = either_registry.create_webhook("https://example.com/")
    for wrong in ({}, {"delivery": 1, "dead": True}, {"delivery": "1"}, {"after": -1}):
        with pytest.raises(InvalidRequest):
            either_registry.replay_deliveries(webhook, **wrong)
    with pytest.raises(InvalidRequest):
        either_registry.rotate_webhook_secret(webhook, overlap_seconds="1h")
    with pytest.raises(InvalidRequest):
        either_registry.list_deliveries(webhook, state="lost")
