"""How many deployments there are."""

from __future__ import annotations

from sqlalchemy import func, select

from modelyard.metadata.database import Transaction
from modelyard.metadata.tables import DEFAULT_WORKSPACE, deployments

_BY_STATE = (
    select(deployments.c.state, func.count().label("total"))
    .where(deployments.c.workspace == DEFAULT_WORKSPACE)
    .group_by(deployments.c.state)
    .order_by(deployments.c.state)
)


def by_state(tx: Transaction) -> dict[str, int]:
    """Return state → how many deployments are in it, those of deleted models too."""
    return {row.state: int(row.total) for row in tx.all(_BY_STATE)}
