"""`alert channel`: who is told, and how."""

from __future__ import annotations

from typing import Any

import click

from modelyard.cli.alert_options import Length, members
from modelyard.cli.lazy import tables
from modelyard.cli.options import Document, Names
from modelyard.cli.session import Session, pass_session
from modelyard.cli.shape import Group, command
from modelyard.domain.alert_checks import CHANNEL_KINDS, TLS
from modelyard.domain.alerts import SEVERITIES
from modelyard.domain.wire import Channel, ChannelRecord, NotificationRecord
from modelyard.domain.wording import counted, moment


@click.group(
    "channel",
    cls=Group,
    examples=(
        "modelyard alert channel set team --kind slack --url-env SLACK_WEBHOOK_URL --severity warning",
        "modelyard alert channel test team",
        "modelyard alert channel messages team --state given_up",
    ),
)
def channel() -> None:
    """Say who is told, and how.

    Secrets are never given here: an option that ends in -env names a variable of the server's environment.
    """


@command(
    "set",
    "modelyard alert channel set team --kind slack --url-env SLACK_WEBHOOK_URL --severity warning",
    "modelyard alert channel set pager --kind pagerduty --routing-key-env PAGERDUTY_ROUTING_KEY --severity critical",
    "modelyard alert channel set ops --kind webhook --url https://example.com/alerts --secret-env OPS_WEBHOOK_SECRET",
    "modelyard alert channel set mail --kind email --host smtp.example.com --username alerts"
    " --password-env SMTP_PASSWORD --sender alerts@example.com --recipients ana@example.com,ben@example.com",
)
@click.argument("name")
@click.argument("document", type=Document(), required=False)
@click.option("--kind", type=click.Choice(CHANNEL_KINDS), help="How people are told.")
@click.option("--url", metavar="URL", help="Address of a webhook; of PagerDuty, where it is not the usual one.")
@click.option("--url-env", metavar="VARIABLE", help="Variable with the address; ends in _WEBHOOK_URL.")
@click.option("--secret-env", metavar="VARIABLE", help="Variable with the secret that webhooks are signed with.")
@click.option("--routing-key-env", metavar="VARIABLE", help="Variable with PagerDuty's integration key.")
@click.option("--host", metavar="NAME", help="Mail server.")
@click.option("--port", type=click.IntRange(1, 65_535), metavar="N", help="Its port; 587.")
@click.option("--tls", type=click.Choice(TLS), help="How the connection is encrypted; starttls.")
@click.option("--username", metavar="NAME", help="Who logs in at the mail server.")
@click.option("--password-env", metavar="VARIABLE", help="Variable with the password; ends in SMTP_PASSWORD.")
@click.option("--sender", metavar="ADDRESS", help="Mail address that messages come from.")
@click.option("--recipients", type=Names(), help="Mail addresses that messages go to.")
@click.option("--models", type=Names(), help="Patterns of the models that it wants to hear about; all if left out.")
@click.option("--severity", type=click.Choice(SEVERITIES), help="The least severe alerts that it wants; info.")
@click.option("--group-by", type=Names(), help="What alerts of one message agree in; model,environment.")
@click.option("--group-wait", "group_wait_s", type=Length(), help="How long a message waits for others; 5s.")
@click.option("--min-interval", "min_interval_s", type=Length(), help="The least time between two messages.")
@click.option("--resolved/--no-resolved", "send_resolved", default=None, help="Whether it hears when it is over.")
@click.option("--active/--inactive", default=None, help="Whether it is told anything.")
@click.option("--description", metavar="TEXT", help="Whose it is, for people.")
@pass_session
def set_(session: Session, /, name: str, document: dict[str, Any] | None, **fields: Any) -> None:
    """Make a channel, or replace the one of that name.

    It is said by options, or by a document with the same members as JSON or YAML; options count over it.
    """
    record = session.open().set_channel(name, **members(Channel, document, fields))
    session.say(record, f"channel {record.name} ({record.channel.kind}) hears of {record.channel.severity} and above")


@command("list", "modelyard alert channel list")
@pass_session
def list_(session: Session) -> None:
    """List the channels."""
    records = session.open().list_channels()
    rows = [
        (
            one.name,
            one.channel.kind,
            one.channel.severity,
            ", ".join(one.channel.models) or "*",
            "" if one.channel.active else "off",
            one.waiting or "",
            one.given_up or "",
            one.last_error,
        )
        for one in records
    ]
    head = ("CHANNEL", "KIND", "FROM", "MODELS", "STATE", "WAITING", "GIVEN UP", "LAST ERROR")
    session.emit(
        records, lambda: tables.table(head, rows, right=("WAITING", "GIVEN UP"), empty="no channels: nobody is told")
    )


@command("show", "modelyard alert channel show team")
@click.argument("name")
@pass_session
def show(session: Session, /, name: str) -> None:
    """Show one channel."""
    record = session.open().get_channel(name)
    session.emit(record, lambda: tables.facts(_facts(record)))


@command("delete", "modelyard alert channel delete team")
@click.argument("name")
@pass_session
def delete(session: Session, /, name: str) -> None:
    """Delete a channel, with what was still to be sent."""
    registry = session.open()
    waiting = registry.get_channel(name).waiting
    if waiting:
        session.confirm(f"{counted(waiting, 'message')} will not be sent.", "Delete it?")
    record = registry.delete_channel(name)
    session.say(record, f"deleted channel {record.name}")


@command("test", "modelyard alert channel test team")
@click.argument("name")
@pass_session
def test(session: Session, /, name: str) -> None:
    """Send a test message through a channel."""
    record = session.open().test_channel(name)
    session.say(record, f"queued {record.id}; `modelyard alert channel messages {name}` tells how it went")


@command("messages", "modelyard alert channel messages team", "modelyard alert channel messages team --state given_up")
@click.argument("name")
@click.option("--state", type=click.Choice(["waiting", "sent", "given_up"]), help="Only those in this state.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, metavar="N", help="How many.")
@pass_session
def messages(session: Session, /, name: str, state: str | None, limit: int) -> None:
    """List what was sent through a channel and what still will be, the newest first."""
    records = session.open().list_notifications(name, state=state, limit=limit)
    session.emit(records, lambda: _messages(records))


for each in (set_, list_, show, delete, test, messages):
    channel.add_command(each)


def _messages(records: list[NotificationRecord]) -> tables.Printable:
    rows = [
        (
            one.id,
            one.state,
            one.attempts,
            one.group,
            len(one.alerts),
            moment(one.due_at if one.state == "waiting" else one.updated_at),
            one.error,
        )
        for one in records
    ]
    head = ("MESSAGE", "STATE", "TRIES", "GROUP", "ALERTS", "AT (UTC)", "DETAIL")
    return tables.table(head, rows, right=("TRIES", "ALERTS"), empty="nothing was sent yet")


def _facts(record: ChannelRecord) -> list[tuple[str, object]]:
    own = [(name, getattr(record.channel, name)) for name in record.channel.__dataclass_fields__]
    shown = [(name, value) for name, value in own if value not in ("", [], None)]
    stands = [("waiting", record.waiting), ("given up", record.given_up), ("last error", record.last_error)]
    return [("channel", record.name), *shown, *stands, ("revision", record.revision), ("by", record.created_by)]
