"""The feed: whoever follows it gets every event once, whatever order transactions end in."""

from __future__ import annotations

import random
import time
from contextlib import ExitStack
from functools import partial

import pytest
from sqlalchemy import text

from components.crowd import alone, together
from modelyard.metadata import feed, journal, models, schema
from modelyard.metadata.database import Database

AT = "2026-03-01T12:00:00.000000Z"
WRITERS, EACH = 4, 60


def make(database: Database, *names: str) -> None:
    facts = {"description": "", "owner": "", "team": "", "tags": {}, "at": AT}
    with database.write() as tx:
        for name in names:
            models.add(tx, {"id": f"md_{name}", "name": name, **facts})


def append(tx, name: str, kind: str = "thing.done", **data) -> None:
    models.lock_by_id(tx, f"md_{name}")
    journal.append(tx, model_id=f"md_{name}", kind=kind, at=AT, actor="ada", data=data)


def write(database: Database, name: str, kind: str = "thing.done", **data) -> None:
    with database.write() as tx:
        append(tx, name, kind, **data)


def shown(database: Database, after: int = 0, limit: int = 1000, **chosen) -> list[tuple[str, int]]:
    with database.read() as tx:
        place = feed.place_of(tx, after)
        return [
            (event.model, event.sequence) for event in feed.page(tx, feed.Which(**chosen), after=place, limit=limit)
        ]


def kinds(events) -> list[str]:
    return [event.type for event in events]


@pytest.mark.feature("EXP-06")
def test_what_commits_late_has_its_place_behind_what_was_shown(empty_postgres_url):
    database = Database(empty_postgres_url)
    schema.ensure(database)
    make(database, "slow", "fast")
    write(database, "fast")
    with database.write() as slow:
        append(slow, "slow")
        write(database, "fast")
        assert shown(database) == [("fast", 1)]
        with database.read() as tx:
            assert feed.keeps_back(tx)
            assert len(journal.page(tx, after=0, limit=9)) == 2, "it is committed, and kept back"
    assert shown(database, after=1) == [("slow", 2), ("fast", 3)]
    # The numbers are given first to one and the transaction's to the other: the sequence is not the order.
    with database.write() as slow:
        slow.run(text("SELECT pg_current_xact_id()"))
        write(database, "fast")
        append(slow, "slow")
    assert shown(database, after=3) == [("slow", 5), ("fast", 4)]
    assert shown(database, after=5) == [("fast", 4)]
    with database.read() as tx:
        assert not feed.keeps_back(tx)
    database.close()


@pytest.mark.feature("EXP-06")
def test_a_follower_among_many_writers_misses_nothing_and_sees_nothing_twice(database, database_url):
    make(database, *(f"m{number}" for number in range(WRITERS)))
    with alone(follow, database_url, WRITERS * EACH) as (_process, pipe):
        assert pipe.recv() == "ready"
        together(write_many, [(database_url, f"m{number}") for number in range(WRITERS)])
        seen = pipe.recv()
    with database.read() as tx:
        everything = journal.page(tx, after=0, limit=10_000)
    assert sorted(seen) == [event.sequence for event in everything]
    assert shown(database) == [
        (event.model, event.sequence) for event in sorted(everything, key=lambda e: seen.index(e.sequence))
    ]
    for number in range(WRITERS):
        line = [event.sequence for event in everything if event.model == f"m{number}"]
        assert [sequence for sequence in seen if sequence in set(line)] == line


def write_many(url: str, name: str) -> None:
    chance = random.Random(name)
    with ExitStack() as stack:
        database = Database(url)
        stack.callback(database.close)
        for number in range(EACH):
            with database.write() as tx:
                append(tx, name, n=number)
                if not database.is_sqlite:
                    # The others overtake while this transaction is still open.
                    tx.run(text(f"SELECT pg_sleep({chance.random() / 100})"))


def follow(pipe, url: str, count: int) -> None:
    database = Database(url)
    pipe.send("ready")
    seen: list[int] = []
    deadline = time.monotonic() + 60
    while len(seen) < count and time.monotonic() < deadline:
        seen += [sequence for _, sequence in shown(database, after=seen[-1] if seen else 0, limit=7)]
    pipe.send(seen)


def test_a_restored_dump_keeps_its_order_and_what_follows_comes_behind(empty_postgres_url):
    database = Database(empty_postgres_url)
    schema.ensure(database)
    make(database, "fraud", "churn")
    for name in ("fraud", "churn", "fraud"):
        write(database, name)
    with database.write() as tx:
        # As the database would be after coming from a server that has counted further; the third came first there.
        tx.run(text("UPDATE events SET txid = 4000000000000 + CASE seq WHEN 3 THEN 0 ELSE seq END"))
    assert shown(database) == []
    schema.ensure(database)
    assert shown(database) == [("fraud", 3), ("fraud", 1), ("churn", 2)]
    write(database, "churn")
    assert shown(database, after=2) == [("churn", 4)]
    schema.ensure(database)
    assert shown(database, after=3) == [("fraud", 1), ("churn", 2), ("churn", 4)]
    database.close()


def test_types_and_models_are_chosen_by_patterns_that_only_a_last_star_makes_special(database):
    make(database, "fraud", "fraud_2", "fraudx2", "100%")
    for name, kind in (("fraud", "a.b"), ("fraud_2", "a_b"), ("fraudx2", "axb"), ("100%", "a.c"), ("fraud", "b.a")):
        write(database, name, kind)
    assert [one for _, one in shown(database, types=["a.*"])] == [1, 4]
    assert [one for _, one in shown(database, types=["a_b", "b.a"])] == [2, 5]
    assert [one for _, one in shown(database, models=["fraud_*"])] == [2]
    assert [one for _, one in shown(database, models=["100%"])] == [4]
    assert [one for _, one in shown(database, types=["a*"], models=["fraud", "nobody"])] == [1]
    assert [one for _, one in shown(database, types=["a.b", "*"])] == [1, 2, 3, 4, 5]
    assert shown(database, models=[]) == [], "no pattern shows nothing"


def test_a_place_may_be_told_from_the_end_or_by_a_number_that_no_event_has(database):
    make(database, "fraud", "churn")
    for name in ("fraud", "churn", "fraud", "churn"):
        write(database, name, f"{name}.done")
    assert [one for _, one in shown(database, after=99)] == []
    assert [one for _, one in shown(database, after=-5)] == [1, 2, 3, 4]
    with database.read() as tx:
        for count, expected in ((1, [4]), (3, [2, 3, 4]), (4, [1, 2, 3, 4]), (9, [1, 2, 3, 4])):
            place = feed.place_before_last(tx, count)
            assert [event.sequence for event in feed.page(tx, after=place, limit=9)] == expected
        place = feed.place_before_last(tx, 1, feed.Which(types=["fraud.*"]))
        assert [event.sequence for event in feed.page(tx, feed.Which(types=["fraud.*"]), after=place, limit=9)] == [3]
        assert feed.sequence_before_last(tx, 1, feed.Line(model_id="md_fraud")) == 1
        line = feed.page_of_line(tx, feed.Line(model_id="md_fraud"), feed.Which(types=["fraud.done"]), after=0, limit=9)
        assert [event.position for event in line] == [1, 2]


@pytest.mark.feature("EXP-06", "OBS-04")
def test_the_feed_is_read_back_from_any_place_by_moment_and_actor(database):
    make(database, "fraud", "churn")
    moments = [f"2026-03-01T{hour:02}:00:00.000000Z" for hour in range(9)]
    # The fourth looked at its clock long before it was given a number.
    told = [moments[0], moments[1], moments[5], moments[4].replace(":00:00.", ":59:00."), moments[6]]
    for number, at in enumerate(told):
        with database.write() as tx:
            name = ("fraud", "churn")[number == 3]
            models.lock_by_id(tx, f"md_{name}")
            actor = ("ada", "bob")[number % 2]
            journal.append(tx, model_id=f"md_{name}", kind="thing.done", at=at, actor=actor)

    def back(limit: int = 9, before: int | None = None, after: int = 0, **wanted: str) -> list[int]:
        with database.read() as tx:
            which, begin = feed.Which(**wanted), feed.place_of(tx, after)
            end = None if before is None else feed.place_of(tx, before)
            found = feed.page(tx, which, after=begin, before=end, limit=limit, back=True)
            forth = feed.page(tx, which, after=begin, before=end, limit=9)
        assert limit < 9 or found == forth[::-1]
        return [event.sequence for event in found]

    assert back() == [5, 4, 3, 2, 1]
    assert back(2) == [5, 4]
    assert (back(2, before=4), back(2, before=2), back(before=1)) == ([3, 2], [1], [])
    assert back(after=3) == [5, 4]
    assert (back(actor="bob"), back(actor="bob", before=4), back(actor="eve")) == ([4, 2], [2], [])
    assert back(until=moments[5]) == [4, 3, 2, 1], "the fourth is of a moment before"
    assert back(until=moments[5], actor="bob") == [4, 2]
    assert back(until=moments[4]) == [2, 1]
    assert (back(until=moments[1]), back(until=moments[0]), back(until="2026-02-28")) == ([2, 1], [1], [])
    with database.read() as tx:
        assert feed.place_before_last(tx, 1, feed.Which(until=moments[4]))[1] == 1
        assert feed.place_before_last(tx, 1, feed.Which(until="2020")) == feed.BEGINNING
        line = feed.Line(model_id="md_fraud")
        everything = partial(feed.page_of_line, tx, line, after=0, limit=9, back=True)
        for which, expected in (
            (feed.EVERY, [5, 3, 2, 1]),
            (feed.Which(until=moments[5]), [3, 2, 1]),
            (feed.Which(actor="bob"), [2]),
            (feed.Which(until="2020"), []),
        ):
            assert [event.sequence for event in everything(which)] == expected
        assert [event.sequence for event in everything(before=3)] == [2, 1]


@pytest.mark.feature("EXP-06")
def test_patterns_tell_upper_case_from_lower_case_and_know_no_wildcards_inside(database):
    make(database, "fraud", "Fraud", "fraud-eu", "a_b", "axb")
    for name in ("fraud", "Fraud", "fraud-eu", "a_b", "axb"):
        write(database, name, f"{name}.done")
    found = {
        pattern: (
            [name for name, _ in shown(database, types=[pattern])],
            [n for n, _ in shown(database, models=[model])],
        )
        for pattern, model in (
            ("fraud*", "fraud*"),
            ("Fraud.done", "Fraud"),
            ("a_b.*", "a_b"),
            ("%", "%"),
            ("fraud", "x"),
        )
    }
    assert found == {
        "fraud*": (["fraud", "fraud-eu"], ["fraud", "fraud-eu"]),
        "Fraud.done": (["Fraud"], ["Fraud"]),
        "a_b.*": (["a_b"], ["a_b"]),
        "%": ([], []),
        "fraud": ([], []),
    }
