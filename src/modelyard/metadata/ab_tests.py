"""Rows of tests between versions: their state at some position, to go on from there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, bindparam, insert, select, update

from modelyard.metadata.database import Transaction
from modelyard.metadata.tables import ab_tests, deployments

STRATEGY = "ab"

_LIVE = select(deployments.c.id).where(deployments.c.live.is_not(None), deployments.c.strategy == STRATEGY)
_ANY_LIVE = _LIVE.limit(1)
_ONE = select(ab_tests).where(ab_tests.c.deployment_id == bindparam("key"))
_ADD = insert(ab_tests)
_SET = (
    update(ab_tests)
    .where(ab_tests.c.deployment_id == bindparam("key"), ab_tests.c.position <= bindparam("position"))
    .values(
        position=bindparam("position"),
        checkpoint=bindparam("checkpoint"),
        document=bindparam("document"),
        updated_at=bindparam("updated_at"),
    )
)


def are_live(tx: Transaction) -> bool:
    """Whether any test is going on."""
    return tx.first(_ANY_LIVE) is not None


def live(tx: Transaction) -> Sequence[str]:
    """Return the ids of the deployments that are tests and have not ended."""
    return [row.id for row in tx.all(_LIVE)]


def one(tx: Transaction, deployment_id: str) -> Row[Any] | None:
    """Return where a test stands; None before anything was kept of it."""
    return tx.first(_ONE, {"key": deployment_id})


def keep(tx: Transaction, deployment_id: str, values: Mapping[str, Any]) -> None:
    """Write where a test stands: position, checkpoint, document, updated_at. What is further on stays."""
    if one(tx, deployment_id) is None:
        tx.run(_ADD, {**values, "deployment_id": deployment_id})
    else:
        tx.run(_SET, {**values, "key": deployment_id})
