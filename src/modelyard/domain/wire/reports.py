"""Records of reports."""

from __future__ import annotations

from dataclasses import dataclass

from modelyard.domain.wire.registry import ComparisonRecord, Resolved


@dataclass(frozen=True, kw_only=True)
class ComparisonReport:
    """Several versions beside the first of them, the baseline; `modelyard.domain.contest` tells who is the winner."""

    versions: list[Resolved]
    comparisons: list[ComparisonRecord]
    """The baseline (`a`) with each of the others (`b`)."""
    winner: str | None
    confidence_score: float
    explanation: str
    format: str = ""
    document: str = ""
    """The report as HTML or Markdown; empty where no format was asked for."""
