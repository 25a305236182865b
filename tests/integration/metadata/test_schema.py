"""The schema: what the migrations make is what tables.py draws, once, whoever comes at the same time."""

from __future__ import annotations

import hashlib
import sqlite3
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from components.crowd import together
from modelyard.errors import RegistryCorrupt, RegistryTooNew
from modelyard.metadata import schema
from modelyard.metadata.database import Database
from modelyard.metadata.tables import metadata

SEARCH_TABLES = ("versions_search", "sqlite_sequence")


def alembic_config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))
    return config


def table_names(database: Database) -> list[str]:
    with database.read() as tx:
        return sorted(inspect(tx.connection).get_table_names())


def test_head_is_the_newest_migration_and_their_line_has_no_fork():
    scripts = ScriptDirectory.from_config(alembic_config())
    assert scripts.get_heads() == [schema.HEAD]
    line = [script.revision for script in scripts.walk_revisions()][::-1]
    assert line == schema.known_revisions()


def test_migrations_make_what_the_tables_say(database: Database):
    def ours(_object: object, name: str | None, kind: str, *_: object) -> bool:
        return not (kind in {"table", "index"} and (name or "").removeprefix("ix_").startswith(SEARCH_TABLES))

    with database.read() as tx:
        context = MigrationContext.configure(
            tx.connection,
            opts={"compare_type": True, "compare_server_default": True, "include_object": ours},
        )
        assert compare_metadata(context, metadata) == []


def test_a_column_too_many_would_be_seen(database: Database):
    with database.write() as tx:
        tx.connection.execute(text("ALTER TABLE models ADD COLUMN colour VARCHAR(10)"))
    with database.read() as tx:
        differences = compare_metadata(MigrationContext.configure(tx.connection), metadata)
    assert [(kind, table, column.name) for kind, _, table, column in _columns(differences)] == [
        ("remove_column", "models", "colour")
    ]


def _columns(differences: list[object]) -> list[tuple]:
    return [entry for entry in differences if isinstance(entry, tuple) and entry[0].endswith("column")]


@pytest.mark.feature("STO-12")
def test_bringing_up_to_date_twice_changes_nothing(database: Database):
    before = table_names(database)
    assert schema.ensure(database) == schema.HEAD
    schema.upgrade(database)
    assert table_names(database) == before


@pytest.mark.feature("STO-12")
def test_taking_everything_back_leaves_no_table(database: Database):
    config = alembic_config()
    with database.write() as tx:
        config.attributes["connection"] = tx.connection
        command.downgrade(config, "base")
    left = [name for name in table_names(database) if not name.startswith("sqlite_")]
    assert left == ["alembic_version"]
    schema.ensure(database)
    with database.read() as tx:
        assert schema.revision_of(tx.connection) == schema.HEAD


@pytest.mark.feature("STO-12", "STO-14")
def test_many_processes_open_a_new_registry_at_once(database_url: str):
    assert together(open_and_count, [(database_url,)] * 8) == [0] * 8


def open_and_count(url: str) -> int:
    database = Database(url)
    schema.ensure(database)
    with database.read() as tx:
        count = int(tx.connection.execute(text("SELECT count(*) FROM models WHERE deleted_at IS NULL")).scalar() or 0)
    database.close()
    return count


@pytest.mark.feature("STO-12")
def test_a_registry_of_a_newer_modelyard_is_refused_unchanged(database: Database):
    with database.write() as tx:
        tx.connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(RegistryTooNew, match="9999") as refusal:
        schema.ensure(database)
    assert refusal.value.details == {"schema": "9999", "known": schema.HEAD}
    assert "upgrade modelyard" in refusal.value.hint
    with pytest.raises(RegistryTooNew):
        schema.upgrade(database)
    with database.read() as tx:
        assert schema.revision_of(tx.connection) == "9999"


def test_the_database_of_another_program_is_refused_unchanged(empty: Database):
    with empty.write() as tx:
        tx.connection.execute(text("CREATE TABLE cats (name VARCHAR(20))"))
    with pytest.raises(RegistryCorrupt, match="not a registry: it holds cats") as refusal:
        schema.ensure(empty)
    assert "database of its own" in refusal.value.hint
    assert table_names(empty) == ["cats"]


def test_not_a_byte_of_another_programs_file_is_changed(tmp_path: Path):
    file = tmp_path / "registry.db"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE cats (name)")
    connection.close()
    before = hashlib.sha256(file.read_bytes()).hexdigest()
    database = Database(f"sqlite:///{file}")
    with pytest.raises(RegistryCorrupt):
        schema.ensure(database)
    database.close()
    assert hashlib.sha256(file.read_bytes()).hexdigest() == before
    assert [path.name for path in tmp_path.iterdir()] == ["registry.db"]


@pytest.mark.feature("STO-14")
def test_a_registry_that_lost_its_write_ahead_log_gets_it_back(tmp_path: Path):
    # A backup made by VACUUM INTO has the old journal, with which readers and writers lock each other out.
    database = Database(f"sqlite:///{tmp_path}/registry.db")
    schema.ensure(database)
    database.close()
    with sqlite3.connect(tmp_path / "registry.db") as connection:
        connection.execute(f"VACUUM INTO '{tmp_path}/restored.db'")
    connection.close()
    restored = Database(f"sqlite:///{tmp_path}/restored.db")
    schema.ensure(restored)
    with restored.read() as tx:
        assert tx.connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    restored.close()
