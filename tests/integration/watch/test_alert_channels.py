"""Messages through every kind of channel, to real receivers on this machine."""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from components.alarms import SECRET, Alarms, send_once, sender
from components.delivering import open_idle
from components.mailbox import PASSWORD, USER, Certificate, Mailbox, certificate
from components.receiver import Receiver
from components.rollouts import Rollouts
from components.scripted import Reply, ScriptedServer
from components.templates import prepared
from modelyard import verify_webhook
from modelyard.domain.durations import parsed
from modelyard.domain.wire import AlertNotice, Channel
from modelyard.operations import TEST_CHANNEL, NamedChannel
from modelyard.watch.channels import email
from modelyard.watch.channels.message import MOST_SHOWN, Message
from modelyard.watch.channels.pagerduty import events_of
from modelyard.watch.channels.slack import payload


@pytest.fixture
def alarms(tmp_path: Path) -> Iterator[Alarms]:
    """A model with 1.0.0 in production, and a rule about its errors."""
    with open_idle(prepared(tmp_path / "registry")) as caller:
        rollouts = Rollouts(caller)
        rollouts.register("1.0.0", "1.1.0")
        rollouts.serve("1.0.0")
        made = Alarms(rollouts)
        made.rule()
        yield made


@pytest.fixture(scope="module")
def proof(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A certificate of a mail server."""
    return certificate(tmp_path_factory.mktemp("proof"))


@pytest.fixture
def trusted(proof: Certificate, monkeypatch: pytest.MonkeyPatch) -> Certificate:
    """The same, trusted by this machine."""
    monkeypatch.setenv("SSL_CERT_FILE", str(proof.certificate))
    return proof


def fire(alarms: Alarms) -> None:
    """Let an alert fire."""
    alarms.fails()
    alarms.look()


def resolve(alarms: Alarms) -> None:
    """Let it resolve."""
    alarms.clock.move(400)
    alarms.fails(requests=1000, errors=0)
    alarms.look()


@pytest.mark.feature("PRF-10")
def test_a_webhook_is_signed_and_tells_the_alert(alarms):
    environ = {"OPS_WEBHOOK_SECRET": SECRET}
    with Receiver() as receiver:
        alarms.channel(receiver=receiver, secret_env="OPS_WEBHOOK_SECRET")
        fire(alarms)
        assert send_once(alarms.yard, environ).sent == 1
        resolve(alarms)
        assert send_once(alarms.yard, environ).sent == 1
        first, second = receiver.heard
    sent = verify_webhook(SECRET, first.headers, first.body)
    assert sent["type"] == "alerts.changed"
    assert parsed(sent["timestamp"]).year == 2026
    (told,) = sent["data"]["alerts"]
    (alert,) = alarms.alerts()
    assert (told["alert"], told["event"], told["model"], told["version"]) == (alert.id, "fired", "fraud", "1.0.0")
    (over,) = json.loads(second.body)["data"]["alerts"]
    assert (over["alert"], over["event"]) == (alert.id, "resolved")
    assert first.id != second.id
    assert [one.state for one in alarms.messages()] == ["sent", "sent"]


def test_a_webhook_without_a_secret_is_known_by_its_id(alarms):
    with Receiver() as receiver:
        alarms.channel(kind="webhook", url_env="OPS_WEBHOOK_URL", group_wait_s=0.0)
        fire(alarms)
        send_once(alarms.yard, {"OPS_WEBHOOK_URL": f" {receiver.url}\n"})
        (heard,) = receiver.heard
    assert heard.id == alarms.messages()[0].id
    assert "webhook-signature" not in heard.headers


def slack_takes(body: dict[str, Any]) -> None:
    """Check what Slack asks of a message: https://api.slack.com/reference/block-kit/blocks."""
    assert body["text"]
    assert len(body["blocks"]) <= 50
    for block in body["blocks"]:
        text = block["text"]
        assert text["text"]
        if block["type"] == "header":
            assert (text["type"], len(text["text"]) <= 150) == ("plain_text", True)
        else:
            assert (block["type"], text["type"], len(text["text"]) <= 3000) == ("section", "mrkdwn", True)


@pytest.mark.feature("PRF-10")
def test_slack_gets_text_and_blocks(alarms):
    with ScriptedServer(Reply(body=b"ok")) as slack:
        environ = {"TEAM_WEBHOOK_URL": f"{slack.url}/services/T0/B0/secret"}
        alarms.channel(kind="slack", url_env="TEAM_WEBHOOK_URL", group_wait_s=0.0, min_interval_s=0.0)
        fire(alarms)
        send_once(alarms.yard, environ)
        resolve(alarms)
        send_once(alarms.yard, environ)
    bodies = [json.loads(one.body) for one in slack.seen]
    for body in bodies:
        slack_takes(body)
    assert bodies[0]["text"] == "[WARNING] errors: fraud 1.0.0 in production"
    assert bodies[1]["text"] == "[RESOLVED] errors: fraud 1.0.0 in production"
    assert "error rate is 10 %" in bodies[0]["blocks"][1]["text"]["text"]
    assert slack.seen[0].target == "/services/T0/B0/secret"
    assert slack.seen[0].headers["content-type"] == "application/json"


def notices(count: int, **fields: Any) -> list[AlertNotice]:
    """Notices of so many alerts."""
    usual = {"event": "fired", "rule": "errors", "severity": "warning", "model": "fraud", "summary": "s", **fields}
    return [AlertNotice(**usual, alert=f"al_{number}") for number in range(count)]


def message(*given: AlertNotice, group: str = "model=fraud") -> Message:
    """A message with some notices."""
    return Message(id="no_1", channel="team", group=group, at="2026-03-02T12:00:00.000000Z", notices=given)


def test_large_and_odd_messages_fit_into_slack():
    whole = payload(message(*notices(90, summary="x" * 9000), *notices(1, event="resolved")))
    slack_takes(whole)
    assert whole["text"] == "90 firing, 1 resolved: model=fraud"
    assert whole["blocks"][-1]["text"]["text"] == f"and {91 - MOST_SHOWN} more"
    odd = payload(message(*notices(1, model="<!channel>", summary="a & b <http://x|y>")))
    assert "<" not in json.dumps([odd["text"], odd["blocks"][1:]]), "only the header is no markup"
    assert payload(message(*notices(2), group=""))["text"] == "2 firing: all models"


def pagerduty_takes(body: dict[str, Any]) -> None:
    """Check what PagerDuty asks of an event: https://developer.pagerduty.com/docs/events-api-v2/trigger-events/."""
    assert body["routing_key"]
    assert body["event_action"] in {"trigger", "resolve"}
    assert 1 <= len(body["dedup_key"]) <= 255
    if body["event_action"] == "trigger":
        inner = body["payload"]
        assert 1 <= len(inner["summary"]) <= 1024
        assert inner["source"]
        assert inner["severity"] in {"critical", "error", "warning", "info"}
        assert parsed(inner["timestamp"]).year == 2026


@pytest.mark.feature("PRF-10")
def test_pagerduty_opens_an_incident_and_closes_it(alarms):
    with ScriptedServer(Reply(status=202, body=b'{"status": "success"}')) as pager:
        environ = {"PAGERDUTY_ROUTING_KEY": "R0UT1NG"}
        fields = {"url": f"{pager.url}/v2/enqueue", "routing_key_env": "PAGERDUTY_ROUTING_KEY"}
        alarms.channel(kind="pagerduty", group_wait_s=0.0, **fields)
        fire(alarms)
        send_once(alarms.yard, environ)
        resolve(alarms)
        send_once(alarms.yard, environ)
    events = [json.loads(one.body) for one in pager.seen]
    for event in events:
        pagerduty_takes(event)
    assert [one["event_action"] for one in events] == ["trigger", "resolve"]
    assert {one["dedup_key"] for one in events} == {alarms.alerts()[0].id}
    assert events[0]["payload"]["custom_details"]["version"] == "1.0.0"
    assert {one["routing_key"] for one in events} == {"R0UT1NG"}


def test_each_alert_of_a_message_is_an_incident_and_a_refusal_repeats_them_all(alarms):
    alarms.rule("other", severity="critical")
    replies = [Reply(status=202), Reply(status=429, headers={"Retry-After": "120"}), Reply(status=202)]
    with ScriptedServer(*replies) as pager:
        environ = {"PAGERDUTY_ROUTING_KEY": "R0UT1NG"}
        fields = {"url": f"{pager.url}/v2/enqueue", "routing_key_env": "PAGERDUTY_ROUTING_KEY"}
        alarms.channel(kind="pagerduty", group_wait_s=0.0, **fields)
        fire(alarms)
        assert send_once(alarms.yard, environ).failed == 1
        alarms.clock.move(119)
        assert send_once(alarms.yard, environ).sent == 0, "it asked to be left alone for two minutes"
        alarms.clock.move(1)
        assert send_once(alarms.yard, environ).sent == 1
    keys = [json.loads(one.body)["dedup_key"] for one in pager.seen]
    assert keys[:2] == keys[2:]
    assert len(set(keys)) == 2
    assert "429" in alarms.messages()[0].error or alarms.messages()[0].state == "sent"


def test_a_test_closes_what_it_opens():
    events = events_of(message(*notices(1, event="test", model="", started_at="2026-03-02T12:00:00.000000Z")), "key")
    for event in events:
        pagerduty_takes(event)
    assert [one["event_action"] for one in events] == ["trigger", "resolve"]


MAIL = {
    "kind": "email",
    "host": "localhost",
    "sender": "alerts@example.com",
    "group_wait_s": 0.0,
    "min_interval_s": 0.0,
}


def mail(alarms: Alarms, box: Mailbox, **fields: Any) -> None:
    """Make a channel to a mailbox."""
    alarms.channel(**{**MAIL, "port": box.port, "recipients": ["ana@example.com"], **fields})


@pytest.mark.feature("PRF-10")
def test_mail_is_sent_over_starttls_with_a_login(alarms, trusted):
    with Mailbox(trusted, login=True) as box:
        mail(
            alarms, box, username=USER, password_env="SMTP_PASSWORD", recipients=["ana@example.com", "ben@example.com"]
        )
        fire(alarms)
        assert send_once(alarms.yard, {"SMTP_PASSWORD": PASSWORD}).sent == 1
        (sent,) = box.mails
    assert sent["Subject"] == "[WARNING] errors: fraud 1.0.0 in production"
    assert (sent["From"], sent["To"]) == ("alerts@example.com", "ana@example.com, ben@example.com")
    assert sent["Message-ID"] == f"<{alarms.messages()[0].id}@example.com>"
    text = sent.get_content()
    assert "error rate is 10 %" in text
    assert alarms.alerts()[0].id in text
    assert box.recipients == [["ana@example.com", "ben@example.com"]]


def test_mail_is_sent_over_tls_from_the_first_byte(alarms, trusted):
    with Mailbox(trusted, implicit=True) as box:
        mail(alarms, box, tls="tls")
        fire(alarms)
        assert send_once(alarms.yard).sent == 1
        assert len(box.mails) == 1


def test_mail_without_tls_only_where_the_channel_says_so(alarms):
    with Mailbox() as box:
        mail(alarms, box)
        fire(alarms)
        assert send_once(alarms.yard).failed == 1
        assert box.mails == []
        assert "STARTTLS" in alarms.messages()[0].error
        mail(alarms, box, tls="none")
        alarms.clock.move(1)
        assert send_once(alarms.yard).sent == 1
        assert len(box.mails) == 1


@pytest.mark.parametrize("tls", ["starttls", "tls"])
def test_a_certificate_that_nobody_trusts_gets_no_mail_and_no_password(alarms, proof, tls):
    with Mailbox(proof, implicit=tls == "tls", login=tls == "starttls") as box:
        mail(alarms, box, tls=tls, username=USER, password_env="SMTP_PASSWORD")
        fire(alarms)
        assert send_once(alarms.yard, {"SMTP_PASSWORD": PASSWORD}).failed == 1
        assert box.mails == []
    assert "CERTIFICATE_VERIFY_FAILED" in alarms.messages()[0].error


def test_a_wrong_password_is_tried_again_and_never_shown(alarms, trusted):
    with Mailbox(trusted, login=True) as box:
        mail(alarms, box, username=USER, password_env="SMTP_PASSWORD")
        fire(alarms)
        assert send_once(alarms.yard, {"SMTP_PASSWORD": "battery staple"}).failed == 1
        (waiting,) = alarms.messages()
        assert (waiting.state, "535" in waiting.error, "battery" in waiting.error) == ("waiting", True, False)
        alarms.clock.move(1)
        assert send_once(alarms.yard, {"SMTP_PASSWORD": PASSWORD}).sent == 1


def test_recipients_that_are_refused_do_not_keep_the_mail_from_others(alarms):
    with Mailbox(refused=("ben@example.com",)) as box:
        mail(alarms, box, tls="none", recipients=["ana@example.com", "ben@example.com"])
        fire(alarms)
        assert send_once(alarms.yard).sent == 1
    (sent,) = alarms.messages()
    assert (sent.state, sent.error) == ("sent", "refused: ben@example.com")


def test_another_address_of_a_mail_server_is_tried_where_one_cannot_be_reached():
    class Outside:
        timeout = 5.0

        def post(self, url, body, headers):
            raise AssertionError(url)

        def places(self, host, port):
            del host, port
            return ["255.255.255.255", "127.0.0.1"]

    with Mailbox() as box:
        channel = Channel(
            kind="email", host="mail.example.com", port=box.port, tls="none", sender="a@example.com",
            recipients=["ana@example.com"],
        )  # fmt: skip
        notice = AlertNotice(alert="al_1", event="test", rule="test", severity="info", summary="a test")
        message = Message(id="no_1", channel="mail", group="", at="2026-03-02T12:00:00.000000Z", notices=[notice])
        assert email.send(Outside(), channel, message, {}).sent
        assert len(box.mails) == 1


def test_a_mail_server_that_is_full_dead_or_mute_is_tried_again(alarms):
    with Mailbox(full="452 too much mail") as box:
        mail(alarms, box, tls="none")
        fire(alarms)
        send_once(alarms.yard)
        assert "452" in alarms.messages()[0].error
        port = box.port
    alarms.clock.move(1)
    send_once(alarms.yard)
    assert "cannot be reached" in alarms.messages()[0].error
    with closing(socket.create_server(("127.0.0.1", port), reuse_port=False)) as mute:
        alarms.clock.move(1)
        send_once(alarms.yard, timeout_s=0.2)
        assert alarms.messages()[0].state == "waiting"
        mute.settimeout(5)
    assert alarms.messages()[0].attempts == 3


def test_a_mail_server_that_speaks_for_ever_is_cut_off(alarms):
    stopped = threading.Event()
    with closing(socket.create_server(("127.0.0.1", 0))) as drip:

        def speak() -> None:
            connection, _ = drip.accept()
            with connection:
                connection.sendall(b"220 hello\r\n")
                while not stopped.wait(0.05):
                    try:
                        connection.sendall(b"250-and more\r\n")
                    except OSError:
                        return

        thread = threading.Thread(target=speak, daemon=True)
        thread.start()
        alarms.channel(**{**MAIL, "port": drip.getsockname()[1], "recipients": ["ana@example.com"], "tls": "none"})
        fire(alarms)
        assert send_once(alarms.yard, timeout_s=0.5).failed == 1
        stopped.set()
        thread.join(30)


def test_mail_says_what_is_on_one_line_on_one_line(alarms):
    with Mailbox() as box:
        mail(alarms, box, tls="none", group_by=[])
        alarms.rule("other")
        fire(alarms)
        send_once(alarms.yard)
        alarms.call(TEST_CHANNEL, NamedChannel(name="team"))
        send_once(alarms.yard)
        assert [one["Subject"] for one in box.mails] == [
            "2 firing: all models",
            "[TEST] a test message, asked for by ana",
        ]


@pytest.mark.feature("PRF-10")
def test_private_places_are_reached_only_where_that_is_allowed(alarms):
    with Receiver() as receiver, Mailbox() as box:
        alarms.channel(receiver=receiver)
        alarms.channel("mail", **{**MAIL, "port": box.port, "recipients": ["ana@example.com"], "tls": "none"})
        fire(alarms)
        assert send_once(alarms.yard, allow_private=False).failed == 2
        assert (receiver.heard, box.mails) == ([], [])
    errors = [alarms.messages()[0].error, alarms.messages("mail")[0].error]
    assert all("alerts.allow_private" in error for error in errors)


def test_a_variable_that_is_not_set_is_named(alarms):
    alarms.channel(kind="slack", url_env="TEAM_WEBHOOK_URL", group_wait_s=0.0)
    fire(alarms)
    send_once(alarms.yard, {"TEAM_WEBHOOK_URL": " "})
    assert "TEAM_WEBHOOK_URL is not set" in alarms.standing().last_error


def test_no_error_that_is_kept_holds_a_secret(alarms):
    def echo(seen):
        return Reply(status=400, body=b"no such hook: " + seen.target.encode())

    with ScriptedServer(echo) as slack:
        url = f"{slack.url}/services/T0/B0/secret"
        alarms.channel(kind="slack", url_env="TEAM_WEBHOOK_URL", group_wait_s=0.0)
        alarms.channel("bad", kind="webhook", url_env="BAD_WEBHOOK_URL", secret_env="BAD_WEBHOOK_SECRET")
        fire(alarms)
        alarms.clock.move(10)
        environ = {"TEAM_WEBHOOK_URL": url, "BAD_WEBHOOK_URL": "no address", "BAD_WEBHOOK_SECRET": "whsec_no"}
        with sender(alarms.yard, environ) as made:
            made.drain()
            assert made.failed == 2
    assert alarms.messages()[0].error == "status 400: no such hook: ***"
    assert "whsec_no" not in alarms.messages("bad")[0].error
    assert alarms.messages("bad")[0].state == "waiting"


def test_no_log_holds_an_address_that_is_a_secret(alarms, caplog):
    caplog.set_level(logging.DEBUG)
    with ScriptedServer(lambda _seen: Reply(status=200)) as slack:
        alarms.channel(kind="slack", url_env="TEAM_WEBHOOK_URL", group_wait_s=0.0)
        fire(alarms)
        assert send_once(alarms.yard, {"TEAM_WEBHOOK_URL": f"{slack.url}/services/T0/B0/secret"}).sent == 1
    assert "/services/T0" not in caplog.text
