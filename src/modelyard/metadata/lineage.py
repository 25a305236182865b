"""Where versions come from, as the database knows it: lines of parents, and an index of what versions name as inputs.

The index (`lineage_refs`) holds nothing of its own: it follows from the versions' documents by
`modelyard.domain.inputs`, and is written with them. Deleted versions stay in it, and are left out when it is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    and_,
    bindparam,
    delete,
    false,
    func,
    insert,
    literal,
    or_,
    select,
    tuple_,
)

from modelyard.domain.inputs import inputs_of, prefix_end
from modelyard.metadata.database import Transaction
from modelyard.metadata.models import BATCH
from modelyard.metadata.tables import DEFAULT_WORKSPACE, aliases, events, lineage_refs, models, placements, versions

EVERY_MODEL = "*"
ANY_VERSION = "@"
"""Stands between an input's name and its version."""

_LIVE = and_(versions.c.deleted_at.is_(None), versions.c.workspace == DEFAULT_WORKSPACE)
_DELETE = delete(lineage_refs).where(lineage_refs.c.version_seq == bindparam("key"))
_INSERT = insert(lineage_refs)


def _walk(*, up: bool) -> Select[Any]:
    """Return the query for the ids along the parents of a version, or along its children, the nearest first."""
    start = select(versions.c.id, versions.c.parent_id, literal(0).label("depth")).where(
        versions.c.id == bindparam("id")
    )
    walk = start.cte("walk", recursive=True)
    onward = versions.c.id == walk.c.parent_id if up else versions.c.parent_id == walk.c.id
    step = select(versions.c.id, versions.c.parent_id, walk.c.depth + 1)
    # The depth is also what ends a walk round a cycle.
    walk = walk.union_all(step.join(walk, onward).where(walk.c.depth < bindparam("depth")))
    return select(walk.c.id).order_by(walk.c.depth).limit(bindparam("limit"))


_UP, _DOWN = _walk(up=True), _walk(up=False)
_SOME = select(versions, models.c.name).join(models, models.c.id == versions.c.model_id)
_BY_IDS = _SOME.where(versions.c.id.in_(bindparam("ids", expanding=True)))
_EARLIER = (
    _SOME.where(_LIVE, versions.c.model_id == bindparam("model_id"), versions.c.number < bindparam("number"))
    .order_by(versions.c.number.desc())
    .limit(bindparam("limit"))
)
_REGISTERED = select(events.c.version_id, events.c.actor).where(
    events.c.version_id.in_(bindparam("ids", expanding=True)), events.c.type == "version.registered"
)

_NAMED = and_(
    lineage_refs.c.name >= bindparam("low"),
    lineage_refs.c.name < bindparam("high"),
    or_(lineage_refs.c.name == bindparam("exact"), lineage_refs.c.name >= bindparam("versioned")),
)


def _stands_in(stage: ColumnElement[str]) -> ColumnElement[bool]:
    return stage.in_(bindparam("stages", expanding=True))


_SHORT = (
    versions.c.seq,
    versions.c.id,
    versions.c.model_id,
    versions.c.number,
    versions.c.version,
    versions.c.stage,
    versions.c.deprecation,
    versions.c.created_at,
)
_USES = (
    select(*_SHORT, models.c.name, lineage_refs.c.name.label("input"))
    .join(versions, versions.c.seq == lineage_refs.c.version_seq)
    .join(models, models.c.id == versions.c.model_id)
    .where(
        _LIVE,
        lineage_refs.c.kind == bindparam("kind"),
        _NAMED,
        tuple_(lineage_refs.c.name, lineage_refs.c.version_seq)
        > tuple_(bindparam("after_name"), bindparam("after_seq")),
    )
    .order_by(lineage_refs.c.name, lineage_refs.c.version_seq)
    .limit(bindparam("limit"))
)
_LIVE_USES = _USES.where(
    or_(
        _stands_in(versions.c.stage),
        select(aliases.c.alias).where(aliases.c.version_id == versions.c.id).exists(),
        select(placements.c.stage)
        .where(placements.c.version_seq == versions.c.seq, _stands_in(placements.c.stage))
        .exists(),
        versions.c.id.in_(bindparam("served", expanding=True)),
    )
)
_REFS = (
    select(lineage_refs.c.kind, lineage_refs.c.name, func.count().label("versions"))
    .join(versions, versions.c.seq == lineage_refs.c.version_seq)
    .join(models, models.c.id == versions.c.model_id)
    .where(
        _LIVE,
        lineage_refs.c.kind.in_(bindparam("kinds", expanding=True)),
        _NAMED,
        tuple_(lineage_refs.c.kind, lineage_refs.c.name) > tuple_(bindparam("after_kind"), bindparam("after_name")),
    )
    .group_by(lineage_refs.c.kind, lineage_refs.c.name)
    .order_by(lineage_refs.c.kind, lineage_refs.c.name)
    .limit(bindparam("limit"))
)


class Live(NamedTuple):
    """What makes versions live: one of these stages, an alias, or that they are among these ids."""

    stages: Sequence[str]
    version_ids: Sequence[str]


def index(tx: Transaction, seq: int, model_id: str, document: Mapping[str, Any]) -> None:
    """Write what a version's document names as inputs, in place of what was written before."""
    tx.run(_DELETE, {"key": seq})
    rows = [
        {"version_seq": seq, "kind": kind, "name": name, "model_id": model_id}
        for kind, name in inputs_of(document).found
    ]
    if rows:
        tx.run(_INSERT, rows)


def parents(tx: Transaction, version_id: str, *, depth: int, limit: int) -> list[str]:
    """Return a version's id, its parent's, and so on, deleted ones too; the nearest first."""
    return [row.id for row in tx.all(_UP, {"id": version_id, "depth": depth, "limit": limit})]


def children(tx: Transaction, version_id: str, *, depth: int, limit: int) -> list[str]:
    """Return a version's id and those of the versions made from it, directly or not, deleted ones too."""
    return [row.id for row in tx.all(_DOWN, {"id": version_id, "depth": depth, "limit": limit})]


def by_ids(tx: Transaction, ids: Sequence[str]) -> dict[str, Row[Any]]:
    """Return rows of versions by their ids, of deleted ones and of deleted models too."""
    return {row.id: row for batch in _batches(ids) for row in tx.all(_BY_IDS, {"ids": batch})}


def earlier(tx: Transaction, model_id: str, number: int, limit: int) -> Sequence[Row[Any]]:
    """Return the live versions of a model that were registered before a number, the newest first."""
    return tx.all(_EARLIER, {"model_id": model_id, "number": number, "limit": limit})


def registered_by(tx: Transaction, ids: Sequence[str]) -> dict[str, str]:
    """Return who registered each of some versions, as the events say."""
    return {row.version_id: row.actor for batch in _batches(ids) for row in tx.all(_REGISTERED, {"ids": batch})}


def uses(
    tx: Transaction, kind: str, name: str, *, after: tuple[str, int], limit: int, live: Live | None = None
) -> Sequence[Row[Any]]:
    """Return live versions that name an input, with its name as `input`, by that name and their registration.

    Args:
        tx: the transaction.
        kind: the input's kind.
        name: its name, or the beginning of one with `*` behind it.
        after: name and sequence number of the last row of the page before.
        limit: how many at most.
        live: only versions that are live by it.
    """
    values = {"kind": kind, **_range(name), "after_name": after[0], "after_seq": after[1], "limit": limit}
    if live is None:
        return tx.all(_USES, values)
    return tx.all(_LIVE_USES, {**values, "stages": list(live.stages), "served": list(live.version_ids)})


def refs(
    tx: Transaction, kinds: Sequence[str], name: str, *, after: tuple[str, str], limit: int, seen: Sequence[str]
) -> Sequence[Row[Any]]:
    """Return kind and name of inputs, and how many live versions name them, by kind and name.

    Args:
        tx: the transaction.
        kinds: the kinds to look among.
        name: as in `uses`.
        after: kind and name of the last row of the page before.
        limit: how many at most.
        seen: patterns of the models whose versions count; `*` for all.
    """
    values = {"kinds": list(kinds), **_range(name), "after_kind": after[0], "after_name": after[1], "limit": limit}
    return tx.all(_REFS if EVERY_MODEL in seen else _REFS.where(or_(false(), *map(_matches, seen))), values)


def _matches(pattern: str) -> ColumnElement[bool]:
    # LIKE would not tell upper case from lower case everywhere.
    start = pattern.removesuffix("*")
    return models.c.name == pattern if start == pattern else func.substr(models.c.name, 1, len(start)) == start


def _range(name: str) -> dict[str, str]:
    """Return the bounds of a name's beginning, or of a name with all its versions."""
    if name.endswith("*"):
        start = name[:-1]
        return {"low": start, "high": prefix_end(start), "exact": start, "versioned": start}
    versioned = name + ANY_VERSION
    return {"low": name, "high": prefix_end(versioned), "exact": name, "versioned": versioned}


def _batches(ids: Sequence[str]) -> Iterator[list[str]]:
    rest = iter(ids)
    while batch := list(islice(rest, BATCH)):
        yield batch
