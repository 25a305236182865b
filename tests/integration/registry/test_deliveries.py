"""Deliveries: in which order they are sent, and what becomes of them; with a real receiver."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from components.asking import Asking
from components.crowd import alone, together
from components.hooks import Takes, by_model, change, create, hook, listed, send_once, sending
from components.receiver import Heard, Receiver
from components.yards import open_caller
from modelyard import Conflict, InvalidRequest, Unauthenticated, verify_webhook
from modelyard.domain.durations import later
from modelyard.domain.posting import Reply
from modelyard.domain.webhooks import Patience
from modelyard.metadata import journal, models
from modelyard.metadata.database import known
from modelyard.metadata.tables import REGISTRY
from modelyard.operations import (
    GET_WEBHOOK,
    LIST_EVENTS,
    REPLAY_DELIVERIES,
    ROTATE_SECRET,
    TEST_WEBHOOK,
    UPDATE_WEBHOOK,
    ListEvents,
    NamedWebhook,
    ReplayDeliveries,
    RotateSecret,
    UpdateWebhook,
)
from modelyard.outside.outbound import Outbound
from modelyard.registry.deliveries import give_back, in_time, look, settle, take


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


def test_what_was_rolled_back_is_never_sent(caller):
    webhook = hook(caller)
    create(caller, "fraud")
    before = len(listed(caller, webhook))
    with pytest.raises(ZeroDivisionError):
        append_and_fail(caller)
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
    assert {d.state for d in listed(caller, webhook)} == {"delivered"}


def send_from(folder: str, database_url: str) -> int:
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
            process.kill()
            process.join()
        assert [one.event["position"] for one in receiver.heard] == [1]
        with sending(caller):
            heard = receiver.wait(2)
    assert [one.event["position"] for one in heard] == [1, 1, 2]
    assert heard[0].id == heard[1].id
    assert heard[0].body == heard[1].body
    assert [d.attempts for d in listed(caller, webhook)][::-1] == [2, 1]


def send_and_hang(pipe, folder: str, database_url: str) -> None:
    outbound = Outbound(allow_private=True, timeout=5)

    def post(parcel):
        pipe.send(outbound(parcel).status)
        threading.Event().wait()
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
    receiver = Takes()
    send_once(caller, receiver)
    assert [parcel.message_id for parcel in receiver.parcels] == [d.message_id for d in listed(caller, webhook)][:0:-1]


def test_a_claim_keeps_others_away_until_it_runs_out(caller):
    webhook = hook(caller, events=["model.*"])
    create(caller, "fraud")
    yard = caller.yard
    (row,) = look(yard).ready
    first = known(take(yard, row, 60.0))
    assert take(yard, row, 60.0) is None
    due = look(yard)
    assert (due.ready, due.next_at) == ((), first.claimed_until)
    afterwards = replace(yard, clock=lambda: later(first.claimed_until, 1))
    assert not in_time(afterwards, first, 60.0)
    second = known(take(afterwards, row, 60.0))
    assert (second.message_id, second.attempts) == (first.message_id, 2)
    settle(yard, first, Reply(status=200), patience=Patience(), chance=0.0)
    assert [d.state for d in listed(caller, webhook)] == ["pending"], "the first claim is worth nothing any more"
    give_back(afterwards, second)
    assert [(d.state, d.attempts) for d in listed(caller, webhook)] == [("pending", 1)]
    settle(yard, known(take(yard, row, 60.0)), Reply(status=200), patience=Patience(), chance=0.0)
    assert [d.state for d in listed(caller, webhook)] == ["delivered"]


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
    assert Asking(caller).verify_record().sound, "what the receiver answers is no tampering"
    with pytest.raises(Conflict):
        caller.call(TEST_WEBHOOK, NamedWebhook(webhook=webhook.id))
    caller.call(UPDATE_WEBHOOK, UpdateWebhook(webhook=webhook.id, active=True))
    assert send_once(caller, Takes()).delivered == 1, "what waited goes on"


def test_a_redirect_is_not_followed(caller):
    with Receiver(lambda _heard: 302) as receiver:
        webhook = hook(caller, receiver.url, events=["model.*"])
        create(caller, "fraud")
        send_once(caller)
        assert [one.path for one in receiver.heard] == ["/hook"]
    (delivery,) = listed(caller, webhook)
    assert (delivery.state, delivery.last_status) == ("pending", 302)


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


def append_and_fail(caller) -> None:
    with caller.yard.database.write() as tx:
        models.lock_by_id(tx, REGISTRY)
        journal.append(tx, model_id=REGISTRY, kind="thing.done", at=caller.yard.clock(), actor="ada")
        raise ZeroDivisionError
