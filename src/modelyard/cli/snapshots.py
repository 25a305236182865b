"""`snapshot`: keep what an endpoint serves, and bring it back; `rollbacks` lists what was brought back."""

from __future__ import annotations

import click

from modelyard.cli.deploying import ENVIRONMENT, REASON
from modelyard.cli.lazy import deployment_view, endpoint_view
from modelyard.cli.session import Session, pass_session
from modelyard.cli.shape import Group, command
from modelyard.domain.wire import EndpointRollback


@click.group(
    "snapshot",
    cls=Group,
    examples=(
        "modelyard snapshot create fraud --reason 'before the sale'",
        "modelyard snapshot list fraud",
        "modelyard snapshot restore sn_01hz3 --dry-run",
    ),
)
def snapshot() -> None:
    """Keep all that an endpoint serves, and bring it back.

    A snapshot holds the route, the configuration, aliases and stages. One is taken before each deployment.
    """


@command("create", "modelyard snapshot create fraud --reason 'before the sale'")
@click.argument("name", metavar="MODEL")
@ENVIRONMENT
@REASON
@pass_session
def create(session: Session, /, name: str, environment: str, reason: str) -> None:
    """Keep what an endpoint serves now."""
    record = session.open().take_snapshot(name, environment=environment, reason=reason)
    session.say(record, f"{record.id} keeps {name} in {environment}", bare=record.id)


@command("list", "modelyard snapshot list fraud", "modelyard snapshot list fraud --output json")
@click.argument("name", metavar="MODEL")
@ENVIRONMENT
@click.option(
    "--limit", type=click.IntRange(min=1), default=50, show_default=True, metavar="N", help="The most to show."
)
@pass_session
def list_(session: Session, /, name: str, environment: str, limit: int) -> None:
    """List an endpoint's snapshots, the newest first."""
    records = session.open().list_snapshots(name, environment=environment, limit=limit)
    session.emit(records, lambda: endpoint_view.snapshots(records))


@command("show", "modelyard snapshot show sn_01hz3")
@click.argument("identifier", metavar="ID")
@pass_session
def show(session: Session, /, identifier: str) -> None:
    """Show one snapshot."""
    record = session.open().get_snapshot(identifier)
    session.emit(record, lambda: endpoint_view.snapshot(record))


@command("restore", "modelyard snapshot restore sn_01hz3 --dry-run", "modelyard snapshot restore sn_01hz3")
@click.argument("identifier", metavar="ID")
@click.option("--dry-run", is_flag=True, help="Only tell what would change.")
@click.option("--force", is_flag=True, help="Also a version that does not answer probes, or is deprecated.")
@REASON
@pass_session
def restore(session: Session, /, identifier: str, reason: str, *, dry_run: bool, force: bool) -> None:
    """Make an endpoint what it was: route, configuration, aliases and stages."""
    record = session.open().restore_snapshot(identifier, reason=reason, dry_run=dry_run, force=force)
    say_rollback(session, record)


@command("diff", "modelyard snapshot diff sn_01hz3", "modelyard snapshot diff sn_01hz3 sn_01hz4")
@click.argument("identifier", metavar="ID")
@click.argument("other", metavar="[OTHER]", default="now", required=False)
@pass_session
def diff(session: Session, /, identifier: str, other: str) -> None:
    """Tell what differs between a snapshot and another one, or the present."""
    record = session.open().compare_snapshots(identifier, other)
    session.emit(record, lambda: endpoint_view.changes(record.changes, empty="nothing differs"))


for _command in (create, list_, show, restore, diff):
    snapshot.add_command(_command)


@command("rollbacks", "modelyard rollbacks", "modelyard rollbacks fraud --output json")
@click.argument("name", metavar="[MODEL]", required=False)
@click.option("-e", "--environment", metavar="NAME", help="Only those in this environment.")
@click.option(
    "--limit", type=click.IntRange(min=1), default=50, show_default=True, metavar="N", help="The most to show."
)
@pass_session
def rollbacks(session: Session, /, name: str | None, environment: str | None, limit: int) -> None:
    """List rollbacks of endpoints, the newest first."""
    records = session.open().list_rollbacks(name, environment=environment, limit=limit)
    session.emit(records, lambda: deployment_view.rollbacks(records))


def say_rollback(session: Session, record: EndpointRollback, data: object = None) -> None:
    """Say what an endpoint went back to and how long it took, or what a rehearsal found."""
    where, serves = f"{record.name} in {record.environment}", record.version or "nothing"
    if record.dry_run:
        session.note(f"{where} would serve {serves}, instead of {record.left or 'nothing'}; nothing was changed")
        session.emit(data or record, lambda: endpoint_view.changes(record.changes, empty="nothing would change"))
        return
    instead = f", instead of {record.left}" if record.left and record.left != record.version else ""
    took = f"; it took {record.seconds:.3f} seconds"
    session.say(data or record, f"{where} serves {serves} again{instead}{took}", bare=serves)
