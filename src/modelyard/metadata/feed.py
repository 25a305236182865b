"""The feed: the events of all models in one order that a follower can rely on.

Rules
1. A follower that asks again and again for what comes after the last event that it saw gets every event once.
2. PostgreSQL numbers events before they become visible: a long transaction commits the event 7 after others have
   committed 8 and 9. So the order is (transaction, sequence), and only events of transactions are shown that are older
   than every one that still runs. What those will bring has a place behind all that is shown. The price: while a
   transaction runs, anywhere in that PostgreSQL, the events committed after it began are kept back.
3. SQLite has one writer at a time: there the transaction is always 0, and the order is that of the sequence.
4. A restored dump may hold numbers of transactions that its new server has not reached yet. When the database is
   opened, all are moved to zero and below, each as far as the others, which keeps their order (`settle`).
5. The events of one model are written under its lock, so their sequence is their order and nothing is kept back.

A place in the feed is told by the sequence of an event; it stands for the pair. A number that no event has stands for
the nearest one below it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Row,
    Select,
    String,
    bindparam,
    func,
    literal,
    literal_column,
    or_,
    select,
    text,
    tuple_,
    update,
)

from modelyard.domain.wire import EventRecord
from modelyard.metadata.database import Transaction
from modelyard.metadata.journal import record_of
from modelyard.metadata.scopes import limited
from modelyard.metadata.tables import DEFAULT_WORKSPACE, events

Place = tuple[int, int]
"""A place in the order: the transaction and the sequence of an event."""

BEGINNING: Final[Place] = (-(1 << 62), 0)
_ANY: Final = "*"
_END: Final = "\x01"
"""What no name and no type of an event has: with it behind a value, the value's end is part of its beginning."""
ALL: Final = (_ANY,)


def _of_snapshot(bound: str) -> ColumnElement[int]:
    return literal_column(f"pg_snapshot_{bound}(pg_current_snapshot())::text::bigint", BigInteger)


_OLDEST_RUNNING: ColumnElement[int] = literal_column(
    "pg_snapshot_xmin(pg_current_snapshot())::text::bigint", BigInteger
)
_UNREACHED: ColumnElement[int] = _of_snapshot("xmax")
_pair = tuple_(events.c.txid, events.c.seq)
_ORDER = (events.c.txid, events.c.seq)

_NEAREST = (
    select(events.c.txid, events.c.seq).where(events.c.seq <= bindparam("seq")).order_by(events.c.seq.desc()).limit(1)
)
_KEPT_BACK = select(literal(1)).where(events.c.txid >= _OLDEST_RUNNING).limit(1)
_FROM_ELSEWHERE = select(func.max(events.c.txid) >= _UNREACHED).select_from(events)
_HIGHEST = select(func.max(events.c.txid)).scalar_subquery()
_MOVE_BELOW = update(events).values(txid=events.c.txid - _HIGHEST)
_LOCK = text("LOCK TABLE events IN EXCLUSIVE MODE")


def page(
    tx: Transaction, *, after: Place, limit: int, types: Sequence[str] = ALL, models: Sequence[str] = ALL
) -> list[EventRecord]:
    """Return events from behind a place on, in the feed's order.

    Args:
        tx: the transaction.
        after: the place of the last event that was seen.
        limit: the most to return.
        types: only events whose type matches one of these patterns.
        models: only events of models whose name matches one of these patterns.
    """
    if not models:
        return []
    types = _selective(types)
    query = limited(_page(tx.dialect, len(types)), events.c.model, models)
    values = {"txid": after[0], "seq": after[1], "limit": limit, **_values(types)}
    return [record_of(row) for row in tx.all(query, values)]


def page_of_line(
    tx: Transaction, *, after: int, limit: int, model_id: str = "", version_id: str = "", types: Sequence[str] = ALL
) -> list[EventRecord]:
    """Return events of one model, or of one version, from behind a sequence number on, in the order of the chain."""
    types = _selective(types)
    query = _line(bool(version_id), len(types))
    values = {"seq": after, "limit": limit, "key": version_id or model_id, **_values(types)}
    return [record_of(row) for row in tx.all(query, values)]


def sequence_before_last(
    tx: Transaction, count: int, *, model_id: str = "", version_id: str = "", types: Sequence[str] = ALL
) -> int:
    """Return the sequence that the last `count` events of a line come after; arguments as for `page_of_line`."""
    types = _selective(types)
    query = _line_tail(bool(version_id), len(types))
    return int(tx.scalar(query, {"count": count, "key": version_id or model_id, **_values(types)}) or 0)


def place_of(tx: Transaction, sequence: int) -> Place:
    """Return the place of an event by its sequence, or that of the nearest one below it."""
    row = tx.first(_NEAREST, {"seq": sequence}) if sequence > 0 else None
    return BEGINNING if row is None else (row.txid, row.seq)


def place_before_last(tx: Transaction, count: int, *, types: Sequence[str] = ALL, models: Sequence[str] = ALL) -> Place:
    """Return the place that the last `count` events come after; the other arguments are those of `page`."""
    types = _selective(types)
    query = limited(_tail(tx.dialect, len(types)), events.c.model, models)
    row: Row[Any] | None = tx.first(query, {"count": count, **_values(types)})
    return BEGINNING if row is None else (row.txid, row.seq)


def end(tx: Transaction) -> Place:
    """Return the place of the last event that the feed shows, whoever may see it."""
    return place_before_last(tx, 0)


def keeps_back(tx: Transaction) -> bool:
    """Tell whether there are committed events that the feed does not show yet: it will, even if nothing is written."""
    return tx.dialect == "postgresql" and tx.scalar(_KEPT_BACK) is not None


def comes_from_elsewhere(tx: Transaction) -> bool:
    """Tell whether events carry numbers of transactions that this server has not reached, as in a restored dump."""
    return tx.dialect == "postgresql" and bool(tx.scalar(_FROM_ELSEWHERE))


def settle(tx: Transaction) -> None:
    """Move the events of another server below all that this one will write, in the same order."""
    tx.run(_LOCK)
    if comes_from_elsewhere(tx):
        tx.run(_MOVE_BELOW)


def matching(column: ColumnElement[str], name: str, count: int) -> ColumnElement[bool]:
    """Return the condition that a column matches one of `count` patterns, bound as `name0`, `name1`, ….

    Bind the patterns through `as_start`. LIKE would not tell upper case from lower case on SQLite.
    """
    starts = [bindparam(f"{name}{number}", type_=String) for number in range(count)]
    ended = column.concat(literal(_END, String))
    return or_(*(func.substr(ended, 1, func.length(start)) == start for start in starts))


def as_start(pattern: str) -> str:
    """Return how a value that matches a pattern begins; only a `*` at the end of a pattern is special."""
    return pattern.removesuffix(_ANY) if pattern.endswith(_ANY) else pattern + _END


def _selective(patterns: Sequence[str]) -> Sequence[str]:
    """Return the patterns, or none where one of them matches everything."""
    return () if _ANY in patterns else patterns


def _values(types: Sequence[str]) -> dict[str, str]:
    return {f"type{number}": as_start(pattern) for number, pattern in enumerate(types)}


@cache
def _chosen(dialect: str, types: int) -> Select[Any]:
    query = select(events).where(events.c.workspace == DEFAULT_WORKSPACE)
    if dialect == "postgresql":
        query = query.where(events.c.txid < _OLDEST_RUNNING)
    if types:
        query = query.where(matching(events.c.type, "type", types))
    return query


@cache
def _page(dialect: str, types: int) -> Select[Any]:
    query = _chosen(dialect, types).limit(bindparam("limit"))
    if dialect == "sqlite":
        # It would not find a pair by its index.
        return query.where(events.c.seq > bindparam("seq")).order_by(events.c.seq)
    after = tuple_(bindparam("txid", type_=BigInteger), bindparam("seq", type_=BigInteger))
    return query.where(_pair > after).order_by(*_ORDER)


@cache
def _tail(dialect: str, types: int) -> Select[Any]:
    newest_first = (events.c.seq.desc(),) if dialect == "sqlite" else (events.c.txid.desc(), events.c.seq.desc())
    return _chosen(dialect, types).order_by(*newest_first).limit(1).offset(bindparam("count"))


@cache
def _chosen_line(of_version: bool, types: int) -> Select[Any]:  # noqa: FBT001 - a key of the cache
    column = events.c.version_id if of_version else events.c.model_id
    query = select(events).where(column == bindparam("key"))
    return query.where(matching(events.c.type, "type", types)) if types else query


@cache
def _line(of_version: bool, types: int) -> Select[Any]:  # noqa: FBT001 - a key of the cache
    query = _chosen_line(of_version, types).where(events.c.seq > bindparam("seq"))
    return query.order_by(events.c.seq).limit(bindparam("limit"))


@cache
def _line_tail(of_version: bool, types: int) -> Select[Any]:  # noqa: FBT001 - a key of the cache
    newest_first = _chosen_line(of_version, types).order_by(events.c.seq.desc())
    return newest_first.with_only_columns(events.c.seq).limit(1).offset(bindparam("count"))
