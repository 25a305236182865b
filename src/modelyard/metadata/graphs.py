"""Stage graphs on record: the registry's stands at the registry's own row, a model's own at the model's."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Row, bindparam, delete, exists, func, insert, literal, select, update

from modelyard.metadata.database import Transaction
from modelyard.metadata.tables import endpoints, models, placements, stage_graphs, versions

_ENDPOINTS = "endpoints"
"""Stands for the id of a model in the row that only tells that there are endpoints."""

# Both are asked for by whoever shows versions, and are mostly not there: one query instead of two.
_ALL = select(
    stage_graphs.c.model_id, stage_graphs.c.document, stage_graphs.c.revision, stage_graphs.c.updated_at
).union_all(
    select(literal(_ENDPOINTS), literal(""), literal(0), literal("")).where(exists(select(endpoints.c.id)))
)  # fmt: skip
_INSERT = insert(stage_graphs)
_CHANGE = (
    update(stage_graphs)
    .where(stage_graphs.c.model_id == bindparam("key"))
    .values(document=bindparam("document"), updated_at=bindparam("at"), revision=stage_graphs.c.revision + 1)
)
_DROP = delete(stage_graphs).where(stage_graphs.c.model_id == bindparam("key"))

_LIVE = versions.c.deleted_at.is_(None)
_OWN = (
    select(versions.c.model_id, models.c.name, versions.c.stage, func.count().label("standing"))
    .join(models, models.c.id == versions.c.model_id)
    .where(_LIVE)
    .group_by(versions.c.model_id, models.c.name, versions.c.stage)
)
_PLACED = (
    select(
        placements.c.model_id,
        models.c.name,
        placements.c.stage,
        placements.c.environment,
        func.count().label("standing"),
    )
    .join(versions, versions.c.seq == placements.c.version_seq)
    .join(models, models.c.id == placements.c.model_id)
    .where(_LIVE)
    .group_by(placements.c.model_id, models.c.name, placements.c.stage, placements.c.environment)
)


def every(tx: Transaction) -> tuple[dict[str, Row[Any]], bool]:
    """Return all graphs on record by the id of their model, which are few, and whether there is any endpoint."""
    found = {row.model_id: row for row in tx.all(_ALL)}
    has_endpoints = found.pop(_ENDPOINTS, None) is not None
    return found, has_endpoints


def put(tx: Transaction, model_id: str, document: dict[str, Any], at: str, *, is_new: bool) -> None:
    """Write a graph, and count its revision up."""
    text = msgspec.json.encode(document).decode()
    if is_new:
        tx.run(_INSERT, {"model_id": model_id, "document": text, "revision": 1, "updated_at": at})
    else:
        tx.run(_CHANGE, {"key": model_id, "document": text, "at": at})


def drop(tx: Transaction, model_id: str) -> None:
    """Take a model's own graph away."""
    tx.run(_DROP, {"key": model_id})


def stages_in_use(tx: Transaction) -> list[tuple[str, str, str, str, int]]:
    """Return (model id, model name, stage, its environment or nothing, how many live versions stand there)."""
    own = [(row.model_id, row.name, row.stage, "", int(row.standing)) for row in tx.all(_OWN)]
    return own + [(row.model_id, row.name, row.stage, row.environment, int(row.standing)) for row in tx.all(_PLACED)]
