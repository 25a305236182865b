"""Comparing versions and choosing among them."""

from __future__ import annotations

from dataclasses import dataclass, field

from modelyard.domain import wire
from modelyard.domain.contract import Operation


@dataclass(frozen=True, kw_only=True)
class Compare:
    """Two versions by reference, and the metrics to compare; all of them by default."""

    version_a: str
    version_b: str
    metrics: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class CompareWithin(Compare):
    """Two versions of one model, each by what stands behind the model's name; and when they did what is compared."""

    name: str
    environment: str = ""
    """Only what was asked of this environment's endpoint."""
    role: str = ""
    """`live`, `shadow` or `tracked`; what applications told counts where neither version has served."""
    since: str = ""
    """A moment, or how long ago, such as `24h`; a day before `until` where it is empty."""
    until: str = ""


@dataclass(frozen=True, kw_only=True)
class Best:
    """A model and a metric."""

    name: str
    metric: str
    stage: str = ""
    direction: str = ""
    """`higher` or `lower`, for metrics whose direction modelyard does not know."""


@dataclass(frozen=True, kw_only=True)
class Latest:
    """A model, and a stage if only versions in it count."""

    name: str
    stage: str = ""


COMPARE = Operation(
    "compare", "GET", "/api/compare", "version.read", Compare, wire.ComparisonRecord, "Compare any two versions"
)
COMPARE_WITHIN = Operation(
    "compare_within", "GET", "/api/models/{name}/compare", "version.read", CompareWithin, wire.ComparisonRecord,
    "Compare two versions of one model: what is recorded of them, and what they did in service",
)  # fmt: skip
BEST = Operation(
    "best", "GET", "/api/models/{name}/best", "version.read", Best, wire.VersionRecord,
    "Find the version with the best value of a metric",
)  # fmt: skip
LATEST = Operation(
    "latest", "GET", "/api/models/{name}/latest", "version.read", Latest, wire.VersionRecord,
    "Show the highest version, or the highest in a stage",
)  # fmt: skip
