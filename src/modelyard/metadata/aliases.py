"""Rows of aliases: a movable name for one version of a model.

An alias's revision is the place of its last move in the model's event chain: it grows with every move, and never
repeats even when an alias is removed and set again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Row, bindparam, delete, func, insert, select, update

from modelyard.metadata.database import Transaction
from modelyard.metadata.tables import aliases, models, versions

_FULL = (
    select(aliases, models.c.name, versions.c.version, versions.c.number)
    .join(models, models.c.id == aliases.c.model_id)
    .join(versions, versions.c.id == aliases.c.version_id)
)
_ONE = _FULL.where(aliases.c.model_id == bindparam("model_id"), aliases.c.alias == bindparam("alias"))
_OF_MODEL = _FULL.where(aliases.c.model_id == bindparam("model_id")).order_by(aliases.c.alias)
_OF_VERSIONS = (
    select(aliases.c.version_id, aliases.c.alias)
    .where(aliases.c.version_id.in_(bindparam("ids", expanding=True)))
    .order_by(aliases.c.alias)
)
_OF_MODELS = _FULL.where(aliases.c.model_id.in_(bindparam("ids", expanding=True))).order_by(aliases.c.alias)
_COUNT = select(func.count()).select_from(aliases)
_INSERT = insert(aliases)
_KEY = (aliases.c.model_id == bindparam("key_model"), aliases.c.alias == bindparam("key_alias"))
_MOVE = update(aliases).where(*_KEY).values(
    version_id=bindparam("version_id"), revision=bindparam("revision"), updated_at=bindparam("updated_at")
)  # fmt: skip
_DELETE = delete(aliases).where(*_KEY)


def one(tx: Transaction, model_id: str, alias: str) -> Row[Any] | None:
    """Find an alias."""
    return tx.first(_ONE, {"model_id": model_id, "alias": alias})


def of_model(tx: Transaction, model_id: str) -> Sequence[Row[Any]]:
    """Return a model's aliases by name."""
    return tx.all(_OF_MODEL, {"model_id": model_id})


def of_versions(tx: Transaction, ids: Iterable[str]) -> dict[str, list[str]]:
    """Return the aliases of each of some versions."""
    found: dict[str, list[str]] = defaultdict(list)
    for row in tx.all(_OF_VERSIONS, {"ids": list(ids)}):
        found[row.version_id].append(row.alias)
    return found


def of_models(tx: Transaction, ids: Iterable[str]) -> dict[str, dict[str, int]]:
    """Return the aliases of each of some models, with the number of the version that each points to."""
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for row in tx.all(_OF_MODELS, {"ids": list(ids)}):
        found[row.model_id][row.alias] = row.number
    return found


def count(tx: Transaction) -> int:
    """Return the number of aliases of all models."""
    return int(tx.scalar(_COUNT) or 0)


def put(tx: Transaction, *, model_id: str, alias: str, version_id: str, revision: int, at: str) -> None:
    """Point an alias to a version, making it if need be. The caller holds the model's lock."""
    values = {"version_id": version_id, "revision": revision, "updated_at": at}
    moved = tx.run(_MOVE, {**values, "key_model": model_id, "key_alias": alias})
    if moved.rowcount == 0:
        tx.run(_INSERT, {**values, "model_id": model_id, "alias": alias})


def drop(tx: Transaction, model_id: str, alias: str) -> None:
    """Remove an alias."""
    tx.run(_DELETE, {"key_model": model_id, "key_alias": alias})
