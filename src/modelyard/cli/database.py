"""What the `db` commands ask of a database, without opening a whole registry: that would migrate it."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from sqlalchemy import text

from modelyard.config import Settings, database_url
from modelyard.domain.events import GENESIS, HASHED, event_hash
from modelyard.domain.wire import EventRecord
from modelyard.metadata import journal, schema
from modelyard.metadata.database import Database

PAGE = 1000


def status(settings: Settings) -> dict[str, Any]:
    """Return where the database is, and how its schema stands."""
    with closing(_opened(settings)) as database:
        with database.read() as tx:
            revision = schema.revision_of(tx.connection)
        return {
            "database": database.url.render_as_string(hide_password=True),
            "kind": database.url.get_backend_name(),
            "schema": revision or "none",
            "newest": schema.HEAD,
            "upgrade_needed": revision != schema.HEAD,
        }


def upgrade(settings: Settings) -> dict[str, Any]:
    """Bring the schema to the newest one; return it with the one before."""
    with closing(_opened(settings)) as database:
        with database.read() as tx:
            before = schema.revision_of(tx.connection)
        return {"before": before or "none", "schema": schema.ensure(database)}


def check(settings: Settings) -> list[str]:
    """Return what is wrong with the database and with the chains of events; nothing when all is well."""
    with closing(_opened(settings)) as database, database.read() as tx:
        problems = []
        revision = schema.revision_of(tx.connection)
        if revision != schema.HEAD:
            return [f"the schema is {revision or 'none'}, and this modelyard works with {schema.HEAD}"]
        if database.is_sqlite:
            found = [str(line) for (line,) in tx.all(text("PRAGMA integrity_check(20)"))]
            problems += [line for line in found if line != "ok"]
            missing: list[Any] = list(tx.all(text("PRAGMA foreign_key_check")))
            for table, row, other, _key in missing:
                problems.append(f"table {table}: row {row} refers to a missing row of {other}")
        return problems + _broken_chains(tx)


def _broken_chains(tx: Any) -> list[str]:
    """Compute every event's hash again, and follow each model's chain."""
    problems, after = [], 0
    ends: dict[str, tuple[int, str]] = {}
    while events := journal.page(tx, after=after, limit=PAGE):
        for event in events:
            problems += _broken_link(event, ends)
        after = events[-1].sequence
    return problems


def _broken_link(event: EventRecord, ends: dict[str, tuple[int, str]]) -> list[str]:
    # A model that was deleted and made again under its name begins a chain of its own.
    position, previous = (0, GENESIS) if event.position == 1 else ends.get(event.model, (0, GENESIS))
    ends[event.model] = (event.position, event.hash)
    name = f"event {event.sequence} of {event.model}"
    if event_hash({key: getattr(event, key) for key in HASHED}) != event.hash:
        return [f"{name} was changed after it was written"]
    if (event.position, event.previous) != (position + 1, previous):
        return [f"{name} does not follow the one before it"]
    return []


def _opened(settings: Settings) -> Database:
    return Database(database_url(settings), pool_size=1, busy_timeout=settings["database.busy_timeout_s"])
