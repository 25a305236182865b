"""Webhooks: what is queued, in which order it is sent, and what becomes of it; with a real receiver."""

from __future__ import annotations

import json
import os
import signal
import threading
from contextlib import closing, contextmanager

import pytest

from components.crowd import alone, together
from components.receiver import Heard, Receiver
from components.yards import open_caller
from modelyard import Conflict, InvalidRequest, PreconditionFailed, Unauthenticated, WebhookNotFound, verify_webhook
from modelyard.metadata import journal, models
from modelyard.metadata.changes import ChangeWatch
from modelyard.metadata.tables import REGISTRY
from modelyard.operations import (
    CREATE_MODEL,
    CREATE_WEBHOOK,
    DELETE_WEBHOOK,
    GET_WEBHOOK,
    LIST_DELIVERIES,
    LIST_EVENTS,
    LIST_WEBHOOKS,
    REPLAY_DELIVERIES,
    ROTATE_SECRET,
    TEST_WEBHOOK,
    UPDATE_MODEL,
    UPDATE_WEBHOOK,
    CreateModel,
    CreateWebhook,
    DeleteWebhook,
    ListDeliveries,
    ListEvents,
    ListWebhooks,
    NamedWebhook,
    ReplayDeliveries,
    RotateSecret,
    UpdateModel,
    UpdateWebhook,
)
from modelyard.registry.deliveries import Reply
from modelyard.server.dispatcher import Dispatcher

QUICK = {
    "webhooks.allow_private": True,
    "webhooks.first_retry_s": 0.02,
    "webhooks.longest_retry_s": 0.05,
    "webhooks.timeout_s": 5.0,
    "webhooks.lease_s": 20.0,
}


class Settings(dict):
    """The settings of a sender."""

    def __init__(self, **changed) -> None:
        defaults = {"webhooks.give_up_after_s": 60.0, "webhooks.threads": 4}
        super().__init__(defaults | QUICK | {f"webhooks.{name}": value for name, value in changed.items()})


@contextmanager
def sending(caller, post=None, **changed):
    """Send in the background."""
    with (
        closing(ChangeWatch(caller.yard.database)) as watch,
        Dispatcher(caller.yard, Settings(**changed), changes=watch.count, post=post) as dispatcher,
    ):
        dispatcher.start()
        yield dispatcher


def send_once(caller, post=None, **changed) -> Dispatcher:
    with Dispatcher(caller.yard, Settings(**changed), post=post) as dispatcher:
        dispatcher.drain()
    return dispatcher


def hook(caller, url="https://example.com/hook", **fields):
    return caller.call(CREATE_WEBHOOK, CreateWebhook(url=url, **fields))


def create(caller, *names: str) -> None:
    for name in names:
        caller.call(CREATE_MODEL, CreateModel(name=name))


def change(caller, name: str, times: int) -> None:
    for number in range(times):
        caller.call(UPDATE_MODEL, UpdateModel(name=name, description=f"{name} {number}"))


def listed(caller, webhook, state: str = ""):
    return caller.call(LIST_DELIVERIES, ListDeliveries(webhook=webhook.id, state=state, limit=1000)).deliveries


def by_model(heard: list[Heard]) -> dict[str, list[int]]:
    """The positions of what was heard, without repeats, in the order of the first time."""
    found: dict[str, list[int]] = {}
    known = set()
    for one in heard:
        if one.id not in known:
            known.add(one.id)
            found.setdefault(one.event["model"], []).append(one.event["position"])
    return found


@pytest.mark.feature("EXP-05")
def test_a_receiver_knows_who_sent_what(caller):
    with Receiver() as receiver:
        webhook = hook(caller, receiver.url, events=["model.*"])
        create(caller, "fraud é")
        assert send_once(caller).delivered == 1
        (heard,) = receiver.heard
    assert verify_webhook(webhook.secret, heard.headers, heard.body)["type"] == "model.created"
    event = caller.call(LIST_EVENTS, ListEvents(name="fraud é")).events[0]
    assert (heard.event["hash"], heard.event["sequence"]) == (event.hash, event.sequence)
    assert heard.headers["content-type"] == "application/json"
    assert heard.headers["host"] == f"127.0.0.1:{receiver.port}"
    with pytest.raises(Unauthenticated):
        verify_webhook(webhook.secret, heard.headers, heard.body.replace(b"fraud", b"fraus"))
    with pytest.raises(InvalidRequest):
        verify_webhook("whsec_no", heard.headers, heard.body)
    (delivery,) = listed(caller, webhook)
    assert (delivery.state, delivery.attempts, delivery.last_status) == ("delivered", 1, 204)
    assert delivery.message_id == heard.id


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


def test_what_was_rolled_back_is_never_sent(caller):
    webhook = hook(caller)
    create(caller, "fraud")
    before = len(listed(caller, webhook))
    with pytest.raises(ZeroDivisionError), caller.yard.database.write() as tx:
        models.lock_by_id(tx, REGISTRY)
        journal.append(tx, model_id=REGISTRY, kind="thing.done", at=caller.yard.clock(), actor="ada")
        raise ZeroDivisionError
    assert len(listed(caller, webhook)) == before


@pytest.mark.feature("EXP-05")
def test_a_receiver_that_goes_and_comes_back_gets_everything_in_order(caller):
    receiver = Receiver()
    hook(caller, receiver.url, events=["model.*"])
    create(caller, "a", "b")
    with sending(caller) as dispatcher:
        receiver.wait(2)
        receiver.stop()
        change(caller, "a", 5)
        change(caller, "b", 5)
        failed = threading.Event()
        for _ in range(2_000):
            if dispatcher.failed >= 3 or failed.wait(0.01):
                break
        assert dispatcher.failed >= 3
        with Receiver(port=receiver.port) as again:
            heard = receiver.heard + again.wait(10)
    assert by_model(heard) == {"a": [1, 2, 3, 4, 5, 6], "b": [1, 2, 3, 4, 5, 6]}


def test_a_later_event_waits_for_the_earlier_one_and_other_models_go_on(caller):
    broken = threading.Event()

    def answer(heard: Heard) -> int:
        stuck = heard.event["model"] == "a" and heard.event["position"] == 2 and not broken.is_set()
        return 500 if stuck else 200

    with Receiver(answer) as receiver:
        webhook = hook(caller, receiver.url, events=["model.*"])
        create(caller, "a", "b")
        change(caller, "a", 3)
        change(caller, "b", 3)
        with sending(caller):
            heard = receiver.wait_for(
                lambda heard: by_model(heard).get("b") == [1, 2, 3, 4] and len(by_model(heard).get("a", [])) == 2
            )
            assert by_model(heard)["a"] == [1, 2], "the third waits"
            stuck = [d for d in listed(caller, webhook, "pending") if d.attempts]
            assert all("500: sorry" in (d.last_error or "500: sorry") for d in stuck)
            broken.set()
            heard = receiver.wait(8)
    assert by_model(heard)["a"] == [1, 2, 3, 4]
    repeats = [one.id for one in heard if one.event["model"] == "a" and one.event["position"] == 2]
    assert len(repeats) >= 2
    assert len(set(repeats)) == 1, "each attempt has the same id"


@pytest.mark.feature("EXP-05")
def test_two_senders_at_once_lose_nothing_and_keep_the_order(caller, database_url, tmp_path):
    with Receiver() as receiver:
        webhook = hook(caller, receiver.url, events=["model.*"])
        names = [f"m{number}" for number in range(6)]
        create(caller, *names)
        for name in names:
            change(caller, name, 9)
        counts = together(send_from, [(str(tmp_path / "registry"), database_url)] * 2)
        heard = receiver.wait(60)
    assert by_model(heard) == {name: list(range(1, 11)) for name in names}
    assert len(heard) == 60 == sum(counts), "nobody died, so nothing was sent twice"
    assert all(counts), "both sent"
    assert {d.state for d in listed(caller, webhook)} == {"delivered"}


def send_from(folder: str, database_url: str) -> int:
    from pathlib import Path  # noqa: PLC0415

    with open_caller(Path(folder), database_url) as caller:
        return send_once(caller).delivered


@pytest.mark.kill
@pytest.mark.feature("EXP-05")
def test_a_sender_killed_before_it_recorded_sends_again_with_the_same_id(caller, database_url, tmp_path):
    with Receiver() as receiver:
        webhook = hook(caller, receiver.url, events=["model.*"])
        create(caller, "fraud")
        change(caller, "fraud", 1)
        with alone(send_and_hang, str(tmp_path / "registry"), database_url) as (process, pipe):
            assert pipe.recv() == 204
            os.kill(process.pid, signal.SIGKILL)
            process.join()
        assert [one.event["position"] for one in receiver.heard] == [1]
        assert send_once(caller).delivered == 0, "the dead one's claim still holds"
        with sending(caller):
            heard = receiver.wait(2)
    assert [one.event["position"] for one in heard] == [1, 1, 2]
    assert heard[0].id == heard[1].id
    assert heard[0].body == heard[1].body
    assert [d.attempts for d in listed(caller, webhook)][::-1] == [2, 1]


def send_and_hang(pipe, folder: str, database_url: str) -> None:
    from pathlib import Path  # noqa: PLC0415

    from modelyard.server.outbound import Outbound  # noqa: PLC0415

    outbound = Outbound(allow_private=True, timeout=5)

    def post(parcel):
        pipe.send(outbound(parcel).status)
        signal.pause() if threading.current_thread() is threading.main_thread() else threading.Event().wait()
        return Reply()

    with open_caller(Path(folder), database_url) as caller:
        send_once(caller, post, lease_s=2.0, timeout_s=0.5)


def test_what_fails_for_too_long_is_given_up_and_the_line_moves_on(caller):
    def post(parcel):
        return Reply(status=200) if b'"position":3' in parcel.body else Reply(error="no way")

    webhook = hook(caller, events=["model.*"])
    create(caller, "fraud")
    change(caller, "fraud", 2)
    assert send_once(caller, post, give_up_after_s=0.0).delivered == 1
    states = [(d.state, d.attempts, d.last_error) for d in listed(caller, webhook)][::-1]
    assert states == [("dead", 1, "no way"), ("dead", 1, "no way"), ("delivered", 1, None)]
    assert caller.call(GET_WEBHOOK, NamedWebhook(webhook=webhook.id)).dead == 2
    again = caller.call(REPLAY_DELIVERIES, ReplayDeliveries(webhook=webhook.id, dead=True))
    assert again.queued == 2
    sent = []
    send_once(caller, lambda parcel: sent.append(parcel.message_id) or Reply(status=200))
    assert sent == [d.message_id for d in listed(caller, webhook)][:0:-1]


def test_gone_switches_a_webhook_off(caller):
    with Receiver(lambda _heard: 410) as receiver:
        webhook = hook(caller, receiver.url, events=["model.*"])
        create(caller, "fraud", "churn")
        send_once(caller, threads=1)
        assert len(receiver.heard) == 1
    found = caller.call(GET_WEBHOOK, NamedWebhook(webhook=webhook.id))
    assert (found.active, found.dead, found.pending) == (False, 1, 1)
    (event,) = caller.call(LIST_EVENTS, ListEvents(types=["webhook.disabled"])).events
    assert event.data["webhook"] == webhook.id
    with pytest.raises(Conflict):
        caller.call(TEST_WEBHOOK, NamedWebhook(webhook=webhook.id))
    caller.call(UPDATE_WEBHOOK, UpdateWebhook(webhook=webhook.id, active=True))
    assert send_once(caller, lambda _parcel: Reply(status=200)).delivered == 1, "what waited goes on"


def test_a_redirect_is_not_followed(caller):
    with Receiver(lambda _heard: 302) as receiver:
        webhook = hook(caller, receiver.url, events=["model.*"])
        create(caller, "fraud")
        send_once(caller)
        assert [one.path for one in receiver.heard] == ["/hook"]
    (delivery,) = listed(caller, webhook)
    assert (delivery.state, delivery.last_status) == ("pending", 302)


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
    sent = []
    send_once(caller, lambda parcel: sent.append(json.loads(parcel.body)["data"]["position"]) or Reply(status=200))
    assert sent == [2, 3, 4]
    assert caller.call(REPLAY_DELIVERIES, replay).queued == 3
    one = listed(caller, webhook)[0]
    send_once(caller, lambda _parcel: Reply(status=200))
    assert caller.call(REPLAY_DELIVERIES, ReplayDeliveries(webhook=webhook.id, delivery=one.id)).queued == 1
    for wrong in ({}, {"dead": True, "after": 1}, {"after": -1}):
        with pytest.raises(InvalidRequest):
            caller.call(REPLAY_DELIVERIES, ReplayDeliveries(webhook=webhook.id, **wrong))
    with pytest.raises(WebhookNotFound):
        caller.call(REPLAY_DELIVERIES, ReplayDeliveries(webhook=webhook.id, delivery=10_000))


@pytest.mark.feature("EXP-05")
def test_both_secrets_sign_while_one_follows_the_other(caller):
    with Receiver() as receiver:
        webhook = hook(caller, receiver.url, events=["model.*"])
        new = caller.call(ROTATE_SECRET, RotateSecret(webhook=webhook.id))
        create(caller, "fraud")
        send_once(caller)
        newest = caller.call(ROTATE_SECRET, RotateSecret(webhook=webhook.id, overlap_seconds=0.0))
        create(caller, "churn")
        send_once(caller)
        first, second = receiver.heard
    for secret in (webhook.secret, new.secret):
        verify_webhook(secret, first.headers, first.body)
        with pytest.raises(Unauthenticated):
            verify_webhook(secret, second.headers, second.body)
    verify_webhook(newest.secret, second.headers, second.body)
    assert len({webhook.secret, new.secret, newest.secret}) == 3
    for wrong in ({"overlap_seconds": -1.0}, {"overlap_seconds": float("nan")}, {"secret": newest.secret}):
        with pytest.raises(InvalidRequest):
            caller.call(ROTATE_SECRET, RotateSecret(webhook=webhook.id, **wrong))


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
        model = models.lock(tx, "fraud")
        facts = {"model_id": model.id, "kind": "thing.done", "at": caller.yard.clock(), "actor": "ada"}
        journal.append(tx, **facts)
        caller.call(DELETE_WEBHOOK, DeleteWebhook(webhook=webhook.id))
        journal.append(tx, **facts)
    assert send_once(caller, lambda _parcel: Reply(status=200)).delivered == 0
