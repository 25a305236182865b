"""Rows of what processes have counted for `/metrics`, one for each process and one for all that have ended.

Rules
- A process writes its own row, whole, each time. Nobody else changes it; once it is stale for long, others add it to
  the row of those that have ended, and delete it, in one transaction.
- Writers take turns, so that each sees what the one before it wrote.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Row, bindparam, delete, func, insert, select, text, update

from modelyard.metadata.database import EXCLUSIVE, Transaction
from modelyard.metadata.tables import alerts, deployments, endpoints, exports, models, versions

ENDED = ""
"""The writer of the row in which those that have ended are added up."""
_LOCK = 0x6D657472  # "metr", as a number of PostgreSQL's own lock space

_ALL = select(exports).order_by(exports.c.writer)
_ADD = insert(exports)
_SET = (
    update(exports)
    .where(exports.c.writer == bindparam("key"))
    .values(document=bindparam("document"), updated_at=bindparam("updated_at"))
)
_VERSIONS = select(versions.c.id, models.c.name, versions.c.version).join(models, models.c.id == versions.c.model_id)
_ENDPOINTS = select(endpoints.c.id, endpoints.c.environment)
_BY_STATE = select(deployments.c.state, func.count().label("number")).group_by(deployments.c.state)
_FIRING = (
    select(alerts.c.rule, alerts.c.severity, func.count().label("number"))
    .where(alerts.c.state == "firing")
    .group_by(alerts.c.rule, alerts.c.severity)
    .order_by(alerts.c.rule, alerts.c.severity)
)


def take_turns(tx: Transaction) -> None:
    """Keep other writers away until the transaction ends; on SQLite they are away anyway."""
    if tx.dialect == "postgresql":
        tx.run(text(f"SELECT {EXCLUSIVE}({_LOCK})"))


def rows(tx: Transaction) -> Sequence[Row[Any]]:
    """Return all rows: writer, document, updated_at."""
    return tx.all(_ALL)


def put(tx: Transaction, writer: str, document: bytes, at: str) -> None:
    """Write a row, whether it is there or not."""
    values = {"document": document, "updated_at": at}
    if not tx.run(_SET, {**values, "key": writer}).rowcount:
        tx.run(_ADD, {**values, "writer": writer})


def drop(tx: Transaction, writers: Collection[str]) -> None:
    """Delete rows."""
    if writers:
        tx.run(delete(exports).where(exports.c.writer.in_(sorted(writers))))


def names_of_versions(tx: Transaction, version_ids: Collection[str]) -> dict[str, tuple[str, str]]:
    """Return version id → name of its model and its SemVer, for those that there are."""
    found = tx.all(_VERSIONS.where(versions.c.id.in_(sorted(version_ids))))
    return {row.id: (row.name, row.version) for row in found}


def environments(tx: Transaction, endpoint_ids: Collection[str]) -> dict[str, str]:
    """Return endpoint id → its environment, for those that there are."""
    found = tx.all(_ENDPOINTS.where(endpoints.c.id.in_(sorted(endpoint_ids))))
    return {row.id: row.environment for row in found}


def deployments_by_state(tx: Transaction) -> dict[str, int]:
    """Return state → how many deployments are in it."""
    return {row.state: row.number for row in tx.all(_BY_STATE)}


def firing(tx: Transaction) -> Sequence[Row[Any]]:
    """Return how many alerts are firing, by rule and severity."""
    return tx.all(_FIRING)
