"""Rows of answered requests, kept so that a repeated request gets the answer of the first (`Idempotency-Key`)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, bindparam, delete, insert, select, text

from modelyard.metadata.database import Transaction
from modelyard.metadata.tables import idempotency

_ONE = select(idempotency).where(idempotency.c.key == bindparam("key"), idempotency.c.actor == bindparam("actor"))
_INSERT = insert(idempotency)
_LOCKS = 0x6B6579  # "key", as the first of two numbers of PostgreSQL's lock space
_CLAIM = text(f"SELECT pg_advisory_xact_lock({_LOCKS}, hashtext(:name))")
_EXPIRE = delete(idempotency).where(idempotency.c.at < bindparam("before"))


def claim(tx: Transaction, key: str, actor: str) -> None:
    """Keep other requests under the same key waiting until the transaction ends, as writers of SQLite wait anyway."""
    if tx.dialect == "postgresql":
        tx.run(_CLAIM, {"name": f"{actor}\n{key}"})


def answered(tx: Transaction, key: str, actor: str) -> Row[Any] | None:
    """Find the answer that was given under a key."""
    return tx.first(_ONE, {"key": key, "actor": actor})


def keep(tx: Transaction, values: dict[str, Any]) -> None:
    """Keep an answer: key, actor, operation, fingerprint of the request, response as JSON text, and the moment `at`."""
    tx.run(_INSERT, values)


def expire(tx: Transaction, before: str) -> int:
    """Forget the answers given before a moment; return how many."""
    return int(tx.run(_EXPIRE, {"before": before}).rowcount)
