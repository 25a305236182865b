"""The index of words: which versions contain all of some word beginnings, the newest first.

The words of a version are made by `modelyard.domain.search`, the same for every dialect; here they are only stored and
matched. SQLite keeps prefixes of 2 to 8 letters as terms of their own (FTS5 `prefix`): a page of a search then costs
the same over a thousand versions and over a hundred thousand, because nothing has to be merged or sorted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, TextClause, column, func, literal_column, select, table, text

from modelyard.metadata.database import Transaction
from modelyard.metadata.tables import versions

INSERT: dict[str, TextClause] = {
    "sqlite": text("INSERT INTO versions_search(rowid, body) VALUES (:seq, :body)"),
    "postgresql": text("INSERT INTO versions_search(seq, body) VALUES (:seq, to_tsvector('simple', :body))"),
}
DELETE: dict[str, TextClause] = {
    "sqlite": text("DELETE FROM versions_search WHERE rowid = :seq"),
    "postgresql": text("DELETE FROM versions_search WHERE seq = :seq"),
}

_sqlite_index = table("versions_search", column("rowid"), column("versions_search"))
_postgresql_index = table("versions_search", column("seq"), column("body"))


def index(tx: Transaction, seq: int, body: str) -> None:
    """Store a version's words, in place of those stored before."""
    tx.run(DELETE[tx.dialect], {"seq": seq})
    tx.run(INSERT[tx.dialect], {"seq": seq, "body": body})


def forget(tx: Transaction, seq: int) -> None:
    """Remove a version's words."""
    tx.run(DELETE[tx.dialect], {"seq": seq})


def matching(dialect: str, terms: Sequence[str], before: int | None) -> Select[tuple[int]]:
    """Return the query for the sequence numbers of the versions that match all terms, the newest first."""
    if dialect == "sqlite":
        number: ColumnElement[Any] = literal_column("versions_search.rowid")
        pattern = " ".join(f'"{term}"*' for term in terms)
        query = (
            select(number.label("seq"))
            .select_from(_sqlite_index)
            .where(_sqlite_index.c.versions_search.op("MATCH")(pattern))
        )
    else:
        number = _postgresql_index.c.seq
        pattern = " & ".join(f"{term}:*" for term in terms)
        query = select(number.label("seq")).where(_postgresql_index.c.body.op("@@")(func.to_tsquery("simple", pattern)))
    if before is not None:
        query = query.where(number < before)
    return query.order_by(number.desc())


def find(tx: Transaction, terms: Sequence[str], *, stage: str, before: int | None, limit: int) -> list[int]:
    """Return up to `limit` sequence numbers of matching versions, the newest first."""
    query = matching(tx.dialect, terms, before)
    if stage:
        hits = query.subquery()
        joined = select(hits.c.seq).join(versions, versions.c.seq == hits.c.seq)
        query = joined.where(versions.c.stage == stage).order_by(hits.c.seq.desc())
    return [row.seq for row in tx.all(query.limit(limit))]
