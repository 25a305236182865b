"""Real processes that record, and one that rolls up and is killed: all that they say they wrote is counted once."""

from __future__ import annotations

from contextlib import ExitStack
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from sqlalchemy import select

from components.crowd import alone, together
from components.deadlines import until
from components.templates import prepared
from components.yards import open_caller
from modelyard.domain.cells import Cell
from modelyard.domain.spans import SECONDS
from modelyard.metadata import observations
from modelyard.metadata.database import Database
from modelyard.metadata.tables import observations as table
from modelyard.telemetry.outcome import WELL, Outcome
from modelyard.telemetry.recorder import Recorder
from modelyard.telemetry.rollup import Keeping, roll

WRITERS = 4
ROUNDS = 25
EACH = 400
KILLS = 6
BEGIN = 1_772_366_400
"""Noon of a day in March; every minute after it has been over for long."""
NOW = "2026-09-01T00:00:00.000000Z"
KEEPING = Keeping(minutes_hours=2, hours_days=30)
MIXED = Outcome(code="timed_out", tokens=3, cost=0.25)


class Minutes:
    """A clock that a writer sets."""

    now = float(BEGIN)

    def __call__(self) -> float:
        return self.now


def write(folder: str, url: str, number: int) -> int:
    """Record predictions of many minutes, each round written at once; return how many there were."""
    with open_caller(Path(folder), url) as caller:
        clock = Minutes()
        recorder = Recorder(caller.yard.database, f"wr_{number}", clock=clock)
        for round_ in range(ROUNDS):
            for request in range(EACH):
                clock.now = BEGIN + 60 * (round_ % 5 * 70 + request % 3)
                subject = ("ep_1", request % 2, f"mv_{number % 2}", "live")
                recorder.record(subject, 0.001 * (1 + request), WELL if request % 4 else MIXED)
            until(recorder.flush, "the database takes it")
        recorder.close()
    return ROUNDS * EACH


def write_and_tell(pipe: Connection, folder: str, url: str, number: int) -> None:
    """Record as `write` does, in a process of its own."""
    pipe.send(write(folder, url, number))


def roll_for_ever(pipe: Connection, folder: str, url: str) -> None:
    """Roll up piece by piece until somebody ends this; tell of each piece."""
    with open_caller(Path(folder), url) as caller:
        while True:
            with caller.yard.database.write() as tx:
                moved = roll(tx, NOW, KEEPING, most=7)
            pipe.send(moved)


def total(database: Database) -> Cell:
    """All that is counted."""
    with database.read() as tx:
        return Cell.sum(observations.cell_of(row) for row in tx.all(select(table)))


def check(found: Cell, writers: int) -> None:
    """Check that each prediction of so many writers is counted once, with all that was said of it."""
    predictions = writers * ROUNDS * EACH
    assert (found.requests, found.errors, found.codes) == (
        predictions,
        predictions // 4,
        {"timed_out": predictions // 4},
    )
    assert (found.tokens, found.cost_nano) == (3 * predictions // 4, 250_000_000 * predictions // 4)
    assert sum(found.bins.values()) == predictions
    assert found.latency_ns == writers * ROUNDS * sum(int(0.001 * (1 + request) * 1e9) for request in range(EACH))


@pytest.mark.slow
@pytest.mark.feature("PRF-01", "PRF-06")
def test_what_four_processes_record_adds_up_exactly(tmp_path, database_url):
    folder = str(prepared(tmp_path / "registry", database_url))
    told = together(write, [(folder, database_url, number) for number in range(WRITERS)])
    with open_caller(Path(folder), database_url) as caller:
        assert sum(told) == WRITERS * ROUNDS * EACH
        check(total(caller.yard.database), WRITERS)


@pytest.mark.slow
@pytest.mark.kill
@pytest.mark.feature("PRF-01")
def test_nothing_is_lost_or_doubled_where_whoever_rolls_up_is_killed_again_and_again(tmp_path, database_url):
    folder = str(prepared(tmp_path / "registry", database_url))
    with ExitStack() as stack:
        writers = [stack.enter_context(alone(write_and_tell, folder, database_url, n)) for n in range(WRITERS)]
        for kill in range(KILLS):
            with alone(roll_for_ever, folder, database_url) as (process, pipe):
                for _ in range(3 * kill + 1):
                    assert pipe.poll(60)
                    pipe.recv()
                process.kill()
                process.join()
        for _process, pipe in writers:
            assert pipe.poll(60), "a writer did not come to its end"
            assert pipe.recv() == ROUNDS * EACH
    with open_caller(Path(folder), database_url) as caller:
        check(total(caller.yard.database), WRITERS)
        with caller.yard.database.write() as tx:
            while roll(tx, NOW, KEEPING):
                pass
        check(total(caller.yard.database), WRITERS)
        with caller.yard.database.read() as tx:
            assert {row.span for row in tx.all(select(table.c.span))} == {max(SECONDS, key=SECONDS.__getitem__)}


def write_until_killed(pipe: Connection, folder: str, url: str) -> None:
    """Record and write for ever, and tell after each write how many are written for certain."""
    with open_caller(Path(folder), url) as caller:
        clock = Minutes()
        recorder = Recorder(caller.yard.database, "wr_1", clock=clock)
        written = 0
        while True:
            for _ in range(EACH):
                recorder.record(("ep_1", 1, "mv_1", "live"), 0.01)
            until(recorder.flush, "the database takes it")
            written += EACH
            pipe.send(written)


@pytest.mark.slow
@pytest.mark.kill
@pytest.mark.feature("PRF-01")
def test_a_killed_writer_loses_no_more_than_what_it_had_not_written(tmp_path, database_url):
    folder = str(prepared(tmp_path / "registry", database_url))
    with alone(write_until_killed, folder, database_url) as (process, pipe):
        written = 0
        for _ in range(50):
            assert pipe.poll(60)
            written = pipe.recv()
        process.kill()
        process.join()
        while pipe.poll():
            try:
                written = pipe.recv()
            except EOFError:
                break
    with open_caller(Path(folder), database_url) as caller:
        found = total(caller.yard.database).requests
    # It may have died between a commit and its message.
    assert found in {written, written + EACH}
