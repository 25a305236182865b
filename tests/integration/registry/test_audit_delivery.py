"""The verifier compares endpoints, routes, deployments with their history, and snapshots."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config

from components.delivering import deploy, drive, open_idle
from components.yards import register
from modelyard.bootstrap import EmbeddedCaller
from modelyard.cli.database import audit_copy
from modelyard.domain.wire import AuditReport
from modelyard.metadata import schema
from modelyard.metadata.database import Database
from modelyard.operations import (
    ABORT_DEPLOYMENT,
    CONFIGURE_ENDPOINT,
    PAUSE_DEPLOYMENT,
    RESTORE_SNAPSHOT,
    RESUME_DEPLOYMENT,
    ROLLBACK,
    SET_FLAG,
    TAKE_SNAPSHOT,
    VERIFY_RECORD,
    ConfigureEndpoint,
    RestoreSnapshot,
    Rollback,
    SetFlag,
    Steer,
    TakeSnapshot,
    VerifyRecord,
)


@pytest.fixture
def caller(database_url: str, tmp_path: Path) -> Iterator[EmbeddedCaller]:
    """An empty registry that runs no models."""
    with open_idle(tmp_path / "registry", database_url) as opened:
        yield opened


QUICK: dict[str, Any] = {"strategy": "canary", "min_requests": 0, "step_seconds": 0.0}


def lived(caller: EmbeddedCaller) -> None:
    """Deployments that succeed, are aborted, superseded and still live; flags, snapshots, rollbacks."""
    for number in (1, 2, 3):
        register(caller, "fraud", b"weights %d" % number, version=f"{number}.0.0")
    deploy(caller, "1.0.0", reason="the first")
    deploy(caller, "2.0.0", **QUICK)
    third = deploy(caller, "3.0.0", strategy="canary")
    caller.call(PAUSE_DEPLOYMENT, Steer(id=third.id, reason="looking at the logs"))
    caller.call(RESUME_DEPLOYMENT, Steer(id=third.id))
    caller.call(ABORT_DEPLOYMENT, Steer(id=third.id, reason="wrong version"))
    drive(caller, third.id)
    caller.call(CONFIGURE_ENDPOINT, ConfigureEndpoint(name="fraud", configuration={"timeout_s": 5.0}))
    caller.call(SET_FLAG, SetFlag(name="fraud", flag="beta", version="3.0.0", percentage=12.5))
    kept = caller.call(TAKE_SNAPSHOT, TakeSnapshot(name="fraud", reason="before the sale"))
    caller.call(ROLLBACK, Rollback(reference="fraud", deprecate=False))
    caller.call(RESTORE_SNAPSHOT, RestoreSnapshot(id=kept.id))
    deploy(caller, "3.0.0", strategy="canary")
    deploy(caller, "1.0.0", strategy="canary", supersede=True)
    deploy(caller, "3.0.0", environment="eu", kind="edge")


def told(report: AuditReport) -> str:
    return "\n".join(f"{one.kind} {one.subject} {one.problem}" for one in report.findings)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database of a registry that deploys, as one file."""
    folder = tmp_path_factory.mktemp("delivering") / "registry"
    with open_idle(folder) as caller:
        lived(caller)
    return folder / "registry.db"


@pytest.fixture
def copy(original: Path, tmp_path: Path) -> Path:
    """A copy to tamper with."""
    return Path(shutil.copy(original, tmp_path / "copy.db"))


def found_after(copy: Path, damage: str) -> str:
    """What the check says of a copy after some damage."""
    with closing(sqlite3.connect(copy)) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.executescript(damage)
        assert connection.total_changes
    return told(audit_copy(str(copy), ""))


@pytest.mark.feature("SEC-04", "RBK-07")
def test_what_deployments_do_is_on_record(caller: EmbeddedCaller):
    lived(caller)
    report = caller.call(VERIFY_RECORD, VerifyRecord())
    assert report.sound, told(report)
    assert any("observations" in limit and "leases" in limit for limit in report.limits)


LIVE = "live IS NOT NULL"
ENDED = "state = 'ROLLED_BACK'"
NEWEST = "seq = (SELECT max(seq) FROM snapshots)"


@pytest.mark.feature("SEC-04")
@pytest.mark.parametrize(
    ("damage", "found"),
    [
        ("UPDATE endpoints SET environment = 'x' WHERE environment = 'eu'", "environment is 'x' in its table"),
        ("UPDATE endpoints SET kind = 'cloud'", "kind is 'cloud' in its table, and 'edge' by the events"),
        ("UPDATE endpoints SET epoch = epoch + 1", "epoch is"),
        ("UPDATE endpoints SET route = replace(route, '\"weight\":1.0', '\"weight\":0.5')", "route is"),
        ("UPDATE endpoints SET configuration = replace(configuration, '5.0', '6.0')", "configuration is"),
        (
            "UPDATE endpoints SET configuration = replace(configuration, '30.0', '6.0') WHERE environment = 'eu'",
            "configuration is",
        ),
        ("UPDATE endpoints SET created_at = '2020'", "at is '2020' in its table"),
        ("UPDATE endpoints SET workspace = 'other'", "workspace is 'other'"),
        ("UPDATE endpoints SET model_id = 'md_9'", "rows of the table endpoints belong to no model"),
        ("DELETE FROM endpoints WHERE environment = 'eu'", "is missing in its table"),
        ("UPDATE routes SET document = replace(document, '0.9', '0.8')", "the route"),
        ("UPDATE routes SET cause = 'x' WHERE epoch = 2", "at epoch 2: cause is 'x' in its table"),
        ("UPDATE routes SET deployment_id = NULL", "deployment is None in its table"),
        ("UPDATE routes SET at = '2020' WHERE epoch = 1", "at is '2020'"),
        ("DELETE FROM routes WHERE epoch = 2", "at epoch 2 is missing in its table"),
        ("UPDATE routes SET endpoint_id = 'ep_9' WHERE epoch = 2", "1 rows of the table routes belong to no model"),
        (f"UPDATE deployments SET state = 'SUCCEEDED' WHERE {ENDED}", "state is 'SUCCEEDED' in its table"),
        (f"UPDATE deployments SET step = step + 1 WHERE {ENDED}", "step is"),
        (f"UPDATE deployments SET live = NULL WHERE {LIVE}", "live is None in its table"),
        (f"UPDATE deployments SET live = id WHERE {ENDED}", "live is 'dp_"),
        (f"UPDATE deployments SET finished_at = NULL WHERE {ENDED}", "ended is False in its table"),
        (f"UPDATE deployments SET version_id = 'mv_9' WHERE {ENDED}", "version_id is 'mv_9'"),
        (f"UPDATE deployments SET base_id = NULL WHERE {ENDED}", "base_id is None"),
        (f"UPDATE deployments SET strategy = 'x' WHERE {ENDED}", "strategy is 'x'"),
        (f"UPDATE deployments SET snapshot_id = 'sn_9' WHERE {ENDED}", "snapshot is 'sn_9'"),
        (f"UPDATE deployments SET document = replace(document, '3600', '9') WHERE {ENDED}", "plan is"),
        (f"UPDATE deployments SET document = replace(document, 'hold', 'rollback') WHERE {ENDED}", "options is"),
        (f"UPDATE deployments SET document = 'no json' WHERE {ENDED}", "cannot be read"),
        (f"UPDATE deployments SET document = '{{}}' WHERE {ENDED}", "cannot be read"),
        (f"DELETE FROM deployments WHERE {ENDED}", "of the table deployment_history belong to no model"),
        ("UPDATE deployment_history SET actor = 'eve' WHERE event = 'paused'", "by is 'eve' in its table"),
        ("UPDATE deployment_history SET reason = '' WHERE event = 'paused'", "reason is ''"),
        ("UPDATE deployment_history SET event = 'resumed' WHERE event = 'paused'", "event is 'resumed'"),
        ("UPDATE deployment_history SET from_state = 'BAKE' WHERE event = 'paused'", "from is 'BAKE'"),
        ("UPDATE deployment_history SET to_state = 'BAKE' WHERE event = 'paused'", "to is 'BAKE'"),
        ("UPDATE deployment_history SET step = 9 WHERE event = 'paused'", "step is 9"),
        ("UPDATE deployment_history SET epoch = 99 WHERE event = 'paused'", "epoch is 99"),
        ("UPDATE deployment_history SET document = '{\"a\":1}' WHERE event = 'paused'", "evidence is {'a': 1}"),
        ("UPDATE deployment_history SET at = '2020' WHERE event = 'paused'", "at is '2020'"),
        ("DELETE FROM deployment_history WHERE event = 'paused'", "is missing in its table"),
        (f"UPDATE snapshots SET digest = 'd' WHERE {NEWEST}", "its digest is not that of its content"),
        (
            f"UPDATE snapshots SET document = replace(document, '30.0', '6.0') WHERE {NEWEST}",
            "its digest is not that of",
        ),
        (f"UPDATE snapshots SET healthy = 1 - healthy WHERE {NEWEST}", "healthy is"),
        (f"UPDATE snapshots SET healthy = 7 WHERE {NEWEST}", "healthy is 7"),
        (f"UPDATE snapshots SET epoch = 99 WHERE {NEWEST}", "epoch is 99"),
        (f"UPDATE snapshots SET position = 1 WHERE {NEWEST}", "position is 1"),
        (f"UPDATE snapshots SET reason = 'x' WHERE {NEWEST}", "reason is 'x'"),
        (f"UPDATE snapshots SET created_by = 'eve' WHERE {NEWEST}", "by is 'eve'"),
        (f"UPDATE snapshots SET created_at = '2099' WHERE {NEWEST}", "at is '2099'"),
        (f"DELETE FROM snapshots WHERE {NEWEST}", "is missing in its table"),
        (f"UPDATE snapshots SET document = 'null' WHERE {NEWEST}", "cannot be read"),
    ],
)
def test_every_touched_row_is_found(copy: Path, damage: str, found: str):
    assert found in found_after(copy, damage)


@pytest.mark.feature("SEC-04")
@pytest.mark.parametrize(
    "table",
    ["endpoints", "routes", "deployments", "deployment_history", "snapshots", "observations", "leases"],
)
def test_a_dropped_table_is_no_older_schema(copy: Path, table: str):
    with closing(sqlite3.connect(copy)) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute(f"DROP TABLE {table}")
    assert f"state {table} the table is missing" in told(audit_copy(str(copy), ""))


@pytest.mark.feature("SEC-04")
def test_a_database_that_claims_to_know_no_endpoints_has_none(copy: Path):
    found = found_after(copy, "UPDATE alembic_version SET version_num = '0002'")
    assert "says to have an older schema than its tables" in found


@pytest.mark.feature("SEC-04")
def test_what_no_event_tells_of_is_not_compared(copy: Path):
    damage = "INSERT INTO leases VALUES ('controller', 'me', 7, '2020'); UPDATE deployments SET due_at = '2020'"
    assert found_after(copy, damage) == ""


@pytest.mark.feature("SEC-04")
def test_a_copy_without_delivery_is_checked_as_it_is(tmp_path: Path):
    with open_idle(tmp_path / "registry") as caller:
        register(caller, "fraud")
    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))
    database = Database(f"sqlite:///{tmp_path}/registry/registry.db")
    with database.write() as tx:
        config.attributes["connection"] = tx.connection
        command.downgrade(config, "0002")
    database.close()
    report = audit_copy(str(tmp_path / "registry" / "registry.db"), "")
    assert report.sound, told(report)
    assert report.chains == 1
