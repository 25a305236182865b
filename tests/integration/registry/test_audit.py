"""The verifier finds every way to touch the record of a real database, and names what was touched."""

from __future__ import annotations

import json
import shutil
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import text

from components.crowd import together
from components.yards import open_caller, register
from modelyard.bootstrap import EmbeddedCaller
from modelyard.cli.database import audit_copy
from modelyard.domain.audit import CHECKPOINT_EVERY
from modelyard.domain.events import event_hash
from modelyard.domain.permissions import Grant, Principal
from modelyard.domain.wire import AuditReport
from modelyard.errors import NotFound, PermissionDenied, RegistryCorrupt, VersionNotFound
from modelyard.metadata import journal, models, schema
from modelyard.metadata.database import Database
from modelyard.metadata.tables import REGISTRY
from modelyard.operations import (
    ARCHIVE,
    AUDIT_CHECKPOINT,
    AUDIT_LOG,
    CREATE_MODEL,
    DELETE,
    DEPRECATE,
    GET_VERSION,
    PROMOTE,
    SET_ALIAS,
    UPDATE_METRICS,
    UPDATE_MODEL,
    VERIFY_RECORD,
    WHO_WAS_LIVE,
    CreateModel,
    Delete,
    Deprecate,
    Explained,
    MakeCheckpoint,
    NamedThen,
    Operation,
    Promote,
    ReadLog,
    SetAlias,
    UpdateMetrics,
    UpdateModel,
    VerifyRecord,
    WhoWasLive,
)
from modelyard.registry.dispatch import perform

Damage = str | Callable[[sqlite3.Connection], None]


def lived(caller: EmbeddedCaller) -> None:
    """Two models with a past: versions, moves, aliases, a deprecation, a deletion, and a checkpoint in the middle."""
    for content in (b"one", b"two", b"three"):
        register(caller, "fraud", content, metrics={"accuracy": 0.9})
    for stage in ("staging", "production"):
        caller.call(PROMOTE, Promote(reference="fraud/1", target_stage=stage))
    caller.call(SET_ALIAS, SetAlias(name="fraud", alias="champion", version="1"))
    register(caller, "churn")
    caller.call(AUDIT_CHECKPOINT, MakeCheckpoint())
    caller.call(UPDATE_METRICS, UpdateMetrics(reference="fraud/2", metrics={"f1": 0.5}))
    caller.call(DEPRECATE, Deprecate(reference="fraud/2", reason="leaks labels"))
    caller.call(ARCHIVE, Explained(reference="fraud/3"))
    caller.call(UPDATE_MODEL, UpdateModel(name="fraud", owner="ana", tags={"domain": "cards"}))
    caller.call(DELETE, Delete(reference="fraud/3"))


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database of a registry with a past, as one file."""
    folder = tmp_path_factory.mktemp("original")
    with open_caller(folder / "registry") as caller:
        lived(caller)
    return folder / "registry" / "registry.db"


@pytest.fixture
def copy(original: Path, tmp_path: Path) -> Path:
    """A copy to tamper with."""
    return Path(shutil.copy(original, tmp_path / "copy.db"))


def tamper(file: Path, damage: Damage) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        if callable(damage):
            damage(connection)
        else:
            connection.executescript(damage)
        connection.commit()


def told(report: AuditReport) -> str:
    return "\n".join(f"{one.kind} {one.subject} {one.position} {one.problem}" for one in report.findings)


@pytest.mark.feature("SEC-04", "LIN-09")
def test_an_untouched_copy_is_sound_and_stays_untouched(copy: Path):
    before = copy.read_bytes()
    report = audit_copy(str(copy), "")
    assert report.sound, told(report)
    assert (report.checkpoints, report.chains) == (1, 3)
    assert copy.read_bytes() == before
    assert [path.name for path in copy.parent.iterdir()] == ["copy.db"]
    with closing(sqlite3.connect(copy)) as connection:
        assert report.events == connection.execute("SELECT count(*) FROM events").fetchone()[0]
    assert audit_copy(str(copy), report.anchor).anchored
    assert "no anchor" in report.limits[0]


FRAUD = "(SELECT id FROM models WHERE name = 'fraud')"


@pytest.mark.feature("SEC-04", "LIN-09")
@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("seq", "0"),
        ("workspace", "'hidden'"),
        ("model_id", "'md_registry'"),
        ("model", "'other'"),
        ("position", "70"),
        ("type", "'version.updated'"),
        ("at", "'2020-01-01T00:00:00.000000Z'"),
        ("actor", "'eve'"),
        ("version_id", "NULL"),
        ("data", "'{}'"),
        ("data", "'no json'"),
        ("data", "'[]'"),
        ("data", "replace(data, '{', '{\"from\":\"x\",')"),
        ("previous", "hex(zeroblob(32))"),
        ("hash", "hex(zeroblob(32))"),
    ],
)
def test_every_changed_column_of_an_event_is_found(copy: Path, column: str, value: str):
    tamper(copy, f"UPDATE events SET {column} = {value} WHERE position = 5 AND model_id = {FRAUD}")
    report = audit_copy(str(copy), "")
    assert not report.sound
    named = {(one.subject, one.position) for one in report.findings if one.kind == "event"}
    # A row that was put elsewhere is named where it is missing, any other where it stands.
    missing = "event 5 is missing" in told(report)
    assert ("fraud", 5) in named or missing, told(report)


def delete_end(connection: sqlite3.Connection, count: int = 1, name: str = "fraud") -> None:
    """Cut a chain's end off, and make the model's row agree."""
    (model_id, events) = connection.execute("SELECT id, events FROM models WHERE name = ?", (name,)).fetchone()
    connection.execute("DELETE FROM events WHERE model_id = ? AND position > ?", (model_id, events - count))
    (end,) = connection.execute(
        "SELECT hash FROM events WHERE model_id = ? AND position = ?", (model_id, events - count)
    ).fetchone()
    connection.execute(
        "UPDATE models SET events = ?, last_event_hash = ? WHERE id = ?", (events - count, end, model_id)
    )


def cut_before_the_checkpoint(connection: sqlite3.Connection) -> None:
    delete_end(connection, 1, "churn")


def rewrite_with_hash(connection: sqlite3.Connection) -> None:
    """Change who did something, and give the event the hash that it has then."""
    connection.row_factory = sqlite3.Row
    row = connection.execute(f"SELECT * FROM events WHERE position = 5 AND model_id = {FRAUD}").fetchone()
    fact = {**dict(row), "actor": "eve", "data": json.loads(row["data"])}
    connection.execute("UPDATE events SET actor = 'eve', hash = ? WHERE seq = ?", (event_hash(fact), row["seq"]))


def append_event(connection: sqlite3.Connection) -> None:
    """Add an event at the end that is right in itself."""
    connection.row_factory = sqlite3.Row
    last = connection.execute(
        f"SELECT * FROM events WHERE model_id = {FRAUD} ORDER BY position DESC LIMIT 1"
    ).fetchone()
    fact = {
        **dict(last), "seq": None, "position": last["position"] + 1, "type": "version.tested", "data": {},
        "previous": last["hash"],
    }  # fmt: skip
    fact["hash"] = event_hash(fact)
    fact["data"] = "{}"
    connection.execute(f"INSERT INTO events VALUES ({', '.join('?' * len(fact))})", list(fact.values()))


SWAP = f"""
    UPDATE events SET position = -1 WHERE position = 5 AND model_id = {FRAUD};
    UPDATE events SET position = 5 WHERE position = 6 AND model_id = {FRAUD};
    UPDATE events SET position = 6 WHERE position = -1 AND model_id = {FRAUD};
"""
REORDER = f"""
    UPDATE events SET seq = -1 WHERE position = 5 AND model_id = {FRAUD};
    UPDATE events SET seq = seq - 1 WHERE position = 6 AND model_id = {FRAUD};
    UPDATE events SET seq = (SELECT seq + 1 FROM events WHERE position = 6 AND model_id = {FRAUD}) WHERE seq = -1;
"""


@pytest.mark.feature("SEC-04", "LIN-09")
@pytest.mark.parametrize(
    ("damage", "found"),
    [
        (f"DELETE FROM events WHERE position = 5 AND model_id = {FRAUD}", "event fraud 6 event 5 is missing before it"),
        (f"DELETE FROM events WHERE model_id = {FRAUD} AND position BETWEEN 3 AND 6", "events 3 to 6 are missing"),
        (f"DELETE FROM events WHERE model_id = {FRAUD} AND position = 1", "event 1 is missing before it"),
        (f"DELETE FROM events WHERE model_id = {FRAUD}", "chain fraud None events 1 to"),
        ("DELETE FROM events WHERE seq = (SELECT max(seq) FROM events)", "is missing at the end: the chain has"),
        (delete_end, "state fraud/0.1.2 None is_deleted is True in its table, and False by the events"),
        (cut_before_the_checkpoint, "event 2 is missing, though checkpoint 1 recorded them"),
        (rewrite_with_hash, "event fraud 6 it does not follow the event before it: one of the two was rewritten"),
        (append_event, "was added behind the end that its row names"),
        (SWAP, "event fraud 5 the event was changed"),
        (SWAP, "event fraud 6 the event was changed"),
        (REORDER, "event fraud 6 it is stored out of order"),
        ("UPDATE versions SET stage = 'staging' WHERE number = 1", "stage is 'staging' in its table, and 'production'"),
        ("UPDATE versions SET label = 'stable' WHERE number = 1", "label is 'stable' in its table, and ''"),
        ("UPDATE versions SET document = '{}' WHERE number = 1", "document is {} in its table"),
        ("UPDATE versions SET document = 'no' WHERE number = 1", "document is None in its table"),
        ("UPDATE versions SET deprecation = NULL", "is_deprecated is False in its table, and True by the events"),
        (
            "UPDATE versions SET deprecation = replace(deprecation, 'leaks', 'loves')",
            "deprecation reason is 'loves labels' in its table",
        ),
        ("UPDATE versions SET deleted_at = NULL", "is_deleted is False in its table"),
        ("UPDATE versions SET digest = hex(zeroblob(32)) WHERE number = 2", "state fraud/0.1.1 None digest is"),
        ("UPDATE versions SET precedence = 'zz' WHERE number = 2", "precedence is 'zz'"),
        ("DELETE FROM versions WHERE number = 3", "state fraud/0.1.2 None the version is missing in its table"),
        (
            "UPDATE versions SET id = 'mv_other' WHERE number = 3",
            "the version stands in its table, and no event tells of it",
        ),
        ("UPDATE aliases SET version_id = (SELECT id FROM versions WHERE number = 2)", "the alias champion is ('mv_"),
        ("DELETE FROM aliases", "the alias champion is missing in its table"),
        (
            "INSERT INTO aliases SELECT model_id, 'new', version_id, 1, updated_at FROM aliases",
            "the alias new stands in its table, and no event tells of it",
        ),
        ("UPDATE models SET owner = 'eve' WHERE name = 'fraud'", "owner is 'eve' in its table, and 'ana'"),
        ("UPDATE models SET tags = '{}' WHERE name = 'fraud'", "tags is {} in its table"),
        ("UPDATE models SET live_name = NULL WHERE name = 'fraud'", "live_name is None in its table"),
        ("UPDATE models SET live_versions = 9 WHERE name = 'fraud'", "live_versions is 9"),
        ("UPDATE models SET workspace = 'hidden' WHERE name = 'fraud'", "put into another workspace"),
        ("UPDATE models SET last_event_hash = 'x' WHERE name = 'fraud'", "does not end with the event"),
        ("DELETE FROM models WHERE name = 'churn'", "the model is gone, though checkpoint 1 recorded its chain"),
        ("DELETE FROM models WHERE name = 'churn'", "2 rows of the table events belong to no model"),
        (
            "INSERT INTO placements SELECT seq, 'eu', model_id, 'eu', created_at FROM versions WHERE number = 1",
            "no event tells of it",
        ),
        (
            "INSERT INTO stage_graphs SELECT id, '{}', 1, created_at FROM models WHERE name = 'fraud'",
            "the stage graph in its table is not the one",
        ),
    ],
)
def test_every_other_damage_is_found_and_named(copy: Path, damage: Damage, found: str):
    tamper(copy, damage)
    report = audit_copy(str(copy), "")
    assert not report.sound
    assert found in told(report)


@pytest.mark.feature("SEC-04")
def test_an_anchor_from_outside_shows_that_the_registrys_own_chain_was_cut(copy: Path):
    anchor = audit_copy(str(copy), "").anchor

    def cut(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM events WHERE model_id = 'md_registry'")
        connection.execute("UPDATE models SET events = 0, last_event_hash = '' WHERE id = 'md_registry'")

    tamper(copy, cut)
    without = audit_copy(str(copy), "")
    assert without.sound, told(without)
    assert "no checkpoint covers" in " ".join(without.limits)
    assert f"no checkpoint has the hash {anchor}" in told(audit_copy(str(copy), anchor))


@pytest.mark.feature("SEC-04")
def test_a_copy_that_was_made_with_its_log_of_writes_is_read_with_it(tmp_path: Path):
    with open_caller(tmp_path / "registry") as caller:
        lived(caller)
        for name in ("registry.db", "registry.db-wal"):
            shutil.copy(tmp_path / "registry" / name, tmp_path / name)
    report = audit_copy(str(tmp_path / "registry.db"), "")
    assert report.sound, told(report)
    assert report.events > 10


def test_what_is_no_registry_is_refused(tmp_path: Path):
    (tmp_path / "text.db").write_bytes(b"a text that is no database at all" * 99)
    sqlite3.connect(tmp_path / "empty.db").close()
    with pytest.raises(NotFound):
        audit_copy(str(tmp_path / "missing.db"), "")
    for name in ("text.db", "empty.db"):
        with pytest.raises(RegistryCorrupt):
            audit_copy(str(tmp_path / name), "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty.db", "text.db"]


@pytest.mark.feature("SEC-04", "LIN-09")
def test_both_databases_are_checked_alike(caller: EmbeddedCaller):
    lived(caller)
    report = caller.call(VERIFY_RECORD, VerifyRecord())
    assert report.sound, told(report)
    with caller.yard.database.write() as tx:
        tx.connection.execute(text(f"UPDATE events SET actor = 'eve' WHERE position = 5 AND model_id = {FRAUD}"))
        tx.connection.execute(text("UPDATE versions SET stage = 'staging' WHERE number = 1"))
    found = told(caller.call(VERIFY_RECORD, VerifyRecord()))
    assert "event fraud 5 the event was changed after it was written" in found
    assert "stage is 'staging' in its table" in found


@pytest.mark.feature("SEC-04")
def test_a_checkpoint_is_made_with_each_thousand_events(caller: EmbeddedCaller):
    with caller.yard.database.write() as tx:
        models.lock_by_id(tx, REGISTRY)
        for _ in range(CHECKPOINT_EVERY - 5):
            journal.append(tx, model_id=REGISTRY, kind="thing.done", at="2026-03-01T00:00:00.000000Z", actor="ana")
    for number in range(10):
        caller.call(CREATE_MODEL, CreateModel(name=f"m{number}"))
    report = caller.call(VERIFY_RECORD, VerifyRecord())
    assert report.sound, told(report)
    assert report.checkpoints == 1
    again = caller.call(AUDIT_CHECKPOINT, MakeCheckpoint())
    assert again.made
    assert caller.call(AUDIT_CHECKPOINT, MakeCheckpoint()).hash == again.hash
    assert caller.call(VERIFY_RECORD, VerifyRecord(anchor=again.hash)).anchored


def checkpoint_often(folder: str, url: str, count: int) -> int:
    """Make events and checkpoints alternately; return how many checkpoints were new."""
    made = 0
    with open_caller(Path(folder), url) as caller:
        for number in range(count):
            name = f"{threading.get_native_id()}-{number}"
            caller.call(CREATE_MODEL, CreateModel(name=name))
            caller.call(UPDATE_MODEL, UpdateModel(name=name, owner="ana"))
            made += caller.call(AUDIT_CHECKPOINT, MakeCheckpoint()).made
    return made


@pytest.mark.feature("SEC-04")
def test_checkpoints_of_many_writers_agree_with_the_chains(caller: EmbeddedCaller, database_url: str, tmp_path: Path):
    made = together(checkpoint_often, [(str(tmp_path / "registry"), database_url, 8)] * 4)
    caller.call(AUDIT_CHECKPOINT, MakeCheckpoint())
    report = caller.call(VERIFY_RECORD, VerifyRecord())
    assert report.sound, told(report)
    assert sum(made) <= report.checkpoints <= sum(made) + 1
    assert report.unanchored_events == 0


@pytest.mark.feature("SEC-04")
def test_a_copy_of_an_older_schema_is_checked_as_it_is(copy: Path):
    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))
    database = Database(f"sqlite:///{copy}")
    with database.write() as tx:
        config.attributes["connection"] = tx.connection
        command.downgrade(config, "0001")
    database.close()
    before = copy.read_bytes()
    report = audit_copy(str(copy), "")
    assert report.sound, told(report)
    assert (report.chains, report.checkpoints) == (2, 0)
    assert copy.read_bytes() == before


@pytest.mark.feature("SEC-04", "EXP-31")
def test_who_may_not_see_a_model_learns_nothing_of_its_past(caller: EmbeddedCaller):
    version = register(caller, "fraud")
    at = caller.yard.clock()
    stranger = Principal(name="eve", proven=True, grants=(Grant(allow="viewer", model="churn"),))
    asked: tuple[tuple[Operation[Any, Any], object, type[Exception]], ...] = (
        (GET_VERSION, NamedThen(reference="fraud/1", as_of=at), PermissionDenied),
        (GET_VERSION, NamedThen(reference=version.id, as_of=at), VersionNotFound),
        (WHO_WAS_LIVE, WhoWasLive(name="fraud", at=at), PermissionDenied),
        (AUDIT_LOG, ReadLog(), PermissionDenied),
        (VERIFY_RECORD, VerifyRecord(), PermissionDenied),
        (AUDIT_CHECKPOINT, MakeCheckpoint(), PermissionDenied),
    )
    for row, request, error in asked:
        with pytest.raises(error):
            perform(caller.yard, row, request, principal=stranger)
