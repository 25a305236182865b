"""The judge of absolute limits: what follows from what was observed, and what does not."""

from __future__ import annotations

import msgspec
import pytest

from modelyard.domain.judge import HEALTHY, PENDING, REGRESSED, AbsoluteLimits, evidence_of
from modelyard.domain.wire.delivery import Limits, Observation


def seen(requests: int = 100, **fields: float) -> Observation:
    """What a version did; the rate of errors follows from their number."""
    errors = int(fields.pop("errors", 0))
    rate = errors / requests if requests else None
    return Observation(version_id="mv_2", version="2.0.0", requests=requests, errors=errors, error_rate=rate, **fields)  # type: ignore[arg-type]  # latencies only


@pytest.mark.parametrize(("requests", "needed"), [(0, 20), (19, 20), (0, 0), (0, 1)])
def test_no_verdict_follows_from_too_few_requests_however_bad_they_are(requests: int, needed: int):
    judge = AbsoluteLimits(Limits(max_error_rate=0.0, max_p95_s=0.1, min_requests=needed))
    verdict = judge.judge(seen(requests, errors=requests, p95_s=9.0))
    assert verdict.state == PENDING
    assert f"{requests} of {max(1, needed)} requests" in verdict.reason
    assert "metric" not in verdict.evidence


def test_what_lies_within_all_limits_is_healthy():
    limits = Limits(max_error_rate=0.05, max_p95_s=0.2, max_p99_s=0.5)
    verdict = AbsoluteLimits(limits).judge(seen(100, errors=5, p95_s=0.2, p99_s=0.5))
    assert (verdict.state, verdict.reason) == (HEALTHY, "within its limits on 100 requests")


@pytest.mark.parametrize(
    ("limits", "did", "metric", "value", "limit"),
    [
        (Limits(max_error_rate=0.05), seen(100, errors=6), "error_rate", 0.06, 0.05),
        (Limits(max_error_rate=0.0), seen(100, errors=1), "error_rate", 0.01, 0.0),
        (Limits(max_p95_s=0.2), seen(p95_s=0.21), "p95_s", 0.21, 0.2),
        (Limits(max_p99_s=0.2), seen(p99_s=3.0), "p99_s", 3.0, 0.2),
    ],
)
def test_a_limit_that_is_exceeded_is_named_with_what_was_measured(
    limits: Limits, did: Observation, metric: str, value: float, limit: float
):
    verdict = AbsoluteLimits(limits).judge(did)
    assert verdict.state == REGRESSED
    assert (verdict.evidence["metric"], verdict.evidence["value"], verdict.evidence["limit"]) == (metric, value, limit)
    assert metric.removesuffix("_s").replace("_", " ") in verdict.reason
    assert "100 requests" in verdict.reason


def test_what_was_not_measured_exceeds_nothing():
    judge = AbsoluteLimits(Limits(max_p95_s=0.2, max_p99_s=0.2))
    assert judge.judge(seen(100)).state == HEALTHY


def test_the_old_version_does_not_change_the_verdict_and_stands_in_the_evidence():
    judge = AbsoluteLimits(Limits(max_error_rate=0.05))
    base = Observation(version_id="mv_1", version="1.0.0", requests=900, errors=900, error_rate=1.0)
    alone, beside = judge.judge(seen(errors=9)), judge.judge(seen(errors=9), base)
    assert (alone.state, beside.state) == (REGRESSED, REGRESSED)
    assert "base" not in alone.evidence
    assert beside.evidence["base"]["errors"] == 900
    assert judge.judge(seen(errors=9), base) == beside


def test_evidence_is_made_of_json_values():
    evidence = evidence_of(seen(p95_s=0.2), seen(0))
    assert msgspec.json.decode(msgspec.json.encode(evidence)) == evidence
    assert evidence["candidate"]["version"] == "2.0.0"
