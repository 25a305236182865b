"""`webhook`: events sent to other systems."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from modelyard.cli.interrupts import interruptible
from modelyard.cli.lazy import sending, tables
from modelyard.cli.options import Names
from modelyard.cli.session import Session, pass_session
from modelyard.cli.shape import Group, command
from modelyard.domain.mlflow.webhooks import FORMAT
from modelyard.domain.posting import FORMATS
from modelyard.domain.wire import DeliveryRecord, WebhookRecord, WebhookSecret
from modelyard.domain.wording import counted, moment
from modelyard.errors import InvalidRequest

_EVENTS = click.option(
    "--events", type=Names(), help="Types of events, such as version.registered,alias.*; all if left out."
)
_MODELS = click.option("--models", type=Names(), help="Names of models, such as fraud,churn-*; all if left out.")
_DESCRIPTION = click.option("--description", metavar="TEXT", help="What it is for.")
_SECRET = click.option(
    "--secret-file", metavar="FILE", help="Secret to use, whsec_…, from a file or - ; a new one is made if left out."
)


@click.group(
    "webhook",
    cls=Group,
    examples=(
        "modelyard webhook create https://ci.example.com/hooks --events 'version.*' --models 'fraud-*'",
        "modelyard webhook list",
        "modelyard webhook deliveries wh_01… --state dead",
    ),
)
def webhook() -> None:
    """Send events to other systems, signed and in order.

    A server sends them, or `modelyard webhook deliver` does.
    """


@command(
    "create",
    "modelyard webhook create https://ci.example.com/hooks --events version.registered,version.stage_moved",
    "modelyard webhook create https://ci.example.com/hooks --quiet > secret.txt",
    "modelyard webhook create https://ci.example.com/hooks --format mlflow --name ci --events 'model_version*'",
)
@click.argument("url")
@_EVENTS
@_MODELS
@_DESCRIPTION
@_SECRET
@click.option("--inactive", is_flag=True, help="Send nothing until it is switched on.")
@click.option("--format", "form", type=click.Choice(FORMATS), help="Send what an MLflow server would, with mlflow.")
@click.option("--name", metavar="NAME", help="Its name, in MLflow's format.")
@pass_session
def create(session: Session, /, url: str, *, inactive: bool, form: str | None, name: str | None, **given: Any) -> None:
    """Send events to an address from now on.

    The secret is shown once: receivers check signatures with it.
    """
    if (form == FORMAT) != (name is not None):
        raise InvalidRequest("--format mlflow and --name go together", hint="give both, or neither")
    given["description"] = given["description"] or ""
    given["secret"] = _secret(given.pop("secret_file"))
    registry = session.open()
    record = registry.create_webhook(url, active=not inactive, mlflow_name=name, **given)
    _show_secret(session, record, f"webhook {record.id} sends to {record.url}")


@command("list", "modelyard webhook list", "modelyard webhook list --output json")
@pass_session
def list_(session: Session) -> None:
    """List the webhooks."""
    records = session.open().list_webhooks()
    rows = [
        (
            record.id,
            record.format,
            record.url,
            ", ".join(record.events),
            ", ".join(record.models),
            "" if record.active else "off",
            record.pending or "",
            record.dead or "",
        )
        for record in records
    ]
    head = ("WEBHOOK", "FORMAT", "ADDRESS", "EVENTS", "MODELS", "STATE", "PENDING", "DEAD")
    session.emit(records, lambda: tables.table(head, rows, right=("PENDING", "DEAD"), empty="no webhooks"))


@command("show", "modelyard webhook show wh_01hz3")
@click.argument("webhook_id", metavar="WEBHOOK")
@pass_session
def show(session: Session, /, webhook_id: str) -> None:
    """Show one webhook."""
    record = session.open().get_webhook(webhook_id)
    session.emit(record, lambda: tables.facts(_facts(record)))


@command(
    "update",
    "modelyard webhook update wh_01hz3 --inactive",
    "modelyard webhook update wh_01hz3 --events 'alias.*' --url https://other.example.com/hooks",
)
@click.argument("webhook_id", metavar="WEBHOOK")
@click.option("--url", metavar="URL", help="Where events go from now on.")
@_EVENTS
@_MODELS
@_DESCRIPTION
@click.option("--active/--inactive", default=None, help="Whether it gets events.")
@pass_session
def update(session: Session, /, webhook_id: str, **given: Any) -> None:
    """Change where events go, which ones, or whether any do."""
    record = session.open().update_webhook(webhook_id, **given)
    session.say(record, f"webhook {record.id} is {'active' if record.active else 'off'} and sends to {record.url}")


@command("delete", "modelyard webhook delete wh_01hz3")
@click.argument("webhook_id", metavar="WEBHOOK")
@pass_session
def delete(session: Session, /, webhook_id: str) -> None:
    """Delete a webhook, with what was still to be sent."""
    registry = session.open()
    pending = registry.get_webhook(webhook_id).pending
    if pending:
        session.confirm(f"{counted(pending, 'event')} will not be sent.", "Delete it?")
    record = registry.delete_webhook(webhook_id)
    session.say(record, f"deleted webhook {record.id}")


@command("rotate", "modelyard webhook rotate wh_01hz3 --overlap 3600")
@click.argument("webhook_id", metavar="WEBHOOK")
@click.option(
    "--overlap", type=click.FloatRange(min=0), metavar="SECONDS", help="How long the old secret signs too; a day."
)
@_SECRET
@pass_session
def rotate(session: Session, /, webhook_id: str, overlap: float | None, secret_file: str | None) -> None:
    """Give a webhook a new secret, which is shown once."""
    record = session.open().rotate_webhook_secret(webhook_id, secret=_secret(secret_file), overlap_seconds=overlap)
    _show_secret(session, record, f"webhook {record.id} has a new secret")


@command("reseal", "modelyard webhook reseal")
@pass_session
def reseal(session: Session) -> None:
    """Seal all secrets with the present key.

    To change the key: put the new one in front of the old one in webhooks.secret_key, restart, reseal, and take the old
    one out.
    """
    record = session.open().reseal_webhooks()
    beyond = f"; no key opens {counted(record.locked, 'other')}" if record.locked else ""
    session.say(record, f"sealed {counted(record.resealed, 'webhook')}{beyond}")


@command("test", "modelyard webhook test wh_01hz3")
@click.argument("webhook_id", metavar="WEBHOOK")
@pass_session
def test(session: Session, /, webhook_id: str) -> None:
    """Send a webhook.ping to a webhook, or a sample in MLflow's format."""
    record = session.open().test_webhook(webhook_id)
    session.say(record, f"queued {record.message_id}; `modelyard webhook deliveries {webhook_id}` tells how it went")


@command("deliveries", "modelyard webhook deliveries wh_01hz3", "modelyard webhook deliveries wh_01hz3 --state dead")
@click.argument("webhook_id", metavar="WEBHOOK")
@click.option("--state", type=click.Choice(["pending", "delivered", "dead"]), help="Only those in this state.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, metavar="N", help="How many.")
@pass_session
def deliveries(session: Session, /, webhook_id: str, state: str | None, limit: int) -> None:
    """List what was sent to a webhook and what still will be, the newest first."""
    records = session.open().list_deliveries(webhook_id, state=state, limit=limit)
    session.emit(records, lambda: _deliveries(records))


@command(
    "replay",
    "modelyard webhook replay wh_01hz3 --dead",
    "modelyard webhook replay wh_01hz3 --after 1042",
)
@click.argument("webhook_id", metavar="WEBHOOK")
@click.option("--delivery", type=int, metavar="N", help="One delivery, by its number.")
@click.option("--dead", is_flag=True, help="All that were given up.")
@click.option("--after", type=click.IntRange(min=0), metavar="N", help="Every event behind this sequence.")
@pass_session
def replay(session: Session, /, webhook_id: str, **given: Any) -> None:
    """Send events again; each keeps its id, so that receivers know what they have heard."""
    queued = session.open().replay_deliveries(webhook_id, **given)
    session.say({"queued": queued}, f"queued {counted(queued, 'event')}")


@command("deliver", "modelyard webhook deliver", "modelyard webhook deliver --once")
@click.option("--once", is_flag=True, help="Try what is due once, and end.")
@pass_session
def deliver(session: Session, /, *, once: bool) -> None:
    """Send what webhooks wait for, without a server.

    Any number may run, beside servers too.
    """
    settings = session.settings_of_present()
    if not once:
        session.note("sending; Ctrl-C ends it")
    with interruptible() as interrupted:
        counts = sending.deliver(settings, once=once, interrupted=interrupted)
    session.say(counts, f"{counts['delivered']} delivered, {counts['failed']} failed")


for each in (create, list_, show, update, delete, rotate, reseal, test, deliveries, replay, deliver):
    webhook.add_command(each)


def _secret(file: str | None) -> str | None:
    """Read a secret; it never stands on a command line, which others on the machine can see."""
    if file is None:
        return None
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"the secret cannot be read from {file}: {error}") from None
    return text.strip()


def _show_secret(session: Session, /, record: WebhookSecret, sentence: str) -> None:
    session.say(record, f"{sentence}\nits secret, shown only now: {record.secret}", bare=record.secret)


def _facts(record: WebhookRecord) -> list[tuple[str, object]]:
    return [
        ("webhook", record.id),
        ("name", record.name),
        ("format", record.format),
        ("address", record.url),
        ("events", ", ".join(record.events)),
        ("models", ", ".join(record.models)),
        ("description", record.description),
        ("active", "yes" if record.active else "no"),
        ("pending", record.pending),
        ("dead", record.dead),
        ("made", moment(record.created_at)),
        ("changed", moment(record.updated_at)),
        ("revision", record.revision),
    ]


def _deliveries(records: list[DeliveryRecord]) -> tables.Printable:
    rows = [
        (
            record.id,
            record.sequence,
            record.type,
            record.model,
            record.state,
            record.attempts,
            moment(record.finished_at or record.due_at),
            record.last_error or record.last_status or "",
        )
        for record in records
    ]
    head = ("NUMBER", "EVENT", "TYPE", "MODEL", "STATE", "TRIES", "AT (UTC)", "DETAIL")
    return tables.table(head, rows, right=("NUMBER", "EVENT", "TRIES"), empty="nothing was sent yet")
