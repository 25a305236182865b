"""Rows of what predictions did, by endpoint, epoch, version, role, minute, and the process that wrote them.

Rules
- A row holds all that its writer saw of its minute. Writing it again replaces it, so a repeat does no harm.
- Writers never touch each other's rows; what they saw adds up.
- An endpoint that is not there any more takes no rows, and says nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Row, bindparam, delete, insert, select

from modelyard.metadata.database import Transaction
from modelyard.metadata.tables import endpoints, observations, versions

_KEY = ("endpoint_id", "epoch", "version_id", "role", "minute", "writer")
_VALUES = ("requests", "errors", "tokens", "latency", "updated_at")
_GIVEN = (*_KEY[1:], *_VALUES)
_DROP = delete(observations).where(*(observations.c[name] == bindparam(f"key_{name}") for name in _KEY))
_INSERT = insert(observations).from_select(
    ["endpoint_id", *_GIVEN],
    select(endpoints.c.id, *(bindparam(name, type_=observations.c[name].type) for name in _GIVEN)).where(
        endpoints.c.id == bindparam("endpoint_id")
    ),
)
_OF_VERSION = select(observations).where(
    observations.c.endpoint_id == bindparam("endpoint_id"),
    observations.c.version_id == bindparam("version_id"),
    observations.c.role == bindparam("role"),
)
_VERSION = select(versions.c.version).where(versions.c.id == bindparam("version_id"))


def put(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows with all their columns, in place of what the same writer wrote for the same keys before."""
    if rows:
        tx.run(_DROP, [{f"key_{name}": row[name] for name in _KEY} for row in rows])
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
    """Return the rows of a version at an endpoint; where they are given, of some epochs, and of minutes from one on."""
    query = _OF_VERSION
    if epochs is not None:
        query = query.where(observations.c.epoch.in_(sorted(epochs)))
    if since is not None:
        query = query.where(observations.c.minute >= since)
    return tx.all(query, {"endpoint_id": endpoint_id, "version_id": version_id, "role": role})


def version_name(tx: Transaction, version_id: str) -> str:
    """Return the SemVer of a version; empty where there is none."""
    return str(tx.scalar(_VERSION, {"version_id": version_id}) or "")
