"""The change watch: its number stays while nothing happens and moves with each commit, whoever made it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import text

from modelyard.metadata.changes import ChangeWatch
from modelyard.metadata.database import Database

PATIENCE = 20.0


@pytest.fixture
def watch(database: Database) -> Iterator[ChangeWatch]:
    made = ChangeWatch(database)
    yield made
    made.close()


def write(database: Database) -> None:
    with database.write() as tx:
        tx.connection.execute(text("UPDATE alembic_version SET version_num = version_num"))


def until(condition: Callable[[], bool]) -> None:
    """Wait for what must come, and fail when it does not."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.005)


def is_steady(watch: ChangeWatch) -> bool:
    return watch.count() == watch.count()


def test_it_stays_while_nothing_happens_and_moves_with_own_changes(database: Database, watch: ChangeWatch):
    until(lambda: is_steady(watch))
    before = watch.count()
    with database.read() as tx:
        tx.connection.execute(text("SELECT 1"))
    assert watch.count() == before
    write(database)
    assert watch.count() != before


def test_it_sees_the_changes_of_others(database: Database, watch: ChangeWatch):
    until(lambda: is_steady(watch))
    before = watch.count()
    other = Database(database.engine.url.render_as_string(hide_password=False))
    with pytest.raises(ZeroDivisionError), other.write() as tx:
        tx.run(text("UPDATE alembic_version SET version_num = :number"), {"number": 1 // 0})
    assert watch.count() == before
    write(other)
    until(lambda: watch.count() != before)
    other.close()


def test_while_it_cannot_listen_nothing_is_taken_for_fresh(empty_postgres_url: str):
    database = Database(empty_postgres_url)
    watch = ChangeWatch(database)
    with database.write() as tx:
        tx.connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32))"))
    until(lambda: is_steady(watch))
    before = watch.count()
    with database.write() as tx:
        listening = "query LIKE 'LISTEN%' AND datname = current_database()"
        tx.connection.execute(text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {listening}"))
    until(lambda: not is_steady(watch))
    until(lambda: is_steady(watch))
    assert watch.count() > before
    after = watch.count()
    other = Database(empty_postgres_url)
    write(other)
    until(lambda: watch.count() != after)
    other.close()
    watch.close()
    database.close()
