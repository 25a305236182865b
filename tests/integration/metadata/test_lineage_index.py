"""The index of inputs is filled for the versions that were there before there was one."""

from __future__ import annotations

import json

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import text

from modelyard.metadata import schema
from modelyard.metadata.database import Database

MODEL = (
    "INSERT INTO models (id, workspace, name, live_name, description, owner, team, tags, revision, last_number,"
    " live_versions, events, last_event_hash, created_at, updated_at)"
    " VALUES ('md_1', 'default', 'fraud', 'fraud', '', '', '', '{}', 1, 0, 0, 0, '', 'then', 'then')"
)
VERSION = (
    "INSERT INTO versions (id, workspace, model_id, number, version, precedence, label, stage, status, revision,"
    " digest, model_hash, size, framework, document, created_at, updated_at)"
    " VALUES (:id, 'default', 'md_1', :number, :id, :id, '', 'staging', 'READY', 1, '', '', 0, '', :document, 'then',"
    " 'then')"
)


@pytest.mark.feature("STO-12", "LIN-03")
def test_an_older_registry_gets_the_index_of_what_is_in_it(empty: Database) -> None:
    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))
    with empty.write() as tx:
        config.attributes["connection"] = tx.connection
        command.upgrade(config, "0001")
        tx.run(text(MODEL))
        documents: list[dict[str, object]] = [
            {"data_version": f"p{number}", "code_version": "c-dirty"} for number in range(1, 1101)
        ]
        documents += [{}, {"data_lineage": {"datasets": [None, "é" * 300]}}]
        tx.run(
            text(VERSION),
            [
                {"id": f"mv_{number}", "number": number, "document": json.dumps(document)}
                for number, document in enumerate(documents, 1)
            ],
        )
    schema.ensure(empty)
    with empty.read() as tx:
        rows = tx.all(
            text("SELECT kind, name, number, r.model_id FROM lineage_refs r JOIN versions ON seq = version_seq")
        )
    found = {tuple(row) for row in rows}
    assert {(kind, name) for kind, name, number, _ in found if number == 1100} == {("dataset", "p1100"), ("code", "c")}
    assert {number for kind, _, number, _ in found if kind == "code"} == set(range(1, 1101))
    assert [name[:3] for kind, name, number, _ in found if number == 1102] == ["ééé"]
    assert {model for *_, model in found} == {"md_1"}
