"""Leases: one owner at a time, and a fence that grows with each, so that who was late cannot write any more."""

from __future__ import annotations

from sqlalchemy import bindparam, exc, insert, select, update

from modelyard.metadata.database import Transaction
from modelyard.metadata.tables import leases

_ONE = select(leases).where(leases.c.name == bindparam("name")).with_for_update()
_INSERT = insert(leases)
_TAKE = (
    update(leases)
    .where(leases.c.name == bindparam("key"))
    .values(owner=bindparam("owner"), fence=bindparam("fence"), expires_at=bindparam("expires_at"))
)


def take(tx: Transaction, name: str, *, owner: str, now: str, until: str) -> int | None:
    """Take a lease, or make it last longer for its owner; return the fence, or None where another has it."""
    row = tx.first(_ONE, {"name": name})
    if row is None:
        try:
            with tx.savepoint():
                tx.run(_INSERT, {"name": name, "owner": owner, "fence": 1, "expires_at": until})
        except exc.IntegrityError:
            return None
        return 1
    if row.owner != owner and row.expires_at > now:
        return None
    fence = int(row.fence) if row.owner == owner else int(row.fence) + 1
    tx.run(_TAKE, {"key": name, "owner": owner, "fence": fence, "expires_at": until})
    return fence


def holds(tx: Transaction, name: str, *, owner: str, fence: int) -> bool:
    """Whether a lease still belongs to an owner; it cannot pass to another before the transaction ends."""
    row = tx.first(_ONE, {"name": name})
    return row is not None and row.owner == owner and row.fence == fence


def give_back(tx: Transaction, name: str, *, owner: str, now: str) -> None:
    """Let others take a lease at once."""
    row = tx.first(_ONE, {"name": name})
    if row is not None and row.owner == owner:
        tx.run(_TAKE, {"key": name, "owner": owner, "fence": row.fence, "expires_at": now})
