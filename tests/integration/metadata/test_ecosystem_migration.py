"""Registries of schema 0004 come to 0005 with what MLflow's clients search by, filled from what is recorded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from components.schemas import downgrade
from components.templates import prepared
from components.yards import open_caller
from modelyard.metadata.database import Database
from modelyard.operations import (
    CREATE_MODEL,
    DELETE,
    REGISTER_VERSION,
    RENAME_MODEL,
    CreateModel,
    Delete,
    RegisterVersion,
    RenameModel,
)

BEFORE = "0004"
SEARCHED = (
    "SELECT model_id, key, head, value FROM model_tags ORDER BY model_id, key",
    "SELECT version_seq, key, head, value FROM version_tags ORDER BY version_seq, key",
    "SELECT seq, source, run_id, edited_at FROM versions ORDER BY seq",
    "SELECT id, name, edited_at FROM models WHERE live_name IS NOT NULL ORDER BY id",
)


def read(url: str) -> list[list[Any]]:
    """Everything that follows from the documents."""
    database = Database(url)
    with database.read() as tx:
        found = [[tuple(row) for row in tx.all(text(query))] for query in SEARCHED]
    database.close()
    return found


@pytest.mark.feature("STO-12", "EXP-23")
def test_what_is_searched_by_is_the_same_on_the_way_down_and_up(database_url: str, tmp_path: Path):
    folder = tmp_path / "registry"
    url = database_url if database_url.startswith("postgresql") else ""
    with open_caller(prepared(folder, url), url) as caller:
        caller.call(CREATE_MODEL, CreateModel(name="fraud", tags={"team": "risk", "k" * 200: "é🎉" * 1_000}))
        for number in range(3):
            caller.call(
                REGISTER_VERSION,
                RegisterVersion(
                    name="fraud",
                    source=f"s3://bucket/{number}",
                    training_run_id=f"run{number}" if number else "",
                    tags={"a": "b" * 300 * number},
                ),
            )
        caller.call(REGISTER_VERSION, RegisterVersion(name="plain", create=True))
        caller.call(DELETE, Delete(reference="fraud/2", force=True))
        caller.call(RENAME_MODEL, RenameModel(name="fraud", new_name="card fraud"))
    before = read(database_url)
    downgrade(database_url, BEFORE)
    with open_caller(folder, url):
        pass
    assert read(database_url) == before
    assert [row[1] for row in before[2]] == ["s3://bucket/0", "s3://bucket/1", "s3://bucket/2", None]
