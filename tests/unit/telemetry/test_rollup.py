"""Minutes become hours and hours days, and no count is lost or doubled, whoever writes when."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select

from components.yards import open_caller
from modelyard.bootstrap import EmbeddedCaller
from modelyard.domain.cells import Cell
from modelyard.domain.durations import later
from modelyard.domain.spans import DAY, HOUR, MINUTE, begin_of
from modelyard.metadata import observations
from modelyard.metadata.database import Transaction
from modelyard.metadata.observations import Place
from modelyard.metadata.tables import observations as table
from modelyard.metadata.tables import recorders
from modelyard.telemetry.rollup import Keeping, roll, wanted

BEGIN = "2026-03-01T00:00:00.000000Z"
KEEPING = Keeping(minutes_hours=2, hours_days=3, days_days=30)
Facts = dict[str, Any]


@pytest.fixture(scope="module")
def caller(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedCaller]:
    """A registry, of which only the table of observations is used."""
    with open_caller(Path(tmp_path_factory.mktemp("rollup")) / "registry") as opened:
        yield opened


@pytest.fixture
def tx(caller: EmbeddedCaller) -> Iterator[Transaction]:
    """A transaction on an empty table."""
    with caller.yard.database.write() as opened:
        opened.run(delete(table))
        opened.run(delete(recorders))
        yield opened


def saw(
    tx: Transaction, at: str, seconds: float = 0.1, *, writer: str = "wr_1", epoch: int = 1, count: int = 1
) -> Cell:
    """Let a writer have seen some requests; the last one failed."""
    cell = Cell()
    for number in range(count):
        cell.add(seconds, "timed_out" if number == count - 1 else "", number, 0.25)
    place = Place("mv_1", "ep_1", epoch, "live", MINUTE, begin_of(at, MINUTE))
    observations.add(tx, writer, {place: cell}, at)
    return cell


def rows_of(tx: Transaction) -> list[tuple[str, str, str, int, int]]:
    """Span, beginning, writer, epoch and requests of every row."""
    rows = tx.all(select(table).order_by(table.c.start, table.c.span, table.c.writer, table.c.epoch))
    return [(row.span, row.start[:16], row.writer, row.epoch, row.requests) for row in rows]


def facts(cell: Cell) -> Facts:
    """All that a cell has counted."""
    return {name: getattr(cell, name) for name in Cell.__slots__}


def total(tx: Transaction) -> Facts:
    """All that the table has counted."""
    return facts(Cell.sum(observations.cell_of(row) for row in tx.all(select(table))))


def roll_all(tx: Transaction, now: str, most: int = 500) -> None:
    """Roll until there is nothing more to do."""
    while roll(tx, now, KEEPING, most=most):
        pass


def test_minutes_become_hours_and_hours_days_and_days_go(tx):
    for minute in (0, 1, 59, 60, 61):
        saw(tx, later(BEGIN, 60 * minute), writer=f"wr_{minute % 2}")
    saw(tx, later(BEGIN, 7200), epoch=2)
    roll_all(tx, later(BEGIN, 3 * 3600 + 100))
    assert rows_of(tx) == [
        (HOUR, "2026-03-01T00:00", "", 1, 3),
        (MINUTE, "2026-03-01T01:00", "wr_0", 1, 1),
        (MINUTE, "2026-03-01T01:01", "wr_1", 1, 1),
        (MINUTE, "2026-03-01T02:00", "wr_1", 2, 1),
    ]
    roll_all(tx, later(BEGIN, 4 * 86_400))
    assert rows_of(tx) == [(DAY, "2026-03-01T00:00", "", 1, 5), (DAY, "2026-03-01T00:00", "", 2, 1)]
    roll_all(tx, later(BEGIN, 31 * 86_400))
    assert rows_of(tx) == []


def test_it_is_wanted_exactly_when_there_is_something_to_do(tx):
    saw(tx, BEGIN)
    for seconds, is_wanted in ((0, False), (2 * 3600 - 1, False), (3 * 3600, True)):
        assert wanted(tx, later(BEGIN, seconds), KEEPING) is is_wanted
    roll_all(tx, later(BEGIN, 3 * 3600))
    assert not wanted(tx, later(BEGIN, 3 * 86_400), KEEPING)
    for days in (4, 31):
        assert wanted(tx, later(BEGIN, days * 86_400), KEEPING)
        roll_all(tx, later(BEGIN, days * 86_400))
        assert not wanted(tx, later(BEGIN, days * 86_400), KEEPING)


def test_writers_that_are_silent_for_long_are_forgotten(tx):
    tx.run(insert(recorders), [{"writer": name, "number": 7, "updated_at": at} for name, at in _WRITERS.items()])
    now = later(BEGIN, 10 * 86_400)
    assert wanted(tx, now, KEEPING)
    roll_all(tx, now)
    assert observations.taken(tx, "wr_old") == 0
    assert observations.taken(tx, "wr_new") == 7
    assert not wanted(tx, now, KEEPING)


_WRITERS = {"wr_old": BEGIN, "wr_new": later(BEGIN, 9 * 86_400)}

EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("saw"), st.integers(0, 6 * 24 * 60), st.integers(1, 3), st.sampled_from(["wr_1", "wr_2"])),
        st.tuples(st.just("roll"), st.integers(0, 7 * 24 * 60), st.integers(1, 5), st.just("")),
    ),
    max_size=25,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(EVENTS)
def test_no_count_is_lost_or_doubled_by_any_order_of_writing_and_rolling(caller, events):
    with caller.yard.database.write() as tx:
        tx.run(delete(table))
        seen: list[Cell] = []
        for kind, minute, count, writer in events:
            at = later(BEGIN, 60 * minute)
            if kind == "saw":
                seen.append(saw(tx, at, 0.01 * count, writer=writer, count=count))
            else:
                # One piece alone: whoever dies behind it leaves this.
                roll(tx, at, KEEPING, most=count)
            assert total(tx) == facts(Cell.sum(seen))
        roll_all(tx, later(BEGIN, 7 * 86_400), most=3)
        assert total(tx) == facts(Cell.sum(seen))
        spans = {row[0] for row in rows_of(tx)}
        assert spans <= {HOUR, DAY}


def test_hours_and_days_are_left_whole():
    borders = KEEPING.borders("2026-03-10T12:34:56.000000Z")
    assert borders == {
        MINUTE: "2026-03-10T10:00:00.000000Z",
        HOUR: "2026-03-07T00:00:00.000000Z",
        DAY: "2026-02-08T00:00:00.000000Z",
    }
