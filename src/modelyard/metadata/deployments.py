"""Rows of deployments and of their history.

Rules
- A deployment changes only from the state and the revision that the caller saw, in one statement; and with each change
  comes a line of history.
- While it lives it holds its endpoint: the column `live` is unique.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import msgspec
from sqlalchemy import Row, bindparam, func, insert, select, update

from modelyard.domain.deployment import ROLLBACK_STRATEGY, ROLLED_BACK, TERMINAL
from modelyard.domain.wire import DeploymentChange, DeploymentRecord
from modelyard.metadata.database import Transaction, inserted_key
from modelyard.metadata.scopes import EVERY_MODEL, limited
from modelyard.metadata.tables import DEFAULT_WORKSPACE, deployment_history, deployments, endpoints, models

_FULL = (
    select(deployments, models.c.name, endpoints.c.environment)
    .join(models, models.c.id == deployments.c.model_id)
    .join(endpoints, endpoints.c.id == deployments.c.endpoint_id)
    .where(deployments.c.workspace == DEFAULT_WORKSPACE)
)
_BY_ID = _FULL.where(deployments.c.id == bindparam("id"))
_LIVE_OF = _FULL.where(deployments.c.live == bindparam("endpoint_id"))
_LIVE = _FULL.where(deployments.c.live.is_not(None)).order_by(deployments.c.seq)
_COOLING = _FULL.where(
    deployments.c.live.is_(None), deployments.c.due_at.is_not(None), deployments.c.due_at <= bindparam("now")
)
_INSERT = insert(deployments)
_CHANGE = (
    update(deployments)
    .where(
        deployments.c.id == bindparam("key"),
        deployments.c.state == bindparam("seen_state"),
        deployments.c.revision == bindparam("seen_revision"),
    )
    .values(
        state=bindparam("state"),
        live=bindparam("live"),
        step=bindparam("step"),
        revision=deployments.c.revision + 1,
        document=bindparam("document"),
        due_at=bindparam("due_at"),
        updated_at=bindparam("updated_at"),
        finished_at=bindparam("finished_at"),
    )
)
_COOLED = update(deployments).where(deployments.c.id == bindparam("key")).values(due_at=None)
_INSERT_CHANGE = insert(deployment_history)
_POSITION = select(func.max(deployment_history.c.position)).where(
    deployment_history.c.deployment_id == bindparam("key")
)
_HISTORY = (
    select(deployment_history)
    .where(deployment_history.c.deployment_id == bindparam("key"))
    .order_by(deployment_history.c.position)
)

KEPT_IN_COLUMNS = frozenset(
    {"id", "name", "environment", "endpoint_id", "version_id", "base_id", "strategy", "state", "step", "revision"}
    | {"snapshot_id", "due_at", "created_at", "updated_at", "finished_at", "live"}
)
_NOT_KEPT = KEPT_IN_COLUMNS | {"history", "observed", "judgement"}
_encoder = msgspec.json.Encoder(order="sorted")


def add(tx: Transaction, deployment: DeploymentRecord, model_id: str) -> int:
    """Insert a deployment and return its sequence number."""
    values = {
        **_columns(deployment),
        "id": deployment.id,
        "endpoint_id": deployment.endpoint_id,
        "model_id": model_id,
        "version_id": deployment.version_id,
        "base_id": deployment.base_id,
        "strategy": deployment.strategy,
        "revision": 1,
        "snapshot_id": deployment.snapshot_id,
        "created_at": deployment.created_at,
    }
    return inserted_key(tx.run(_INSERT, values))


def change(tx: Transaction, seen: DeploymentRecord, now_is: DeploymentRecord) -> bool:
    """Write what a deployment has become; False if it is not any more what the caller saw."""
    seen_values = {"key": seen.id, "seen_state": seen.state, "seen_revision": seen.revision}
    return tx.run(_CHANGE, {**_columns(now_is), **seen_values}).rowcount == 1


def cooled(tx: Transaction, deployment_id: str) -> None:
    """Note that nothing is due any more for a deployment that has ended."""
    tx.run(_COOLED, {"key": deployment_id})


def by_id(tx: Transaction, deployment_id: str) -> Row[Any] | None:
    """Find a deployment."""
    return tx.first(_BY_ID, {"id": deployment_id})


def live_of(tx: Transaction, endpoint_id: str) -> Row[Any] | None:
    """Find the live deployment of an endpoint."""
    return tx.first(_LIVE_OF, {"endpoint_id": endpoint_id})


def live(tx: Transaction) -> Sequence[Row[Any]]:
    """Return all live deployments, the oldest first."""
    return tx.all(_LIVE)


def cooling(tx: Transaction, now: str) -> Sequence[Row[Any]]:
    """Return ended deployments that keep something warm whose time is over."""
    return tx.all(_COOLING, {"now": now})


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which deployments a list has: of one model, environment or state if given; only rollbacks if asked."""

    name: str = ""
    environment: str = ""
    states: Sequence[str] = ()
    rollbacks: bool = False
    patterns: Sequence[str] = EVERY_MODEL


def page(tx: Transaction, wanted: Wanted, *, before: int | None = None, limit: int = 100) -> Sequence[Row[Any]]:
    """Return deployments, the newest first, from before a sequence number on."""
    query = limited(_FULL, models.c.name, wanted.patterns).order_by(deployments.c.seq.desc()).limit(limit)
    if wanted.name:
        query = query.where(models.c.live_name == wanted.name)
    if wanted.environment:
        query = query.where(endpoints.c.environment == wanted.environment)
    if wanted.states:
        query = query.where(deployments.c.state.in_(wanted.states))
    if wanted.rollbacks:
        query = query.where((deployments.c.state == ROLLED_BACK) | (deployments.c.strategy == ROLLBACK_STRATEGY))
    if before is not None:
        query = query.where(deployments.c.seq < before)
    return tx.all(query)


def add_change(tx: Transaction, deployment_id: str, change: DeploymentChange) -> None:
    """Append a line to a deployment's history; its position is given here."""
    position = int(tx.scalar(_POSITION, {"key": deployment_id}) or 0) + 1
    values = {
        "deployment_id": deployment_id,
        "position": position,
        "event": change.event,
        "from_state": change.from_state,
        "to_state": change.to_state,
        "step": change.step,
        "epoch": change.epoch,
        "actor": change.actor,
        "reason": change.reason,
        "document": _encoder.encode(change.evidence).decode(),
        "at": change.at,
    }
    tx.run(_INSERT_CHANGE, values)


def history(tx: Transaction, deployment_id: str) -> list[DeploymentChange]:
    """Return a deployment's history, the oldest line first."""
    return [
        DeploymentChange(
            position=row.position,
            event=row.event,
            from_state=row.from_state,
            to_state=row.to_state,
            step=row.step,
            epoch=row.epoch,
            actor=row.actor,
            at=row.at,
            reason=row.reason,
            evidence=msgspec.json.decode(row.document),
        )
        for row in tx.all(_HISTORY, {"key": deployment_id})
    ]


def record(row: Row[Any]) -> DeploymentRecord:
    """Return the record of a deployment's row, without history and observations."""
    columns = {name: getattr(row, name) for name in KEPT_IN_COLUMNS - {"live"}}
    document = msgspec.json.decode(row.document)
    return msgspec.convert({**document, **columns, "live": row.live is not None}, DeploymentRecord)


def _columns(deployment: DeploymentRecord) -> dict[str, Any]:
    whole = asdict(deployment)
    document = {key: value for key, value in whole.items() if key not in _NOT_KEPT}
    return {
        "state": deployment.state,
        "live": None if deployment.state in TERMINAL else deployment.endpoint_id,
        "step": deployment.step,
        "document": _encoder.encode(document).decode(),
        "due_at": deployment.due_at,
        "updated_at": deployment.updated_at,
        "finished_at": deployment.finished_at,
    }
