"""Rows of snapshots: what endpoints were at a moment; all that changes is whether they are worth going back to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import Row, bindparam, insert, select, update

from modelyard.domain.wire import SnapshotDocument, SnapshotRecord
from modelyard.metadata.database import Transaction
from modelyard.metadata.endpoints import encoded
from modelyard.metadata.tables import DEFAULT_WORKSPACE, endpoints, models, snapshots

_FULL = (
    select(snapshots, models.c.name, endpoints.c.environment)
    .join(models, models.c.id == snapshots.c.model_id)
    .join(endpoints, endpoints.c.id == snapshots.c.endpoint_id)
    .where(snapshots.c.workspace == DEFAULT_WORKSPACE)
)
_BY_ID = _FULL.where(snapshots.c.id == bindparam("id"))
_OF_ENDPOINT = _FULL.where(snapshots.c.endpoint_id == bindparam("endpoint_id")).order_by(snapshots.c.seq.desc())
_HEALTHY = _OF_ENDPOINT.where(snapshots.c.healthy == 1)
_HEALTHY_BEFORE = _HEALTHY.where(snapshots.c.seq < bindparam("before"))
_INSERT = insert(snapshots)
_JUDGE = update(snapshots).where(snapshots.c.id == bindparam("key")).values(healthy=bindparam("healthy"))

_decoder = msgspec.json.Decoder(SnapshotDocument)


def add(tx: Transaction, snapshot: SnapshotRecord, *, endpoint_id: str, model_id: str, position: int) -> None:
    """Insert a snapshot that shows the state behind the event at `position` of the model's chain."""
    values = {
        "id": snapshot.id,
        "endpoint_id": endpoint_id,
        "model_id": model_id,
        "epoch": snapshot.epoch,
        "position": position,
        "digest": snapshot.digest,
        "healthy": int(snapshot.healthy),
        "reason": snapshot.reason,
        "document": encoded(snapshot.content),
        "created_by": snapshot.created_by,
        "created_at": snapshot.created_at,
    }
    tx.run(_INSERT, values)


def judge(tx: Transaction, snapshot_id: str, *, healthy: bool) -> None:
    """Note whether a snapshot is worth going back to."""
    tx.run(_JUDGE, {"key": snapshot_id, "healthy": int(healthy)})


def by_id(tx: Transaction, snapshot_id: str) -> Row[Any] | None:
    """Find a snapshot."""
    return tx.first(_BY_ID, {"id": snapshot_id})


def healthy(tx: Transaction, endpoint_id: str, limit: int = 100) -> Sequence[Row[Any]]:
    """Return the healthy snapshots of an endpoint, the newest first."""
    return tx.all(_HEALTHY.limit(limit), {"endpoint_id": endpoint_id})


def every_healthy(tx: Transaction, endpoint_id: str) -> Iterator[Row[Any]]:
    """Yield all healthy snapshots of an endpoint, the newest first; they may be judged meanwhile."""
    rows = healthy(tx, endpoint_id)
    while rows:
        yield from rows
        rows = tx.all(_HEALTHY_BEFORE.limit(len(rows)), {"endpoint_id": endpoint_id, "before": rows[-1].seq})


def page(tx: Transaction, endpoint_id: str, *, before: int | None, limit: int) -> Sequence[Row[Any]]:
    """Return an endpoint's snapshots, the newest first."""
    query = _OF_ENDPOINT.limit(limit)
    if before is not None:
        query = query.where(snapshots.c.seq < before)
    return tx.all(query, {"endpoint_id": endpoint_id})


def content_of(row: Row[Any]) -> SnapshotDocument:
    """Return what a snapshot's row holds."""
    return _decoder.decode(row.document)


def record(row: Row[Any]) -> SnapshotRecord:
    """Return the record of a snapshot's row."""
    content = content_of(row)
    arms = sorted(content.route.arms, key=lambda arm: -arm.weight)
    return SnapshotRecord(
        id=row.id,
        name=row.name,
        environment=row.environment,
        epoch=row.epoch,
        digest=row.digest,
        healthy=bool(row.healthy),
        reason=row.reason,
        version=arms[0].version if arms else None,
        content=content,
        created_by=row.created_by,
        created_at=row.created_at,
    )
