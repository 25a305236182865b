"""Rows of feedback: what applications said of predictions, in the order in which it came.

Rules
- A prediction has one row for each metric; whoever adds one holds the model's lock, and has looked before.
- A row that counts in a test is never changed and never goes before the test ends; so the test can be computed again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, bindparam, func, insert, select

from modelyard.metadata.database import Transaction
from modelyard.metadata.tables import feedback, versions

BATCH = 500
"""Ids in one query; databases bound the number of parameters."""

_INSERT = insert(feedback)
_OF_PREDICTIONS = select(feedback.c.prediction_id, feedback.c.metric, feedback.c.value).where(
    feedback.c.prediction_id.in_(bindparam("ids", expanding=True))
)
_BEHIND = (
    select(feedback)
    .where(
        feedback.c.deployment_id == bindparam("deployment_id"),
        feedback.c.metric == bindparam("metric"),
        feedback.c.seq > bindparam("after"),
    )
    .order_by(feedback.c.seq)
    .limit(bindparam("most"))
)
_HAS_METRIC = (
    select(feedback.c.seq)
    .where(feedback.c.version_id == bindparam("version_id"), feedback.c.metric == bindparam("metric"))
    .limit(1)
)
_METRICS = select(feedback.c.metric).distinct().where(feedback.c.version_id == bindparam("version_id"))
_SUMMARY = (
    select(
        versions.c.version,
        feedback.c.version_id,
        feedback.c.metric,
        func.count().label("count"),
        func.avg(feedback.c.value).label("mean"),
        func.min(feedback.c.value).label("least"),
        func.max(feedback.c.value).label("most"),
        func.min(feedback.c.at).label("first_at"),
        func.max(feedback.c.at).label("last_at"),
    )
    .join(versions, versions.c.id == feedback.c.version_id)
    .group_by(versions.c.seq, versions.c.version, feedback.c.version_id, feedback.c.metric)
    .order_by(versions.c.seq, feedback.c.metric)
)
_OF_MODEL = _SUMMARY.where(versions.c.model_id == bindparam("model_id"))
_OF_VERSION = _SUMMARY.where(feedback.c.version_id == bindparam("version_id"))


def add(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows with all their columns but the number."""
    if rows:
        tx.run(_INSERT, rows)


def of_predictions(tx: Transaction, ids: Sequence[str]) -> dict[tuple[str, str], float]:
    """Return what was said of predictions: prediction id and metric → value."""
    found: dict[tuple[str, str], float] = {}
    for start in range(0, len(ids), BATCH):
        rows = tx.all(_OF_PREDICTIONS, {"ids": ids[start : start + BATCH]})
        found |= {(row.prediction_id, row.metric): row.value for row in rows}
    return found


def behind(tx: Transaction, deployment_id: str, metric: str, *, after: int, most: int) -> Sequence[Row[Any]]:
    """Return what counts in a test behind a number, in its order."""
    return tx.all(_BEHIND, {"deployment_id": deployment_id, "metric": metric, "after": after, "most": most})


def has_metric(tx: Transaction, version_id: str, metric: str) -> bool:
    """Whether a version has any feedback by a metric."""
    return tx.first(_HAS_METRIC, {"version_id": version_id, "metric": metric}) is not None


def metrics(tx: Transaction, version_id: str) -> list[str]:
    """Return the metrics that a version has feedback by."""
    return [row.metric for row in tx.all(_METRICS, {"version_id": version_id})]


def summary(tx: Transaction, *, model_id: str = "", version_id: str = "") -> Sequence[Row[Any]]:
    """Return counts, means and extremes by version and metric, of a model or of one version."""
    if version_id:
        return tx.all(_OF_VERSION, {"version_id": version_id})
    return tx.all(_OF_MODEL, {"model_id": model_id})
