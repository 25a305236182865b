"""Registries from before delivery are taken over with all that is in them, and can be taken back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from components.delivering import deploy, open_idle
from components.schemas import downgrade
from components.yards import register
from modelyard.bootstrap import EmbeddedCaller
from modelyard.metadata import schema
from modelyard.metadata.audit_rows import DELIVERY
from modelyard.metadata.database import Database
from modelyard.metadata.tables import metadata
from modelyard.operations import (
    GET_VERSION,
    LIST_EVENTS,
    PROMOTE,
    SET_ALIAS,
    VERIFY_RECORD,
    ListEvents,
    NamedThen,
    Promote,
    SetAlias,
    VerifyRecord,
)

BEFORE = "0002"
"""The schema of modelyard 0.2, before delivery."""


@pytest.fixture
def old(database_url: str, tmp_path: Path) -> str:
    """The address of a database of the older schema, with a life in it."""
    url = database_url if database_url.startswith("postgresql") else f"sqlite:///{tmp_path}/registry/registry.db"
    with open_idle(tmp_path / "registry", database_url if url == database_url else "") as caller:
        register(caller, "fraud", version="1.0.0", metrics={"auc": 0.9}, data_version="payments@3")
        register(caller, "fraud", b"more", version="2.0.0")
        caller.call(PROMOTE, Promote(reference="fraud/1.0.0", target_stage="staging"))
        caller.call(SET_ALIAS, SetAlias(name="fraud", alias="champion", version="1.0.0"))
    downgrade(url, BEFORE)
    return url


@pytest.fixture
def caller(old: str, tmp_path: Path) -> Iterator[EmbeddedCaller]:
    """The old registry, opened by this modelyard."""
    with open_idle(tmp_path / "registry", old) as opened:
        yield opened


def names_in(url: str) -> set[str]:
    """The tables of a database."""
    database = Database(url)
    with database.read() as tx:
        found = set(inspect(tx.connection).get_table_names())
        revision = schema.revision_of(tx.connection)
    database.close()
    return found | {str(revision)}


@pytest.mark.feature("STO-12")
def test_an_older_registry_knows_nothing_of_delivery(old: str):
    assert not names_in(old) & DELIVERY
    assert BEFORE in names_in(old)


@pytest.mark.feature("STO-12")
def test_an_older_registry_is_taken_over_with_what_is_in_it(caller: EmbeddedCaller):
    version = caller.call(GET_VERSION, NamedThen(reference="fraud@champion"))
    assert (version.version, version.stage, version.metrics, version.serving) == ("1.0.0", "staging", {"auc": 0.9}, {})
    types = [event.type for event in caller.call(LIST_EVENTS, ListEvents()).events]
    assert types.count("version.registered") == 2
    report = caller.call(VERIFY_RECORD, VerifyRecord())
    assert report.findings == []


@pytest.mark.feature("STO-12", "DEP-01")
def test_it_deploys_from_then_on(caller: EmbeddedCaller):
    assert deploy(caller, "1.0.0").state == "SUCCEEDED"
    assert caller.call(GET_VERSION, NamedThen(reference="fraud@champion")).serving == {"production": 1.0}
    assert caller.call(VERIFY_RECORD, VerifyRecord()).findings == []


@pytest.mark.feature("STO-12")
def test_its_tables_are_those_that_are_drawn(caller: EmbeddedCaller):
    with caller.yard.database.read() as tx:
        options = {"compare_type": True, "compare_server_default": True, "include_object": _is_drawn}
        assert compare_metadata(MigrationContext.configure(tx.connection, opts=options), metadata) == []
        assert schema.revision_of(tx.connection) == schema.HEAD


def _is_drawn(_object: object, name: str | None, kind: str, *_: object) -> bool:
    """Leave the index of words out, which has no model in `tables`."""
    return not (
        kind in {"table", "index"} and (name or "").removeprefix("ix_").startswith(("versions_search", "sqlite_seq"))
    )


@pytest.mark.feature("STO-12")
def test_to_take_delivery_back_leaves_the_rest_as_it_was(old: str, tmp_path: Path):
    with open_idle(tmp_path / "registry", old) as caller:
        before = caller.call(GET_VERSION, NamedThen(reference="fraud/1.0.0"))
        deploy(caller, "2.0.0")
    downgrade(old, BEFORE)
    assert not names_in(old) & DELIVERY
    with open_idle(tmp_path / "registry", old) as caller:
        assert caller.call(GET_VERSION, NamedThen(reference="fraud/1.0.0")) == before
