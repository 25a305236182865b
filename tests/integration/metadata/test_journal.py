"""The journal: chains that break when anybody touches them, and that no two writers can fork."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.crowd import together
from modelyard.domain.events import GENESIS, HASHED, event_hash
from modelyard.domain.wire import EventRecord
from modelyard.metadata import journal, models
from modelyard.metadata.database import Database

AT = "2026-03-01T12:00:00.000000Z"
EVERYTHING = 1_000_000
FACTS = st.dictionaries(
    st.text(max_size=10),
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    max_size=4,
)


def new_model(database: Database, name: str) -> str:
    facts = {"id": f"md_{name}", "name": name, "description": "", "owner": "", "team": "", "tags": {}, "at": AT}
    with database.write() as tx:
        models.add(tx, facts)
    return f"md_{name}"


def append(database: Database, model_id: str, kind: str = "thing.done", **data: Any) -> int:
    with database.write() as tx:
        models.lock_by_id(tx, model_id)
        return journal.append(tx, model_id=model_id, kind=kind, at=AT, actor="ada", data=data)


def chain(database: Database, model_id: str) -> list[EventRecord]:
    with database.read() as tx:
        return journal.page(tx, after=0, limit=EVERYTHING, model_id=model_id)


def check_chain(events: list[EventRecord]) -> None:
    previous = GENESIS
    for position, event in enumerate(events, 1):
        assert (event.position, event.previous) == (position, previous)
        assert event.hash == event_hash({name: getattr(event, name) for name in HASHED})
        previous = event.hash


@pytest.mark.feature("VER-13")
def test_each_model_has_a_chain_of_its_own(database: Database):
    fraud, churn = new_model(database, "fraud"), new_model(database, "churn")
    assert [append(database, model, n=n) for n, model in enumerate((fraud, churn, fraud))] == [1, 1, 2]
    for model_id, numbers in ((fraud, [0, 2]), (churn, [1])):
        events = chain(database, model_id)
        check_chain(events)
        assert [event.data["n"] for event in events] == numbers
    with database.read() as tx:
        assert journal.count(tx) == 3
        first, rest = journal.page(tx, after=0, limit=1), journal.page(tx, after=1, limit=5)
        assert [event.sequence for event in first + rest] == [1, 2, 3]


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(facts=FACTS)
def test_what_is_read_back_has_the_hash_that_was_written(database: Database, facts: dict[str, Any]):
    with database.write() as tx:
        if models.by_id(tx, "md_fraud") is None:
            models.add(
                tx,
                {"id": "md_fraud", "name": "fraud", "description": "", "owner": "", "team": "", "tags": {}, "at": AT},
            )
        journal.append(tx, model_id="md_fraud", kind="thing.done", at=AT, actor="ada", data=facts)
    events = chain(database, "md_fraud")
    check_chain(events)
    assert events[-1].data == facts


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE events SET data = '{\"n\":7}' WHERE position = 2",
        "UPDATE events SET actor = 'eve' WHERE position = 2",
        "UPDATE events SET at = '2020-01-01T00:00:00.000000Z' WHERE position = 2",
        "DELETE FROM events WHERE position = 2",
    ],
)
def test_a_changed_past_shows(database: Database, damage: str):
    model_id = new_model(database, "fraud")
    for number in range(3):
        append(database, model_id, n=number)
    check_chain(chain(database, model_id))
    with database.write() as tx:
        tx.connection.exec_driver_sql(damage)
    with pytest.raises(AssertionError):
        check_chain(chain(database, model_id))


def test_an_event_without_a_model_is_a_defect(database: Database):
    with pytest.raises(AssertionError, match="md_nobody"):
        append(database, "md_nobody")


def append_and_fail(database: Database, model_id: str) -> None:
    with database.write() as tx:
        journal.append(tx, model_id=model_id, kind="thing.done", at=AT, actor="ada")
        raise ZeroDivisionError


def test_an_aborted_transaction_leaves_no_event(database: Database):
    model_id = new_model(database, "fraud")
    append(database, model_id)
    with pytest.raises(ZeroDivisionError):
        append_and_fail(database, model_id)
    assert append(database, model_id) == 2
    check_chain(chain(database, model_id))


@pytest.mark.feature("STO-14")
def test_writers_at_once_make_one_chain(database: Database, database_url: str):
    model_id = new_model(database, "fraud")
    given = together(append_many, [(database_url, model_id, 10)] * 6)
    assert sorted(position for positions in given for position in positions) == list(range(1, 61))
    assert all(positions == sorted(positions) for positions in given)
    check_chain(chain(database, model_id))


def append_many(url: str, model_id: str, count: int) -> list[int]:
    database = Database(url)
    positions = [append(database, model_id, n=number) for number in range(count)]
    database.close()
    return positions
