"""What a deployment takes its verdict from: a narrow interface, and the judge of absolute limits behind it.

Rules
1. No verdict follows from nothing: below `min_requests` it is PENDING.
2. REGRESSED needs a limit that is exceeded; HEALTHY means that none is, on enough requests.
3. A judge is a pure function of what was observed: asked twice, it says the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from modelyard.domain.wire.delivery import DeploymentVerdict, Limits, Observation
from modelyard.domain.wording import counted, latency, percent

_WORDS = {"error_rate": "error rate", "p95_s": "p95", "p99_s": "p99"}
PENDING, HEALTHY, INCONCLUSIVE, REGRESSED = "PENDING", "HEALTHY", "INCONCLUSIVE", "REGRESSED"


class Judge(Protocol):
    """Says what follows from what was observed."""

    def judge(self, candidate: Observation, base: Observation | None) -> DeploymentVerdict:
        """Judge the new version, beside the one that served before where there is one."""
        ...


class AbsoluteLimits:
    """Judges the new version by fixed limits, whatever the old one does.

    Args:
        limits: None is no limit.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits

    def judge(self, candidate: Observation, base: Observation | None = None) -> DeploymentVerdict:
        """REGRESSED beyond a limit, PENDING on too few requests, else HEALTHY."""
        evidence = evidence_of(candidate, base)
        if candidate.requests < max(1, self._limits.min_requests):
            reason = f"{candidate.requests} of {max(1, self._limits.min_requests)} requests that a verdict needs"
            return DeploymentVerdict(state=PENDING, reason=reason, evidence=evidence)
        for name, limit, value in self._measured(candidate):
            if limit is not None and value is not None and value > limit:
                said = percent if name == "error_rate" else latency
                reason = (
                    f"{_WORDS[name]} is {said(value)}, above the limit of {said(limit)},"
                    f" on {counted(candidate.requests, 'request')}"
                )
                return DeploymentVerdict(
                    state=REGRESSED,
                    reason=reason,
                    evidence={**evidence, "metric": name, "value": value, "limit": limit},
                )
        return DeploymentVerdict(
            state=HEALTHY, reason=f"within its limits on {counted(candidate.requests, 'request')}", evidence=evidence
        )

    def _measured(self, seen: Observation) -> tuple[tuple[str, float | None, float | None], ...]:
        return (
            ("error_rate", self._limits.max_error_rate, seen.error_rate),
            ("p95_s", self._limits.max_p95_s, seen.p95_s),
            ("p99_s", self._limits.max_p99_s, seen.p99_s),
        )


def evidence_of(candidate: Observation, base: Observation | None) -> dict[str, Any]:
    """What was looked at, as JSON values."""
    return {"candidate": _plain(candidate), **({"base": _plain(base)} if base is not None else {})}


def _plain(seen: Observation) -> Mapping[str, Any]:
    return {
        "version": seen.version,
        "requests": seen.requests,
        "errors": seen.errors,
        "error_rate": seen.error_rate,
        "p50_s": seen.p50_s,
        "p95_s": seen.p95_s,
        "p99_s": seen.p99_s,
    }
