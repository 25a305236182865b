"""Webhooks: what is queued, what is queued again, and what of it is on record."""

from __future__ import annotations

import json

import pytest

from components.hooks import Takes, change, create, hook, listed, send_once
from modelyard import InvalidRequest, PreconditionFailed, WebhookNotFound
from modelyard.metadata import journal, models
from modelyard.metadata.database import known
from modelyard.operations import (
    CREATE_WEBHOOK,
    DELETE_WEBHOOK,
    GET_WEBHOOK,
    LIST_EVENTS,
    LIST_WEBHOOKS,
    REPLAY_DELIVERIES,
    TEST_WEBHOOK,
    UPDATE_WEBHOOK,
    CreateWebhook,
    DeleteWebhook,
    ListEvents,
    ListWebhooks,
    NamedWebhook,
    ReplayDeliveries,
    UpdateWebhook,
)


def test_only_what_a_webhook_wants_is_queued(caller):
    one = hook(caller, events=["model.updated"], models=["fraud-*"])
    off = hook(caller, active=False)
    everything = hook(caller)
    create(caller, "fraud-a", "churn")
    change(caller, "fraud-a", 1)
    change(caller, "churn", 1)
    assert [(d.type, d.model) for d in listed(caller, one)] == [("model.updated", "fraud-a")]
    assert listed(caller, off) == []
    assert [d.type for d in listed(caller, everything)][::-1] == [
        "webhook.created", "model.created", "model.created", "model.updated", "model.updated",
    ]  # fmt: skip


def test_a_ping_goes_to_its_webhook_alone(caller):
    webhook, other = hook(caller, events=["alias.*"]), hook(caller)
    ping = caller.call(TEST_WEBHOOK, NamedWebhook(webhook=webhook.id))
    assert (ping.type, ping.model, ping.state) == ("webhook.ping", "", "pending")
    assert [d.id for d in listed(caller, webhook)] == [ping.id]
    assert "webhook.ping" not in [d.type for d in listed(caller, other)]


def test_events_from_before_the_webhook_can_be_sent_too(caller):
    create(caller, "fraud", "churn")
    change(caller, "fraud", 2)
    webhook = hook(caller, models=["fraud"])
    events = caller.call(LIST_EVENTS, ListEvents(name="fraud")).events
    replay = ReplayDeliveries(webhook=webhook.id, after=events[0].sequence)
    assert caller.call(REPLAY_DELIVERIES, replay).queued == 2
    assert caller.call(REPLAY_DELIVERIES, replay).queued == 0, "what waits is not queued twice"
    change(caller, "fraud", 1)
    receiver = Takes()
    send_once(caller, receiver)
    assert [json.loads(parcel.body)["data"]["position"] for parcel in receiver.parcels] == [2, 3, 4]
    assert caller.call(REPLAY_DELIVERIES, replay).queued == 3
    one = listed(caller, webhook)[0]
    send_once(caller, receiver)
    assert caller.call(REPLAY_DELIVERIES, ReplayDeliveries(webhook=webhook.id, delivery=one.id)).queued == 1
    for wrong in (
        ReplayDeliveries(webhook=webhook.id),
        ReplayDeliveries(webhook=webhook.id, dead=True, after=1),
        ReplayDeliveries(webhook=webhook.id, after=-1),
    ):
        with pytest.raises(InvalidRequest):
            caller.call(REPLAY_DELIVERIES, wrong)
    with pytest.raises(WebhookNotFound):
        caller.call(REPLAY_DELIVERIES, ReplayDeliveries(webhook=webhook.id, delivery=10_000))


def test_webhooks_are_changed_listed_and_deleted(caller):
    made = [hook(caller, f"https://h{number}.example.com/T0K3N", description="x") for number in range(3)]
    first = caller.call(LIST_WEBHOOKS, ListWebhooks(limit=2))
    rest = caller.call(LIST_WEBHOOKS, ListWebhooks(limit=2, page_token=first.next_page_token))
    assert [w.id for w in first.webhooks + rest.webhooks] == [w.id for w in made]
    change = UpdateWebhook(webhook=made[0].id, url="http://other.example.com/", events=["alias.*"], if_match=1)
    changed = caller.call(UPDATE_WEBHOOK, change)
    assert (changed.url, changed.events, changed.revision, changed.description) == (change.url, ["alias.*"], 2, "x")
    with pytest.raises(PreconditionFailed):
        caller.call(UPDATE_WEBHOOK, change)
    assert caller.call(UPDATE_WEBHOOK, UpdateWebhook(webhook=made[0].id)).revision == 2
    create(caller, "fraud")
    assert caller.call(DELETE_WEBHOOK, DeleteWebhook(webhook=made[1].id)).pending
    for gone in (made[1].id, "wh_nobody", "\0", ""):
        with pytest.raises(WebhookNotFound):
            caller.call(GET_WEBHOOK, NamedWebhook(webhook=gone))
    events = caller.call(LIST_EVENTS, ListEvents(types=["webhook.*"])).events
    assert {event.model for event in events} == {""}
    assert [event.type for event in events] == ["webhook.created"] * 3 + ["webhook.updated", "webhook.deleted"]
    assert "T0K3N" not in str(events)
    assert not any(webhook.secret in str(events) for webhook in made)


def test_a_secret_is_shown_once_also_to_a_repeated_request(caller):
    request = CreateWebhook(url="https://example.com/")
    first = caller.call(CREATE_WEBHOOK, request, idempotency_key="k")
    again = caller.call(CREATE_WEBHOOK, request, idempotency_key="k")
    assert (again.id, again.secret) == (first.id, "")
    own = "whsec_" + "A" * 44
    assert hook(caller, secret=own).secret == own
    for wrong in ({"url": "ftp://x/"}, {"secret": "short"}, {"events": ["A"]}, {"description": "x" * 3000}):
        with pytest.raises(InvalidRequest):
            caller.call(CREATE_WEBHOOK, CreateWebhook(**({"url": "https://example.com/"} | wrong)))


def test_a_webhook_deleted_while_an_event_is_on_its_way_fails_nobody(caller):
    if caller.yard.database.is_sqlite:
        pytest.skip("SQLite has one writer at a time")
    webhook = hook(caller, events=["thing.*"])
    create(caller, "fraud")
    with caller.yard.database.write() as tx:
        facts = {
            "model_id": known(models.lock(tx, "fraud")).id,
            "kind": "thing.done",
            "at": caller.yard.clock(),
            "actor": "ada",
        }
        journal.append(tx, **facts)
        caller.call(DELETE_WEBHOOK, DeleteWebhook(webhook=webhook.id))
        journal.append(tx, **facts)
    assert send_once(caller, Takes()).delivered == 0
