"""The profiler: bounded samples, hours that add up, no input on disk, and a database that is away."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import select

from components.deadlines import until
from components.yards import open_caller
from modelyard.domain.features import rows_of
from modelyard.domain.profiles import Profile, hash_of
from modelyard.errors import DatabaseUnavailable
from modelyard.metadata import profiles, tables
from modelyard.metadata.database import Database, Transaction
from modelyard.telemetry import profiler as module
from modelyard.telemetry.profiler import LARGEST, MOST_CELLS, MOST_SAMPLES, Profiler

pytestmark = pytest.mark.feature("EXP-25")

NOON = 1_772_366_400.0


class Switched(Database):
    """A real database that can be away."""

    is_away = False

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """Refuse while it is away."""
        if self.is_away:
            raise DatabaseUnavailable("the database does not answer")
        with super().write() as tx:
            yield tx


class Clock:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Switched]:
    """A registry's database."""
    with open_caller(tmp_path / "registry") as caller:
        url = caller.yard.database.url
    made = Switched(str(url))
    yield made
    made.close()


def ask(profiler: Profiler, age: float, *, version: str = "mv_1", endpoint: str = "ep_1", city: str = "Bern") -> None:
    """Let a prediction be sampled."""
    body = json.dumps({"input": [{"age": age, "city": city}]}).encode()
    profiler.take(version, endpoint, "predict", body, b"[1]")


def live(database: Database, version: str = "mv_1", endpoint: str = "", since: str = "") -> Profile:
    """What is stored of a version."""
    with database.read() as tx:
        return profiles.live_of(tx, version, endpoint_id=endpoint, since=since, most=1000).profile


def test_what_was_sampled_is_counted_and_read_back(database):
    profiler = Profiler(database, "wr_1", clock=Clock())
    for age in (20, 30, 40):
        ask(profiler, age)
    assert profiler.flush()
    found = live(database)
    assert (found.rows, found.answers) == (3, 3)
    assert found.inputs["age"].numbers.median() == pytest.approx(30, rel=0.001)
    assert found.outputs["prediction"].numbers.count == 3


def test_no_input_is_stored_unless_many_have_sent_it(database):
    profiler = Profiler(database, "wr_1", clock=Clock())
    for _ in range(5):
        ask(profiler, 20, city="Bern")
    ask(profiler, 20, city="Little Whinging")
    profiler.flush()
    with database.read() as tx:
        stored = str(tx.scalar(select(tables.profiles.c.document)))
    assert "Bern" in stored
    assert "Whinging" not in stored
    assert hash_of("Little Whinging") in stored


def test_of_each_version_so_many_are_kept_and_large_ones_are_left_out(database):
    profiler = Profiler(database, "wr_1", clock=Clock())
    for age in range(1000):
        ask(profiler, age)
        ask(profiler, age, version="mv_2")
    assert [len(kept) for kept in profiler._fresh.values()] == [MOST_SAMPLES, MOST_SAMPLES]
    profiler.take("mv_3", "ep_1", "predict", b"x" * (LARGEST + 1), b"[1]")
    profiler.take("mv_3", "ep_1", "predict", b"[1]", b"x" * (LARGEST + 1))
    profiler.take("mv_3", "ep_1", "predict", b"[[1]]", b"[1]")
    profiler.flush()
    assert [live(database, version).rows for version in ("mv_1", "mv_2", "mv_3")] == [MOST_SAMPLES, MOST_SAMPLES, 1]
    assert profiler.left_out == 2


def test_versions_and_endpoints_beyond_the_bound_are_not_sampled(database):
    profiler = Profiler(database, "wr_1", clock=Clock())
    for number in range(MOST_CELLS + 10):
        ask(profiler, 1, version=f"mv_{number}")
    profiler.flush()
    assert live(database, f"mv_{MOST_CELLS - 1}").rows == 1
    assert live(database, f"mv_{MOST_CELLS}").rows == 0


def test_no_more_values_are_read_than_a_second_has_room_for(database, monkeypatch):
    monkeypatch.setattr(module, "MOST_VALUES", 10)
    profiler = Profiler(database, "wr_1", clock=Clock())
    for age in range(MOST_SAMPLES):
        ask(profiler, age)
        ask(profiler, age, version="mv_2")
    profiler.flush()
    # Both versions had their turn: a sample has three values, and each counts one more for itself.
    assert [live(database, version).rows for version in ("mv_1", "mv_2")] == [2, 1]
    assert profiler.left_out == 2 * MOST_SAMPLES - 3


def test_hours_writers_and_endpoints_add_up_and_a_repeat_does_no_harm(database):
    clock = Clock()
    one, two = Profiler(database, "wr_1", clock=clock), Profiler(database, "wr_2", clock=clock)
    for _ in range(2):
        ask(one, 20)
        one.flush()
    ask(two, 20, endpoint="ep_2")
    two.flush()
    clock.now += 3600
    ask(one, 90)
    one.flush()
    one.flush()
    assert live(database).rows == 4
    assert live(database, endpoint="ep_1").rows == 3
    assert live(database, since="2026-03-01T13:00:00.000000Z").rows == 1
    clock.now -= 7200
    ask(one, 50)
    one.flush()
    assert live(database, since="2026-03-01T13:00:00.000000Z").rows == 2
    with database.write() as tx:
        assert profiles.are_old(tx, "2026-03-01T13:00:00.000000Z")
        assert profiles.forget(tx, "2026-03-01T13:00:00.000000Z") == 2
        assert not profiles.are_old(tx, "2026-03-01T13:00:00.000000Z")
    assert live(database).rows == 2


def test_what_a_database_that_is_away_does_not_take_is_written_later(database, caplog):
    clock = Clock()
    profiler = Profiler(database, "wr_1", clock=clock)
    database.is_away = True
    for _ in range(3):
        ask(profiler, 20)
        assert not profiler.flush()
        clock.now += 3600
    assert caplog.text.count("kept in memory") == 1
    profiler.close()
    assert "are not recorded" in caplog.text
    database.is_away = False
    profiler.close()
    assert live(database).rows == 3


def test_memory_stays_bounded_while_the_database_is_away(database):
    clock = Clock()
    profiler = Profiler(database, "wr_1", clock=clock)
    database.is_away = True
    for _ in range(MOST_CELLS + 5):
        ask(profiler, 20)
        profiler.flush()
        clock.now += 3600
    database.is_away = False
    assert profiler.flush()
    assert live(database).rows == MOST_CELLS


@pytest.mark.parametrize("body", [b"", b"\xff", b"[" * 50_000, b'{"input": "\\ud800"}', b'{"a": 1e999}', b"{}"])
def test_what_nobody_understands_is_passed_over(database, body):
    profiler = Profiler(database, "wr_1", clock=Clock())
    for protocol in ("predict", "v2", "chat", "unheard of"):
        profiler.take("mv_1", "ep_1", protocol, body, body)
    assert profiler.flush()
    assert live(database).rows == 0


def test_a_thread_reads_and_writes_while_predictions_go_on(database, monkeypatch):
    monkeypatch.setattr(module, "READ_S", 0.01)
    profiler = Profiler(database, "wr_1", clock=Clock(), interval=0.05)
    profiler.start()
    profiler.start()
    threads = [thread for thread in threading.enumerate() if thread.name == "modelyard-profiler"]
    assert len(threads) == 1

    def seen() -> bool:
        ask(profiler, 20)
        return live(database).rows > 3

    until(seen, "samples are written in the background")
    profiler.close()
    profiler.close()
    assert not threads[0].is_alive()


def test_a_fault_of_one_look_does_not_end_the_thread(database, monkeypatch, caplog):
    monkeypatch.setattr(module, "READ_S", 0.01)
    profiler = Profiler(database, "wr_1", clock=Clock(), interval=0.02)
    answers = iter([RuntimeError("a fault that nobody foresaw")])

    def once(protocol: str, body: bytes) -> list[dict[str, object]]:
        fault = next(answers, None)
        if fault is not None:
            raise fault
        return rows_of(protocol, body)

    monkeypatch.setattr(module, "rows_of", once)
    profiler.start()

    def seen() -> bool:
        ask(profiler, 20)
        return live(database).rows > 0

    until(seen, "the thread goes on")
    profiler.close()
    assert "nobody foresaw" in caplog.text
