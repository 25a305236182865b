"""Reading the record back: chains event by event, the log of an auditor, and the rows that events must agree with.

Everything is read in pages by an index, so that memory does not grow with the number of events. Nothing here writes,
except the marks of checkpoints: which end of each chain the newest one recorded. They are a note of what the next
checkpoint has to list, and no evidence.

Columns are named one by one: a copy with the schema of modelyard 0.1, which lacks some, can be checked too.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Column, Row, Select, bindparam, func, insert, or_, select, update

from modelyard.domain.wire import ChainedEvent
from modelyard.metadata.database import Transaction
from modelyard.metadata.tables import (
    DEFAULT_WORKSPACE,
    REGISTRY,
    aliases,
    audit_marks,
    deployment_history,
    deployments,
    endpoints,
    events,
    lineage_refs,
    models,
    placements,
    promotions,
    routes,
    snapshots,
    stage_graphs,
    version_metrics,
    versions,
)

PAGE = 500
BEFORE_ALL = -(1 << 31)
"""A number below every position and every sequence number that a database can hold in its columns of 32 bits."""
LATEST = "9999"
"""Later than any moment."""

_EVENT = select(
    events.c.seq, events.c.workspace, events.c.model_id, events.c.model, events.c.position, events.c.type,
    events.c.at, events.c.actor, events.c.version_id, events.c.data, events.c.previous, events.c.hash,
)  # fmt: skip
_CHAIN = (
    _EVENT.where(
        events.c.model_id == bindparam("model_id"),
        events.c.position > bindparam("after"),
        events.c.at <= bindparam("until"),
    )
    .order_by(events.c.position)
    .limit(PAGE)
)
_BY_POSITION = _EVENT.where(events.c.model_id == bindparam("model_id"), events.c.position == bindparam("position"))
_MODEL = select(
    models.c.id, models.c.workspace, models.c.name, models.c.live_name, models.c.description, models.c.owner,
    models.c.team, models.c.tags, models.c.last_number, models.c.live_versions, models.c.events,
    models.c.last_event_hash, models.c.deleted_at,
)  # fmt: skip
_MODELS = _MODEL.where(models.c.id > bindparam("after")).order_by(models.c.id).limit(PAGE)
_RENAMED = select(events.c.model_id).where(events.c.type == "model.renamed", events.c.model == bindparam("name"))
_MODELS_BY_NAME = (
    select(models.c.id)
    .where(or_(models.c.name == bindparam("name"), models.c.id.in_(_RENAMED)), models.c.id != REGISTRY)
    .order_by(models.c.id.desc())
)
_VERSIONS = (
    select(
        versions.c.seq, versions.c.id, versions.c.number, versions.c.version, versions.c.precedence, versions.c.label,
        versions.c.stage, versions.c.parent_id, versions.c.digest, versions.c.model_hash, versions.c.size,
        versions.c.framework, versions.c.deprecation, versions.c.document, versions.c.deleted_at,
        versions.c.workspace, versions.c.status, versions.c.created_at,
    )
    .where(versions.c.model_id == bindparam("model_id"), versions.c.seq > bindparam("after"))
    .order_by(versions.c.seq)
    .limit(PAGE)
)  # fmt: skip
_ALIASES = select(aliases.c.alias, aliases.c.version_id, aliases.c.revision).where(
    aliases.c.model_id == bindparam("model_id")
)
_PLACEMENTS = (
    select(versions.c.id, placements.c.environment, placements.c.stage)
    .join(versions, versions.c.seq == placements.c.version_seq)
    .where(versions.c.model_id == bindparam("model_id"), versions.c.deleted_at.is_(None))
)
_GRAPH = select(stage_graphs.c.document).where(stage_graphs.c.model_id == bindparam("model_id"))
_LIVE_IDS = select(versions.c.id).where(versions.c.model_id == bindparam("model_id"), versions.c.deleted_at.is_(None))
_HOME = select(versions.c.model_id).where(versions.c.id == bindparam("id"))
_HOMES_OF_CONTENT = (
    select(versions.c.model_id)
    .where(or_(versions.c.digest == bindparam("digest"), versions.c.model_hash == bindparam("digest")))
    .distinct()
)


def _counted(owner: Column[str]) -> Select[str, int]:
    """Return the query for the rows of a table that belong to no model."""
    return _homeless(owner, models.c.id)


def _homeless(owner: Column[str], home: Column[str]) -> Select[str, int]:
    """Return the query for the rows of a table whose owner another table does not have."""
    return select(owner.label("owner"), func.count().label("total")).where(owner.not_in(select(home))).group_by(owner)


def _orphans(version: Column[int], owner: Column[str]) -> Select[str, int]:
    """Return the query for the rows of a table that belong to no version, by the model that they name."""
    return (
        select(owner.label("owner"), func.count().label("total"))
        .where(version.not_in(select(versions.c.seq)))
        .group_by(owner)
    )


_STRAYS = (
    ("events", _counted(events.c.model_id)),
    ("versions", _counted(versions.c.model_id)),
    ("aliases", _counted(aliases.c.model_id)),
    ("stage_graphs", _counted(stage_graphs.c.model_id)),
    ("promotions", _counted(promotions.c.model_id)),
    ("placements", _orphans(placements.c.version_seq, placements.c.model_id)),
    ("version_metrics", _orphans(version_metrics.c.version_seq, version_metrics.c.model_id)),
    ("lineage_refs", _orphans(lineage_refs.c.version_seq, lineage_refs.c.model_id)),
    ("endpoints", _counted(endpoints.c.model_id)),
    ("deployments", _counted(deployments.c.model_id)),
    ("snapshots", _counted(snapshots.c.model_id)),
    ("routes", _homeless(routes.c.endpoint_id, endpoints.c.id)),
    ("deployment_history", _homeless(deployment_history.c.deployment_id, deployments.c.id)),
)
_ENDS = (
    select(models.c.id, models.c.events, models.c.last_event_hash, audit_marks.c.position.label("marked"))
    .join(audit_marks, audit_marks.c.model_id == models.c.id, isouter=True)
    .where(models.c.id != REGISTRY, models.c.events > 0)
)
_LAST_OF_TYPE = (
    _EVENT.where(events.c.model_id == bindparam("model_id"), events.c.type == bindparam("type"))
    .order_by(events.c.position.desc())
    .limit(1)
)
_ADD_MARK = insert(audit_marks)
_MOVE_MARK = (
    update(audit_marks).where(audit_marks.c.model_id == bindparam("key")).values(position=bindparam("position"))
)


_TYPES: dict[str, Any] = {
    "seq": int, "model_id": str, "model": str, "position": int, "type": str, "at": str, "actor": str,
    "version_id": str | None, "data": str, "previous": str, "hash": str,
}  # fmt: skip


class Entry(NamedTuple):
    """An event as it is stored, and what is wrong with the way it is stored.

    One that is not readable has columns of types that no event has; they are replaced by empty values.
    """

    event: ChainedEvent
    problems: tuple[str, ...]
    readable: bool = True


class End(NamedTuple):
    """The end of a chain as its model's row has it; `marked` is where the last checkpoint saw it."""

    model_id: str
    position: int
    hash: str
    marked: int | None


class Filter(NamedTuple):
    """What an auditor looks for; empty texts demand nothing."""

    model_ids: Sequence[str] | None = None
    version_id: str = ""
    actor: str = ""
    type: str = ""
    since: str = ""
    until: str = ""


def chain(tx: Transaction, model_id: str, *, until: str = LATEST) -> Iterator[Entry]:
    """Yield a model's events from the first one on, up to a moment."""
    values = {"model_id": model_id, "after": BEFORE_ALL, "until": until}
    while rows := tx.all(_CHAIN, values):
        yield from map(_entry, rows)
        values["after"] = rows[-1].position
        if len(rows) < PAGE:
            break


def at_position(tx: Transaction, model_id: str, position: int) -> ChainedEvent | None:
    """Return the event at a place of a chain."""
    row = tx.first(_BY_POSITION, {"model_id": model_id, "position": position})
    return _entry(row).event if row is not None else None


def last_of(tx: Transaction, model_id: str, kind: str) -> ChainedEvent | None:
    """Return the newest event of a type on a chain."""
    row = tx.first(_LAST_OF_TYPE, {"model_id": model_id, "type": kind})
    return _entry(row).event if row is not None else None


def log(tx: Transaction, wanted: Filter, *, after: int, limit: int) -> list[ChainedEvent]:
    """Return events that meet all conditions after a sequence number, the oldest first."""
    query: Select[Any] = _EVENT.where(events.c.workspace == DEFAULT_WORKSPACE, events.c.seq > after)
    if wanted.model_ids is not None:
        query = query.where(events.c.model_id.in_(wanted.model_ids))
    if wanted.version_id:
        query = query.where(events.c.version_id == wanted.version_id)
    if wanted.actor:
        query = query.where(events.c.actor == wanted.actor)
    if wanted.type.endswith("*"):
        query = query.where(events.c.type.startswith(wanted.type[:-1], autoescape=True))
    elif wanted.type:
        query = query.where(events.c.type == wanted.type)
    if wanted.since:
        query = query.where(events.c.at >= wanted.since)
    if wanted.until:
        query = query.where(events.c.at <= wanted.until)
    return [_entry(row).event for row in tx.all(query.order_by(events.c.seq).limit(limit))]


def homes(tx: Transaction, name: str) -> list[str]:
    """Return the ids of the models that have, or had, a name; the newest first."""
    return [row.id for row in tx.all(_MODELS_BY_NAME, {"name": name})]


def home_of(tx: Transaction, version_id: str) -> str | None:
    """Return the id of the model of a version, be it deleted or not."""
    found: str | None = tx.scalar(_HOME, {"id": version_id})
    return found


def homes_of_content(tx: Transaction, digest: str) -> list[str]:
    """Return the ids of the models that have, or had, a version with some content."""
    return [row.model_id for row in tx.all(_HOMES_OF_CONTENT, {"digest": digest})]


def live_ids(tx: Transaction, model_id: str) -> set[str]:
    """Return the ids of a model's versions that are there now."""
    return {row.id for row in tx.all(_LIVE_IDS, {"model_id": model_id})}


def every_model(tx: Transaction) -> Iterator[Row[Any]]:
    """Yield the rows of all models, deleted ones and the registry's own too."""
    after = ""
    while rows := tx.all(_MODELS, {"after": after}):
        yield from rows
        after = rows[-1].id


def version_rows(tx: Transaction, model_id: str) -> Iterator[dict[str, Any]]:
    """Yield a model's versions as they are stored, with their documents decoded; deleted ones too."""
    values: dict[str, Any] = {"model_id": model_id, "after": BEFORE_ALL}
    while rows := tx.all(_VERSIONS, values):
        for row in rows:
            deprecation = _document(row.deprecation) if row.deprecation is not None else None
            yield {
                **row._asdict(),
                "document": _document(row.document),
                "deprecation": deprecation if row.deprecation is None or isinstance(deprecation, dict) else {},
                "is_deleted": row.deleted_at is not None,
            }
        values["after"] = rows[-1].seq


def model_facts(row: Row[Any]) -> dict[str, Any]:
    """Return a model's row as it is stored, with its tags decoded."""
    return {**row._asdict(), "tags": _document(row.tags), "is_deleted": row.deleted_at is not None}


def alias_facts(tx: Transaction, model_id: str) -> dict[str, tuple[str, int]]:
    """Return alias → the version that it points to, and its revision."""
    return {row.alias: (row.version_id, row.revision) for row in tx.all(_ALIASES, {"model_id": model_id})}


def placement_facts(tx: Transaction, model_id: str) -> dict[str, str]:
    """Return "version id in environment" → stage, for all live versions of a model."""
    return {f"{row.id} in {row.environment}": row.stage for row in tx.all(_PLACEMENTS, {"model_id": model_id})}


def graph_fact(tx: Transaction, model_id: str) -> Any:
    """Return a model's own stage graph, or None."""
    text = tx.scalar(_GRAPH, {"model_id": model_id})
    return _document(text) if text is not None else None


def strays(tx: Transaction, tables: Collection[str]) -> Iterator[tuple[str, str, int]]:
    """Yield (table, model id, how many rows) where rows of tables that are there belong to no model."""
    for table, query in _STRAYS:
        for row in tx.all(query) if table in tables else ():
            yield table, row.owner, int(row.total)


def ends(tx: Transaction) -> list[End]:
    """Return the ends of the chains of all models, the registry's own left out."""
    return [End(row.id, row.events, row.last_event_hash, row.marked) for row in tx.all(_ENDS)]


def mark(tx: Transaction, changed: Iterable[End]) -> None:
    """Note which ends a checkpoint has recorded. The caller holds the lock of the registry's chain."""
    listed = list(changed)
    known = [end for end in listed if end.marked is not None]
    new = [end for end in listed if end.marked is None]
    if known:
        tx.run(_MOVE_MARK, [{"key": end.model_id, "position": end.position} for end in known])
    if new:
        tx.run(_ADD_MARK, [{"model_id": end.model_id, "position": end.position} for end in new])


def _entry(row: Row[Any]) -> Entry:
    wrong = [name for name, kind in _TYPES.items() if not isinstance(getattr(row, name), kind)]
    if wrong:
        problem = f"{', '.join(wrong)} cannot be read: modelyard did not write it so"
        return Entry(_legible(row, wrong), (problem,), readable=False)
    data = _document(row.data)
    problems = []
    if not isinstance(data, dict):
        problems.append("its data is no JSON object")
    elif _repeats_a_key(row.data, data):
        problems.append("its data says something twice")
    if row.workspace != DEFAULT_WORKSPACE:
        problems.append(f"it was put into another workspace, {row.workspace!r}")
    event = ChainedEvent(
        sequence=row.seq,
        model_id=row.model_id,
        model=row.model,
        position=row.position,
        type=row.type,
        at=row.at,
        actor=row.actor,
        version_id=row.version_id,
        data=data if isinstance(data, dict) else {},
        previous=row.previous,
        hash=row.hash,
    )
    return Entry(event, tuple(problems))


def _legible(row: Row[Any], wrong: Sequence[str]) -> ChainedEvent:
    """Return the event of a row, with empty values in place of those that are of no type that an event has."""
    empty: dict[str, Any] = dict.fromkeys(_TYPES, "") | {"position": 0, "version_id": None}
    values = {name: empty[name] if name in wrong else getattr(row, name) for name in _TYPES if name != "seq"}
    return ChainedEvent(**{**values, "sequence": row.seq, "data": {}})


def _document(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, TypeError, RecursionError):
        return None


def _repeats_a_key(text: str, data: dict[str, Any]) -> bool:
    """Tell whether a JSON text names a key twice: readers disagree about what it says then."""
    try:
        if msgspec.json.encode(data, order="sorted").decode() == text:
            return False
    except (ValueError, RecursionError):
        return True
    repeated = False

    def look(items: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal repeated
        found = dict(items)
        repeated = repeated or len(found) < len(items)
        return found

    try:
        json.loads(text, object_pairs_hook=look)
    except (ValueError, RecursionError):
        return True
    return repeated
