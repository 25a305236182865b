"""The cache of answers: it saves work, and never tells what is no longer so."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import sql

from components.yards import open_caller
from modelyard.domain.wire import Resolved
from modelyard.metadata.changes import ChangeWatch
from modelyard.operations import CREATE_MODEL, REGISTER_VERSION, SET_ALIAS, CreateModel, RegisterVersion, SetAlias
from modelyard.server.answers import answer
from modelyard.server.cache import AnswerCache


def until(reached) -> None:
    """Wait for a state, asking again at short intervals."""
    waiting = threading.Event()
    for _ in range(1000):
        if reached():
            return
        waiting.wait(0.01)
    raise AssertionError("the state was not reached in ten seconds")


@pytest.mark.feature("STO-15")
def test_a_repeated_question_does_not_reach_the_database(client, name, monkeypatch):
    client.post("/api/models/register", json={"name": name})
    client.post(f"/api/models/{name}/versions/register", json={"version": "1.0.0"})
    paths = [
        f"/api/models/{name}/resolve",
        f"/api/models/{name}/versions?limit=5",
        f"/api/models/{name}",
        "/api/models?limit=7",
    ]
    first = [client.get(path) for path in paths]

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the database was asked")

    monkeypatch.setattr("modelyard.server.service.perform", refuse)
    again = [client.get(path) for path in paths]
    for one, other in zip(first, again, strict=True):
        assert (other.status_code, other.content) == (200, one.content)
        assert other.headers.get("etag") == one.headers.get("etag")
    assert client.get(f"/api/models/{name}/versions?limit=6").status_code == 500
    assert client.get("/api/stats").status_code == 500
    assert client.get("/api/events").status_code == 500


def test_errors_are_not_kept(client, name):
    assert client.get(f"/api/models/{name}/resolve").status_code == 404
    client.post("/api/models/register", json={"name": name})
    client.post(f"/api/models/{name}/versions/register", json={})
    assert client.get(f"/api/models/{name}/resolve").status_code == 200


def test_a_change_by_another_process_is_seen(fresh):
    """A second opening of the registry stands for another process: only the database is shared."""
    url = fresh.settings["database.url"] or ""
    with open_caller(fresh.settings.registry_folder, url) as other:
        other.call(CREATE_MODEL, CreateModel(name="fraud"))
        for _ in range(2):
            other.call(REGISTER_VERSION, RegisterVersion(name="fraud"))

        def champion() -> int:
            answer = fresh.client.get("/api/models/fraud@champion/resolve")
            return int(answer.json()["number"]) if answer.status_code == 200 else 0

        # On PostgreSQL the news of a commit travels on a connection of its own, and arrives a moment later.
        for number in (1, 2, 1, 2):
            other.call(SET_ALIAS, SetAlias(name="fraud", alias="champion", version=str(number)))
            until(lambda number=number: champion() == number)


def test_nothing_is_kept_while_the_database_does_not_tell_of_changes(postgres_server, postgres_url, tmp_path):
    with open_caller(tmp_path / "registry", postgres_url) as caller:
        watch = ChangeWatch(caller.yard.database)
        until(lambda: watch.count() == watch.count())
        before = watch.count()
        _end_listener(postgres_server, postgres_url)
        until(lambda: watch.count() != watch.count())
        until(lambda: watch.count() == watch.count())
        assert watch.count() > before
        watch.close()


def _end_listener(server, url: str) -> None:
    statement = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = {}"
    server._execute(sql.SQL(statement).format(sql.Literal(url.rpartition("/")[2])))


def test_a_watch_of_a_database_that_cannot_be_read_always_sees_a_change(tmp_path):
    with open_caller(tmp_path / "registry") as caller:
        watch = ChangeWatch(caller.yard.database)
        assert watch.count() == watch.count()
        watch.close()
        caller.yard.database.path.rename(tmp_path / "away.db")
        caller.yard.database.path.mkdir()
        assert watch.count() != watch.count()
        caller.yard.database.path.rmdir()
        (tmp_path / "away.db").rename(caller.yard.database.path)
        assert watch.count() == watch.count()
        watch.close()


# ------------------------------------------------------------------------------------------------------------ the rules


def some_answer(size: int):
    """An answer of about a size."""
    record = Resolved(
        id="x" * size,
        name="n",
        number=1,
        version="1.0.0",
        stage="development",
        digest="",
        model_size_bytes=0,
        deprecated=False,
    )
    return answer(record, permission="version.read")


@given(sizes=st.lists(st.integers(0, 9000), max_size=40))
def test_answers_never_take_more_than_the_limit(sizes):
    cache = AnswerCache(lambda: 1, limit=30_000)
    for number, size in enumerate(sizes):
        cache.get((str(number), b"", ""))
        cache.put((str(number), b"", ""), cache.state, some_answer(size))
    kept = [found for number in range(len(sizes)) if (found := cache.get((str(number), b"", "")))]
    assert sum(found.size for found in kept) <= 30_000
    fitting = [size for size in sizes if some_answer(size).size + 1000 <= 30_000 // 4]
    assert len(kept) >= min(len(fitting), 3)


def test_an_answer_read_before_a_change_is_not_kept_after_it():
    state = 1
    cache = AnswerCache(lambda: state, limit=30_000)
    assert cache.get(("path", b"", "")) is None
    before = cache.state
    state = 2
    assert cache.get(("another", b"", "")) is None
    cache.put(("path", b"", ""), before, some_answer(1))
    assert cache.get(("path", b"", "")) is None
    cache.put(("path", b"", ""), cache.state, some_answer(1))
    assert cache.get(("path", b"", "")) is not None
    state = 3
    assert cache.get(("path", b"", "")) is None


def test_a_cache_without_room_keeps_nothing():
    cache = AnswerCache(lambda: 1, limit=0)
    cache.put(("path", b"", ""), cache.state, some_answer(0))
    assert cache.get(("path", b"", "")) is None
