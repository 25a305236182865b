"""The limits of the judge's evidence: what is left out of heavy traffic says nothing about the arms."""

from __future__ import annotations

from random import Random

from modelyard.domain.trial import SKEW_LIMIT, Trial
from modelyard.domain.units import MOST_FAILED, MOST_SEEN, MOST_UNITS, NONE, Batch, unpack
from modelyard.domain.wire.judge import Terms
from modelyard.telemetry.evidence import EvidenceLog
from modelyard.telemetry.outcome import WELL, Lot, Outcome

FAILED = Outcome("prediction_failed")


def batch_of(log: EvidenceLog) -> Batch:
    """The batch that a log makes of what it took down last."""
    log.swap()
    log.gather("2026-01-01T00:00:00Z")
    return unpack(log._waiting[-1]["document"])


def test_no_second_is_heavier_than_the_limits_say():
    log = EvidenceLog("writer")
    for _ in range(MOST_SEEN + 500):
        log.add("old", 1, 5, FAILED, Lot("dp", 0))
    assert len(batch_of(log).units) == MOST_UNITS + MOST_FAILED
    assert log.dropped == 500 + MOST_SEEN - MOST_UNITS - MOST_FAILED


def test_a_key_that_was_kept_for_its_error_is_still_measured_once():
    log = EvidenceLog("writer")
    for _ in range(MOST_UNITS):
        log.add("old", 1, 5, WELL, Lot("dp", 0))
    for outcome in (FAILED, FAILED, WELL):
        log.add("new", 1, 7, outcome, Lot("dp", 17))
    assert [unit.place for unit in batch_of(log).units[MOST_UNITS:]] == [NONE]
    for outcome in (FAILED, WELL, WELL):
        log.add("new", 1, 7, outcome, Lot("dp", 17))
    assert [(unit.failed, unit.place) for unit in batch_of(log).units] == [(True, 7)]


def test_a_new_version_that_fails_always_looks_like_no_wrong_lots_however_heavy_the_traffic():
    chance, log = Random(4), EvidenceLog("writer")
    trial = Trial(Terms(base_id="old", challengers=["new"], weights={"errors": 0.5, "latency": 0.5}))
    for _second in range(5):
        for _request in range(2500):
            is_new = chance.random() < 0.1
            log.add("new" if is_new else "old", 1, 5, FAILED if is_new else WELL, Lot("dp", 0))
        trial.take(batch_of(log), {1: {"old": 0.9, "new": 0.1}})
    duel = trial.duels["new"]
    assert duel.peak > 1000.0
    assert trial.skew < SKEW_LIMIT / 100
    assert abs(duel.counts[0] - 0.1 * 5 * MOST_UNITS) < 60
