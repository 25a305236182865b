"""Rows of models: make, lock, find, list, change, bury.

`lock` is the gate of every write to a model: on PostgreSQL it takes the row lock under which numbers are given and
the event chain grows; on SQLite the transaction already excludes other writers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import Row, Select, bindparam, func, insert, select, update

from modelyard.domain.selection import EVERYTHING, Selection
from modelyard.domain.wire import ModelRecord
from modelyard.metadata import selecting, tags
from modelyard.metadata.database import Transaction
from modelyard.metadata.scopes import EVERY_MODEL, limited
from modelyard.metadata.tables import DEFAULT_WORKSPACE, aliases, models, versions

BATCH = 1_000
"""How many keys one query is given: databases allow some ten thousand parameters."""

_INSERT = insert(models)
_COUNT = select(func.count()).where(models.c.workspace == DEFAULT_WORKSPACE, models.c.live_name.is_not(None))
_BY_NAME = select(models).where(models.c.workspace == DEFAULT_WORKSPACE, models.c.live_name == bindparam("name"))
_BY_ID = select(models).where(models.c.id == bindparam("key"))
_LOCK_BY_NAME = _BY_NAME.with_for_update()
_LOCK_BY_ID = _BY_ID.with_for_update()
_PAGE = (
    select(models)
    .where(models.c.workspace == DEFAULT_WORKSPACE, models.c.live_name > bindparam("after"))
    .order_by(models.c.live_name)
    .limit(bindparam("limit"))
)
_UPDATE = (
    update(models)
    .where(models.c.id == bindparam("key"))
    .values(
        description=bindparam("description"),
        owner=bindparam("owner"),
        team=bindparam("team"),
        tags=bindparam("tags"),
        revision=models.c.revision + 1,
        updated_at=bindparam("at"),
    )
)
_RENAME = (
    update(models)
    .where(models.c.id == bindparam("key"))
    .values(
        name=bindparam("new"), live_name=bindparam("new"), revision=models.c.revision + 1, updated_at=bindparam("at")
    )
)
_TOUCH = update(models).where(models.c.id == bindparam("key")).values(updated_at=bindparam("at"))
_EDIT = _TOUCH.values(edited_at=bindparam("edited"))
_TAKE_NUMBER = (
    update(models)
    .where(models.c.id == bindparam("key"))
    .values(
        last_number=models.c.last_number + 1,
        live_versions=models.c.live_versions + 1,
        updated_at=bindparam("at"),
        edited_at=bindparam("edited"),
    )
)
_LOSE_VERSION = update(models).where(models.c.id == bindparam("key")).values(live_versions=models.c.live_versions - 1)
_BURY = (
    update(models)
    .where(models.c.id == bindparam("key"))
    .values(live_name=None, deleted_at=bindparam("at"), updated_at=bindparam("at"))
)
_ALIASES = (
    select(aliases.c.model_id, aliases.c.alias, versions.c.version)
    .join(versions, versions.c.id == aliases.c.version_id)
    .where(aliases.c.model_id.in_(bindparam("keys", expanding=True)))
    .order_by(aliases.c.alias)
)


def add(tx: Transaction, values: dict[str, Any]) -> None:
    """Insert a model's first row: id, name, description, owner, team, tags (a dict) and the moment `at`."""
    at = values.pop("at")
    row = {
        **values,
        "tags": msgspec.json.encode(values["tags"]).decode(),
        "live_name": values["name"],
        "revision": 1,
        "last_number": 0,
        "live_versions": 0,
        "events": 0,
        "last_event_hash": "",
        "created_at": at,
        "updated_at": at,
        "edited_at": in_milliseconds(at),
    }
    tx.run(_INSERT, row)
    tags.of_model(tx, values["id"], values["tags"])


def by_name(tx: Transaction, name: str) -> Row[Any] | None:
    """Find a live model by its name."""
    return tx.first(_BY_NAME, {"name": name})


def by_id(tx: Transaction, model_id: str) -> Row[Any] | None:
    """Find a model by its id, deleted ones too."""
    return tx.first(_BY_ID, {"key": model_id})


def lock(tx: Transaction, name: str) -> Row[Any] | None:
    """Find a live model by its name and keep other writers away from it until the transaction ends."""
    return tx.first(_LOCK_BY_NAME, {"name": name})


def lock_by_id(tx: Transaction, model_id: str) -> Row[Any] | None:
    """Find a model by its id and keep other writers away from it until the transaction ends."""
    return tx.first(_LOCK_BY_ID, {"key": model_id})


def page(
    tx: Transaction,
    *,
    after: str,
    limit: int,
    seen: Sequence[str] = EVERY_MODEL,
    wanted: Selection = EVERYTHING,
    placed: bool = False,
) -> list[Row[Any]]:
    """Return live models whose name follows `after`, by name.

    Args:
        tx: the transaction.
        after: the name of the last model that was seen.
        limit: the most to return.
        seen: patterns of the names that may be shown.
        wanted: what is demanded of the models.
        placed: whether the stage that is demanded may also be one of an environment.
    """
    if wanted != EVERYTHING:
        tx.plan_each()
    query = limited(_PAGE, models.c.live_name, seen).where(*selecting.of_models(wanted, placed=placed))
    few = selecting.few_models(tx, wanted, placed=placed)
    if few is not None:
        query = query.where(models.c.id.in_(few))
    return list(tx.all(query, {"after": after, "limit": limit}))


def count(tx: Transaction) -> int:
    """Return the number of live models."""
    return int(tx.scalar(_COUNT) or 0)


def change(tx: Transaction, model_id: str, values: dict[str, Any]) -> None:
    """Write a model's description, owner, team and tags (a dict) at the moment `at`, and count its revision up."""
    tx.run(_UPDATE, {**values, "tags": msgspec.json.encode(values["tags"]).decode(), "key": model_id})
    tags.replace_of_model(tx, model_id, values["tags"])


def rename(tx: Transaction, model_id: str, name: str, at: str) -> None:
    """Give a model another name, which no live model has; the old one is free at once."""
    tx.run(_RENAME, {"key": model_id, "new": name, "at": at})


def touch(tx: Transaction, model_id: str, at: str, *, edited: bool = False) -> None:
    """Record that something of the model changed at a moment; `edited`: something that `edited_at` is about."""
    tx.run(_EDIT if edited else _TOUCH, {"key": model_id, "at": at, "edited": in_milliseconds(at)})


def in_milliseconds(at: str) -> str:
    """A moment as MLflow's clients see it, cut to milliseconds; what they see as equal has to sort as equal."""
    return f"{at[:23]}Z"


def take_number(tx: Transaction, row: Row[Any], at: str) -> int:
    """Give out the next number of a locked model."""
    tx.run(_TAKE_NUMBER, {"key": row.id, "at": at, "edited": in_milliseconds(at)})
    return int(row.last_number) + 1


def lose_version(tx: Transaction, model_id: str) -> None:
    """Count that a version of a locked model was deleted."""
    tx.run(_LOSE_VERSION, {"key": model_id})


def bury(tx: Transaction, model_id: str, at: str) -> None:
    """Delete a model and give its name free; its row stays for the events."""
    tx.run(_BURY, {"key": model_id, "at": at})


def records(tx: Transaction, rows: Sequence[Row[Any]], stages: Sequence[str]) -> list[ModelRecord]:
    """Make records of rows, in two queries for each thousand of them.

    Args:
        tx: the transaction that the rows come from.
        rows: rows of models.
        stages: the stages whose newest version is told.
    """
    made: list[ModelRecord] = []
    for start in range(0, len(rows), BATCH):
        made += _batch(tx, rows[start : start + BATCH], tuple(stages))
    return made


def _batch(tx: Transaction, rows: Sequence[Row[Any]], stages: tuple[str, ...]) -> list[ModelRecord]:
    keys = {"keys": [row.id for row in rows]}
    highest: dict[str, list[Any]] = {row[0]: list(row)[1:] for row in tx.all(_highest(stages), keys)}
    names: dict[str, dict[str, str]] = defaultdict(dict)
    for row in tx.all(_ALIASES, keys):
        names[row.model_id][row.alias] = row.version
    return [
        ModelRecord(
            id=row.id,
            name=row.name,
            description=row.description,
            owner=row.owner,
            team=row.team,
            tags=msgspec.json.decode(row.tags),
            revision=row.revision,
            created_at=row.created_at,
            updated_at=row.updated_at,
            versions=row.live_versions,
            latest_version=highest[row.id][0],
            stages={str(stage): found for stage, found in zip(stages, highest[row.id][1:], strict=True) if found},
            aliases=names[row.id],
        )
        for row in rows
    ]


@cache
def _highest(stages: tuple[str, ...]) -> Select[Any]:
    """Return the query for a model's highest version, and the highest in each stage.

    Each is one step down an index, however many versions the model has.
    """
    top = (
        select(versions.c.version)
        .where(versions.c.deleted_at.is_(None), versions.c.model_id == models.c.id)
        .order_by(versions.c.precedence.desc(), versions.c.number.desc())
        .limit(1)
        .correlate(models)
    )
    columns = [top.where(versions.c.stage == stage).scalar_subquery() for stage in stages]
    sound = top.where(versions.c.deprecation.is_(None)).scalar_subquery()
    return select(models.c.id, func.coalesce(sound, top.scalar_subquery()), *columns).where(
        models.c.id.in_(bindparam("keys", expanding=True))
    )
