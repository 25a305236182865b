"""Rows of what predictions did, by version, endpoint, epoch, role, span of time, and the process that wrote them.

Rules
- A row holds all that its writer saw of its span. Writing it again replaces it, so a repeat does no harm.
- Writers never touch each other's rows; what they saw adds up.
- An endpoint's rows stay when it is gone; nobody looks for them then.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Row, bindparam, delete, insert, select

from modelyard.metadata.database import Transaction
from modelyard.metadata.tables import observations, versions

MINUTE, HOUR, DAY = "minute", "hour", "day"
"""Spans."""
KEY = ("version_id", "endpoint_id", "epoch", "role", "span", "start", "writer")

_DROP = delete(observations).where(*(observations.c[name] == bindparam(f"key_{name}") for name in KEY))
_INSERT = insert(observations)
_OF_VERSION = select(observations).where(
    observations.c.version_id == bindparam("version_id"),
    observations.c.endpoint_id == bindparam("endpoint_id"),
    observations.c.role == bindparam("role"),
)
_VERSION = select(versions.c.version).where(versions.c.id == bindparam("version_id"))


def put(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows with all their columns, in place of what the same writer wrote for the same keys before."""
    if rows:
        tx.run(_DROP, [{f"key_{name}": row[name] for name in KEY} for row in rows])
        tx.run(_INSERT, rows)


def of_version(
    tx: Transaction,
    endpoint_id: str,
    version_id: str,
    *,
    role: str,
    epochs: Collection[int] | None = None,
    since: str | None = None,
) -> Sequence[Row[Any]]:
    """Return the rows of a version at an endpoint; where they are given, of some epochs, and of spans from one on."""
    query = _OF_VERSION
    if epochs is not None:
        query = query.where(observations.c.epoch.in_(sorted(epochs)))
    if since is not None:
        query = query.where(observations.c.start >= since)
    return tx.all(query, {"endpoint_id": endpoint_id, "version_id": version_id, "role": role})


def version_name(tx: Transaction, version_id: str) -> str:
    """Return the SemVer of a version; empty where there is none."""
    return str(tx.scalar(_VERSION, {"version_id": version_id}) or "")
