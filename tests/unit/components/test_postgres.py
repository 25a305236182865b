"""The PostgreSQL of the tests is real, and each test has a database of its own."""

from __future__ import annotations

import psycopg
import pytest


def connect(url: str) -> psycopg.Connection:
    return psycopg.connect(url.replace("+psycopg", ""), autocommit=True)


@pytest.mark.parametrize("order", ["first", "second"])
def test_each_test_gets_an_empty_database_of_its_own(postgres_url, order):
    with connect(postgres_url) as connection:
        tables = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
        assert tables == (0,)
        connection.execute("CREATE TABLE seen (by_test text)")
        connection.execute("INSERT INTO seen VALUES (%s)", [order])
        assert connection.execute("SELECT count(*) FROM seen").fetchone() == (1,)


def test_text_is_stored_as_utf8(postgres_url):
    with connect(postgres_url) as connection:
        assert connection.execute("SHOW server_encoding").fetchone() == ("UTF8",)
