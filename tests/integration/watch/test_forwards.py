"""Forwards: when a version waits to be sent on, who sends it, and what becomes of an attempt; wherever it goes to."""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from typing import Any

import pytest

from components.crowd import alone, together
from components.deadlines import until
from components.forwarding import QUICK, TO_MLFLOW, TO_WANDB, Playing, listed, opened, send_once, settings_for
from components.yards import register
from modelyard import Conflict, InvalidRequest, NotFound, PermissionDenied, VersionExists
from modelyard.domain.durations import later
from modelyard.domain.permissions import Grant, Principal
from modelyard.domain.webhooks import Patience
from modelyard.errors import MissingExtra, RemoteUnavailable
from modelyard.operations import (
    DELETE,
    LIST_EVENTS,
    LIST_FORWARDS,
    RETRY_FORWARD,
    UPDATE_METRICS,
    UPDATE_VERSION,
    VERIFY_RECORD,
    Delete,
    ListEvents,
    ListForwards,
    RetryForward,
    UpdateMetrics,
    UpdateVersion,
)
from modelyard.registry.dispatch import perform
from modelyard.watch.forwarding.claims import Result, look, settle, take, without_secrets
from modelyard.watch.forwarding.sender import EmbeddedForwarder, Forwarder

BOTH = TO_MLFLOW | TO_WANDB
LEASE = 20.0


@pytest.fixture
def caller(tmp_path, database_url):
    """A registry whose versions are sent on to MLflow."""
    with opened(tmp_path / "registry", TO_MLFLOW, database_url) as found:
        yield found


def change(caller, version: str, **metrics: float) -> None:
    """Correct metrics of a version."""
    caller.call(UPDATE_METRICS, UpdateMetrics(reference=version, metrics=metrics))


def sent(caller, target: Playing | None = None, **given: Any) -> Playing:
    """Send what is due to a target that plays a part; return it."""
    target = target or Playing()
    send_once(caller, TO_MLFLOW | given, targets={"mlflow": target})
    return target


def refusing(error: Exception) -> Playing:
    """A target that refuses everything."""

    def refuse(*_: object) -> None:
        raise error

    return Playing(refuse)


@pytest.mark.feature("INT-01", "INT-02")
def test_a_version_waits_for_each_target_that_is_switched_on(tmp_path):
    with opened(tmp_path / "both", BOTH) as caller:
        version = register(caller, "fraud")
        assert [(one.target, one.state, one.version_id) for one in listed(caller)] == [
            ("wandb", "pending", version.id),
            ("mlflow", "pending", version.id),
        ]
    for given in ({}, {"wandb.enabled": True, "wandb.mode": "disabled"}):
        with opened(tmp_path / f"none{len(given)}", given) as caller:
            register(caller, "fraud")
            assert listed(caller) == []


def test_what_was_rolled_back_or_imported_does_not_wait(caller):
    register(caller, "fraud", version="1.0.0")
    with pytest.raises(VersionExists):
        register(caller, "fraud", version="1.0.0")
    register(caller, "fraud", version="1.1.0", extra={"imported": {"from": "mlflow"}})
    assert [one.version for one in listed(caller)] == ["1.0.0"]


def test_what_was_sent_is_sent_again_only_when_it_changes(caller):
    version = register(caller, "fraud", metrics={"accuracy": 0.9})
    (first,) = sent(caller).parcels
    assert not first.landing.has_files
    (record,) = listed(caller, state="sent")
    assert (record.attempts, record.run_id, record.finished_at is not None) == (1, "run-0.1.0", True)
    assert sent(caller).parcels == []
    caller.call(UPDATE_VERSION, UpdateVersion(reference=version.id, metadata={"known_issues": "none"}))
    assert sent(caller).parcels == []
    change(caller, version.id, accuracy=0.95)
    (second,) = sent(caller).parcels
    assert second.told.metrics == {"accuracy": 0.95}
    assert second.landing.has_files
    assert second.landing.run_id == "run-0.1.0"


def test_a_change_during_an_attempt_is_sent_after_it(caller):
    version = register(caller, "fraud", metrics={"accuracy": 0.9})
    target = Playing(
        lambda parcel, _: change(caller, version.id, accuracy=0.8) if parcel.told.metrics["accuracy"] == 0.9 else None
    )
    sent(caller, target)
    until(lambda: look(caller.yard).ready, "it is to be sent again")
    sent(caller, target)
    assert listed(caller, state="sent")
    assert [parcel.told.metrics["accuracy"] for parcel in target.parcels] == [0.9, 0.8]


def test_a_fault_is_tried_again_and_given_up_at_last(caller):
    register(caller, "fraud")
    target = refusing(RemoteUnavailable("nobody there", hint="wait"))
    sent(caller, target)
    (record,) = listed(caller)
    assert (record.state, record.attempts, record.last_error) == ("pending", 1, "nobody there (wait)")
    assert record.due_at > record.created_at
    until(lambda: look(caller.yard).ready, "the pause is over")
    sent(caller, target)
    assert [one.attempts for one in listed(caller)] == [2]
    until(lambda: look(caller.yard).ready, "the pause is over")
    sent(caller, target, **{"forwards.give_up_after_s": 0.0})
    (record,) = listed(caller, state="failed")
    assert record.finished_at is not None
    assert look(caller.yard).ready == ()


def test_what_waiting_cannot_mend_is_given_up_at_once_and_can_be_retried(caller):
    version = register(caller, "fraud")
    sent(caller, refusing(MissingExtra("no package", hint="install it")))
    (record,) = listed(caller, state="failed")
    assert record.last_error == "no package (install it)"
    again = caller.call(RETRY_FORWARD, RetryForward(forward=str(record.id)))
    assert (again.state, again.attempts, again.last_error) == ("pending", 0, None)
    with pytest.raises(Conflict, match="has not failed"):
        caller.call(RETRY_FORWARD, RetryForward(forward=str(record.id)))
    with pytest.raises(NotFound):
        caller.call(RETRY_FORWARD, RetryForward(forward=str(record.id + 1)))
    event = caller.call(LIST_EVENTS, ListEvents(name="fraud")).events[-1]
    assert (event.type, event.version_id, event.data["target"]) == ("forward.retried", version.id, "mlflow")
    assert caller.call(VERIFY_RECORD, VERIFY_RECORD.request()).findings == []
    assert len(sent(caller).parcels) == 1


def test_what_nobody_foresaw_is_a_fault_without_secrets(caller):
    register(caller, "fraud")
    secret = {"WANDB_API_KEY": "abcdef0123456789", "HOME": "/home/ann"}
    target = refusing(KeyError("abcdef0123456789 of /home/ann"))
    send_once(caller, TO_MLFLOW, secret, {"mlflow": target})
    assert listed(caller)[0].last_error == "KeyError: '*** of /home/ann'"
    assert without_secrets("short", {"A_TOKEN": "short"}) == "short"


def test_a_password_in_the_address_is_not_told(caller):
    register(caller, "fraud")
    address = "postgresql://ann:hunter22@db/tracking"
    target = refusing(RemoteUnavailable(f"cannot open {address}"))
    send_once(caller, TO_MLFLOW | {"mlflow.tracking_uri": address}, {}, {"mlflow": target})
    assert "hunter22" not in str(listed(caller)[0].last_error)
    assert "postgresql://ann:***@db/tracking" in str(listed(caller)[0].last_error)


def test_a_deleted_version_is_not_sent(caller):
    register(caller, "fraud", version="1.0.0")
    register(caller, "fraud", version="1.1.0")
    caller.call(DELETE, Delete(reference="fraud/1.0.0"))
    assert [parcel.told.version for parcel in sent(caller).parcels] == ["1.1.0"]
    assert [one.version for one in listed(caller)] == ["1.1.0"]


def test_lists_are_narrowed_and_paged(tmp_path):
    with opened(tmp_path / "registry", BOTH) as caller:
        versions = [register(caller, name, version="1.0.0") for name in ("fraud", "churn")]
        assert {one.name for one in listed(caller, reference="fraud")} == {"fraud"}
        assert {one.version_id for one in listed(caller, reference="churn/1.0.0")} == {versions[1].id}
        assert {one.target for one in listed(caller, target="wandb")} == {"wandb"}
        page = caller.call(LIST_FORWARDS, ListForwards(limit=3))
        rest = caller.call(LIST_FORWARDS, ListForwards(limit=3, page_token=page.next_page_token))
        assert [one.id for one in [*page.forwards, *rest.forwards]] == [4, 3, 2, 1]
        for wrong in ({"state": "odd"}, {"target": "odd"}, {"limit": 0}):
            with pytest.raises(InvalidRequest):
                listed(caller, **wrong)


def test_nobody_sees_or_retries_forwards_of_models_that_are_not_theirs(caller):
    for name in ("fraud", "churn"):
        register(caller, name)
    sent(caller, refusing(MissingExtra("no package")))
    ann = Principal(name="ann", proven=True, grants=(Grant(allow="viewer", model="fraud"),))
    seen = perform(caller.yard, LIST_FORWARDS, ListForwards(), principal=ann).forwards
    assert [one.name for one in seen] == ["fraud"]
    developer = Principal(name="bob", proven=True, grants=(Grant(allow="developer", model="churn"),))
    numbers = {one.name: one.id for one in listed(caller)}
    with pytest.raises(PermissionDenied):
        perform(caller.yard, RETRY_FORWARD, RetryForward(forward=str(numbers["fraud"])), principal=ann)
    with pytest.raises(NotFound):
        perform(caller.yard, RETRY_FORWARD, RetryForward(forward=str(numbers["fraud"])), principal=developer)
    perform(caller.yard, RETRY_FORWARD, RetryForward(forward=str(numbers["churn"])), principal=developer)


def test_a_claim_is_renewed_as_long_as_the_attempt_goes_on(caller):
    register(caller, "fraud")
    (row,) = look(caller.yard).ready
    renewed: list[str] = []

    def linger(parcel, claim) -> None:
        until(lambda: claim.until > later(parcel.claimed_until, 0.5), "the claim is renewed")
        renewed.append(claim.until)
        assert look(caller.yard).ready == ()
        assert take(caller.yard, row.id, LEASE) is None

    sent(caller, Playing(linger))
    assert renewed
    assert [one.state for one in listed(caller)] == ["sent"]


def test_a_claim_that_cannot_be_renewed_for_a_reason_nobody_foresaw_is_called_off_in_the_end(caller):
    register(caller, "fraud")

    def fail(_parcel, claim) -> None:
        def break_down() -> bool:
            raise OSError("the driver broke")

        claim._renew, claim._lease = break_down, 0.3
        until(lambda: claim.is_gone, "it is called off")

    sent(caller, Playing(fail))


@pytest.mark.feature("INT-01", "INT-02")
def test_a_registration_does_not_fail_where_no_sender_can_begin(caller, tmp_path, monkeypatch, caplog):
    forwarder = EmbeddedForwarder(caller.yard, settings_for(tmp_path / "registry", TO_MLFLOW))
    monkeypatch.setattr(threading.Thread, "start", _no_thread)
    forwarder.nudge()
    forwarder.close()
    assert "no sender can begin here (RuntimeError)" in caplog.text


def _no_thread(_: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


def test_an_attempt_whose_claim_is_lost_is_called_off_and_records_nothing(caller):
    register(caller, "fraud")
    called = threading.Event()

    def lose(_parcel, claim) -> None:
        claim.on_gone(called.set)
        claim.until = "elsewhere"
        until(lambda: claim.is_gone, "the loss is seen")
        assert called.wait(10)
        raise RemoteUnavailable("called off")

    sent(caller, Playing(lose))
    (record,) = listed(caller)
    assert (record.state, record.last_error) == ("pending", None)
    # What the one that lost it would record does not count either.
    until(lambda: look(caller.yard).ready, "the claim runs out")
    parcel = take(caller.yard, record.id, LEASE)
    assert parcel is not None
    result = Result(landing=parcel.landing)
    assert not settle(caller.yard, parcel, "elsewhere", result, patience=Patience(), chance=0.0)
    assert settle(caller.yard, parcel, parcel.claimed_until, result, patience=Patience(), chance=0.0)


def test_a_sender_that_ends_gives_back_what_it_has_not_sent(caller):
    register(caller, "fraud")
    begun = threading.Event()

    def linger(_parcel, claim) -> None:
        begun.set()
        until(lambda: claim.is_gone, "the attempt is called off")
        claim.on_gone(begun.set)
        raise RemoteUnavailable("called off")

    settings = settings_for(caller.yard.store.root, TO_MLFLOW)
    with Forwarder(caller.yard, settings, targets={"mlflow": Playing(linger)}) as forwarder:
        forwarder.start()
        assert begun.wait(30)
    (record,) = listed(caller)
    assert (record.state, record.attempts, record.last_error) == ("pending", 0, None)
    assert look(caller.yard).ready


def die_sending(pipe, folder, database_url) -> None:
    """Claim what is due, say so, and wait to be killed."""
    del pipe
    with opened(folder, TO_MLFLOW, database_url) as caller:
        send_once(caller, TO_MLFLOW, targets={"mlflow": Playing(lambda *_: os.kill(os.getpid(), 9))})


@pytest.mark.kill
def test_what_a_killed_sender_had_in_hand_is_sent_by_another(caller, tmp_path, database_url):
    register(caller, "fraud")
    with alone(die_sending, tmp_path / "registry", database_url) as (process, _pipe):
        process.join(60)
        assert process.exitcode == -9
    assert [one.attempts for one in listed(caller)] == [1]
    until(lambda: look(caller.yard).ready, "the claim runs out")
    assert len(sent(caller).parcels) == 1
    assert [(one.state, one.attempts) for one in listed(caller)] == [("sent", 2)]


def send_all(folder, database_url) -> list[str]:
    """Send what is due beside others; return the versions that this process sent."""
    target = Playing()
    with opened(folder, TO_MLFLOW, database_url) as caller:
        send_once(caller, TO_MLFLOW, targets={"mlflow": target})
    return [parcel.told.version for parcel in target.parcels]


def test_of_several_senders_one_sends_a_version(caller, tmp_path, database_url):
    for number in range(12):
        register(caller, "fraud", version=f"1.{number}.0")
    shares = together(send_all, [(tmp_path / "registry", database_url)] * 3)
    assert sorted(version for share in shares for version in share) == sorted(f"1.{number}.0" for number in range(12))
    assert {one.state for one in listed(caller)} == {"sent"}


def test_a_sender_in_the_background_sees_new_versions_and_only_its_own_targets(tmp_path):
    target = Playing()
    with opened(tmp_path / "registry", BOTH) as caller:
        yard = replace(caller.yard, forwards=("mlflow",))
        settings = settings_for(tmp_path / "registry", TO_MLFLOW | QUICK)
        with Forwarder(yard, settings, targets={"mlflow": target}) as forwarder:
            forwarder.start()
            register(caller, "fraud")
            forwarder.nudge()
            until(lambda: listed(caller, state="sent"), "it is sent")
            forwarder.wait_until_done(30)
        assert [one.target for one in listed(caller, state="pending")] == ["wandb"]
