"""Compare: two versions side by side, of one model or of two."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from modelyard.domain.compare import Candidate, compare
from modelyard.domain.metadata import performance
from modelyard.domain.wire import ComparisonRecord
from modelyard.operations import COMPARE, Compare, CompareWithin
from modelyard.registry.context import Context
from modelyard.registry.dispatch import serves
from modelyard.registry.lookup import document, find, find_model, find_within, resolved


@serves(COMPARE)
def compare_any(context: Context, request: Compare) -> ComparisonRecord:
    """Compare any two versions."""
    a, b = find(context, request.version_a), find(context, request.version_b)
    return _compared(a, b, request.metrics)


def compare_within(context: Context, request: CompareWithin) -> ComparisonRecord:
    """Compare two versions of one model, each named by what stands behind the model's name.

    What they did in service is added by `modelyard.watch.metrics`, which serves the operation.
    """
    model = find_model(context, request.name)
    a = find_within(context, model.name, request.version_a)
    b = find_within(context, model.name, request.version_b)
    return _compared(a, b, request.metrics)


def _compared(a: Row[Any], b: Row[Any], metrics: list[str]) -> ComparisonRecord:
    result = compare(_candidate(a), _candidate(b), metrics_to_compare=metrics or None)
    return ComparisonRecord(
        a=resolved(a),
        b=resolved(b),
        winner=result.winner,
        confidence_score=result.confidence_score,
        basis=result.basis,
        explanation=result.explanation,
        metrics=list(result.metrics),
        metric_changes=result.metric_changes,
        params_diff=result.params_diff,
    )


def _candidate(row: Row[Any]) -> Candidate:
    metadata = document(row)
    return Candidate(
        id=row.id,
        metrics=performance(metadata),
        params=metadata.get("hyperparameters", {}),
        samples=metadata.get("metric_samples", {}),
        sample_size=metadata.get("sample_size"),
    )
