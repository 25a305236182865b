"""The verifier compares promotions, users, tokens, webhooks and what is derived, and no value makes it stumble."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from components.crowd import together
from components.yards import open_caller
from modelyard import ModelRegistry
from modelyard.bootstrap import EmbeddedCaller
from modelyard.cli.database import audit_copy
from modelyard.domain.wire import AuditReport
from modelyard.errors import GateRefused
from modelyard.operations import (
    CREATE_MODEL,
    REGISTER_VERSION,
    VERIFY_RECORD,
    CreateModel,
    RegisterVersion,
    VerifyRecord,
)

GRAPH = {
    "initial": "development",
    "exclusive": ["production"],
    "environments": {"eu": ["eu-production"]},
    "moves": {
        "development": ["staging"],
        "staging": ["production", "eu-production"],
        "production": ["archived"],
        "eu-production": [],
        "archived": [],
    },
}


def lived(registry: ModelRegistry, folder: Path) -> None:
    """Every kind of promotion, user, token and webhook, in every state."""
    weights = folder / "weights.bin"
    registry.set_stage_graph(GRAPH)
    for content, version in ((b"one", "1.0.0"), (b"two", "1.1.0"), (b"three", "1.2.0")):
        weights.write_bytes(content)
        registry.register_model(
            str(weights), name="fraud", version=version, metrics={"auc": 0.9}, input_schema={"age": "int64"},
            training_run_id=f"run-{version}",
        )  # fmt: skip
        registry.promote_model(f"fraud/{version}", "staging")
    with pytest.raises(GateRefused):
        registry.promote_model("fraud/1.0.0", "production", requirements={"min_auc": 0.99})
    registry.promote_model("fraud/1.0.0", "eu-production")
    asked = registry.request_promotion("fraud/1.0.0", target_stage="production", requester="bo")
    registry.evaluate_promotion(asked)
    registry.approve_promotion(asked, "cy", comment="good")
    registry.evaluate_promotion(asked)
    registry.comment_promotion(asked, "at last")
    registry.apply_promotion(asked)
    for version, end in (("1.1.0", registry.reject_promotion), ("1.2.0", registry.withdraw_promotion)):
        end(registry.request_promotion(f"fraud/{version}", target_stage="production", requester="bo"))
    registry.request_promotion("fraud/1.1.0", target_stage="production", requester="bo", expires_after="9d")
    registry.delete_model("fraud/1.2.0")
    registry.set_alias("fraud", "champion", "1.0.0")
    registry.create_user("ana", ["admin"])
    registry.create_user("eve", ["viewer"])
    registry.update_user("eve", ["viewer", {"allow": "developer", "model": "fraud"}], disabled=True)
    first = registry.create_token("ana", expires="90d")
    second = registry.rotate_token(first.id, overlap="1h")
    registry.rotate_token(second.id)
    registry.revoke_token(registry.create_token("ci", "developer").id)
    hook = registry.create_webhook("https://example.com/hook", ["version.*"])
    registry.update_webhook(hook.id, active=False)
    registry.delete_webhook(registry.create_webhook("https://example.com/other").id)
    registry.create_model("gone")
    registry.register_version("gone", "1.0.0", metrics={"auc": 0.5})
    registry.delete_model("gone", force=True)


def told(report: AuditReport) -> str:
    return "\n".join(f"{one.kind} {one.subject} {one.position} {one.problem}" for one in report.findings)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database of a governed registry, as one file."""
    folder = tmp_path_factory.mktemp("governed")
    with ModelRegistry(folder / "registry") as registry:
        lived(registry, folder)
    return folder / "registry" / "registry.db"


@pytest.fixture
def copy(original: Path, tmp_path: Path) -> Path:
    """A copy to tamper with."""
    return Path(shutil.copy(original, tmp_path / "copy.db"))


def found_after(copy: Path, damage: str) -> str:
    with closing(sqlite3.connect(copy)) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.executescript(damage)
    report = audit_copy(str(copy), "")
    assert not report.sound
    return told(report)


@pytest.mark.feature("SEC-04")
def test_a_governed_registry_is_sound(copy: Path):
    report = audit_copy(str(copy), "")
    assert report.sound, told(report)
    assert any("secrets" in limit for limit in report.limits)


PENDING = "id = (SELECT max(id) FROM promotions WHERE state = 'pending')"
APPLIED = "state = 'applied' AND requester = 'bo'"
ANA = "SELECT min(id) FROM tokens WHERE principal = 'ana'"


@pytest.mark.feature("SEC-04")
@pytest.mark.parametrize(
    ("damage", "found"),
    [
        (
            f"UPDATE promotions SET state = 'approved' WHERE {PENDING}",
            "state is 'approved' in its table, and 'pending'",
        ),
        ("UPDATE promotions SET state = 'pending' WHERE state = 'rejected'", "and 'rejected' by the events"),
        (f"UPDATE promotions SET requester = 'eve' WHERE {APPLIED}", "requester is 'eve' in its table, and 'bo'"),
        (f"UPDATE promotions SET document = replace(document, 'cy', 'di') WHERE {APPLIED}", "votes is [['di'"),
        (f"UPDATE promotions SET target_stage = 'staging' WHERE {PENDING}", "target is 'staging'"),
        (f"UPDATE promotions SET expires_at = NULL WHERE {PENDING}", "expires_at is None"),
        (
            f"UPDATE promotions SET version_id = (SELECT min(id) FROM versions) WHERE {PENDING}",
            "version is 'mv_",
        ),
        (f"UPDATE promotions SET workspace = 'hidden' WHERE {PENDING}", "workspace is 'hidden'"),
        ("DELETE FROM promotions WHERE state = 'refused'", "is missing in its table"),
        ("DELETE FROM promotions WHERE state = 'applied' AND requester = 'local'", "is missing in its table"),
        (
            (
                "INSERT INTO promotions (id, model_id, version_id, target_stage, state, requester, revision, document,"
                " created_at, updated_at) SELECT 'pr_forged', model_id, version_id, target_stage, 'approved', 'bo', 1,"
                f" document, created_at, updated_at FROM promotions WHERE {PENDING}"
            ),
            "the promotion pr_forged stands in its table, and no event tells of it",
        ),
        ("UPDATE principals SET grants = '[{\"allow\":\"admin\"}]' WHERE name = 'eve'", "the user eve: grants is"),
        ("UPDATE principals SET disabled_at = NULL", "the user eve: disabled is False in its table, and True"),
        (
            (
                "INSERT INTO principals SELECT 'mallory', workspace, kind, grants, 1, created_at, updated_at, NULL"
                " FROM principals WHERE name = 'ana'"
            ),
            "the user mallory stands in its table, and no event tells of it",
        ),
        (
            (
                "INSERT INTO tokens SELECT 'tk_forged', workspace, 'ana', hash, NULL, '', created_at, created_by, NULL,"
                f" NULL, NULL FROM tokens WHERE id = ({ANA})"
            ),
            "the token tk_forged stands in its table, and no event tells of it",
        ),
        ("UPDATE tokens SET revoked_at = NULL", "revoked is False in its table, and True by the events"),
        (f"UPDATE tokens SET expires_at = '2999-01-01T00:00:00.000000Z' WHERE id = ({ANA})", "expires_at is '2999"),
        ("UPDATE tokens SET principal = 'eve' WHERE principal = 'ci'", "principal is 'eve'"),
        ("UPDATE webhooks SET active = 1 WHERE deleted_at IS NULL", "active is True in its table, and False"),
        ("UPDATE webhooks SET url = 'https://evil.example' WHERE deleted_at IS NULL", "to is 'https://evil.example'"),
        ("DELETE FROM webhooks WHERE deleted_at IS NULL", "is missing in its table"),
        ("UPDATE versions SET workspace = 'hidden' WHERE number = 1", "the version was put into another workspace"),
        ("UPDATE versions SET created_at = '2020-01-01T00:00:00.000000Z' WHERE number = 2", "created_at is '2020"),
        ("UPDATE versions SET status = 'GONE' WHERE number = 1", "status is 'GONE'"),
        ("UPDATE versions SET signature = 'x' WHERE number = 1", "the digest of the signature in its table"),
        ("UPDATE models SET deleted_at = NULL WHERE id = 'md_registry'", "was made a model"),
        ("UPDATE version_metrics SET value = 1.0 WHERE value = 0.9", "the metrics in their table are {'auc': 1.0}"),
        ("DELETE FROM version_metrics", "the metrics in their table are {}"),
        ("DELETE FROM lineage_refs", "the inputs in their table (lineage_refs)"),
        ("INSERT INTO lineage_refs VALUES (999, 'run', 'x', 'md_none')", "1 rows of the table lineage_refs belong to"),
        ("UPDATE manifests SET body = replace(body, 'weights', 'other')", "its text is not that of its digest"),
        ("UPDATE manifests SET body = 'no json'", "its text is not that of its digest"),
        ("UPDATE manifest_blobs SET size = 1", "the list of stored files that it needs"),
        ("DELETE FROM manifests", "its manifest, the list of its files, is missing"),
    ],
)
def test_every_touched_row_is_found(copy: Path, damage: str, found: str):
    assert found in found_after(copy, damage)


@pytest.mark.feature("SEC-04")
@pytest.mark.parametrize(
    "table",
    ["placements", "promotions", "principals", "tokens", "webhooks", "stage_graphs", "lineage_refs", "audit_marks"],
)
def test_a_dropped_table_is_no_older_schema(copy: Path, table: str):
    assert f"{table} None the table is missing" in found_after(copy, f"DROP TABLE {table}")


@pytest.mark.feature("SEC-04")
@pytest.mark.parametrize(
    ("damage", "found"),
    [
        ("UPDATE alembic_version SET version_num = '0001'", "says to have an older schema than its tables"),
        ("CREATE VIEW spy AS SELECT * FROM tokens", "view spy None modelyard did not make it"),
        ("CREATE TRIGGER t AFTER INSERT ON tokens BEGIN DELETE FROM tokens; END", "trigger t None"),
        ("DROP TABLE events", "events None the table is missing"),
        ("DROP TABLE models", "models None the table is missing"),
        ("DROP TABLE versions", "versions None the table is missing"),
        ("ALTER TABLE principals RENAME COLUMN grants TO rights", "a column of its tables is missing"),
    ],
)
def test_what_a_registry_does_not_have_is_found(copy: Path, damage: str, found: str):
    assert found in found_after(copy, damage)


DEEP = "'{\"a\":' || replace(hex(zeroblob(50000)), '0', '[') || replace(hex(zeroblob(50000)), '0', ']') || '}'"


@pytest.mark.feature("SEC-04")
@pytest.mark.parametrize(
    "place",
    [
        "events.position", "events.data", "events.at", "events.type", "events.hash", "models.events", "models.tags",
        "models.name", "versions.document", "versions.number", "versions.created_at", "versions.version",
        "versions.deprecation", "promotions.document", "promotions.state", "principals.grants", "tokens.grants",
        "tokens.expires_at", "webhooks.document", "webhooks.url", "placements.stage", "stage_graphs.document",
        "version_metrics.value", "lineage_refs.name", "manifests.body", "aliases.version_id",
    ],
)  # fmt: skip
def test_no_value_makes_the_check_stumble(original: Path, tmp_path: Path, place: str):
    table, column = place.split(".")
    for value in ("'2x'", "x'ff00'", "'null'", DEEP):
        copy = Path(shutil.copy(original, tmp_path / "copy.db"))
        row = f"(SELECT max(rowid) FROM {table})"
        assert found_after(copy, f"UPDATE {table} SET {column} = {value} WHERE rowid = {row}")


def register_many(folder: str, url: str, count: int) -> int:
    """Register versions of one model while others do the same."""
    with open_caller(Path(folder), url) as caller:
        for _ in range(count):
            caller.call(REGISTER_VERSION, RegisterVersion(name="fraud"))
    return count


@pytest.mark.feature("SEC-04")
def test_writers_who_waited_for_each_other_are_no_finding(caller: EmbeddedCaller, database_url: str, tmp_path: Path):
    caller.call(CREATE_MODEL, CreateModel(name="fraud"))
    together(register_many, [(str(tmp_path / "registry"), database_url, 8)] * 4)
    report = caller.call(VERIFY_RECORD, VerifyRecord())
    assert report.sound, told(report)
    assert report.versions == 32
