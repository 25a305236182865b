"""Rows of delivery that the check of the record compares with events: by what names them, as they are stored.

Reading what modelyard did not write may raise; see `modelyard.metadata.audit_rows`.
"""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import bindparam, select

from modelyard.metadata.database import Transaction
from modelyard.metadata.tables import (
    DEFAULT_WORKSPACE,
    deployment_history,
    deployments,
    endpoints,
    routes,
    snapshots,
)

_ENDPOINTS = select(endpoints).where(endpoints.c.model_id == bindparam("model_id"))
_ROUTES = (
    select(routes)
    .join(endpoints, endpoints.c.id == routes.c.endpoint_id)
    .where(endpoints.c.model_id == bindparam("model_id"))
)
_DEPLOYMENTS = select(deployments).where(deployments.c.model_id == bindparam("model_id"))
_HISTORY = (
    select(deployment_history)
    .join(deployments, deployments.c.id == deployment_history.c.deployment_id)
    .where(deployments.c.model_id == bindparam("model_id"))
)
_SNAPSHOTS = select(snapshots).where(snapshots.c.model_id == bindparam("model_id"))

_read = msgspec.json.decode

Facts = dict[str, Any]


def endpoint_facts(tx: Transaction, model_id: str) -> dict[str, Facts]:
    """Return a model's endpoints by id."""
    return {
        row.id: {
            "environment": row.environment,
            "kind": row.kind,
            "epoch": row.epoch,
            "route": _read(row.route),
            "configuration": _read(row.configuration),
            "at": row.created_at,
            **_placed(row),
        }
        for row in tx.all(_ENDPOINTS, {"model_id": model_id})
    }


def route_facts(tx: Transaction, model_id: str) -> dict[str, Facts]:
    """Return the routes of a model's endpoints, by endpoint and epoch."""
    return {
        f"{row.endpoint_id} at epoch {row.epoch}": {
            "route": _read(row.document),
            "cause": row.cause,
            "deployment": row.deployment_id,
            "at": row.at,
        }
        for row in tx.all(_ROUTES, {"model_id": model_id})
    }


def deployment_facts(tx: Transaction, model_id: str) -> dict[str, Facts]:
    """Return a model's deployments by id."""
    return {row.id: _deployment(row) for row in tx.all(_DEPLOYMENTS, {"model_id": model_id})}


def history_facts(tx: Transaction, model_id: str) -> dict[str, Facts]:
    """Return the history of a model's deployments, by deployment and position."""
    return {
        f"{row.deployment_id}, line {row.position}": {
            "event": row.event,
            "from": row.from_state,
            "to": row.to_state,
            "step": row.step,
            "epoch": row.epoch,
            "reason": row.reason,
            "evidence": _read(row.document),
            "by": row.actor,
            "at": row.at,
        }
        for row in tx.all(_HISTORY, {"model_id": model_id})
    }


def snapshot_facts(tx: Transaction, model_id: str) -> dict[str, Facts]:
    """Return a model's snapshots by id."""
    return {
        row.id: {
            "endpoint": row.endpoint_id,
            "epoch": row.epoch,
            "position": row.position,
            "digest": row.digest,
            "healthy": {0: False, 1: True}.get(row.healthy, row.healthy),
            "reason": row.reason,
            "content": _read(row.document),
            "by": row.created_by,
            "at": row.created_at,
            **_placed(row),
        }
        for row in tx.all(_SNAPSHOTS, {"model_id": model_id})
    }


def _deployment(row: Any) -> Facts:
    document = _read(row.document)
    return {
        "endpoint": row.endpoint_id,
        "version_id": row.version_id,
        "base_id": row.base_id,
        "strategy": row.strategy,
        "state": row.state,
        "step": row.step,
        "live": row.live,
        "ended": row.finished_at is not None,
        "snapshot": row.snapshot_id,
        "plan": document["plan"],
        "options": document["options"],
        "at": row.created_at,
        **_placed(row),
    }


def _placed(row: Any) -> Facts:
    """Return the workspace only where it is not the one that there is."""
    return {} if row.workspace == DEFAULT_WORKSPACE else {"workspace": row.workspace}
