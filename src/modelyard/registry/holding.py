"""What of delivery holds a version: endpoints, live deployments, snapshots.

Rules
1. An endpoint holds what its route needs (traffic, flags, shadows, what is kept warm), and what its flags name.
2. A live deployment holds its version, every version that its plan names, and what was served before it.
3. A snapshot holds the versions of its route where a rollback would go back to it: the newest healthy one of each
   endpoint, and the newest healthy one that served by another main version than now.
4. What endpoints and live deployments hold is in use this moment: no force deletes it. What a snapshot holds, force
   does delete; going back to that snapshot is refused from then on.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import msgspec
from sqlalchemy import Row

from modelyard.domain.served import main_id, shares, uses
from modelyard.metadata import deployments, endpoints, snapshots
from modelyard.metadata.database import Transaction
from modelyard.registry.context import Context

Holder = dict[str, str]
ENDPOINT, DEPLOYMENT, SNAPSHOT = "endpoint", "deployment", "snapshot"
IN_USE = frozenset({ENDPOINT, DEPLOYMENT})
"""Kinds of holders that no force overrides."""

_read = msgspec.json.Decoder(dict[str, Any]).decode


def holders_in_delivery(context: Context, row: Row[Any]) -> list[Holder]:
    """Return what of delivery holds a version, each with its kind and name."""
    if not context.graphs.has_endpoints:
        return []
    held = [
        (kind, name)
        for endpoint in endpoints.of_model(context.tx, row.model_id)
        for kind, name, ids in _holding(context.tx, endpoint)
        if row.id in ids
    ]
    return [{"kind": kind, "name": name} for kind, name in dict.fromkeys(held)]


def serving_of_model(context: Context, model_id: str) -> list[Holder]:
    """Return the endpoints of a model that serve something, and its live deployments."""
    if not context.graphs.has_endpoints:
        return []
    found: list[Holder] = []
    for endpoint in endpoints.of_model(context.tx, model_id):
        if shares(_read(endpoint.route)):
            found.append({"kind": ENDPOINT, "name": endpoint.environment})
        live = deployments.live_of(context.tx, endpoint.id)
        if live is not None:
            found.append({"kind": DEPLOYMENT, "name": live.id})
    return found


def _holding(tx: Transaction, endpoint: Row[Any]) -> Iterator[tuple[str, str, set[str]]]:
    """Yield kind and name of what holds versions for an endpoint, and their ids."""
    route, configuration = _read(endpoint.route), _read(endpoint.configuration)
    yield ENDPOINT, endpoint.environment, {*uses(route), *uses(configuration)}
    live = deployments.live_of(tx, endpoint.id)
    if live is not None:
        yield DEPLOYMENT, live.id, _of_deployment(tx, live)
    nowhere = {None, main_id(route)}
    others = (row for row in snapshots.every_healthy(tx, endpoint.id) if main_id(_route_of(row)) not in nowhere)
    for snapshot in (*snapshots.healthy(tx, endpoint.id, 1), *islice(others, 1)):
        yield SNAPSHOT, snapshot.id, set(uses(_route_of(snapshot)))


def _of_deployment(tx: Transaction, live: Row[Any]) -> set[str]:
    """Return the ids of the versions that a live deployment needs, those without weight too."""
    plan = _read(live.document)["plan"]
    found = {live.version_id, live.base_id}
    for part in (*plan["steps"], {"arms": plan["final"], "warm": plan["warm"]}):
        found |= {arm["version_id"] for arm in (*part.get("arms", ()), *part.get("shadow", ()))}
        found |= set(part.get("warm", ()))
    before = snapshots.by_id(tx, live.snapshot_id)
    return found | set(uses(_route_of(before)) if before is not None else ())


def _route_of(snapshot: Row[Any]) -> dict[str, Any]:
    return dict(_read(snapshot.document)["route"])
