"""The judge's evidence on its way to the database: what is kept of each second, and when nothing is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select, update

from components.delivering import deploy, open_idle
from components.templates import prepared
from components.yards import register
from modelyard.bootstrap import EmbeddedCaller
from modelyard.domain.sketch import bin_of
from modelyard.domain.units import COST_SCALE, MOST_FAILED, MOST_SEEN, MOST_UNITS, NONE, Batch, key_hash, unpack
from modelyard.metadata import evidence as rows
from modelyard.metadata.tables import deployments, evidence, observations
from modelyard.telemetry import evidence as telling
from modelyard.telemetry.evidence import EvidenceLog
from modelyard.telemetry.outcome import WELL, Lot, Outcome
from modelyard.telemetry.recorder import Recorder

AT = "2026-03-01T12:00:00.000000Z"
FAILED = Outcome(code="prediction_failed")


@pytest.fixture
def caller(tmp_path: Path) -> Iterator[EmbeddedCaller]:
    """A registry with a canary under way."""
    with open_idle(prepared(tmp_path / "registry")) as opened:
        for version in ("1.0.0", "2.0.0"):
            register(opened, "fraud", version.encode(), version=version)
        deploy(opened, "1.0.0")
        deploy(opened, "2.0.0", strategy="canary", step_seconds=600.0)
        yield opened


@pytest.fixture
def live(caller: EmbeddedCaller) -> str:
    """The canary's id."""
    with caller.yard.database.read() as tx:
        return str(tx.scalar(select(deployments.c.id).where(deployments.c.live.is_not(None))))


def met(log: EvidenceLog, deployment: str, *requests: tuple[Outcome, bytes | None], version: str = "mv_1") -> None:
    """Let requests have been met in one second."""
    for outcome, key in requests:
        log.add(version, 3, 7, outcome, Lot(deployment, key_hash(key, b"")))
    log.swap()
    log.gather(AT)


def written(caller: EmbeddedCaller, log: EvidenceLog) -> list[Batch]:
    """Write what waits, and return all batches that are there."""
    with caller.yard.database.write() as tx:
        log.write(tx)
    log.written()
    with caller.yard.database.read() as tx:
        return [unpack(row.document) for row in tx.all(select(evidence).order_by(evidence.c.number))]


def test_a_request_is_kept_with_its_arm_key_latency_tokens_and_cost(caller: EmbeddedCaller, live: str):
    log = EvidenceLog("pw_1")
    met(log, live, (Outcome(tokens=9, cost=0.5), b"ana"), (FAILED, None))
    (batch,) = written(caller, log)
    assert [(arm.version_id, arm.epoch) for arm in batch.arms] == [("mv_1", 3)]
    first, second = batch.units
    assert first == (type(first))(0, key_hash(b"ana", b""), False, 7, bin_of(9), bin_of(0.5 * COST_SCALE))  # noqa: FBT003 - a row
    assert (second.key, second.failed, second.size, second.cost) == (0, True, NONE, NONE)


def test_callers_who_went_away_are_evidence_though_nobody_else_was_there(caller: EmbeddedCaller, live: str):
    recorder = Recorder(caller.yard.database, "pw_1")
    for _ in range(2):
        recorder.abandon(("ep_1", 3, "mv_1", "live"), 2.0, Lot(live, 0))
        assert recorder.flush()
    with caller.yard.database.read() as tx:
        batches = [unpack(row.document) for row in tx.all(select(evidence).order_by(evidence.c.number))]
        assert tx.all(select(observations)) == [], "it neither succeeded nor failed"
    assert [[unit.place for unit in batch.units] for batch in batches] == [[bin_of(2.0)], [bin_of(2.0)]]


def test_of_a_key_the_first_request_and_the_first_failed_one_are_kept(caller: EmbeddedCaller, live: str):
    log = EvidenceLog("pw_1")
    met(log, live, (WELL, b"ana"), (WELL, b"ana"), (FAILED, b"ana"), (FAILED, b"ana"), (WELL, b"ben"))
    met(log, live, (WELL, b"ana"), (FAILED, b"ana"), (FAILED, b"ben"))
    assert [[unit.failed for unit in batch.units] for batch in written(caller, log)] == [[False, True, False], [True]]


def test_beyond_the_most_a_second_only_failed_ones_are_kept_for_their_error(caller: EmbeddedCaller, live: str):
    log = EvidenceLog("pw_1")
    met(log, live, *[(WELL, None)] * (MOST_UNITS + 10), *[(FAILED, None)] * (MOST_FAILED + 5))
    (batch,) = written(caller, log)
    assert [unit.place for unit in batch.units] == [7] * MOST_UNITS + [NONE] * MOST_FAILED
    assert log.dropped == 15
    with caller.yard.database.read() as tx:
        assert tx.scalar(select(evidence.c.dropped)) == 15


def test_what_comes_too_fast_to_be_looked_at_is_counted_and_written_as_left_out(caller: EmbeddedCaller, live: str):
    log = EvidenceLog("pw_1")
    met(log, live, *[(WELL, b"ana")] * (MOST_SEEN + 3))
    written(caller, log)
    assert log.dropped == 3
    with caller.yard.database.read() as tx:
        assert tx.scalar(select(evidence.c.dropped)) == 3


def test_a_batch_that_is_written_again_is_there_once(caller: EmbeddedCaller, live: str):
    log = EvidenceLog("pw_1")
    met(log, live, (WELL, None))
    with caller.yard.database.write() as tx:
        log.write(tx)
    # The answer to that commit was lost, so `written` was not called.
    assert len(written(caller, log)) == 1


def test_while_the_database_is_away_batches_wait_up_to_a_number_and_lost_keys_may_come_again(
    caller: EmbeddedCaller, live: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(telling, "MOST_BATCHES", 2)
    log = EvidenceLog("pw_1")
    for key in (b"ana", b"ben", b"cleo"):
        met(log, live, (WELL, key))
    assert log.dropped == 1
    assert [batch.units[0].key for batch in written(caller, log)] == [key_hash(b"ana", b""), key_hash(b"ben", b"")]
    met(log, live, (WELL, b"cleo"), (WELL, b"ana"))
    *_, last = written(caller, log)
    assert [unit.key for unit in last.units] == [key_hash(b"cleo", b"")]


def test_what_nobody_judges_is_not_written_and_soon_not_taken_down(caller: EmbeddedCaller, live: str):
    log = EvidenceLog("pw_1")
    met(log, "dp_unknown", (WELL, None))
    assert written(caller, log) == []
    met(log, "dp_unknown", (WELL, None))
    assert not log._waiting
    met(log, live, (WELL, None))
    assert len(written(caller, log)) == 1
    with caller.yard.database.write() as tx:
        tx.run(update(deployments).where(deployments.c.id == live).values(live=None))
    met(log, live, (WELL, None))
    assert len(written(caller, log)) == 1
    met(log, live, (WELL, None))
    assert not log._waiting


def test_a_batch_has_one_place_in_the_order_for_good(caller: EmbeddedCaller, live: str):
    log = EvidenceLog("pw_1")
    met(log, live, (WELL, None))
    met(log, live, (WELL, None))
    written(caller, log)
    with caller.yard.database.write() as tx:
        waiting = rows.waiting(tx, live, 10)
        rows.take(tx, waiting[:1], 0)
        rows.take(tx, waiting, 5)
    with caller.yard.database.read() as tx:
        assert [row.position for row in tx.all(select(evidence).order_by(evidence.c.number))] == [1, 7]
        assert not rows.waits(tx, live)
        assert (rows.size(tx, live), rows.late(tx, live)) == ((2, 2), 0)


def test_keys_beyond_those_that_are_remembered_are_left_to_the_judge(
    caller: EmbeddedCaller, live: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(telling, "MOST_KEYS", 1)
    log = EvidenceLog("pw_1")
    met(log, live, (FAILED, b"ana"), (FAILED, b"ben"), (FAILED, b"ana"), (FAILED, b"ben"))
    (batch,) = written(caller, log)
    assert [unit.key for unit in batch.units] == [key_hash(key, b"") for key in (b"ana", b"ben", b"ben")]
