"""Rows of readable trees that are still to be written or removed.

A row is added in the transaction that changes a version and taken away once the tree on disk is right, so that a
process killed between the two leaves the work to the next one that opens the registry.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Row, bindparam, delete, insert, select

from modelyard.metadata.database import Transaction, inserted_key
from modelyard.metadata.tables import pending_views

_INSERT = insert(pending_views)
_ALL = select(pending_views).order_by(pending_views.c.id).limit(1000)
_SOME = (
    select(pending_views).where(pending_views.c.id.in_(bindparam("ids", expanding=True))).order_by(pending_views.c.id)
)
_DELETE = delete(pending_views).where(pending_views.c.id.in_(bindparam("ids", expanding=True)))


def request(tx: Transaction, *, version_id: str, model: str, version: str) -> int:
    """Note that a version's tree must be looked after; return the note's id."""
    result = tx.run(_INSERT, {"version_id": version_id, "model": model, "version": version})
    return inserted_key(result)


def waiting(tx: Transaction) -> Sequence[Row[Any]]:
    """Return up to a thousand notes, oldest first."""
    return tx.all(_ALL)


def some(tx: Transaction, ids: Iterable[int]) -> Sequence[Row[Any]]:
    """Return those of some notes that are still there."""
    return tx.all(_SOME, {"ids": list(ids)})


def done(tx: Transaction, ids: Iterable[int]) -> None:
    """Take notes away."""
    tx.run(_DELETE, {"ids": list(ids)})
