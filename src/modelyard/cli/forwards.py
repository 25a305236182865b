"""`forwards`: versions that are logged to MLflow and to Weights & Biases."""

from __future__ import annotations

from typing import Any

import click

from modelyard.cli.interrupts import interruptible
from modelyard.cli.lazy import forwarding, tables
from modelyard.cli.session import Session, pass_session
from modelyard.cli.shape import Group, command
from modelyard.domain.forwards import FAILED, STATES, TARGETS
from modelyard.domain.wire import ForwardRecord
from modelyard.domain.wording import counted, moment

SHOWN = 50


@click.group(
    "forwards",
    cls=Group,
    invoke_without_command=True,
    examples=(
        "modelyard forwards list --state failed",
        "modelyard forwards retry 17",
        "modelyard forwards send",
    ),
)
@click.pass_context
def forwards(ctx: click.Context) -> None:
    """Show what was logged to MLflow and W&B, and what waits.

    `mlflow.enabled` and `wandb.enabled` switch it on. A server sends them, the process that registered does, or
    `modelyard forwards send`. Lists the newest ones when no command is named.
    """
    if ctx.invoked_subcommand is None:
        _list(ctx.ensure_object(Session), limit=SHOWN)


@command("list", "modelyard forwards list fraud --state failed", "modelyard forwards list fraud/1.4.2 --output json")
@click.argument("reference", metavar="[MODEL|REF]", required=False)
@click.option("--state", type=click.Choice(STATES), help="Only those in this state.")
@click.option("--target", type=click.Choice(TARGETS), help="Only those to this system.")
@click.option("--limit", type=click.IntRange(min=1), default=SHOWN, show_default=True, metavar="N", help="How many.")
@pass_session
def list_forwards(session: Session, /, **chosen: Any) -> None:
    """List which versions were sent on, and which still will be, the newest first."""
    _list(session, **chosen)


@command("retry", "modelyard forwards retry 17", "modelyard forwards retry --failed")
@click.argument("forward", type=int, metavar="[NUMBER]", required=False)
@click.option("--failed", is_flag=True, help="All that failed.")
@pass_session
def retry(session: Session, /, forward: int | None, *, failed: bool) -> None:
    """Send a version on again that could not be sent."""
    if (forward is None) != failed:
        raise click.UsageError("give the number of a forward, or --failed")
    registry = session.open()
    chosen = registry.forwards(state=FAILED, limit=None) if forward is None else [forward]
    records = [registry.retry_forward(one) for one in chosen]
    session.say(records, f"queued {counted(len(records), 'version')}")


@command("send", "modelyard forwards send", "modelyard forwards send --once")
@click.option("--once", is_flag=True, help="Try what is due once, and end.")
@pass_session
def send(session: Session, /, *, once: bool) -> None:
    """Send what waits, without a server.

    Any number may run, beside servers too.
    """
    settings = session.settings_of_present()
    if not once:
        session.note("sending; Ctrl-C ends it")
    with interruptible() as interrupted:
        counts = forwarding.forward(settings, once=once, interrupted=interrupted)
    session.say(counts, f"{counts['sent']} sent, {counts['failed']} failed")


for each in (list_forwards, retry, send):
    forwards.add_command(each)


def _list(session: Session, reference: str | None = None, **chosen: Any) -> None:
    records = session.open().forwards(reference, **chosen)
    session.emit(records, lambda: _table(records))


def _table(records: list[ForwardRecord]) -> tables.Printable:
    rows = [
        (
            record.id,
            record.target,
            f"{record.name} {record.version}",
            record.state,
            record.attempts,
            moment(record.finished_at or record.due_at),
            record.last_error or record.note or record.url or record.run_id,
        )
        for record in records
    ]
    head = ("NUMBER", "TO", "VERSION", "STATE", "TRIES", "AT (UTC)", "DETAIL")
    return tables.table(head, rows, right=("NUMBER", "TRIES"), empty="nothing was sent on yet")
