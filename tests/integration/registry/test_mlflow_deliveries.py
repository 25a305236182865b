"""Deliveries in MLflow's format: which messages events leave, when they are tried again, and who sends them."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from components.asking import Asking
from components.crowd import alone, together
from components.hooks import Takes, create, hook, listed, send_once, sending
from components.receiver import Heard, Receiver
from components.yards import open_caller, register
from modelyard import InvalidRequest
from modelyard.bootstrap import EmbeddedCaller
from modelyard.domain.durations import elapsed, later
from modelyard.domain.mlflow.webhooks import EVENTS, IS_PROMPT, PROMPT_TEXT
from modelyard.domain.posting import Reply
from modelyard.domain.webhooks import Patience
from modelyard.domain.wire import WebhookSecret
from modelyard.metadata.database import known
from modelyard.operations import (
    CREATE_MODEL,
    DELETE_ALIAS,
    LIST_WEBHOOKS,
    REPLAY_DELIVERIES,
    ROTATE_SECRET,
    SET_ALIAS,
    TEST_WEBHOOK,
    UPDATE_MODEL,
    UPDATE_VERSION,
    UPDATE_WEBHOOK,
    CreateModel,
    ListWebhooks,
    NamedAlias,
    NamedWebhook,
    ReplayDeliveries,
    RotateSecret,
    SetAlias,
    UpdateModel,
    UpdateVersion,
    UpdateWebhook,
)
from modelyard.outside.outbound import Outbound
from modelyard.registry.deliveries import look, settle, take

PATIENCE = Patience(first_pause=1.0)


def theirs(caller: EmbeddedCaller, url: str = "https://e.com/hook", *events: str, **fields: Any) -> WebhookSecret:
    """Make a webhook in MLflow's format, for all events where none is named."""
    return hook(caller, url, format="mlflow", name="ci", events=list(events), **fields)


def set_tags(caller: EmbeddedCaller, reference: str, tags: dict[str, str | None]) -> None:
    """Set and remove tags of a version."""
    caller.call(UPDATE_VERSION, UpdateVersion(reference=reference, metadata={"tags": tags}))


def live(caller: EmbeddedCaller) -> None:
    """Let a model and a prompt go through everything that MLflow's webhooks tell of."""
    register(caller, "fraud", tags={"a": "1"}, description="d", training_run_id="run-1", source="s3://bucket/model")
    set_tags(caller, "fraud/1", {"a": None, "b": "2"})
    caller.call(SET_ALIAS, SetAlias(name="fraud", alias="champion", version="1"))
    caller.call(DELETE_ALIAS, NamedAlias(name="fraud", alias="champion"))
    marks = {IS_PROMPT: "true", "team": "x"}
    caller.call(CREATE_MODEL, CreateModel(name="greeting", tags=marks, description="says hello"))
    caller.call(UPDATE_MODEL, UpdateModel(name="greeting", tags={"team": None, "tone": "warm"}))
    register(caller, "greeting", tags={IS_PROMPT: "true", PROMPT_TEXT: "Hello {{name}}!"})
    set_tags(caller, "greeting/1", {"reviewed": "yes"})
    set_tags(caller, "greeting/1", {"reviewed": None})
    caller.call(SET_ALIAS, SetAlias(name="greeting", alias="live", version="1"))
    caller.call(DELETE_ALIAS, NamedAlias(name="greeting", alias="live"))


def name_of(heard: Heard) -> str:
    """Which event of MLflow's was heard."""
    return f"{heard.message['entity']}.{heard.message['action']}"


LIVED = {
    "fraud": [
        "registered_model.created", "model_version.created", "model_version_tag.deleted", "model_version_tag.set",
        "model_version_alias.created", "model_version_alias.deleted",
    ],
    "greeting": [
        "prompt.created", "prompt_tag.deleted", "prompt_tag.set", "prompt_version.created", "prompt_version_tag.set",
        "prompt_version_tag.deleted", "prompt_alias.created", "prompt_alias.deleted",
    ],
}  # fmt: skip


@pytest.mark.feature("EXP-23")
def test_every_event_of_mlflows_is_sent_in_its_order_and_none_for_the_other_kind(caller):
    with Receiver() as receiver:
        webhook = theirs(caller, receiver.url)
        live(caller)
        send_once(caller)
        heard = receiver.heard
    told = {name: [name_of(one) for one in heard if one.message["data"]["name"] == name] for name in LIVED}
    assert told == LIVED
    assert set(EVENTS) == {name for names in told.values() for name in names}
    assert len({one.id for one in heard}) == len(heard), "each message has an id of its own"
    data = {name_of(one): one.message["data"] for one in heard}
    assert data["model_version.created"] == {
        "name": "fraud", "version": "1", "source": "s3://bucket/model", "run_id": "run-1", "tags": {"a": "1"},
        "description": "d",
    }  # fmt: skip
    assert data["prompt_version.created"]["template"] == "Hello {{name}}!"
    assert data["prompt.created"] == {"name": "greeting", "tags": {"team": "x"}, "description": "says hello"}
    deliveries = listed(caller, webhook)
    assert [d.message_id for d in deliveries if d.type == "model_version_alias.created"] == [
        one.id for one in heard if name_of(one) == "model_version_alias.created"
    ]
    assert {d.state for d in deliveries} == {"delivered"}


@pytest.mark.feature("EXP-23")
def test_an_attempt_is_signed_with_the_newest_secret(caller):
    with Receiver() as receiver:
        webhook = theirs(caller, receiver.url, "registered_model.created", secret="hünter2")
        silent = theirs(caller, receiver.url, "prompt.created", signed=False)
        create(caller, "fraud")
        caller.call(CREATE_MODEL, CreateModel(name="greeting", tags={IS_PROMPT: "true"}))
        send_once(caller)
        caller.call(ROTATE_SECRET, RotateSecret(webhook=webhook.id, secret="newer"))
        create(caller, "churn")
        send_once(caller)
        heard = {one.message["data"]["name"]: one for one in receiver.heard}
    for name, secret in (("fraud", "hünter2"), ("churn", "newer")):
        assert heard[name].headers["x-mlflow-signature"] == signature(secret, heard[name])
    assert "x-mlflow-signature" not in heard["greeting"].headers
    assert silent.secret == ""
    assert heard["fraud"].headers["content-type"] == "application/json"


def signature(secret: str, heard: Heard) -> str:
    """The signature that a receiver with this secret expects."""
    signed = f"{heard.headers['x-mlflow-delivery-id']}.{heard.headers['x-mlflow-timestamp']}.".encode() + heard.body
    return "v1," + base64.b64encode(hmac.digest(secret.encode(), signed, hashlib.sha256)).decode()


@pytest.mark.feature("EXP-23")
@pytest.mark.parametrize("status", [None, 429, 503])
def test_what_may_pass_is_tried_four_times_and_then_given_up(caller, status):
    webhook = theirs(caller, "https://e.com/hook", "registered_model.created")
    create(caller, "fraud")
    yard, pauses = caller.yard, []
    for attempt in range(1, 5):
        (row,) = look(yard).ready
        parcel = known(take(yard, row, 60.0))
        assert parcel.attempts == attempt
        settle(yard, parcel, Reply(status=status, error="no"), patience=PATIENCE, chance=0.9)
        (delivery,) = listed(caller, webhook)
        if delivery.state == "pending":
            pauses.append(round(elapsed(yard.clock(), delivery.due_at)))
            assert look(yard).ready == (), "nobody sends it before"
            yard = replace(yard, clock=lambda at=delivery.due_at: at)
    assert (delivery.state, delivery.attempts, pauses) == ("dead", 4, [1, 2, 4])
    assert caller.call(REPLAY_DELIVERIES, ReplayDeliveries(webhook=webhook.id, dead=True)).queued == 1
    taken = Takes()
    send_once(caller, taken)
    assert [parcel.message_id for parcel in taken.parcels] == [delivery.message_id]


@pytest.mark.feature("EXP-23")
def test_a_receiver_that_names_a_pause_gets_it(caller):
    with Receiver(lambda _heard: 429) as receiver:
        receiver.headers["Retry-After"] = "17"
        webhook = theirs(caller, receiver.url, "registered_model.created")
        create(caller, "fraud")
        send_once(caller)
    (delivery,) = listed(caller, webhook)
    assert delivery.state == "pending"
    assert elapsed(caller.yard.clock(), delivery.due_at) > 10


@pytest.mark.feature("EXP-23")
@pytest.mark.parametrize("status", [302, 400, 404, 410])
def test_what_will_not_pass_is_tried_once_and_the_webhook_stays_on(caller, status):
    with Receiver(lambda _heard: status) as receiver:
        webhook = theirs(caller, receiver.url, "registered_model.created")
        create(caller, "fraud")
        send_once(caller)
        assert len(receiver.heard) == 1
    (delivery,) = listed(caller, webhook)
    assert (delivery.state, delivery.last_status) == ("dead", status)
    (present,) = caller.call(LIST_WEBHOOKS, ListWebhooks(format="mlflow")).webhooks
    assert present.active


def test_the_messages_of_one_event_go_one_after_the_other(caller):
    refused = Event()

    def answer(heard: Heard) -> int:
        if heard.message["data"]["key"] == "a" and not refused.is_set():
            refused.set()
            return 503
        return 200

    with Receiver(answer) as receiver:
        theirs(caller, receiver.url, "model_version_tag.set")
        register(caller, "fraud")
        set_tags(caller, "fraud/1", {"a": "1", "b": "2", "c": "3"})
        with sending(caller):
            heard = receiver.wait(3)
    assert [one.message["data"]["key"] for one in heard] == ["a", "a", "b", "c"]
    assert heard[0].id == heard[1].id


@pytest.mark.feature("EXP-23")
def test_two_senders_at_once_send_nothing_twice(caller, database_url, tmp_path):
    with Receiver() as receiver:
        theirs(caller, receiver.url, "model_version_tag.set")
        for name in "abc":
            register(caller, name)
            set_tags(caller, f"{name}/1", {str(number): "x" for number in range(8)})
        counts = together(send_from, [(str(tmp_path / "registry"), database_url)] * 2)
        heard = receiver.heard
    assert len(heard) == 24 == sum(counts)
    keys = {
        name: [one.message["data"]["key"] for one in heard if one.message["data"]["name"] == name] for name in "abc"
    }
    assert list(keys.values()) == [[str(number) for number in range(8)]] * 3


def send_from(folder: str, database_url: str) -> int:
    """Send once from a process of its own."""
    with open_caller(Path(folder), database_url) as caller:
        return send_once(caller).delivered


@pytest.mark.kill
@pytest.mark.feature("EXP-23")
def test_a_sender_killed_before_it_recorded_sends_again_with_the_same_id(caller, database_url, tmp_path):
    with Receiver() as receiver:
        theirs(caller, receiver.url, "model_version_tag.set")
        register(caller, "fraud")
        set_tags(caller, "fraud/1", {"a": "1", "b": "2"})
        with alone(send_and_hang, str(tmp_path / "registry"), database_url) as (process, pipe):
            assert pipe.recv() == 204
            process.kill()
            process.join()
        with sending(caller):
            heard = receiver.wait(2)
    assert [one.message["data"]["key"] for one in heard] == ["a", "a", "b"]
    assert heard[0].id == heard[1].id
    assert heard[0].body == heard[1].body


def send_and_hang(pipe, folder: str, database_url: str) -> None:
    """Send one message and never record it."""
    outbound = Outbound(allow_private=True, timeout=5)

    def post(parcel):
        pipe.send(outbound(parcel).status)
        Event().wait()
        return Reply()

    with open_caller(Path(folder), database_url) as caller:
        send_once(caller, post, lease_s=2.0, timeout_s=0.5)


def test_events_from_before_the_webhook_are_replayed_as_their_messages(caller):
    live(caller)
    webhook = theirs(caller, models=["fraud"])
    replay = ReplayDeliveries(webhook=webhook.id, after=0)
    assert caller.call(REPLAY_DELIVERIES, replay).queued == 6
    assert caller.call(REPLAY_DELIVERIES, replay).queued == 0, "what waits is not queued twice"
    assert [d.type for d in listed(caller, webhook)][::-1] == LIVED["fraud"]
    send_once(caller, Takes())
    assert caller.call(REPLAY_DELIVERIES, replay).queued == 6
    sample = caller.call(TEST_WEBHOOK, NamedWebhook(webhook=webhook.id))
    assert sample.type == "registered_model.created"


def test_webhooks_of_both_formats_stand_side_by_side_in_the_record(caller):
    ours, made = hook(caller, events=["model.*"]), theirs(caller, models=["fraud*"])
    assert [w.id for w in caller.call(LIST_WEBHOOKS, ListWebhooks()).webhooks] == [ours.id, made.id]
    assert [w.id for w in caller.call(LIST_WEBHOOKS, ListWebhooks(format="mlflow")).webhooks] == [made.id]
    assert (made.format, made.name, made.events, ours.format) == ("mlflow", "ci", list(EVENTS), "modelyard")
    before, stamps = made, []
    for number in range(3):
        before = caller.call(UPDATE_WEBHOOK, UpdateWebhook(webhook=made.id, name=f"n{min(number, 1)}"))
        stamps.append(before.updated_at)
    assert stamps == sorted(set(stamps)), "the time moves on even where nothing changes"
    assert all(elapsed(first, second) >= 0.001 for first, second in pairwise(stamps))
    for wrong in (
        {"name": ""},
        {"name": "-"},
        {"events": ["model.created"]},
        {"format": "slack"},
        {"secret": "x" * 2000},
    ):
        with pytest.raises(InvalidRequest):
            hook(caller, **({"format": "mlflow", "name": "ci"} | wrong))
    with pytest.raises(InvalidRequest):
        hook(caller, signed=False)
    create(caller, "fraud", "churn")
    assert [d.model for d in listed(caller, made)] == ["fraud"]
    assert Asking(caller).verify_record().sound


def test_what_was_a_prompt_then_is_told_as_one_later(caller):
    theirs(caller, "https://e.com/hook", "prompt_alias.created", "model_version_alias.created")
    caller.call(CREATE_MODEL, CreateModel(name="greeting", tags={IS_PROMPT: "true"}))
    register(caller, "greeting")
    caller.call(SET_ALIAS, SetAlias(name="greeting", alias="live", version="1"))
    caller.call(UPDATE_MODEL, UpdateModel(name="greeting", tags={IS_PROMPT: None}))
    taken = Takes()
    send_once(caller, taken)
    assert [b'"prompt_alias"' in parcel.body for parcel in taken.parcels] == [True]
    assert later(taken.parcels[0].created_at, 0) == taken.parcels[0].created_at
