"""The queue of messages: order, repeats, intervals, two senders at once, and senders that die; on both databases."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from components.alarms import Alarms, quick, send_once, sender
from components.crowd import alone, together
from components.deadlines import until
from components.delivering import open_idle
from components.receiver import Heard, Receiver
from components.rollouts import Rollouts
from components.templates import prepared
from modelyard.bootstrap import now
from modelyard.domain.alerts import group_of
from modelyard.domain.durations import elapsed
from modelyard.domain.wire import AlertNotice
from modelyard.errors import Conflict
from modelyard.metadata import channels
from modelyard.metadata.database import known
from modelyard.operations import DELETE_CHANNEL, TEST_CHANNEL, DeleteChannel, NamedChannel
from modelyard.outside.outbound import outside_of
from modelyard.registry.context import Context
from modelyard.watch.notifying import attempt, in_time, look, settle, take
from modelyard.watch.queueing import tell
from modelyard.watch.sending import Notifier


@pytest.fixture
def alarms(database_url: str, tmp_path: Path) -> Iterator[Alarms]:
    """A registry in which anything may be told."""
    with open_idle(prepared(tmp_path / "registry", database_url), database_url) as caller:
        yield Alarms(Rollouts(caller))


def say(alarms: Alarms, alert: str, event: str = "fired", **fields: Any) -> None:
    """Queue a notice for every channel."""
    usual = {"rule": "errors", "severity": "warning", "model": "fraud", "summary": alert}
    notice = AlertNotice(**{**usual, **fields, "alert": alert, "event": event})
    with alarms.yard.database.write() as tx:
        context = Context(yard=alarms.yard, tx=tx, principal=alarms.rollouts.caller.principal, now=alarms.clock.now)
        tell(context, [row.id for row in channels.every(tx)], notice)


def heard(receiver: Receiver) -> list[list[tuple[str, str]]]:
    """What each request told: alert and event."""
    return [[(one["alert"], one["event"]) for one in json.loads(got.body)["data"]["alerts"]] for got in receiver.heard]


@pytest.mark.feature("PRF-10")
def test_a_message_waits_for_others_of_its_group(alarms):
    with Receiver() as receiver:
        alarms.channel(receiver=receiver, group_wait_s=30.0)
        say(alarms, "a")
        alarms.clock.move(29)
        assert send_once(alarms.yard).sent == 0
        say(alarms, "b")
        say(alarms, "a", "resolved")
        say(alarms, "c", model="churn")
        alarms.clock.move(1)
        assert send_once(alarms.yard).sent == 1
        alarms.clock.move(30)
        send_once(alarms.yard)
        assert heard(receiver) == [[("b", "fired"), ("a", "resolved")], [("c", "fired")]]


@pytest.mark.feature("PRF-10")
def test_between_two_messages_the_interval_passes(alarms):
    with Receiver() as receiver:
        alarms.channel(receiver=receiver, min_interval_s=60.0)
        for model in ("a", "b", "c"):
            say(alarms, model, model=model)
        assert send_once(alarms.yard).sent == 1
        assert look(alarms.yard).ready == ()
        alarms.clock.move(59)
        assert send_once(alarms.yard).sent == 0
        alarms.clock.move(1)
        assert send_once(alarms.yard).sent == 1
        assert len(receiver.heard) == 2


def test_two_looks_at_one_moment_do_not_break_the_interval(alarms):
    alarms.channel(min_interval_s=60.0)
    for model in ("a", "b"):
        say(alarms, model, model=model)
    ready = look(alarms.yard).ready
    assert len(ready) == 2
    taken = [take(alarms.yard, row, 30.0) for row in ready]
    assert [one is not None for one in taken] == [True, False]


@pytest.mark.feature("PRF-10")
@pytest.mark.parametrize("status", [429, 500, 503, 302, 404])
def test_what_is_not_taken_is_sent_again_with_the_same_id(alarms, status):
    answers = iter([status, status])
    with Receiver(lambda _heard: next(answers, 204)) as receiver:
        alarms.channel(receiver=receiver)
        say(alarms, "a")
        for _ in range(3):
            send_once(alarms.yard)
            alarms.clock.move(1)
        assert len(receiver.heard) == 3
        assert len({one.id for one in receiver.heard}) == 1
    (message,) = alarms.messages()
    assert (message.state, message.attempts, message.error) == ("sent", 3, "")


def test_a_failure_is_told_while_it_lasts_and_pauses_grow(alarms):
    with Receiver(lambda _heard: 500) as receiver:
        alarms.channel(receiver=receiver)
        say(alarms, "a")
        pauses = []
        for _ in range(4):
            assert send_once(alarms.yard, first_retry_s=10.0, longest_retry_s=30.0).failed == 1
            (message,) = alarms.messages()
            assert "status 500: sorry" in message.error
            before = alarms.clock.now
            alarms.clock.now = message.due_at
            pauses.append(elapsed(before, message.due_at))
        assert alarms.standing().last_error == message.error
    assert all(
        low <= pause <= high for pause, (low, high) in zip(pauses, [(5, 10), (10, 20), (15, 30), (15, 30)], strict=True)
    )


@pytest.mark.feature("PRF-10")
def test_what_nobody_takes_is_given_up_visibly(alarms, caplog):
    with Receiver(lambda _heard: 500) as receiver:
        alarms.channel(receiver=receiver)
        say(alarms, "a")
        send_once(alarms.yard)
        alarms.clock.move(60)
        send_once(alarms.yard)
    standing = alarms.standing()
    assert (standing.waiting, standing.given_up, "status 500" in standing.last_error) == (0, 1, True)
    assert [one.state for one in alarms.messages(state="given_up")] == ["given_up"]
    assert "did not take" in caplog.text


def test_what_is_over_is_never_told_before_that_it_began(alarms):
    answers = iter([500, 204, 204])
    with Receiver(lambda _heard: next(answers)) as receiver:
        alarms.channel(receiver=receiver)
        say(alarms, "a")
        (row,) = look(alarms.yard).ready
        parcel = known(take(alarms.yard, row, 30.0))
        say(alarms, "a", "resolved")
        assert look(alarms.yard).ready == (), "the second waits for the first"
        with sender(alarms.yard) as made:
            result = attempt(made._outside, parcel, {})
            assert settle(alarms.yard, parcel, result, patience=made._patience, chance=0.5, environ={})
            for _ in range(2):
                alarms.clock.move(1)
                made.drain()
        assert heard(receiver) == [[("a", "fired")], [("a", "fired")], [("a", "resolved")]]


def test_what_failed_takes_up_what_came_meanwhile(alarms):
    answers = iter([500, 204])
    with Receiver(lambda _heard: next(answers)) as receiver:
        alarms.channel(receiver=receiver)
        say(alarms, "a")
        send_once(alarms.yard)
        say(alarms, "a", "resolved")
        alarms.clock.move(1)
        send_once(alarms.yard)
        assert heard(receiver) == [[("a", "fired")], [("a", "resolved")]]
        assert len(alarms.messages()) == 1


def test_a_receiver_that_hangs_holds_up_no_other(alarms):
    released = Event()
    with Receiver(lambda _heard: 204 if released.wait(30) else 500) as slow, Receiver() as quick_one:
        alarms.channel("slow", slow)
        alarms.channel("quick", quick_one)
        say(alarms, "a")
        with sender(alarms.yard) as made:
            made.start()
            quick_one.wait(1)
            assert slow.heard == []
            released.set()
            slow.wait(1)
            until(lambda: made.sent == 2, "both are recorded")


def test_a_receiver_that_dies_and_comes_back_gets_everything(alarms):
    receiver = Receiver()
    alarms.channel(receiver=receiver)
    receiver.stop()
    say(alarms, "a")
    assert send_once(alarms.yard).failed == 1
    assert "cannot be reached" in alarms.messages()[0].error
    alarms.clock.move(1)
    with Receiver(port=receiver.port) as again:
        assert send_once(alarms.yard).sent == 1
        assert heard(again) == [[("a", "fired")]]


@pytest.mark.feature("PRF-09")
def test_a_channel_that_is_switched_off_keeps_what_waits_until_it_is_on_again(alarms):
    with Receiver() as receiver:
        alarms.channel(receiver=receiver)
        say(alarms, "a")
        ready = look(alarms.yard).ready
        alarms.channel(receiver=receiver, active=False)
        assert [take(alarms.yard, row, 30.0) for row in ready] == [None]
        alarms.clock.move(7 * 86_400)
        off = send_once(alarms.yard)
        assert (off.sent, off.failed, look(alarms.yard).next_at) == (0, 0, None)
        (message,) = alarms.messages()
        assert (message.state, message.attempts, message.error) == ("waiting", 0, "")
        with pytest.raises(Conflict):
            alarms.call(TEST_CHANNEL, NamedChannel(name="team"))
        receiver.answer = lambda _heard: 500
        alarms.channel(receiver=receiver)
        assert send_once(alarms.yard).failed == 1
        assert [one.state for one in alarms.messages()] == ["waiting"], "the week in which it was off does not count"
        receiver.answer = lambda _heard: 204
        alarms.clock.move(1)
        assert send_once(alarms.yard).sent == 1


def test_what_is_over_while_a_channel_is_off_is_told_when_it_is_on_again(alarms):
    alarms.rollouts.register("1.0.0")
    alarms.rollouts.serve("1.0.0")
    alarms.rule()
    with Receiver() as receiver:
        alarms.channel(receiver=receiver)
        alarms.fails()
        alarms.look()
        assert send_once(alarms.yard).sent == 1
        alarms.channel(receiver=receiver, active=False)
        alarms.clock.move(400)
        alarms.fails(errors=0)
        assert alarms.look() == [("errors", "resolved")]
        alarms.channel(receiver=receiver)
        assert send_once(alarms.yard).sent == 1
        assert [event for ((_alert, event),) in heard(receiver)] == ["fired", "resolved"]


def test_a_channel_with_many_lines_keeps_no_other_from_being_told(alarms):
    with Receiver() as receiver:
        alarms.channel("slow", receiver=receiver, group_by=["model"], min_interval_s=60.0)
        alarms.channel("quick", receiver=receiver, group_by=["model"], models=["last"])
        with alarms.yard.database.write() as tx:
            context = Context(yard=alarms.yard, tx=tx, principal=alarms.rollouts.caller.principal, now=alarms.clock.now)
            ids = {row.name: row.id for row in channels.every(tx)}
            for number in range(1_010):
                notice = AlertNotice(alert=f"al_{number}", event="fired", rule="r", severity="info", model=f"m{number}")
                tell(context, [ids["slow"]], notice)
            tell(context, [ids["quick"]], AlertNotice(alert="al", event="fired", rule="x", severity="info"))
        assert send_once(alarms.yard).sent == 2
        with alarms.yard.database.read() as tx:
            assert len(channels.heads(tx)) == 5, "nobody reads a thousand messages again and again"


def test_a_message_that_is_full_is_followed_by_another_and_none_is_lost(alarms):
    with Receiver() as receiver:
        environ = {"PAGERDUTY_ROUTING_KEY": "R" * 32}
        pager = {"kind": "pagerduty", "url": receiver.url, "routing_key_env": "PAGERDUTY_ROUTING_KEY"}
        alarms.channel("pager", **pager, group_by=[])
        with alarms.yard.database.write() as tx:
            context = Context(yard=alarms.yard, tx=tx, principal=alarms.rollouts.caller.principal, now=alarms.clock.now)
            (row,) = channels.every(tx)
            for event in ("fired", "resolved"):
                for number in range(12):
                    tell(context, [row.id], AlertNotice(alert=f"al_{number}", event=event, rule="r", severity="info"))
        assert [len(one.alerts) for one in alarms.messages("pager")] == [10, 10, 4]
        assert send_once(alarms.yard, environ).sent == 3
        events = [json.loads(one.body) for one in receiver.heard]
        last = {one["dedup_key"]: one["event_action"] for one in events}
        assert set(last.values()) == {"resolve"}
        assert len(last) == 12


def test_a_channel_that_is_gone_is_told_nothing(alarms):
    alarms.channel()
    say(alarms, "a")
    ready = look(alarms.yard).ready
    assert alarms.call(DELETE_CHANNEL, DeleteChannel(name="team")).waiting == 1
    assert [take(alarms.yard, row, 30.0) for row in ready] == [None]
    with alarms.yard.database.write() as tx:
        context = Context(yard=alarms.yard, tx=tx, principal=alarms.rollouts.caller.principal, now=alarms.clock.now)
        tell(context, ["ch_gone"], AlertNotice(alert="a", event="fired", rule="r", severity="info"))


def test_a_test_message_goes_out_by_itself(alarms):
    with Receiver() as receiver:
        alarms.channel(receiver=receiver, group_wait_s=3_600.0)
        say(alarms, "a")
        queued = alarms.call(TEST_CHANNEL, NamedChannel(name="team"))
        assert (queued.state, queued.channel) == ("waiting", "team")
        assert send_once(alarms.yard).sent == 1
        assert [event for _, event in heard(receiver)[0]] == ["test"]


def test_a_claim_that_ran_out_is_somebody_elses(alarms):
    alarms.channel()
    say(alarms, "a")
    (row,) = look(alarms.yard).ready
    late = known(take(alarms.yard, row, 30.0))
    assert take(alarms.yard, row, 30.0) is None
    assert look(alarms.yard).ready == ()
    alarms.clock.move(16)
    assert not in_time(alarms.yard, late, 30.0)
    alarms.clock.move(15)
    (again,) = look(alarms.yard).ready
    parcel = known(take(alarms.yard, again, 30.0))
    assert parcel.attempts == 2
    with sender(alarms.yard) as made:
        result = attempt(made._outside, replace(late, channel=replace(late.channel, active=False)), {})
        assert not settle(alarms.yard, late, result, patience=made._patience, chance=0.5, environ={})
    assert alarms.messages()[0].error == ""


def test_a_channel_whose_sender_breaks_is_tried_again_like_all(alarms, monkeypatch, caplog):
    alarms.channel()
    say(alarms, "a")

    class Broken:
        timeout = 1.0

        def post(self, *_args):
            raise ZeroDivisionError("nobody foresaw this")

        places = post

    with Notifier(alarms.yard, quick(), Broken(), environ={}) as made:
        made.drain()
        assert made.failed == 1
    assert "ZeroDivisionError" in alarms.messages()[0].error


def sending_process(url: str, folder: str, most: int) -> int:
    """Send from a process of its own until so many messages are sent by anybody; return how many it sent."""
    with open_idle(Path(folder), url) as caller:
        settings = quick(threads=4)
        with Notifier(caller.yard, settings, outside_of(settings), environ={}) as made:
            made.start()

            def done() -> bool:
                with caller.yard.database.read() as tx:
                    rows = channels.every(tx)
                    return (
                        sum(len(channels.page(tx, one.id, state="sent", before=1 << 60, limit=999)) for one in rows)
                        >= most
                    )

            until(done, "all are sent", 60)
        return made.sent


@pytest.mark.slow
@pytest.mark.feature("PRF-10")
def test_two_senders_at_once_send_each_message_once(alarms, database_url, tmp_path):
    alarms.clock.now = now()
    with Receiver() as one, Receiver() as two:
        alarms.channel("one", one)
        alarms.channel("two", two)
        for number in range(30):
            say(alarms, f"al_{number}", model=f"m{number}")
        sent = together(sending_process, [(database_url, str(tmp_path / "registry"), 60)] * 2)
        assert sum(sent) == 60
        for receiver in (one, two):
            assert sorted(alert for ((alert, _),) in heard(receiver)) == sorted(f"al_{n}" for n in range(30))


def dying_sender(pipe: Connection, url: str, folder: str) -> None:
    """Send from a process of its own, which is killed in the middle of it."""
    with open_idle(Path(folder), url) as caller:
        settings = quick(lease_s=1.0, timeout_s=0.4)
        with Notifier(caller.yard, settings, outside_of(settings), environ={}) as made:
            made.start()
            pipe.recv()


@pytest.mark.slow
@pytest.mark.kill
@pytest.mark.feature("PRF-10")
def test_a_sender_that_is_killed_in_the_middle_has_sent_at_least_once(alarms, database_url, tmp_path):
    alarms.clock.now = now()
    arrived, go_on = Event(), Event()

    def answer(_heard: Heard) -> int:
        if not arrived.is_set():
            arrived.set()
            go_on.wait(30)
        return 204

    with Receiver(answer) as receiver:
        alarms.channel(receiver=receiver)
        say(alarms, "a")
        with alone(dying_sender, database_url, str(tmp_path / "registry")) as (process, _pipe):
            assert arrived.wait(60)
            process.kill()
            process.join()
        go_on.set()
        (message,) = alarms.messages()
        assert (message.state, message.attempts) == ("waiting", 1)
        alarms.clock.move(60)
        assert send_once(alarms.yard).sent == 1
        receiver.wait_for(lambda all_heard: len(all_heard) == 2)
        assert len({one.id for one in receiver.heard}) == 1
    assert alarms.messages()[0].state == "sent"


def test_group_keys_are_what_lines_are_made_of(alarms):
    alarms.channel(group_by=["rule"])
    say(alarms, "a")
    (message,) = alarms.messages()
    assert message.group == group_of(message.alerts[0], ["rule"]) == "rule=errors"
