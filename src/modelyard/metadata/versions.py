"""Rows of versions: add, find by every kind of reference, list, change, bury.

What is sorted or filtered by stands in columns; all other metadata is one JSON document, which the database never
looks into. Queries are built once, when the module is loaded: building one costs several times as much as running it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, bindparam, delete, func, insert, or_, select, update

from modelyard.domain.directions import canonical
from modelyard.metadata import models as models_of
from modelyard.metadata.database import Transaction, inserted_key
from modelyard.metadata.scopes import limited
from modelyard.metadata.tables import DEFAULT_WORKSPACE, aliases, models, placements, version_metrics, versions

_LIVE = versions.c.deleted_at.is_(None)
_FULL = select(versions, models.c.name).join(models, models.c.id == versions.c.model_id).where(_LIVE)
_OF_MODEL = _FULL.where(versions.c.model_id == bindparam("model_id"))
_HIGHEST_FIRST = (versions.c.precedence.desc(), versions.c.number.desc())

_PAGE = _FULL.where(versions.c.workspace == DEFAULT_WORKSPACE)
_BY_ID = _FULL.where(versions.c.id == bindparam("id"))
# The owner's table has a second name here, for the outer query has one of its own. A subquery makes SQLite look the
# alias up first; from a plain join it concludes, without statistics, that it should walk along all versions.
_OWNER = models.alias()
_BY_ALIAS = _FULL.where(
    versions.c.id
    == select(aliases.c.version_id)
    .join(_OWNER, _OWNER.c.id == aliases.c.model_id)
    .where(
        _OWNER.c.workspace == DEFAULT_WORKSPACE,
        _OWNER.c.live_name == bindparam("name"),
        aliases.c.alias == bindparam("alias"),
    )
    .scalar_subquery()
)
_BY_NUMBER = _OF_MODEL.where(versions.c.number == bindparam("number"))
_BY_VERSION = _OF_MODEL.where(versions.c.version == bindparam("version"))
_BY_DIGEST = (
    _FULL.where(or_(versions.c.digest == bindparam("digest"), versions.c.model_hash == bindparam("digest")))
    .order_by(versions.c.seq)
    .limit(20)
)
_HIGHEST = _OF_MODEL.order_by(*_HIGHEST_FIRST).limit(1)
_HIGHEST_SOUND = _OF_MODEL.where(versions.c.deprecation.is_(None)).order_by(*_HIGHEST_FIRST).limit(1)
_HIGHEST_IN_STAGE = _OF_MODEL.where(versions.c.stage == bindparam("stage")).order_by(*_HIGHEST_FIRST).limit(1)
_BEFORE = _OF_MODEL.where(versions.c.number < bindparam("number")).order_by(versions.c.number.desc()).limit(1)
_IN_STAGE = _OF_MODEL.where(versions.c.stage == bindparam("stage")).order_by(versions.c.seq)
_OUTSIDE_OF = _OF_MODEL.where(versions.c.stage.not_in(bindparam("stages", expanding=True))).order_by(versions.c.seq)
_BY_SEQS = _FULL.where(versions.c.seq.in_(bindparam("seqs", expanding=True))).order_by(versions.c.seq.desc())
_CHILDREN = (
    select(models.c.name, versions.c.version, versions.c.stage)
    .join(models, models.c.id == versions.c.model_id)
    .where(_LIVE, versions.c.parent_id == bindparam("id"))
)
_IN_USE = (
    select(versions.c.version, versions.c.signature)
    .where(versions.c.model_id == bindparam("model_id"))
    .where(_LIVE, versions.c.deprecation.is_(None))
)
_TAKEN = select(versions.c.id).where(
    versions.c.model_id == bindparam("model_id"), versions.c.version == bindparam("version")
)
_HIGHEST_EVER = (
    select(versions.c.version).where(versions.c.model_id == bindparam("model_id")).order_by(*_HIGHEST_FIRST).limit(1)
)

# The key of a release ends in a tilde; see precedence_key.
_RELEASE_BEFORE = (
    _OF_MODEL.where(versions.c.precedence <= bindparam("precedence"), versions.c.precedence.endswith("~"))
    .where(versions.c.deprecation.is_(None))
    .order_by(*_HIGHEST_FIRST)
    .limit(1)
)

_KNOWN_RELEASES = (
    _RELEASE_BEFORE.where(or_(versions.c.signature.is_(None), versions.c.signature != ""))
    .limit(bindparam("limit"))
    .offset(bindparam("offset"))
)

_TOTAL_SIZE = select(func.sum(versions.c.size)).where(_LIVE, versions.c.workspace == DEFAULT_WORKSPACE)

# A model's lock does not keep versions of other models from becoming children of its own; these two exclude each other.
_ONE = select(versions.c.id).where(versions.c.id == bindparam("id"), _LIVE)
_HOLD = _ONE.with_for_update(read=True, key_share=True)
_CONDEMN = _ONE.with_for_update()

_INSERT = insert(versions)
_CHANGE = (
    update(versions)
    .where(versions.c.seq == bindparam("key"))
    .values(
        label=bindparam("label"),
        stage=bindparam("stage"),
        deprecation=bindparam("deprecation"),
        document=bindparam("document"),
        framework=bindparam("framework"),
        signature=bindparam("signature"),
        run_id=bindparam("run_id"),
        owner=bindparam("owner"),
        team=bindparam("team"),
        edited_at=bindparam("edited_at"),
        updated_at=bindparam("updated_at"),
        revision=versions.c.revision + 1,
    )
)
_TOUCH = (
    update(versions)
    .where(versions.c.seq == bindparam("key"))
    .values(updated_at=bindparam("at"), revision=versions.c.revision + 1)
)
_BURY = update(versions).where(versions.c.seq == bindparam("key")).values(deleted_at=bindparam("at"))
_INSERT_METRIC = insert(version_metrics)
_DELETE_METRICS = delete(version_metrics).where(version_metrics.c.version_seq == bindparam("key"))
_RANKED = (
    select(versions, models.c.name, version_metrics.c.value.label("ranked_value"))
    .join(models, models.c.id == versions.c.model_id)
    .join(version_metrics, version_metrics.c.version_seq == versions.c.seq)
    .where(_LIVE, versions.c.model_id == bindparam("model_id"), version_metrics.c.metric == bindparam("metric"))
)

_PLACED = select(placements.c.version_seq)

_MOST_AT_ONCE = 64

CHANGEABLE = ("label", "stage", "deprecation", "document", "framework", "signature", "run_id", "owner", "team")


def add(tx: Transaction, values: Mapping[str, Any], metrics: Mapping[str, float]) -> int:
    """Insert a version and what it is ranked by; return its sequence number."""
    result = tx.run(_INSERT, {**values, "edited_at": models_of.in_milliseconds(values["created_at"])})
    seq = inserted_key(result)
    _write_metrics(tx, seq, values["model_id"], metrics)
    return seq


def change(tx: Transaction, row: Row[Any], at: str, *, edited: bool = False, **values: Any) -> None:
    """Write some of the columns in CHANGEABLE, and count the revision up; `edited`: as `edited_at` shall tell."""
    merged = {name: values.get(name, getattr(row, name)) for name in CHANGEABLE}
    moment = models_of.in_milliseconds(at) if edited else row.edited_at
    tx.run(_CHANGE, {**merged, "updated_at": at, "edited_at": moment, "key": row.seq})


def touch(tx: Transaction, row: Row[Any], at: str) -> None:
    """Count a version's revision up, for a change of what its record tells beside its own columns."""
    tx.run(_TOUCH, {"key": row.seq, "at": at})


def rank(tx: Transaction, row: Row[Any], metrics: Mapping[str, float]) -> None:
    """Replace what a version is ranked by."""
    tx.run(_DELETE_METRICS, {"key": row.seq})
    _write_metrics(tx, row.seq, row.model_id, metrics)


def bury(tx: Transaction, row: Row[Any], at: str) -> None:
    """Delete a version; its row stays, so that its number is never given again."""
    tx.run(_DELETE_METRICS, {"key": row.seq})
    tx.run(_BURY, {"key": row.seq, "at": at})


def by_id(tx: Transaction, version_id: str) -> Row[Any] | None:
    """Find a version by its id."""
    return tx.first(_BY_ID, {"id": version_id})


def by_alias(tx: Transaction, name: str, alias: str) -> Row[Any] | None:
    """Find the version that an alias of a live model points to, in one query."""
    return tx.first(_BY_ALIAS, {"name": name, "alias": alias})


def by_number(tx: Transaction, model_id: str, number: int) -> Row[Any] | None:
    """Find a version by its place in its model."""
    return tx.first(_BY_NUMBER, {"model_id": model_id, "number": number})


def by_version(tx: Transaction, model_id: str, version: str) -> Row[Any] | None:
    """Find a version by its exact SemVer."""
    return tx.first(_BY_VERSION, {"model_id": model_id, "version": version})


def by_digest(tx: Transaction, digest: str) -> Sequence[Row[Any]]:
    """Find versions by the digest of their content, BLAKE3 or SHA-256: the first twenty, oldest first."""
    return tx.all(_BY_DIGEST, {"digest": digest})


def highest(tx: Transaction, model_id: str, stage: str = "") -> Row[Any] | None:
    """Find a model's highest version, or the highest one in a stage; a deprecated one only where there is no other."""
    if stage:
        return tx.first(_HIGHEST_IN_STAGE, {"model_id": model_id, "stage": stage})
    return tx.first(_HIGHEST_SOUND, {"model_id": model_id}) or tx.first(_HIGHEST, {"model_id": model_id})


def before(tx: Transaction, model_id: str, number: int) -> Row[Any] | None:
    """Find the version that was registered before a number."""
    return tx.first(_BEFORE, {"model_id": model_id, "number": number})


def in_stage(tx: Transaction, model_id: str, stage: str) -> Sequence[Row[Any]]:
    """Return a model's versions in a stage, oldest first."""
    return tx.all(_IN_STAGE, {"model_id": model_id, "stage": stage})


def outside_of(tx: Transaction, model_id: str, stages: Sequence[str]) -> Sequence[Row[Any]]:
    """Return a model's versions whose own stage is none of some, oldest first."""
    return tx.all(_OUTSIDE_OF, {"model_id": model_id, "stages": list(stages)})


def hold(tx: Transaction, version_id: str) -> None:
    """Keep a version from being condemned until the transaction ends; any number of transactions may hold one."""
    tx.run(_HOLD, {"id": version_id})


def condemn(tx: Transaction, version_id: str) -> None:
    """Wait until nobody holds a version, and keep everybody from holding it until the transaction ends."""
    tx.run(_CONDEMN, {"id": version_id})


def children(tx: Transaction, version_id: str) -> Sequence[Row[Any]]:
    """Return name, version and stage of the live versions that name a version as their parent."""
    return tx.all(_CHILDREN, {"id": version_id})


def in_use(tx: Transaction, model_id: str) -> dict[str, str | None]:
    """Return the SemVers of a model's versions that are neither deleted nor deprecated, with their signatures.

    A signature stands as its digest: empty where none is known, None where only the document tells.
    """
    return {row.version: row.signature for row in tx.all(_IN_USE, {"model_id": model_id})}


def release_before(tx: Transaction, model_id: str, precedence: str) -> Row[Any] | None:
    """Find the highest release up to a precedence that is neither deleted nor deprecated."""
    return tx.first(_RELEASE_BEFORE, {"model_id": model_id, "precedence": precedence})


def known_releases_before(tx: Transaction, model_id: str, precedence: str) -> Iterator[Row[Any]]:
    """Yield the releases as `release_before` finds them that have a signature, of one side at least; highest first.

    Rows are read as they are needed: mostly the first one, which holds a whole document, is enough.
    """
    offset, limit = 0, 1
    while True:
        bound = {"model_id": model_id, "precedence": precedence, "limit": limit, "offset": offset}
        found = tx.all(_KNOWN_RELEASES, bound)
        yield from found
        if len(found) < limit:
            return
        offset, limit = offset + limit, min(limit * 8, _MOST_AT_ONCE)


def is_taken(tx: Transaction, model_id: str, version: str) -> bool:
    """Tell whether a SemVer is in use, or was before its version was deleted."""
    return tx.first(_TAKEN, {"model_id": model_id, "version": version}) is not None


def highest_ever(tx: Transaction, model_id: str) -> str | None:
    """Return the highest SemVer that a model has, or had before it was deleted."""
    found: str | None = tx.scalar(_HIGHEST_EVER, {"model_id": model_id})
    return found


def _stands_in(stage: str, *, placed: bool) -> ColumnElement[bool]:
    own = versions.c.stage == stage
    return or_(own, versions.c.seq.in_(_PLACED.where(placements.c.stage == stage))) if placed else own


def ranked(
    tx: Transaction, model_id: str, metric: str, *, stage: str, placed: bool = False, lower_is_better: bool
) -> Row[Any] | None:
    """Find the version with the best value of a metric; of equal ones, the one registered last."""
    value = version_metrics.c.value
    query = _RANKED.order_by(value.asc() if lower_is_better else value.desc(), versions.c.seq.desc()).limit(1)
    if stage:
        query = query.where(_stands_in(stage, placed=placed))
    return tx.first(query, {"model_id": model_id, "metric": canonical(metric)})


def page(
    tx: Transaction,
    *,
    model_id: str = "",
    stage: str = "",
    placed: bool = False,
    label: str = "",
    before: int | None = None,
    limit: int,
) -> list[Row[Any]]:
    """Return live versions, the newest first, from before a sequence number on.

    `placed` tells that the stage may also be one of an environment, where versions stand besides their own stage.
    """
    query = _PAGE.where(versions.c.model_id == model_id) if model_id else _PAGE
    return _page(tx, query, stage=stage, placed=placed, label=label, before=before, limit=limit)


def page_seen(
    tx: Transaction,
    seen: Sequence[str],
    *,
    stage: str = "",
    placed: bool = False,
    label: str = "",
    before: int | None = None,
    limit: int,
) -> list[Row[Any]]:
    """Return live versions of the models whose names match one of some patterns; the rest is as in `page`."""
    query = limited(_PAGE, models.c.name, seen)
    return _page(tx, query, stage=stage, placed=placed, label=label, before=before, limit=limit)


def _page(
    tx: Transaction, query: Select[Any], *, stage: str, placed: bool, label: str, before: int | None, limit: int
) -> list[Row[Any]]:
    if stage:
        query = query.where(_stands_in(stage, placed=placed))
    if label:
        query = query.where(versions.c.label == label)
    if before is not None:
        query = query.where(versions.c.seq < before)
    return list(tx.all(query.order_by(versions.c.seq.desc()).limit(limit)))


def by_seqs(tx: Transaction, seqs: Iterable[int]) -> list[Row[Any]]:
    """Return live versions by their sequence numbers, the newest first."""
    return list(tx.all(_BY_SEQS, {"seqs": list(seqs)}))


def counted(tx: Transaction, column: str) -> dict[str, int]:
    """Return how many live versions have each value of a column."""
    key = versions.c[column]
    query = (
        select(key, func.count()).where(_LIVE, versions.c.workspace == DEFAULT_WORKSPACE).group_by(key).order_by(key)
    )
    return {str(value): int(count) for value, count in map(tuple, tx.all(query))}


def total_size(tx: Transaction) -> int:
    """Return the bytes of all live versions, equal content counted each time."""
    return int(tx.scalar(_TOTAL_SIZE) or 0)


def live_digests() -> Select[tuple[str]]:
    """Return the query for the manifests that live versions have."""
    return select(versions.c.digest).where(and_(_LIVE, versions.c.digest != "")).distinct()


def _write_metrics(tx: Transaction, seq: int, model_id: str, metrics: Mapping[str, float]) -> None:
    values = {canonical(name): value for name, value in metrics.items()}
    rows = [
        {"version_seq": seq, "model_id": model_id, "metric": name, "value": value} for name, value in values.items()
    ]
    if rows:
        tx.run(_INSERT_METRIC, rows)
