"""How a metric went from version to version.

Rules
1. A version's value is that of its performance metrics (which its validation metrics complete), under any spelling. A
   name with `val_` or `train_` is also looked for among the validation or training metrics.
2. Versions without the metric stay in the row, without a value. A change is measured from the last version before that
   has one.
3. A change is better or worse by the direction of the metric; where that is not known, only equal values are judged.
4. The trend is the last value against the first; one value alone has none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from modelyard.domain.directions import canonical
from modelyard.domain.metadata import performance
from modelyard.domain.wire import TrendPoint, TrendRecord

LINE, VERSIONS = "line", "versions"
ACROSS = (LINE, VERSIONS)
"""Along a version's line of ancestors, or along all versions of its model."""

BETTER, WORSE, SAME = "better", "worse", "same"


def value_of(document: Mapping[str, Any], metric: str) -> float | None:
    """The value that a metadata document has for a metric; see rule 1."""
    wanted = canonical(metric)
    for name, value in performance(document).items():
        if canonical(name) == wanted:
            return float(value)
    for field, prefix in (("validation_metrics", "val_"), ("training_metrics", "train_")):
        for name, value in document.get(field, {}).items():
            if wanted in {f"{prefix}{canonical(name)}", canonical(name)} and wanted.startswith(prefix):
                return float(value)
    return None


def judged(delta: float, way: str) -> str:
    """Whether a change is for the better, by the direction in which the metric is; empty where that is not known."""
    if delta == 0:
        return SAME
    if way not in {"higher", "lower"}:
        return ""
    return BETTER if (delta > 0) == (way == "higher") else WORSE


def trend(points: Sequence[TrendPoint], *, metric: str, model: str, across: str, way: str) -> TrendRecord:
    """Put points, the oldest first, into a record with their changes and what they come to."""
    known = [(point.value, point.id) for point in points if point.value is not None]
    return TrendRecord(
        metric=metric,
        model=model,
        across=across,
        direction=way,
        points=_compared(points, way),
        first=known[0][0] if known else None,
        last=known[-1][0] if known else None,
        best=_best(known, way),
        trend=judged(known[-1][0] - known[0][0], way) if len(known) > 1 else "",
    )


def _compared(points: Sequence[TrendPoint], way: str) -> list[TrendPoint]:
    compared: list[TrendPoint] = []
    last: float | None = None
    for point in points:
        delta = None if point.value is None or last is None else point.value - last
        compared.append(point if delta is None else replace(point, delta=delta, change=judged(delta, way)))
        last = last if point.value is None else point.value
    return compared


def _best(known: Sequence[tuple[float, str]], way: str) -> str | None:
    if not known or way not in {"higher", "lower"}:
        return None
    # Of equal ones the newest is the best: it is what would be used.
    return (max if way == "higher" else min)(reversed(known), key=lambda entry: entry[0])[1]
