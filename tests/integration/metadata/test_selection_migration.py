"""Registries of schema 0005 come to 0006 with the owners and teams of versions, filled from what is recorded."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from components.schemas import downgrade
from components.templates import prepared
from components.yards import open_caller
from modelyard.metadata.database import Database
from modelyard.operations import REGISTER_VERSION, SEARCH, RegisterVersion, Search

BEFORE = "0005"
OWNED = "SELECT seq, owner, team FROM versions ORDER BY seq"


def owned(url: str) -> list[tuple[int, str, str]]:
    """Whose the versions are, by the columns."""
    database = Database(url)
    with database.read() as tx:
        found = [tuple(row) for row in tx.all(text(OWNED))]
    database.close()
    return found


@pytest.mark.feature("STO-12", "REG-10")
def test_whose_versions_are_is_the_same_on_the_way_down_and_up(database_url: str, tmp_path: Path):
    folder = tmp_path / "registry"
    url = database_url if database_url.startswith("postgresql") else ""
    with open_caller(prepared(folder, url), url) as caller:
        for facts in ({"owner": "ana", "create": True}, {"team": "é" * 300}, {}, {"owner": "ben", "team": "risk"}):
            caller.call(REGISTER_VERSION, RegisterVersion(name="fraud", **facts))
    before = owned(database_url)
    assert before == [(1, "ana", ""), (2, "", "é" * 250), (3, "", ""), (4, "ben", "risk")]
    downgrade(database_url, BEFORE)
    with open_caller(folder, url) as caller:
        found = caller.call(SEARCH, Search(q="fraud", owner="ana")).versions
    assert owned(database_url) == before
    assert [one.number for one in found] == [3, 2, 1], "the first made the model, and two say no other owner"
