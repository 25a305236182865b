"""Bring a database to the schema that this modelyard works with.

- an empty database gets all migrations; an older one gets those that it lacks; either under a lock, so that many
  processes may start at once
- a database written by a newer modelyard is refused, unchanged
- a database that holds other tables, but none of ours, is refused, unchanged
- a PostgreSQL database that was restored from a dump gets its feed of events in order; see `feed`

Alembic is imported only when there is something to migrate: opening a registry that is up to date stays quick.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from modelyard.errors import RegistryCorrupt, RegistryTooNew
from modelyard.metadata import feed
from modelyard.metadata.database import Database

HEAD = "0006"
"""The newest migration; a test holds it equal to the newest file in `migrations/versions`."""

MIGRATIONS = Path(__file__).parent / "migrations"
MIGRATION_LOCK = 0x79617264  # "yard", as a number of PostgreSQL's own lock space


def revision_of(connection: Connection) -> str | None:
    """Return the migration that a database stands at, or None if it is empty.

    Raises:
        RegistryCorrupt: there are tables, but not ours.
    """
    names = set(inspect(connection).get_table_names())
    if "alembic_version" in names:
        revision = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        if revision is not None:
            return str(revision)
    # The table alone is what a downgrade to nothing leaves behind.
    if names - {"alembic_version"}:
        raise RegistryCorrupt(
            f"this database is not a registry: it holds {', '.join(sorted(names)[:5])}",
            hint="give modelyard a database of its own",
        )
    return None


def is_empty(database: Database) -> bool:
    """Tell whether a database holds nothing at all, as a new one and a lost one do."""
    with database.read() as tx:
        return revision_of(tx.connection) is None


def known_revisions() -> list[str]:
    """Return the migrations that this modelyard knows, oldest first."""
    return sorted(path.name.split("_", 1)[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def ensure(database: Database) -> str:
    """Bring the database to the newest schema and return its revision.

    Raises:
        RegistryTooNew: a newer modelyard has migrated it.
        RegistryCorrupt: it is not a registry.
    """
    with database.read() as tx:
        current = revision_of(tx.connection)
        restored = current == HEAD and feed.comes_from_elsewhere(tx)
    refuse_unknown(current)
    database.write_ahead()
    if current != HEAD:
        upgrade(database)
    elif restored:
        with database.write() as tx:
            feed.settle(tx)
    return HEAD


def upgrade(database: Database) -> None:
    """Run the missing migrations in one transaction."""
    with database.write() as tx:
        if tx.dialect == "postgresql":
            tx.connection.execute(text(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"))
        current = revision_of(tx.connection)
        refuse_unknown(current)
        if current == HEAD:
            return
        config = import_module("alembic.config").Config()
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        config.attributes["connection"] = tx.connection
        import_module("alembic.command").upgrade(config, "head")


def refuse_unknown(revision: str | None) -> None:
    """Refuse a schema of a newer modelyard.

    Raises:
        RegistryTooNew: this modelyard does not know it.
    """
    if revision not in {None, HEAD} and revision not in known_revisions():
        raise RegistryTooNew(
            f"this registry has schema {revision}; this modelyard knows schemas up to {HEAD}",
            details={"schema": revision, "known": HEAD},
        )
