"""Commands that judge what is there: `history`, `stats`, `verify`."""

from __future__ import annotations

from collections.abc import Iterator

import click

from modelyard.cli.lazy import tables
from modelyard.cli.progress import bar
from modelyard.cli.session import Session, pass_session
from modelyard.cli.shape import command
from modelyard.domain.wire import Verification, VersionRecord
from modelyard.domain.wording import counted, size
from modelyard.errors import IntegrityError
from modelyard.facade.registry import ModelRegistry


@command("history", "modelyard history fraud", "modelyard history fraud/1.0.0 --output json")
@click.argument("reference", metavar="MODEL|REFERENCE")
@pass_session
def history(session: Session, /, reference: str) -> None:
    """List what happened to a model or to one version, in order."""
    records = session.open().get_history(reference)
    session.emit(records, lambda: tables.events(records))


@command("stats", "modelyard stats", "modelyard stats --output json")
@pass_session
def stats(session: Session) -> None:
    """Show the registry in numbers."""
    numbers = session.open().get_registry_stats()
    session.emit(numbers, lambda: tables.stats(numbers))


@command("verify", "modelyard verify", "modelyard verify fraud@champion --output json")
@click.argument("reference", required=False)
@click.pass_context
def verify(ctx: click.Context, reference: str | None) -> None:
    """Read files back and check every digest.

    Those of one version, or of all. Exit code 7 when anything is damaged.
    """
    session = ctx.ensure_object(Session)
    registry = session.open()
    records = [registry.get_model(reference)] if reference else registry.list_models()
    checked = list(_read_back(session, registry, records))
    damaged = [record for record in checked if record.damage]
    total = f"{counted(len(checked), 'version')}, {size(sum(record.bytes for record in checked))}"
    if session.output != "table" or damaged:
        # Among thousands of versions only the damaged ones are worth a line.
        session.emit(checked, lambda: tables.verifications(damaged))
    else:
        session.say(checked, f"{total}: sound")
    if damaged:
        raise IntegrityError(
            f"{len(damaged)} of {total} checked: damaged",
            hint="restore the files from a copy of the store, or register them again",
            details={"damaged": [record.id for record in damaged]},
        )


def _read_back(session: Session, /, registry: ModelRegistry, records: list[VersionRecord]) -> Iterator[Verification]:
    with bar(session, "verifying", sum(record.model_size_bytes for record in records)) as progress:
        for record in records:
            yield from registry.verify(record.id)
            if progress:
                progress(record.model_size_bytes)
