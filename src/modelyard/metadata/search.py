"""The index of words: which versions contain all of some word beginnings, the newest first.

The words of a version are made by `modelyard.domain.search`, the same for every dialect; here they are only stored and
matched, so that a page of a search costs about the same over a thousand versions and over a hundred thousand:

- SQLite keeps prefixes of 2 to 8 letters as terms of their own (FTS5 `prefix`), each with its versions in order, so
  that nothing has to be merged or sorted.
- PostgreSQL's index (GIN) has no order: all matches are fetched and sorted. So the newest versions are looked through
  first, where frequent words fill a page at once; only rarer ones are left to the index.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Select,
    Text,
    TextClause,
    bindparam,
    cast,
    column,
    exists,
    func,
    literal,
    select,
    table,
    text,
)
from sqlalchemy.dialects import postgresql

from modelyard.domain.selection import EVERYTHING, Selection
from modelyard.metadata import selecting
from modelyard.metadata.database import Transaction
from modelyard.metadata.scopes import EVERY_MODEL, is_all, within
from modelyard.metadata.tables import DEFAULT_WORKSPACE, SEQUENCE, models, versions

INSERT: dict[str, TextClause] = {
    "sqlite": text("INSERT INTO versions_search(rowid, body) VALUES (:seq, :body)"),
    "postgresql": text(
        "INSERT INTO versions_search(seq, body) VALUES (:seq, array_to_tsvector(string_to_array(:body, ' ')))"
    ),
}
DELETE: dict[str, TextClause] = {
    "sqlite": text("DELETE FROM versions_search WHERE rowid = :seq"),
    "postgresql": text("DELETE FROM versions_search WHERE seq = :seq"),
}

NEWEST = 2_000
"""How many of the newest versions PostgreSQL looks through before it asks the index."""

UNBOUNDED = 1 << 62
"""A number that no sequence reaches."""

_PATTERN: BindParameter[Any] = bindparam("pattern")
_STAGE: BindParameter[Any] = bindparam("stage")
_BEFORE: BindParameter[Any] = bindparam("before")
_LIMIT: BindParameter[Any] = bindparam("limit")

_fts = table("versions_search", column("rowid", SEQUENCE), column("versions_search"), column("body", Text))
_words = table("versions_search", column("seq", SEQUENCE), column("body"))
_staged = select(versions.c.seq).where(versions.c.workspace == DEFAULT_WORKSPACE, versions.c.stage == _STAGE)


def _matches(body: ColumnElement[Any]) -> ColumnElement[bool]:
    return body.op("@@", is_comparison=True)(cast(_PATTERN, postgresql.TSQUERY))


def _newest(source: Select[Any]) -> Select[Any]:
    """Return the query for versions from the newest on."""
    number = source.selected_columns.seq
    return source.where(number < _BEFORE).order_by(number.desc())


def _in_fts() -> Select[Any]:
    matched = _fts.c.versions_search.op("MATCH", is_comparison=True)(_PATTERN)
    query = select(_fts.c.rowid.label("seq")).where(matched, _fts.c.rowid < _BEFORE)
    return query.order_by(_fts.c.rowid.desc()).limit(_LIMIT)


def _among_newest() -> Select[Any]:
    """Return the query that looks through the newest versions one by one, and stops when a page is full."""
    window = _newest(select(_words)).limit(NEWEST).subquery()
    return select(window.c.seq).where(_matches(window.c.body)).order_by(window.c.seq.desc()).limit(_LIMIT)


def _among_newest_staged() -> Select[Any]:
    window = _newest(_staged).limit(NEWEST).subquery()
    body = select(_words.c.body).where(_words.c.seq == window.c.seq).scalar_subquery()
    return select(window.c.seq).where(_matches(body)).order_by(window.c.seq.desc()).limit(_LIMIT)


def _in_gin() -> Select[Any]:
    # With the bare column, PostgreSQL may decide to walk along all versions instead.
    number = _words.c.seq + 0
    return select(_words.c.seq).where(_matches(_words.c.body), number < _BEFORE).order_by(number.desc()).limit(_LIMIT)


# They are built once: building one costs more than running it.
_FTS, _GIN = _in_fts(), _in_gin()
_AMONG = _among_newest(), _among_newest_staged()
_OLDEST = tuple(_newest(source).offset(NEWEST - 1).limit(1) for source in (select(_words.c.seq), _staged))


def index(tx: Transaction, seq: int, body: str) -> None:
    """Store a version's words, in place of those stored before."""
    tx.run(DELETE[tx.dialect], {"seq": seq})
    tx.run(INSERT[tx.dialect], {"seq": seq, "body": body})


def forget(tx: Transaction, seq: int) -> None:
    """Remove a version's words."""
    tx.run(DELETE[tx.dialect], {"seq": seq})


def find(
    tx: Transaction,
    terms: Sequence[str],
    *,
    wanted: Selection = EVERYTHING,
    placed: bool = False,
    before: int | None,
    limit: int,
    seen: Sequence[str] = EVERY_MODEL,
) -> list[int]:
    """Return up to `limit` sequence numbers of matching versions, the newest first.

    Args:
        tx: the transaction.
        terms: beginnings of words that a version must have.
        wanted: what else is demanded of the versions.
        placed: whether the stage that is demanded may also be one of an environment.
        before: the sequence number of the last version that was seen.
        limit: the most to return.
        seen: patterns of the models whose versions may be shown.
    """
    tx.plan_each()
    few = selecting.few_versions(tx, wanted, placed=placed)
    if few == []:
        return []
    conditions = list(selecting.of_versions(wanted, placed=placed))
    if not is_all(seen):
        conditions.append(exists().where(models.c.id == versions.c.model_id, within(models.c.name, seen)))
    values = {"stage": wanted.stage, "before": UNBOUNDED if before is None else before, "limit": limit}
    if tx.dialect == "sqlite":
        query = _chosen(_FTS if few is None else _among(few, terms), _fts.c.rowid, conditions)
        return _numbers(tx, query, {**values, "pattern": " ".join(f'"{term}"*' for term in terms)})
    values["pattern"] = " & ".join(f"'{term}':*" for term in terms)
    if few is not None:
        return _numbers(tx, _chosen(_GIN.where(_words.c.seq.in_(few)), _words.c.seq, conditions), values)
    staged = bool(wanted.stage) and not placed
    among = _AMONG[staged]
    found = _numbers(tx, _chosen(among, among.get_final_froms()[0].c.seq, conditions), values)
    oldest = tx.scalar(_OLDEST[staged], values) if len(found) < limit else None
    if oldest is not None:
        rest = {**values, "before": oldest, "limit": limit - len(found)}
        found += _numbers(tx, _chosen(_GIN, _words.c.seq, conditions), rest)
    return found


def _among(few: Sequence[int], terms: Sequence[str]) -> Select[Any]:
    """Return the query that looks at the words of some versions in SQLite.

    FTS5 would go through a frequent word's versions from the first one on, once for each of them.
    """
    words = literal(" ").concat(_fts.c.body)
    query = select(_fts.c.rowid.label("seq")).where(_fts.c.rowid.in_(few), _fts.c.rowid < _BEFORE)
    query = query.where(*(func.instr(words, f" {term}") > 0 for term in terms))
    return query.order_by(_fts.c.rowid.desc()).limit(_LIMIT)


def _chosen(query: Select[Any], number: ColumnElement[Any], conditions: Sequence[ColumnElement[bool]]) -> Select[Any]:
    """Leave out what does not meet all conditions. Versions are looked up one by one.

    A join would let PostgreSQL begin with all versions of a stage, or with all matches.
    """
    if not conditions:
        return query
    one = select(versions.c.seq).where(versions.c.seq == number, *conditions)
    return query.where(one.scalar_subquery().is_not(None))


def _numbers(tx: Transaction, query: Select[Any], values: Mapping[str, Any]) -> list[int]:
    return [row.seq for row in tx.all(query, values)]
