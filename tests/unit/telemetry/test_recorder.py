"""The recorder and what is read back: exact counts, repeats that do no harm, and a database that is away."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from components.yards import open_caller
from modelyard.domain.wire.delivery import EndpointConfiguration, Observation
from modelyard.errors import DatabaseUnavailable
from modelyard.metadata import endpoints, observations
from modelyard.metadata.database import Database, Transaction
from modelyard.operations import CREATE_MODEL, CreateModel
from modelyard.telemetry import rollup
from modelyard.telemetry.outcome import Outcome
from modelyard.telemetry.recorder import Cell, Key, Recorder
from modelyard.telemetry.rollup import Keeping
from modelyard.telemetry.windows import observed

AT = "2026-03-01T12:00:00.000000Z"
NOON = 1_772_366_400.0
SUBJECT = ("ep_1", 3, "mv_1", "live")


class Switched(Database):
    """A real database that can be away, or lose the answer to a commit."""

    is_away = False
    loses_answers = False

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """Refuse while it is away."""
        if self.is_away:
            raise DatabaseUnavailable("the database does not answer")
        with super().write() as tx:
            yield tx
        if self.loses_answers:
            raise DatabaseUnavailable("the connection broke while it was committed")


class Clock:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Switched]:
    """A registry's database with one endpoint."""
    with open_caller(tmp_path / "registry") as caller:
        model = caller.call(CREATE_MODEL, CreateModel(name="fraud"))
        with caller.yard.database.write() as tx:
            values = {"id": "ep_1", "model_id": model.id, "environment": "production", "kind": "cloud", "at": AT}
            endpoints.add(tx, values, EndpointConfiguration())
        url = caller.yard.database.url
    found = Switched(url.render_as_string())
    yield found
    found.close()


def look(database: Database, version_id: str = "mv_1", **how: Any) -> Observation:
    """What was observed of a version."""
    with database.read() as tx:
        return observed(tx, "ep_1", version_id, **how)


def test_what_was_recorded_is_observed_once_it_is_written(database):
    recorder = Recorder(database, "wr_1", clock=Clock())
    for number in range(1_000):
        outcome = Outcome(code="" if number % 10 else "prediction_failed", tokens=2)
        recorder.record(SUBJECT, 0.010 + number / 100_000, outcome)
    assert look(database).requests == 0
    assert recorder.flush()
    seen = look(database)
    assert (seen.requests, seen.errors, seen.error_rate, seen.tokens) == (1_000, 100, 0.1, 2_000)
    assert seen.p50_s == pytest.approx(0.015, rel=0.02)
    assert seen.p99_s == pytest.approx(0.0199, rel=0.02)


def test_nothing_observed_is_no_rate_and_no_quantile(database):
    seen = look(database)
    assert (seen.requests, seen.error_rate, seen.p50_s) == (0, None, None)


def test_what_was_written_is_not_written_again(database):
    recorder = Recorder(database, "wr_1", clock=Clock())
    for total in range(1, 4):
        recorder.record(SUBJECT, 0.01)
        assert recorder.flush()
        assert recorder.flush()
        assert look(database).requests == total


@pytest.mark.feature("PRF-01")
def test_writers_add_up_and_minutes_epochs_and_roles_are_kept_apart(database):
    clock = Clock()
    one, two = (Recorder(database, writer, clock=clock) for writer in ("wr_1", "wr_2"))
    one.record(SUBJECT, 0.01)
    two.record(SUBJECT, 0.01, Outcome(code="prediction_failed"))
    clock.now += 60
    one.record(("ep_1", 4, "mv_1", "live"), 0.01)
    one.record(("ep_1", 4, "mv_1", "shadow"), 0.01)
    one.record(("ep_1", 4, "mv_2", "live"), 0.01)
    assert one.flush()
    assert two.flush()
    assert look(database).requests == 3
    assert look(database, epochs=[3]).errors == 1
    assert look(database, epochs=[4]).requests == 1
    assert look(database, epochs=[]).requests == 0
    assert look(database, since="2026-03-01T12:01:30.000000Z").requests == 1
    assert look(database, since="2026-03-01T12:00:59.000000Z").requests == 3
    assert look(database, role="shadow").requests == 1
    assert look(database, "mv_2").requests == 1


@pytest.mark.feature("PRF-11")
def test_a_database_that_is_away_gets_everything_later(database, caplog):
    clock = Clock()
    recorder = Recorder(database, "wr_1", clock=clock)
    recorder.record(SUBJECT, 0.01)
    assert recorder.flush()
    database.is_away = True
    for _ in range(5):
        clock.now += 60
        recorder.record(SUBJECT, 0.01)
        assert not recorder.flush()
    assert caplog.text.count("kept in memory") == 1
    database.is_away = False
    assert recorder.flush()
    assert look(database).requests == 6


def test_memory_is_bounded_while_the_database_is_away_and_no_count_is_lost(database):
    clock = Clock()
    recorder = Recorder(database, "wr_1", clock=clock, most_cells=10)
    database.is_away = True
    for _ in range(100):
        clock.now += 60
        recorder.record(SUBJECT, 0.01)
        recorder.flush()
    assert len(recorder._waiting) <= 10
    database.is_away = False
    assert recorder.flush()
    assert look(database).requests == 100


def test_what_is_written_is_forgotten(database):
    clock = Clock()
    recorder = Recorder(database, "wr_1", clock=clock)
    for _ in range(50):
        clock.now += 60
        recorder.record(SUBJECT, 0.01)
        assert recorder.flush()
    assert (recorder._waiting, recorder._batch, recorder._last) == ({}, None, {})
    assert look(database).requests == 50


@pytest.mark.feature("PRF-11")
def test_a_batch_that_was_committed_although_it_seemed_to_fail_counts_once(database):
    recorder = Recorder(database, "wr_1", clock=Clock())
    for round_ in range(1, 4):
        recorder.record(SUBJECT, 0.01, Outcome(code="timed_out", tokens=3, cost=0.5))
        database.loses_answers = True
        assert not recorder.flush()
        assert not recorder.flush()
        recorder.record(SUBJECT, 0.01)
        database.loses_answers = False
        assert recorder.flush()
        seen = look(database)
        assert (seen.requests, seen.errors, seen.tokens) == (2 * round_, round_, 3 * round_)


def test_a_late_batch_finds_its_minute_rolled_up_and_counts_all_the_same(database):
    clock = Clock()
    recorder = Recorder(database, "wr_1", clock=clock)
    recorder.record(SUBJECT, 0.01)
    database.loses_answers = True
    assert not recorder.flush()
    database.loses_answers = False
    with database.write() as tx:
        while rollup.roll(tx, "2026-04-01T00:00:00.000000Z", Keeping()):
            pass
    recorder.record(SUBJECT, 0.01)
    assert recorder.flush()
    assert look(database).requests == 2
    with database.read() as tx:
        rows = observations.of_version(tx, "ep_1", "mv_1", role="live")
    assert sorted((row.span, row.requests) for row in rows) == [("day", 1), ("minute", 1)]


def test_many_minutes_are_written_in_pieces(database):
    clock = Clock()
    recorder = Recorder(database, "wr_1", clock=clock)
    for _ in range(2_500):
        clock.now += 60
        recorder.record(SUBJECT, 0.01)
    assert recorder.flush()
    assert look(database).requests == 2_500


def test_sinks_are_told_what_came_once_though_it_is_written_later(database):
    told: dict[Any, int] = {}

    def sink(fresh: Mapping[Key, Cell]) -> None:
        for key, cell in fresh.items():
            told[key] = told.get(key, 0) + cell.requests

    recorder = Recorder(database, "wr_1", clock=Clock(), sinks=[sink])
    database.is_away = True
    for _ in range(3):
        recorder.record(SUBJECT, 0.01)
        assert not recorder.flush()
    database.is_away = False
    assert recorder.flush()
    assert told == {(SUBJECT, int(NOON) // 60): 3}
    assert look(database).requests == 3


def test_a_clock_that_goes_back_takes_nothing_away(database):
    clock = Clock()
    recorder = Recorder(database, "wr_1", clock=clock)
    for step in (0, 60, 60, -180, 0, 60):
        clock.now += step
        recorder.record(SUBJECT, 0.01)
        assert recorder.flush()
    assert look(database).requests == 6


def test_what_an_endpoint_did_that_is_gone_disturbs_nothing(database):
    recorder = Recorder(database, "wr_1", clock=Clock())
    recorder.record(("ep_gone", 1, "mv_1", "live"), 0.01)
    recorder.record(SUBJECT, 0.01)
    assert recorder.flush()
    assert look(database).requests == 1


def test_many_threads_lose_no_count(database):
    recorder = Recorder(database, "wr_1", interval=0.001)
    recorder.start()
    recorder.start()

    def work() -> None:
        for _ in range(5_000):
            recorder.record(SUBJECT, 0.01)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    recorder.close()
    recorder.close()
    assert look(database).requests == 20_000


def test_the_end_without_a_database_says_what_is_lost(database, caplog):
    recorder = Recorder(database, "wr_1", clock=Clock())
    recorder.record(SUBJECT, 0.01)
    database.is_away = True
    recorder.close()
    assert "up to 1 predictions are not recorded" in caplog.text


def test_a_fault_of_one_write_does_not_end_the_thread(database, monkeypatch, caplog):
    wrote = threading.Event()
    faults = iter([RuntimeError("a defect")])
    real = observations.add

    def add(*arguments: Any) -> None:
        for fault in faults:
            raise fault
        real(*arguments)
        wrote.set()

    monkeypatch.setattr("modelyard.telemetry.recorder.observations.add", add)
    recorder = Recorder(database, "wr_1", interval=0.001)
    recorder.start()
    recorder.record(SUBJECT, 0.01)
    assert wrote.wait(30)
    recorder.close()
    assert look(database).requests == 1
    assert "could not be written" in caplog.text
