"""Two versions in service, side by side.

Rules
1. Of a figure, the one with the better interval is better only where the two intervals do not overlap; else no
   difference is shown, which does not mean that there is none.
2. Figures without an interval, such as tokens and cost, are shown and not judged.
3. It describes and does not decide. Versions that served at different times had different requests; a release is
   decided by the judge, who compares what was drawn by lot.
"""

from __future__ import annotations

from typing import Final

from modelyard.domain.intervals import ALPHA, apart
from modelyard.domain.wire.metrics import LikelyRange, LiveMetric, VersionMetrics

COMPARED: Final = (
    "error_rate", "success_rate", "avg_latency", "p50_s", "p95_s", "p99_s", "throughput", "tokens_per_request",
    "cost_per_request",
)  # fmt: skip
HIGHER: Final = frozenset({"success_rate"})
"""Figures of which more is better; of the others with an interval, less is."""
_CAUTION: Final = "A release is decided by the judge, who compares requests that were drawn by lot; this describes."


def compared(a: VersionMetrics, b: VersionMetrics) -> list[LiveMetric]:
    """Return the figures of two versions side by side."""
    return [_metric(name, a, b) for name in COMPARED]


def explanation(a: VersionMetrics, b: VersionMetrics, metrics: list[LiveMetric]) -> str:
    """Return in words what a comparison shows."""
    missing = [one.version for one in (a, b) if not one.requests]
    if missing:
        return f"{' and '.join(missing)} answered no request in this range."
    shown = [f"{one.name} of {(a if one.better == 'a' else b).version}" for one in metrics if one.better]
    if not shown:
        return f"No difference is shown. {_CAUTION}"
    return f"Better, by {1 - ALPHA:.0%} intervals that lie apart: {', '.join(shown)}. {_CAUTION}"


def _metric(name: str, a: VersionMetrics, b: VersionMetrics) -> LiveMetric:
    left: float | None = getattr(a, name)
    right: float | None = getattr(b, name)
    difference = right - left if left is not None and right is not None else None
    order = apart(a.intervals.get(name, LikelyRange()), b.intervals.get(name, LikelyRange()))
    if name in HIGHER:
        order = -order
    return LiveMetric(
        name=name,
        a=left,
        b=right,
        difference=difference,
        relative_change=difference / left if difference is not None and left else None,
        better={-1: "a", 0: None, 1: "b"}[order],
    )
