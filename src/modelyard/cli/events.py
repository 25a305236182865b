"""`events`: what happened in the whole registry, and what happens."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

import click

from modelyard.cli.lazy import tables
from modelyard.cli.options import Names
from modelyard.cli.session import Session, pass_session, write, write_json_line
from modelyard.cli.shape import command
from modelyard.cli.text import safe
from modelyard.domain.wire import EventRecord
from modelyard.domain.wording import moment

NEWEST = 20


@command(
    "events",
    "modelyard events",
    "modelyard events --after 1042 --types 'version.*' --output json",
    "modelyard events --actor ana --until 2026-03-01T12:00Z --last 5",
    "modelyard events --follow --model fraud",
)
@click.option("--after", type=int, metavar="N", help="Sequence of the last event that was seen; 0 for all.")
@click.option("--last", type=click.IntRange(1, 1000), metavar="N", help=f"The last so many; {NEWEST} unless --after.")
@click.option("--types", type=Names(), help="Only these types, such as version.*.")
@click.option("--model", "name", metavar="MODEL", help="Only events of this model.")
@click.option("--actor", metavar="NAME", help="Only what somebody of this name did.")
@click.option(
    "--until", metavar="MOMENT", help="Only up to this moment: ISO 8601, such as 2026-03-01 or 2026-03-01T12:00Z."
)
@click.option("--follow", is_flag=True, help="Wait for more, until Ctrl-C; JSON comes one event a line.")
@pass_session
def events(
    session: Session,
    /,
    after: int | None,
    last: int | None,
    *,
    until: str | None,
    follow: bool,
    **which: Any,
) -> None:
    """List what happened in the registry, and follow it.

    Whoever keeps the last sequence and passes it as --after misses nothing and gets nothing twice.
    """
    if after is not None and last is not None:
        raise click.UsageError("--after and --last both say where to begin; give one of them")
    if after is not None and after < 0:
        raise click.BadParameter("a sequence is 0 or more", param_hint="--after")
    if follow and until is not None:
        raise click.UsageError("--follow waits for more, and --until ends before; give one of them")
    registry = session.open()
    begin = after if after is not None else -(last or NEWEST)
    if not follow:
        found = list(registry.events(after=begin, until=until, **which))
        session.emit(found, lambda: tables.events(found))
        return
    session.note("waiting for events; Ctrl-C ends it")
    start = None if after is None and last is None else begin
    _show(session, registry.follow_events(after=start, **which))


def _show(session: Session, /, coming: Iterable[EventRecord]) -> None:
    """Write one event after another, each at once."""
    for event in coming:
        if session.output == "table":
            told = tables.told(event.data)
            line = f"{event.sequence}  {moment(event.at)}  {event.type}  {event.model}  {event.actor}  {told}"
            write(safe(line.rstrip()))
            sys.stdout.flush()
        else:
            write_json_line(event)
