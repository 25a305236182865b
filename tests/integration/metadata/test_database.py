"""Transactions: one moment for readers, all or nothing for writers, one writer at a time."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import exc, text

from modelyard.errors import DatabaseUnavailable, ModelyardError
from modelyard.metadata import models, schema
from modelyard.metadata.database import Database, Transaction, known

AT = "2026-03-01T12:00:00.000000Z"


def add_model(tx: Transaction, name: str) -> None:
    facts = {"id": f"md_{name}", "name": name, "description": "", "owner": "", "team": "", "tags": {}, "at": AT}
    models.add(tx, facts)


def names(tx: Transaction) -> list[str]:
    return [row.name for row in models.page(tx, after="", limit=100)]


def test_a_reader_sees_one_moment_while_a_writer_commits(database: Database):
    with database.read() as reader:
        assert names(reader) == []
        with database.write() as writer:
            add_model(writer, "fraud")
            assert names(reader) == []
        assert names(reader) == []
    with database.read() as reader:
        assert names(reader) == ["fraud"]


def test_a_reader_on_postgresql_cannot_write(empty_postgres_url: str):
    database = Database(empty_postgres_url)
    schema.ensure(database)
    with pytest.raises(ModelyardError, match="read-only"), database.read() as tx:
        add_model(tx, "fraud")
    database.close()


def add_models(tx: Transaction, *names: str) -> None:
    for name in names:
        add_model(tx, name)


class Abort(Exception):
    """Ends a transaction half way."""


def begin_and_abort(database: Database) -> None:
    with database.write() as tx:
        add_model(tx, "fraud")
        raise Abort


def test_an_exception_undoes_all(database: Database):
    changes = database.local_changes
    with pytest.raises(Abort):
        begin_and_abort(database)
    with database.read() as tx:
        assert names(tx) == []
    assert database.local_changes == changes


def test_a_fault_of_our_own_surfaces_as_it_is_and_undoes_all(database: Database):
    with pytest.raises(exc.IntegrityError), database.write() as tx:
        add_models(tx, "fraud", "fraud")
    with database.read() as tx:
        assert names(tx) == []


def test_a_savepoint_undoes_its_block_only(database: Database):
    with database.write() as tx:
        add_model(tx, "fraud")
        with pytest.raises(exc.IntegrityError), tx.savepoint():
            add_models(tx, "churn", "fraud")
        add_model(tx, "pricing")
    with database.read() as tx:
        assert names(tx) == ["fraud", "pricing"]


@pytest.mark.feature("STO-14")
def test_a_writer_that_waits_too_long_says_so(tmp_path: Path):
    file = tmp_path / "registry.db"
    database = Database(f"sqlite:///{file}", busy_timeout=0.05)
    schema.ensure(database)
    holder = sqlite3.connect(file, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(DatabaseUnavailable, match="another process holds the database") as refusal, database.write():
        pytest.fail("two writers at once")
    assert refusal.value.code == "database_unavailable"
    with database.read() as tx:
        assert names(tx) == []
    holder.execute("ROLLBACK")
    holder.close()
    with database.write() as tx:
        add_model(tx, "fraud")
    database.close()


def test_what_the_file_system_keeps_is_synchronised(tmp_path: Path):
    database = Database(f"sqlite:///{tmp_path}/registry.db")
    schema.ensure(database)
    with database.read() as tx:
        pragmas = [
            tx.connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        ]
    assert pragmas == ["wal", 2, 1, 30_000]
    database.close()


@pytest.mark.feature("STO-11")
def test_the_pool_is_bounded_and_says_when_it_is_empty(database_url: str):
    database = Database(database_url, pool_size=1)
    database.engine.pool._timeout = 0.05  # type: ignore[attr-defined]  # half a minute is too long for a test
    with (
        database.read() as first,
        database.read() as second,
        pytest.raises(DatabaseUnavailable, match="does not answer"),
        database.read(),
    ):
        pytest.fail(f"{first} and {second} take up the pool")
    with database.read() as tx:
        assert tx.scalar(text("SELECT 1")) == 1
    database.close()


def test_known_refuses_what_is_not_there():
    assert known(0) == 0
    with pytest.raises(AssertionError):
        known(None)
