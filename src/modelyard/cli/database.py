"""What the `db` commands ask of a database, without opening a whole registry: that would migrate it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import text

from modelyard.config import Settings, database_url
from modelyard.domain.wire import AuditFinding, AuditReport
from modelyard.errors import NotFound, RegistryCorrupt
from modelyard.metadata import schema
from modelyard.metadata.database import Database
from modelyard.registry.audit import examine


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
        return problems + [_sentence(finding) for finding in examine(tx).findings]


def audit(settings: Settings, anchor: str) -> AuditReport:
    """Check the record of a registry, as far as its database tells."""
    with closing(_opened(settings)) as database:
        return _examined(database, anchor)


def audit_copy(place: str, anchor: str) -> AuditReport:
    """Check the record in a copied database file, or in a database by its URL; nothing is written anywhere.

    Raises:
        NotFound: there is no such file.
        RegistryCorrupt: it is no registry.
    """
    is_url = "://" in place
    if not is_url and not Path(place).is_file():
        raise NotFound(f"there is no file {place}", hint="name a registry.db, or the URL of a database")
    with closing(Database(place if is_url else f"sqlite:///{place}", pool_size=1, untouched=True)) as database:
        return _examined(database, anchor)


def _examined(database: Database, anchor: str) -> AuditReport:
    with database.read() as tx:
        revision = schema.revision_of(tx.connection)
        if revision is None:
            raise RegistryCorrupt("the database is empty", hint="name the database of a registry")
        schema.refuse_unknown(revision)
        return examine(tx, anchor=anchor)


def _sentence(finding: AuditFinding) -> str:
    place = f"event {finding.position} of " if finding.position is not None else ""
    return f"{place}{finding.subject}: {finding.problem}"


def _opened(settings: Settings) -> Database:
    return Database(database_url(settings), pool_size=1, busy_timeout=settings["database.busy_timeout_s"])
