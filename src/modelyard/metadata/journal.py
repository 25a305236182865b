"""The journal: facts, appended in the transaction that made them true.

Each model has a chain of its own. An event's hash is the BLAKE3 of its canonical JSON, which holds the hash of the
model's event before it; so a changed, dropped or reordered event shows. The chain's end stands in the model's row,
which the writer has locked: two writers can never append to the same place.

Along a chain the times never go back, so that "all events up to a moment" is a beginning of it: a writer that looked at
the clock and then waited for its lock takes the time of the event before.
"""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import bindparam, func, insert, select, text, update

from modelyard.domain.audit import CHECKPOINT_EVERY
from modelyard.domain.events import GENESIS, event_hash
from modelyard.domain.wire import EventRecord
from modelyard.metadata import webhooks
from modelyard.metadata.database import Transaction, inserted_key, known
from modelyard.metadata.tables import DEFAULT_WORKSPACE, events, models

_COUNT = select(func.count()).select_from(events)
_INSERT = insert(events)
_INSERT_WITH_TRANSACTION = insert(events).values(txid=text("pg_current_xact_id()::text::bigint"))
_ADVANCE = (
    update(models)
    .where(models.c.id == bindparam("key"))
    .values(events=bindparam("position"), last_event_hash=bindparam("hash"))
)
_LAST_SEQUENCE = select(func.max(events.c.seq)).where(events.c.model_id == bindparam("key"))
_LAST_MOMENT = (
    select(events.c.at).where(events.c.model_id == models.c.id, events.c.position == models.c.events).scalar_subquery()
)
_END = select(models.c.name, models.c.events, models.c.last_event_hash, _LAST_MOMENT.label("last_at")).where(
    models.c.id == bindparam("key")
)
_PAGE = (
    select(events)
    .where(events.c.workspace == DEFAULT_WORKSPACE, events.c.seq > bindparam("after"))
    .order_by(events.c.seq)
    .limit(bindparam("limit"))
)
_PAGE_OF_MODEL = _PAGE.where(events.c.model_id == bindparam("model_id"))
_PAGE_OF_VERSION = _PAGE.where(events.c.version_id == bindparam("version_id"))
_STAGE_MOVES = (
    select(events)
    .where(
        events.c.model_id == bindparam("model_id"), events.c.type.in_(("version.stage_moved", "version.rolled_back"))
    )
    .order_by(events.c.seq.desc())
)

_OF_KIND = (
    select(events)
    .where(events.c.version_id == bindparam("version_id"), events.c.type == bindparam("kind"))
    .order_by(events.c.seq)
)


def append(
    tx: Transaction,
    *,
    model_id: str,
    kind: str,
    at: str,
    actor: str,
    version_id: str | None = None,
    data: dict[str, Any] | None = None,
) -> int:
    """Append an event to a model's chain and return its place there, from 1. The caller holds the model's lock."""
    end = tx.first(_END, {"key": model_id})
    if end is None:
        raise AssertionError(f"an event for a model without a row: {model_id}")
    fact = {
        "model": end.name,
        "position": end.events + 1,
        "type": kind,
        "at": max(at, end.last_at or at),
        "actor": actor,
        "version_id": version_id,
        "data": data or {},
        "previous": end.last_event_hash or GENESIS,
    }
    digest = event_hash(fact)
    data_text = msgspec.json.encode(fact["data"], order="sorted").decode()
    statement = _INSERT_WITH_TRANSACTION if tx.dialect == "postgresql" else _INSERT
    stored = tx.run(statement, {**fact, "model_id": model_id, "data": data_text, "hash": digest})
    sequence = inserted_key(stored)
    tx.wants_checkpoint |= sequence % CHECKPOINT_EVERY == 0
    tx.run(_ADVANCE, {"key": model_id, "position": fact["position"], "hash": digest})
    happened = webhooks.Happened(
        sequence=sequence,
        model_id=model_id,
        model=end.name,
        kind=kind,
        at=fact["at"],
        version_id=version_id,
        data=fact["data"],
    )
    webhooks.enqueue(tx, happened, at)
    return int(fact["position"])


def page(tx: Transaction, *, after: int, limit: int, model_id: str = "", version_id: str = "") -> list[EventRecord]:
    """Return events after a sequence number, oldest first, of one version, of one model, or of all."""
    values = {"after": after, "limit": limit}
    if version_id:
        rows = tx.all(_PAGE_OF_VERSION, {**values, "version_id": version_id})
    elif model_id:
        rows = tx.all(_PAGE_OF_MODEL, {**values, "model_id": model_id})
    else:
        rows = tx.all(_PAGE, values)
    return [record_of(row) for row in rows]


def last_sequence(tx: Transaction, model_id: str) -> int:
    """Return the sequence of the newest event of a model, 0 where there is none."""
    return int(tx.scalar(_LAST_SEQUENCE, {"key": model_id}) or 0)


def end_of(tx: Transaction, model_id: str) -> str:
    """Return the hash of the newest event of a model's chain: another one as soon as anything is appended to it."""
    return str(known(tx.first(_END, {"key": model_id})).last_event_hash)


def count(tx: Transaction) -> int:
    """Return the number of events of all models."""
    return int(tx.scalar(_COUNT) or 0)


def stage_moves(tx: Transaction, model_id: str) -> list[EventRecord]:
    """Return a model's stage moves and rollbacks, the newest first."""
    return [record_of(row) for row in tx.all(_STAGE_MOVES, {"model_id": model_id})]


def of_kind(tx: Transaction, version_id: str, kind: str) -> list[EventRecord]:
    """Return the events of one kind that a version has, oldest first."""
    return [record_of(row) for row in tx.all(_OF_KIND, {"version_id": version_id, "kind": kind})]


def record_of(row: Any) -> EventRecord:
    """Return the record of an event's row."""
    return EventRecord(
        sequence=row.seq,
        model=row.model,
        position=row.position,
        type=row.type,
        at=row.at,
        actor=row.actor,
        version_id=row.version_id,
        data=msgspec.json.decode(row.data),
        previous=row.previous,
        hash=row.hash,
    )
