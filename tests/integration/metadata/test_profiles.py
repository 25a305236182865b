"""Rows of profiles on SQLite and PostgreSQL: what replaces what, what adds up, and which version came before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from components.yards import open_caller, register
from modelyard.bootstrap import EmbeddedCaller
from modelyard.domain.profiles import Profile
from modelyard.errors import RegistryCorrupt
from modelyard.metadata import models, profiles, versions
from modelyard.metadata.database import Transaction, known

pytestmark = pytest.mark.feature("EXP-25")

AT = "2026-03-01T12:00:00.000000Z"


@pytest.fixture
def caller(tmp_path: Path, database_url: str) -> Iterator[EmbeddedCaller]:
    """A registry with three versions of one model."""
    with open_caller(tmp_path / "registry", database_url) as made:
        for version in ("1.0.0", "2.0.0", "3.0.0"):
            register(made, "fraud", content=version.encode(), version=version)
        yield made


def row(
    version_id: str, count: int, *, endpoint: str = "ep_1", hour: int = 12, writer: str = "wr_1"
) -> dict[str, object]:
    """A row of live traffic, which holds so many rows."""
    made = Profile()
    made.add([{"age": 1.0}] * count)
    document = profiles.encoded(made.to_document()).decode()
    key = {"version_id": version_id, "role": "live", "endpoint_id": endpoint, "writer": writer}
    return {**key, "start": f"2026-03-01T{hour}:00:00.000000Z", "count": count, "document": document, "updated_at": AT}


def rows(tx: Transaction, version_id: str, *, endpoint_id: str = "", since: str = "", most: int = 100) -> int:
    """How many rows are stored of a version."""
    return profiles.live_of(tx, version_id, endpoint_id=endpoint_id, since=since, most=most).profile.rows


def test_rows_replace_their_like_and_add_up_with_all_others(caller):
    with caller.yard.database.write() as tx:
        profiles.put(tx, [row("mv_1", 1), row("mv_1", 2, writer="wr_2"), row("mv_1", 4, hour=13), row("mv_2", 8)])
        profiles.put(tx, [row("mv_1", 16, endpoint="ep_2")])
        profiles.put(tx, [row("mv_1", 32)])
        profiles.put(tx, [])
        assert rows(tx, "mv_1") == 32 + 2 + 4 + 16
        assert rows(tx, "mv_1", endpoint_id="ep_2") == 16
        assert rows(tx, "mv_1", since="2026-03-01T13:00:00.000000Z") == 4
        assert rows(tx, "mv_1", most=1) == 4
        assert rows(tx, "mv_3") == 0


def test_no_more_is_added_up_than_a_server_can_hold_and_the_sum_says_since_when(caller, monkeypatch):
    with caller.yard.database.write() as tx:
        stored = [row("mv_1", 2**place, hour=10 + place) for place in range(4)]
        profiles.put(tx, stored)
        since, cut = "2026-03-01T00:00:00.000000Z", "2026-03-01T12:00:00.000000Z"
        whole = profiles.live_of(tx, "mv_1", since=since, most=100)
        assert (whole.profile.rows, whole.since) == (15, since)
        few = profiles.live_of(tx, "mv_1", since=since, most=2)
        assert (few.profile.rows, few.since) == (8 + 4, cut)
        monkeypatch.setattr(profiles, "MOST_BYTES", len(str(stored[0]["document"])) + 1)
        small = profiles.live_of(tx, "mv_1", since=since, most=100)
        assert (small.profile.rows, small.since) == (8 + 4, cut)


def test_a_reference_is_one_and_is_never_forgotten(caller):
    made = Profile()
    made.add([{"b": 1.0, "a": 2.0}])
    with caller.yard.database.write() as tx:
        assert profiles.reference_of(tx, "mv_1") is None
        profiles.put_reference(tx, "mv_1", Profile().to_document(), AT)
        profiles.put_reference(tx, "mv_1", made.to_document(), AT)
        profiles.put(tx, [row("mv_1", 5)])
        assert profiles.forget(tx, "9999") == 1
        stored = known(profiles.reference_of(tx, "mv_1"))
        assert profiles.document_of(stored) == made.to_document()
        assert list(profiles.profile_of(stored).inputs) == ["b", "a"]
        assert rows(tx, "mv_1") == 0


def test_the_version_before_is_the_nearest_that_was_seen(caller):
    with caller.yard.database.write() as tx:
        model = known(models.by_name(tx, "fraud"))
        ids = [known(versions.by_number(tx, model.id, number)) for number in (1, 2, 3)]
        assert profiles.seen_before(tx, ids[2]) == ""
        profiles.put(tx, [row(ids[0].id, 1), row(ids[0].id, 1, hour=13), row(ids[2].id, 1)])
        assert profiles.seen_before(tx, ids[2]) == ids[0].id
        profiles.put(tx, [row(ids[1].id, 1)])
        assert profiles.seen_before(tx, ids[2]) == ids[1].id
        assert profiles.seen_before(tx, ids[0]) == ""


@pytest.mark.parametrize("damage", ["", "{", '{"rows": "x"}', '{"rows": 1, "inputs": {"a": {"bins": [[1]]}}}'])
def test_a_damaged_row_is_said_to_be(caller, damage):
    with caller.yard.database.write() as tx:
        profiles.put(tx, [{**row("mv_1", 1), "document": damage}])
        with pytest.raises(RegistryCorrupt, match="mv_1 is damaged"):
            rows(tx, "mv_1")
