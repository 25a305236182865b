"""Rows of promotions: what is filtered by stands in columns, the rest in one document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Row, bindparam, insert, select, update

from modelyard.domain.wire import Promotion
from modelyard.metadata.database import Transaction, inserted_key
from modelyard.metadata.tables import DEFAULT_WORKSPACE, models, promotions, versions

_FULL = (
    select(promotions, models.c.name, versions.c.version, versions.c.number)
    .join(models, models.c.id == promotions.c.model_id)
    .join(versions, versions.c.id == promotions.c.version_id)
    .where(promotions.c.workspace == DEFAULT_WORKSPACE)
)
_BY_ID = _FULL.where(promotions.c.id == bindparam("id"))
_OPEN_OF_VERSION = _FULL.where(
    promotions.c.version_id == bindparam("version_id"), promotions.c.state.in_(("pending", "approved"))
).order_by(promotions.c.seq)
_OPEN = _OPEN_OF_VERSION.where(promotions.c.target_stage == bindparam("target"))
_NEWEST = promotions.c.seq.desc()
_INSERT = insert(promotions)
_CHANGE = (
    update(promotions)
    .where(promotions.c.id == bindparam("key"))
    .values(
        state=bindparam("state"),
        document=bindparam("document"),
        updated_at=bindparam("updated_at"),
        revision=promotions.c.revision + 1,
    )
)

KEPT_IN_COLUMNS = frozenset(
    {"id", "name", "version", "version_id", "number", "target_stage", "state", "requester", "revision"}
    | {"created_at", "updated_at", "expires_at"}
)
_encoder = msgspec.json.Encoder(order="deterministic")


def add(tx: Transaction, promotion: Promotion, model_id: str) -> int:
    """Insert a promotion and return its sequence number."""
    values = {
        "id": promotion.id,
        "model_id": model_id,
        "version_id": promotion.version_id,
        "target_stage": promotion.target_stage,
        "state": promotion.state,
        "requester": promotion.requester,
        "revision": 1,
        "document": _document(promotion),
        "created_at": promotion.created_at,
        "expires_at": promotion.expires_at,
        "updated_at": promotion.created_at,
    }
    return inserted_key(tx.run(_INSERT, values))


def change(tx: Transaction, promotion: Promotion, at: str) -> None:
    """Write what a promotion has become, and count its revision up."""
    values = {"key": promotion.id, "state": promotion.state, "document": _document(promotion), "updated_at": at}
    tx.run(_CHANGE, values)


def by_id(tx: Transaction, promotion_id: str) -> Row[Any] | None:
    """Find a promotion by its id."""
    return tx.first(_BY_ID, {"id": promotion_id})


def open_one(tx: Transaction, version_id: str, target: str, now: str) -> Row[Any] | None:
    """Find the promotion of a version to a stage that is still open."""
    rows = tx.all(_OPEN, {"version_id": version_id, "target": target})
    return next((row for row in rows if row.expires_at is None or row.expires_at > now), None)


def open_of_version(tx: Transaction, version_id: str) -> Sequence[Row[Any]]:
    """Return the open promotions of a version, the oldest first."""
    return tx.all(_OPEN_OF_VERSION, {"version_id": version_id})


def page(
    tx: Transaction, *, model_id: str, states: Sequence[str], now: str, before: int | None, limit: int
) -> Sequence[Row[Any]]:
    """Return promotions, the newest first, from before a sequence number on.

    An open promotion whose time is over counts as expired, also where nobody has written that down yet.
    """
    query = _FULL.order_by(_NEWEST).limit(limit)
    if model_id:
        query = query.where(promotions.c.model_id == model_id)
    if before is not None:
        query = query.where(promotions.c.seq < before)
    if states:
        is_open = promotions.c.state.in_(("pending", "approved"))
        is_over = is_open & promotions.c.expires_at.is_not(None) & (promotions.c.expires_at <= now)
        wanted = promotions.c.state.in_(states) & ~is_over
        query = query.where(wanted | is_over if "expired" in states else wanted)
    return tx.all(query)


def record(row: Row[Any]) -> Promotion:
    """Return the record of a promotion's row."""
    columns = {name: getattr(row, name) for name in KEPT_IN_COLUMNS}
    return msgspec.convert({**msgspec.json.decode(row.document), **columns}, Promotion)


def _document(promotion: Promotion) -> str:
    whole = msgspec.to_builtins(promotion)
    return _encoder.encode({key: value for key, value in whole.items() if key not in KEPT_IN_COLUMNS}).decode()
