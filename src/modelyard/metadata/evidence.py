"""Rows of the judge's log: evidence as it came, in the order in which he took it in, and where he stands.

Rules
- A batch of evidence is inserted once, and only while its deployment is live and judged. It gets its `position` when
  the judge takes it in, in the transaction that stores what he says then; so the order is part of the record, and his
  state can be computed again from the log.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, and_, bindparam, delete, exists, func, insert, select, update

from modelyard.metadata.database import Transaction, known
from modelyard.metadata.tables import deployments, evidence, judgements

_COLUMNS = [column.name for column in evidence.columns]
_THERE = exists().where(
    evidence.c.deployment_id == bindparam("deployment_id"),
    evidence.c.writer == bindparam("writer"),
    evidence.c.number == bindparam("number"),
)
_JUDGED = select(deployments.c.id).where(
    deployments.c.id == bindparam("deployment_id"),
    deployments.c.live.is_not(None),
    judgements.c.deployment_id == deployments.c.id,
)
_PUT = insert(evidence).from_select(
    _COLUMNS,
    select(*(bindparam(name, type_=evidence.c[name].type) for name in _COLUMNS)).where(_JUDGED.exists(), ~_THERE),
)
_WAITS = (
    select(evidence.c.number)
    .where(evidence.c.deployment_id == bindparam("deployment_id"), evidence.c.position.is_(None))
    .limit(1)
)
_WAITING = (
    select(evidence)
    .where(evidence.c.deployment_id == bindparam("deployment_id"), evidence.c.position.is_(None))
    .order_by(evidence.c.at, evidence.c.writer, evidence.c.number)
    .limit(bindparam("most"))
)
_TAKE = (
    update(evidence)
    .where(
        evidence.c.deployment_id == bindparam("key_deployment"),
        evidence.c.writer == bindparam("key_writer"),
        evidence.c.number == bindparam("key_number"),
        evidence.c.position.is_(None),
    )
    .values(position=bindparam("position"))
)
_TAKEN = (
    select(evidence)
    .where(
        evidence.c.deployment_id == bindparam("deployment_id"),
        evidence.c.position > bindparam("after"),
        evidence.c.position <= bindparam("last"),
    )
    .order_by(evidence.c.position)
)
_SIZE = select(func.count().label("batches"), func.coalesce(func.sum(evidence.c.units), 0).label("units")).where(
    evidence.c.deployment_id == bindparam("deployment_id"), evidence.c.position.is_not(None)
)
_LATE = select(func.count()).where(
    evidence.c.deployment_id == bindparam("deployment_id"), evidence.c.position.is_(None)
)
_DOCUMENT = select(judgements.c.document).where(judgements.c.deployment_id == bindparam("deployment_id"))
_JUDGEMENT = select(judgements).where(judgements.c.deployment_id == bindparam("deployment_id"))
_ADD_JUDGEMENT = insert(judgements)
_SET_JUDGEMENT = (
    update(judgements)
    .where(judgements.c.deployment_id == bindparam("key"))
    .values(
        position=bindparam("position"),
        document=bindparam("document"),
        updated_at=bindparam("updated_at"),
    )
)
_SET_CHECKPOINT = (
    update(judgements)
    .where(judgements.c.deployment_id == bindparam("key"))
    .values(checkpoint_position=bindparam("checkpoint_position"), checkpoint=bindparam("checkpoint"))
)
_ENDED_BEFORE = and_(deployments.c.id == evidence.c.deployment_id, deployments.c.finished_at < bindparam("before"))
_FORGET = delete(evidence).where(exists().where(_ENDED_BEFORE))
_IS_OLD = select(evidence.c.number).join(deployments, _ENDED_BEFORE).where(evidence.c.at < bindparam("before")).limit(1)


def put(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> set[str]:
    """Insert batches with all their columns, and return the deployments that nobody judges, or not any more.

    What is there already stays as it is.
    """
    for row in rows:
        tx.run(_PUT, row)
    named = {row["deployment_id"] for row in rows}
    return {name for name in named if tx.first(_JUDGED, {"deployment_id": name}) is None}


def waits(tx: Transaction, deployment_id: str) -> bool:
    """Whether there is evidence that the judge has not taken in."""
    return tx.first(_WAITS, {"deployment_id": deployment_id}) is not None


def waiting(tx: Transaction, deployment_id: str, most: int) -> Sequence[Row[Any]]:
    """Return evidence that the judge has not taken in, the oldest first."""
    return tx.all(_WAITING, {"deployment_id": deployment_id, "most": most})


def take(tx: Transaction, rows: Sequence[Row[Any]], after: int) -> None:
    """Give rows their positions, in their order, behind one."""
    tx.run(
        _TAKE,
        [
            {
                "key_deployment": row.deployment_id,
                "key_writer": row.writer,
                "key_number": row.number,
                "position": after + place,
            }
            for place, row in enumerate(rows, start=1)
        ],
    )


def taken(tx: Transaction, deployment_id: str, *, after: int, last: int) -> Sequence[Row[Any]]:
    """Return the evidence that was taken in behind one position and up to another, in that order."""
    return tx.all(_TAKEN, {"deployment_id": deployment_id, "after": after, "last": last})


def size(tx: Transaction, deployment_id: str) -> tuple[int, int]:
    """How many batches and units the log of a deployment still holds, of those that were taken in."""
    row = known(tx.first(_SIZE, {"deployment_id": deployment_id}))
    return int(row.batches), int(row.units)


def late(tx: Transaction, deployment_id: str) -> int:
    """How many batches were never taken in."""
    return int(tx.scalar(_LATE, {"deployment_id": deployment_id}) or 0)


def document_of(tx: Transaction, deployment_id: str) -> str | None:
    """Return what the judge of a deployment said last, as it is stored; None before he has begun."""
    row = tx.first(_DOCUMENT, {"deployment_id": deployment_id})
    return None if row is None else str(row.document)


def judgement_of(tx: Transaction, deployment_id: str) -> Row[Any] | None:
    """Return where the judge of a deployment stands; None before he has begun."""
    return tx.first(_JUDGEMENT, {"deployment_id": deployment_id})


def add_judgement(tx: Transaction, values: Mapping[str, Any]) -> None:
    """Insert where a judge stands, with all columns."""
    tx.run(_ADD_JUDGEMENT, values)


def set_judgement(tx: Transaction, deployment_id: str, values: Mapping[str, Any]) -> None:
    """Write where a judge stands now: position, document, updated_at."""
    tx.run(_SET_JUDGEMENT, {**values, "key": deployment_id})


def set_checkpoint(tx: Transaction, deployment_id: str, position: int, checkpoint: bytes) -> None:
    """Write a judge's whole state, from which another process may go on."""
    values = {"checkpoint_position": position, "checkpoint": checkpoint}
    tx.run(_SET_CHECKPOINT, {**values, "key": deployment_id})


def forget(tx: Transaction, before: str) -> int:
    """Delete the evidence of deployments that ended before a moment; return how many rows."""
    return tx.run(_FORGET, {"before": before}).rowcount


def is_old(tx: Transaction, before: str) -> bool:
    """Whether there is evidence of deployments that ended before a moment."""
    return tx.first(_IS_OLD, {"before": before}) is not None
