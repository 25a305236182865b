"""The index of words: which versions contain all of some word beginnings, the newest first.

The words of a version are made by `modelyard.domain.search`, the same for every dialect; here they are only stored and
matched, so that a page of a search costs about the same over a thousand versions and over a hundred thousand:

- SQLite keeps prefixes of 2 to 8 letters as terms of their own (FTS5 `prefix`), each with its versions in order: nothing
  has to be merged or sorted.
- PostgreSQL's index (GIN) has no order: all matches are fetched and sorted. So the newest versions are looked through
  first, where frequent words fill a page at once; only rarer ones are left to the index.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, TextClause, column, func, literal_column, select, table, text

from modelyard.metadata.database import Transaction
from modelyard.metadata.tables import SEQUENCE, versions

INSERT: dict[str, TextClause] = {
    "sqlite": text("INSERT INTO versions_search(rowid, body) VALUES (:seq, :body)"),
    "postgresql": text("INSERT INTO versions_search(seq, body) VALUES (:seq, to_tsvector('simple', :body))"),
}
DELETE: dict[str, TextClause] = {
    "sqlite": text("DELETE FROM versions_search WHERE rowid = :seq"),
    "postgresql": text("DELETE FROM versions_search WHERE seq = :seq"),
}

NEWEST = 4_000
"""How many of the newest versions PostgreSQL looks through before it asks the index."""

_fts = table("versions_search", column("rowid"), column("versions_search"))
_words = table("versions_search", column("seq", SEQUENCE), column("body"))


def index(tx: Transaction, seq: int, body: str) -> None:
    """Store a version's words, in place of those stored before."""
    tx.run(DELETE[tx.dialect], {"seq": seq})
    tx.run(INSERT[tx.dialect], {"seq": seq, "body": body})


def forget(tx: Transaction, seq: int) -> None:
    """Remove a version's words."""
    tx.run(DELETE[tx.dialect], {"seq": seq})


def find(tx: Transaction, terms: Sequence[str], *, stage: str, before: int | None, limit: int) -> list[int]:
    """Return up to `limit` sequence numbers of matching versions, the newest first."""
    if tx.dialect == "sqlite":
        return _first(tx, _in_fts(terms, before), stage, limit)
    found = _first(tx, _among_newest(terms, before), stage, limit)
    return found if len(found) == limit else _first(tx, _in_gin(terms, before), stage, limit)


def _first(tx: Transaction, hits: Select[tuple[int]], stage: str, limit: int) -> list[int]:
    """Run a query for sequence numbers, narrowed to a stage if one is given."""
    if stage:
        found = hits.subquery()
        joined = select(found.c.seq).join(versions, versions.c.seq == found.c.seq)
        hits = joined.where(versions.c.stage == stage).order_by(found.c.seq.desc())
    return [row.seq for row in tx.all(hits.limit(limit))]


def _in_fts(terms: Sequence[str], before: int | None) -> Select[tuple[int]]:
    number: ColumnElement[Any] = literal_column("versions_search.rowid")
    pattern = " ".join(f'"{term}"*' for term in terms)
    query = select(number.label("seq")).select_from(_fts).where(_fts.c.versions_search.op("MATCH")(pattern))
    return (query if before is None else query.where(number < before)).order_by(number.desc())


def _among_newest(terms: Sequence[str], before: int | None) -> Select[tuple[int]]:
    newest = select(_words.c.seq, _words.c.body).order_by(_words.c.seq.desc()).limit(NEWEST)
    window = (newest if before is None else newest.where(_words.c.seq < before)).subquery()
    return select(window.c.seq).where(_matches(window.c.body, terms)).order_by(window.c.seq.desc())


def _in_gin(terms: Sequence[str], before: int | None) -> Select[tuple[int]]:
    query = select(_words.c.seq).where(_matches(_words.c.body, terms))
    # Ordered by the bare column, PostgreSQL may decide to walk along all versions instead.
    return (query if before is None else query.where(_words.c.seq < before)).order_by((_words.c.seq + 0).desc())


def _matches(body: ColumnElement[Any], terms: Sequence[str]) -> ColumnElement[bool]:
    return body.op("@@", is_comparison=True)(func.to_tsquery("simple", " & ".join(f"{term}:*" for term in terms)))
