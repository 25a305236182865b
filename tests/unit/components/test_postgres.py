"""The PostgreSQL of the tests is real, and each test has a database of its own."""

from __future__ import annotations

import psycopg
import pytest

from modelyard.metadata import schema


def connect(url: str) -> psycopg.Connection:
    return psycopg.connect(url.replace("+psycopg", ""), autocommit=True)


@pytest.mark.parametrize("order", ["first", "second"])
def test_each_test_gets_an_empty_database_of_its_own(empty_postgres_url, order):
    with connect(empty_postgres_url) as connection:
        tables = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
        assert tables == (0,)
        connection.execute("CREATE TABLE seen (by_test text)")
        connection.execute("INSERT INTO seen VALUES (%s)", [order])
        assert connection.execute("SELECT count(*) FROM seen").fetchone() == (1,)


@pytest.mark.parametrize("order", ["first", "second"])
def test_each_test_gets_a_schema_of_its_own(postgres_url, order):
    with connect(postgres_url) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == (schema.HEAD,)
        assert connection.execute("SELECT count(*) FROM versions").fetchone() == (0,)
        connection.execute("CREATE TABLE seen (by_test text)")


def test_text_is_stored_as_utf8(postgres_url):
    with connect(postgres_url) as connection:
        assert connection.execute("SHOW server_encoding").fetchone() == ("UTF8",)
