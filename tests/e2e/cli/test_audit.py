"""The auditor's commands, on a folder and on a server."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest


@pytest.mark.feature("EXP-31", "LIN-09")
def test_as_of_answers_the_auditors_question(fraud):
    at = datetime.now(UTC).isoformat()
    fraud.ok("alias fraud champion 1.0.0")
    fraud.ok("promote fraud/1.1.0 --target-stage staging")
    fraud.ok("promote fraud/1.1.0 --target-stage production")
    told = fraud.json(f"as-of fraud --at {at}")
    assert (told["version"]["version"], told["by"]) == ("1.0.0", "local")
    assert told["since"] < told["at"] < told["until"]
    shown = fraud.ok(f"as-of fraud --at {at}").out
    assert "fraud/1.0.0" in shown
    assert told["event"]["hash"] in shown
    assert "no version of fraud stood in staging" in fraud.ok(f"as-of fraud --at {at} --stage staging").out
    assert fraud.json(f"show fraud/production --as-of {at}")["version"] == "1.0.0"
    assert [one["stage"] for one in fraud.json(f"versions fraud --as-of {at}")] == ["development", "production"]
    assert fraud.run("as-of fraud --at 2020-01-01").code == 3
    assert fraud.run("as-of fraud --at tomorrow").code == 2
    assert fraud.run("as-of fraud --at ''").code == 2
    assert fraud.run("as-of fraud").code == 2
    assert "must have passed" in " ".join(fraud.ok("audit export --help").out.split())


@pytest.mark.feature("SEC-04", "LIN-09")
def test_the_log_the_checkpoint_and_the_check(fraud):
    lines = fraud.ok("audit log fraud --type version.stage_moved").out.splitlines()
    assert len(lines) == 4
    assert fraud.json("audit log --actor nobody") == []
    assert "no event is like that" in fraud.ok("audit log --since 2020-01-01 --until 2020-01-02").out
    anchor = fraud.ok("--quiet audit checkpoint").out.strip()
    assert anchor in fraud.ok("audit checkpoint").out
    report = fraud.json(f"audit verify --anchor {anchor}")
    assert (report["sound"], report["anchored"]) == (True, True)
    checked = fraud.ok("audit verify")
    assert "the record is as it was written" in checked.out
    assert anchor in checked.out
    assert "no anchor from outside was given" in checked.err
    assert fraud.run(f"audit verify --anchor {'0' * 64}").code == 7


@pytest.mark.feature("SEC-04")
def test_a_copy_is_checked_offline(local, tmp_path: Path):
    local.register("fraud", "1.0.0")
    copy = tmp_path / "copy.db"
    copy.write_bytes((Path(local.target) / "registry.db").read_bytes())
    assert "as it was written" in local.ok(f"audit verify --database {copy}").out
    with closing(sqlite3.connect(copy)) as connection, connection:
        connection.execute("UPDATE events SET actor = 'eve' WHERE position = 2")
        connection.execute("UPDATE versions SET stage = 'production'")
    answer = local.run(f"audit verify --database {copy}")
    assert answer.code == 7
    assert "the event was changed after it was written" in answer.out
    assert "stage is 'production' in its table" in answer.out
    problems = local.run(f"--output json audit verify --database {copy}").json["findings"]
    assert [(one["kind"], one["position"]) for one in problems] == [("event", 2), ("state", None)]
    for damage in (
        "UPDATE events SET position = '2x' WHERE position = 2",
        "DROP TABLE placements",
        "DROP TABLE events",
    ):
        with closing(sqlite3.connect(copy)) as connection:
            connection.executescript(damage)
        assert local.run(f"audit verify --database {copy}").code == 7
    assert local.run("audit verify --database missing.db").code == 3
    assert local.run(f"audit verify --database {copy} --export {copy}").code == 2
    assert local.ok("audit verify").code == 0


@pytest.mark.feature("SEC-08")
def test_evidence_is_exported_and_checked(fraud):
    fraud.ok("audit checkpoint")
    assert "audit verify --export" in fraud.ok("audit export evidence.zip fraud --since 2020-01-01").out
    assert "as it was written" in fraud.ok("audit verify --export evidence.zip").out
    fraud.ok("audit export evidence")
    Path("evidence/events.jsonl").write_text("{}\n")
    answer = fraud.run("audit verify --export evidence")
    assert answer.code == 7
    assert "the file was changed" in answer.out
    assert fraud.run("audit export evidence").code == 2
