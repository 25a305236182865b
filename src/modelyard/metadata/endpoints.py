"""Rows of endpoints and of their routes: what serves now, and what served epoch by epoch.

Rules
- A route changes only from the epoch that the caller saw to the next one, and the new one is kept for ever.
- Whoever changes an endpoint holds its model's lock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import msgspec
from sqlalchemy import Row, bindparam, insert, select, update

from modelyard.domain.wire import EndpointConfiguration, Route, RouteEntry, SnapshotDocument
from modelyard.metadata.database import Transaction
from modelyard.metadata.scopes import EVERY_MODEL, limited
from modelyard.metadata.tables import DEFAULT_WORKSPACE, endpoints, models, routes

_FULL = (
    select(endpoints, models.c.name, models.c.live_name)
    .join(models, models.c.id == endpoints.c.model_id)
    .where(endpoints.c.workspace == DEFAULT_WORKSPACE)
)
_BY_ID = _FULL.where(endpoints.c.id == bindparam("id"))
_BY_NAME = _FULL.where(
    models.c.workspace == DEFAULT_WORKSPACE,
    models.c.live_name == bindparam("name"),
    endpoints.c.environment == bindparam("environment"),
)
_OF_MODEL = _FULL.where(endpoints.c.model_id == bindparam("model_id")).order_by(endpoints.c.environment)
_OF_MODELS = _FULL.where(endpoints.c.model_id.in_(bindparam("model_ids", expanding=True)))
_MARKS = select(endpoints.c.id, endpoints.c.epoch, endpoints.c.revision).where(
    endpoints.c.workspace == DEFAULT_WORKSPACE
)
_ANY = select(endpoints.c.id).limit(1)
_INSERT = insert(endpoints)
_INSERT_ROUTE = insert(routes)
_REROUTE = (
    update(endpoints)
    .where(endpoints.c.id == bindparam("key"), endpoints.c.epoch == bindparam("seen"))
    .values(
        epoch=bindparam("epoch"),
        route=bindparam("route"),
        revision=endpoints.c.revision + 1,
        updated_at=bindparam("at"),
    )
)
_CONFIGURE = (
    update(endpoints)
    .where(endpoints.c.id == bindparam("key"))
    .values(
        configuration=bindparam("configuration"), revision=endpoints.c.revision + 1, updated_at=bindparam("at")
    )
)  # fmt: skip
_ROUTES = (
    select(routes)
    .where(routes.c.endpoint_id == bindparam("key"))
    .order_by(routes.c.epoch.desc())
    .limit(bindparam("limit"))
)
_ROUTE_AT = select(routes).where(routes.c.endpoint_id == bindparam("key"), routes.c.epoch == bindparam("epoch"))

_encoder = msgspec.json.Encoder(order="sorted")
_routes = msgspec.json.Decoder(Route)
_configurations = msgspec.json.Decoder(EndpointConfiguration)


def add(tx: Transaction, values: dict[str, Any], configuration: EndpointConfiguration) -> None:
    """Insert an endpoint that serves nothing yet: id, model_id, environment, kind and the moment `at`."""
    at = values.pop("at")
    row = {"epoch": 0, "revision": 1, "route": encoded(Route()), "configuration": encoded(configuration)}
    tx.run(_INSERT, {**values, **row, "created_at": at, "updated_at": at})


def reroute(tx: Transaction, row: Row[Any], route: Route, *, cause: str, at: str) -> bool:
    """Write the route of the epoch behind the row's; False if the endpoint has moved since the row was read."""
    document = encoded(route)
    values = {"key": row.id, "seen": row.epoch, "epoch": route.epoch, "route": document, "at": at}
    if tx.run(_REROUTE, values).rowcount != 1:
        return False
    kept = {"endpoint_id": row.id, "epoch": route.epoch, "document": document, "cause": cause, "at": at}
    tx.run(_INSERT_ROUTE, {**kept, "deployment_id": route.deployment_id or None})
    return True


def configure(tx: Transaction, endpoint_id: str, configuration: EndpointConfiguration, at: str) -> None:
    """Write how an endpoint takes requests."""
    tx.run(_CONFIGURE, {"key": endpoint_id, "configuration": encoded(configuration), "at": at})


def by_id(tx: Transaction, endpoint_id: str) -> Row[Any] | None:
    """Find an endpoint by its id; the row has the model's `name` too."""
    return tx.first(_BY_ID, {"id": endpoint_id})


def by_name(tx: Transaction, name: str, environment: str) -> Row[Any] | None:
    """Find the endpoint of a live model in an environment."""
    return tx.first(_BY_NAME, {"name": name, "environment": environment})


def of_model(tx: Transaction, model_id: str) -> Sequence[Row[Any]]:
    """Return a model's endpoints by environment."""
    return tx.all(_OF_MODEL, {"model_id": model_id})


def of_models(tx: Transaction, model_ids: Sequence[str]) -> Sequence[Row[Any]]:
    """Return the endpoints of some models."""
    return tx.all(_OF_MODELS, {"model_ids": list(model_ids)})


def are_there(tx: Transaction) -> bool:
    """Whether the registry has any endpoint."""
    return tx.first(_ANY) is not None


def marks(tx: Transaction) -> dict[str, tuple[int, int]]:
    """Return the epoch and the revision of every endpoint by its id: what a follower compares."""
    return {row.id: (row.epoch, row.revision) for row in tx.all(_MARKS)}


def all_current(tx: Transaction) -> Sequence[Row[Any]]:
    """Return every endpoint of a live model."""
    return tx.all(_FULL.where(models.c.live_name.is_not(None)))


def page(
    tx: Transaction,
    *,
    name: str = "",
    after: str = "",
    limit: int = 100,
    patterns: Sequence[str] = EVERY_MODEL,
) -> Sequence[Row[Any]]:
    """Return endpoints by id from behind one on, of one model if it is named, of those that the patterns allow."""
    query = limited(_FULL, models.c.name, patterns).where(models.c.live_name.is_not(None), endpoints.c.id > after)
    if name:
        query = query.where(models.c.live_name == name)
    return tx.all(query.order_by(endpoints.c.id).limit(limit))


def history(tx: Transaction, endpoint_id: str, limit: int) -> list[RouteEntry]:
    """Return what an endpoint served, the newest first."""
    return [_entry(row) for row in tx.all(_ROUTES, {"key": endpoint_id, "limit": limit})]


def route_at(tx: Transaction, endpoint_id: str, epoch: int) -> RouteEntry | None:
    """Return what an endpoint served in an epoch."""
    row = tx.first(_ROUTE_AT, {"key": endpoint_id, "epoch": epoch})
    return None if row is None else _entry(row)


def route_of(row: Row[Any]) -> Route:
    """Return the route that an endpoint's row holds."""
    return _routes.decode(row.route)


def configuration_of(row: Row[Any]) -> EndpointConfiguration:
    """Return the configuration that an endpoint's row holds."""
    return _configurations.decode(row.configuration)


def encoded(document: Route | EndpointConfiguration | SnapshotDocument) -> str:
    """Return a document as the text that is stored; equal documents give equal texts."""
    # A record that msgspec has decoded does not hold the defaults that its text left out, and would not write them.
    return _encoder.encode(asdict(document)).decode()


def _entry(row: Row[Any]) -> RouteEntry:
    return RouteEntry(
        epoch=row.epoch,
        at=row.at,
        cause=row.cause,
        deployment_id=row.deployment_id,
        route=_routes.decode(row.document),
    )
