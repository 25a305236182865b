"""Commands for whoever runs a registry: `gc`, `db`, `config`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from modelyard import config
from modelyard.cli.lazy import tables
from modelyard.cli.session import SQLITE, Session, pass_session
from modelyard.cli.shape import Group, command
from modelyard.cli.text import counted, size
from modelyard.errors import InvalidRequest, NotFound, RegistryCorrupt


@command("gc", "modelyard gc --dry-run", "modelyard gc --grace 86400")
@click.option("--dry-run", is_flag=True, help="Say what would be removed, and remove nothing.")
@click.option(
    "--grace",
    type=click.FloatRange(min=0),
    default=3600.0,
    show_default=True,
    metavar="SECONDS",
    help="Keep files younger than this: an upload may be about to use them.",
)
@pass_session
def gc(session: Session, grace: float, *, dry_run: bool) -> None:
    """Remove stored files that no version refers to, and unfinished uploads."""
    report = session.open().collect_garbage(dry_run=dry_run, grace_seconds=grace)
    verb = "would remove" if dry_run else "removed"
    unfinished = f" and {counted(report.stale_uploads, 'unfinished upload')}" if report.stale_uploads else ""
    kept = f"{counted(report.kept_blobs, 'file')} ({size(report.kept_bytes)}) in use"
    session.say(report, f"{verb} {counted(report.blobs, 'file')}{unfinished}: {size(report.bytes)}; {kept}")


@click.group("db", cls=Group, examples=("modelyard db status", "modelyard --registry ./model_registry db upgrade"))
def db() -> None:
    """Look after the metadata database of a registry on this machine."""


def _db_command(name: str, *examples: str) -> Callable[[Callable[..., None]], click.Command]:
    """Make a command of `db`; its function gets the session and the open database."""

    def bind(function: Callable[..., None]) -> click.Command:
        @command(name, *examples)
        @pass_session
        def run(session: Session) -> None:
            with closing(_database(session)) as database:
                function(session, database)

        run.help = function.__doc__
        db.add_command(run)
        return run

    return bind


@_db_command("status", "modelyard db status", "modelyard db status --output json")
def status(session: Session, database: Any) -> None:
    """Show where the database is, and how its schema stands."""
    from modelyard.metadata import schema  # noqa: PLC0415

    with database.read() as tx:
        revision = schema.revision_of(tx.connection)
    facts = {
        "database": database.url.render_as_string(hide_password=True),
        "kind": database.url.get_backend_name(),
        "schema": revision or "none",
        "newest": schema.HEAD,
        "upgrade_needed": revision != schema.HEAD,
    }
    session.emit(facts, lambda: tables.facts((key.replace("_", " "), value) for key, value in facts.items()))
