"""Commands for whoever runs a registry: `gc`, `db`, `config`."""

from __future__ import annotations

import click

from modelyard import config
from modelyard.cli.lazy import database, tables
from modelyard.cli.session import Session, pass_session, write
from modelyard.cli.shape import Group, command
from modelyard.domain.wording import counted, size
from modelyard.errors import IntegrityError


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
def gc(session: Session, /, grace: float, *, dry_run: bool) -> None:
    """Remove stored files that no version refers to.

    Unfinished uploads go too.
    """
    report = session.open().collect_garbage(dry_run=dry_run, grace_seconds=grace)
    verb = "would remove" if dry_run else "removed"
    unfinished = f" and {counted(report.stale_uploads, 'unfinished upload')}" if report.stale_uploads else ""
    kept = f"{counted(report.kept_blobs, 'file')} ({size(report.kept_bytes)}) in use"
    session.say(report, f"{verb} {counted(report.blobs, 'file')}{unfinished}: {size(report.bytes)}; {kept}")


@click.group("db", cls=Group, examples=("modelyard db status", "modelyard --registry ./model_registry db upgrade"))
def db() -> None:
    """Look after the metadata database."""


@command("status", "modelyard db status", "modelyard db status --output json")
@pass_session
def status(session: Session) -> None:
    """Show where the database is, and how its schema stands."""
    facts = database.status(session.settings_of_present())
    session.emit(facts, lambda: tables.facts((name.replace("_", " "), value) for name, value in facts.items()))


@command("upgrade", "modelyard db upgrade")
@pass_session
def upgrade(session: Session) -> None:
    """Bring the database to the newest schema.

    Make a copy of it before.
    """
    facts = database.upgrade(session.settings_of_present())
    done = "is up to date" if facts["before"] == facts["schema"] else f"was upgraded from {facts['before']}"
    session.say(facts, f"the database {done}: schema {facts['schema']}")


@command("check", "modelyard db check")
@pass_session
def check(session: Session) -> None:
    """Check the database and the chains of events.

    Finds events that were changed, dropped or put elsewhere. Exit code 7 when something is wrong.
    `modelyard verify` checks the files.
    """
    problems = database.check(session.settings_of_present())
    rows = [(problem,) for problem in problems]
    session.emit({"problems": problems}, lambda: tables.table(("PROBLEM",), rows, empty="the database is sound"))
    if problems:
        raise IntegrityError(f"the database has {counted(len(problems), 'problem')}", hint="restore it from a backup")


@click.group("config", cls=Group, examples=("modelyard config show", "modelyard config example > registry_config.yaml"))
def config_group() -> None:
    """Show, explain and check the configuration."""


@command("show", "modelyard config show", "modelyard config show --output json")
@click.option("--all", "everything", is_flag=True, help="Also the settings that have their defaults.")
@pass_session
def show(session: Session, /, *, everything: bool) -> None:
    """Show the settings in force and where each one comes from; secrets are masked."""
    settings = session.settings()
    rows = [
        {"name": name, "value": value, "source": settings.sources.get(name, "default")}
        for name, value in settings.shown().items()
        if everything or session.output != "table" or name in settings.sources
    ]
    lines = [(row["name"], "" if row["value"] is None else row["value"], row["source"]) for row in rows]
    empty = "every setting has its default; --all lists them"
    session.emit(rows, lambda: tables.table(("SETTING", "VALUE", "SOURCE"), lines, empty=empty))


@command("example", "modelyard config example > registry_config.yaml")
def example() -> None:
    """Print a registry_config.yaml with every setting, its meaning and its default."""
    write(config.document().rstrip("\n"))


@command("check", "modelyard config check", "modelyard --config ./registry_config.yaml config check")
@pass_session
def check_config(session: Session) -> None:
    """Check the configuration file and the environment; exit code 2 when something in them is wrong."""
    settings = session.settings()
    session.say({"settings": len(settings.sources)}, "the configuration is right")


for _command in (status, upgrade, check):
    db.add_command(_command)
for _command in (show, example, check_config):
    config_group.add_command(_command)
