"""Reports for people who have no registry at hand."""

from __future__ import annotations

from dataclasses import dataclass, field

from modelyard.domain import wire
from modelyard.domain.contract import Operation


@dataclass(frozen=True, kw_only=True)
class CompareMany:
    """Two or more versions by reference, the first of them as the baseline, and the metrics to compare."""

    version: list[str] = field(default_factory=list)
    metrics: list[str] = field(default_factory=list)
    format: str = ""
    """`html` or `markdown` for a document; without it the answer holds the numbers only."""


COMPARE_MANY = Operation(
    "compare_many", "GET", "/api/compare/report", "version.read", CompareMany, wire.ComparisonReport,
    "Compare several versions, and write a report about them", long=True,
)  # fmt: skip
