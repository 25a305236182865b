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

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Row,
    Select,
    String,
    Tuple,
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

from modelyard.domain.durations import later
from modelyard.domain.paging import UNBOUNDED
from modelyard.domain.wire import EventRecord
from modelyard.metadata.database import Transaction, known
from modelyard.metadata.journal import record_of
from modelyard.metadata.scopes import limited
from modelyard.metadata.tables import DEFAULT_WORKSPACE, events

Place = tuple[int, int]
"""A place in the order: the transaction and the sequence of an event."""

BEGINNING: Final[Place] = (-(1 << 62), 0)
END: Final[Place] = (UNBOUNDED, UNBOUNDED)
LONGEST_S: Final = 600.0
"""Seconds that no transaction lasts from its look at the clock to its event."""
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
_NEWEST_AT = select(func.max(events.c.at)).where(events.c.at <= bindparam("until"))
_BETWEEN = select(events.c.txid, events.c.seq).where(
    events.c.at >= bindparam("since"), events.c.at <= bindparam("until")
)
# By the bare columns, PostgreSQL would walk back along all events to the moment.
_LAST_PLACE = _BETWEEN.order_by((events.c.txid + 0).desc(), (events.c.seq + 0).desc()).limit(1)
_LAST_NUMBER = _BETWEEN.order_by((events.c.seq + 0).desc()).limit(1)
_KEPT_BACK = select(literal(1)).where(events.c.txid >= _OLDEST_RUNNING).limit(1)
_FROM_ELSEWHERE = select(func.max(events.c.txid) >= _UNREACHED).select_from(events)
_HIGHEST = select(func.max(events.c.txid)).scalar_subquery()
_MOVE_BELOW = update(events).values(txid=events.c.txid - _HIGHEST)
_LOCK = text("LOCK TABLE events IN EXCLUSIVE MODE")


@dataclass(frozen=True, kw_only=True)
class Which:
    """Which events are wanted.

    Attributes:
        types: only those whose type matches one of these patterns.
        models: only those of models whose name matches one of these patterns; not asked of a line.
        actor: only what somebody of this name did; empty for everybody.
        until: only up to this moment, itself included; empty for all.
    """

    types: Sequence[str] = ALL
    models: Sequence[str] = ALL
    actor: str = ""
    until: str = ""


@dataclass(frozen=True)
class Line:
    """The events of a model, or of one version; one of the two ids is given."""

    model_id: str = ""
    version_id: str = ""


EVERY: Final = Which()


def page(
    tx: Transaction, which: Which = EVERY, *, after: Place, before: Place | None = None, limit: int, back: bool = False
) -> list[EventRecord]:
    """Return events between two places, in the feed's order, or from the last one back.

    Args:
        tx: the transaction.
        which: which events.
        after: the place behind which they lie.
        before: the place that they lie before.
        limit: the most to return.
        back: whether the newest comes first.
    """
    if which.actor or which.until:
        tx.plan_each()
    end = _end(tx, which)
    if not which.models or end is None:
        return []
    query = limited(_page(tx.dialect, _shape(which), back), events.c.model, which.models)
    values = {**_bounds(after, min(before or END, end)), **_values(which), "limit": limit}
    return [record_of(row) for row in tx.all(query, values)]


def page_of_line(
    tx: Transaction,
    line: Line,
    which: Which = EVERY,
    *,
    after: int,
    before: int = UNBOUNDED,
    limit: int,
    back: bool = False,
) -> list[EventRecord]:
    """Return events of a line between two sequence numbers, in the order of the chain, or from the last one back."""
    end = _end(tx, which, _LAST_NUMBER)
    if end is None:
        return []
    query = _line(bool(line.version_id), _shape(which), back)
    values = {"low": after, "high": min(before, end[1]), "limit": limit, "key": line.version_id or line.model_id}
    return [record_of(row) for row in tx.all(query, {**values, **_values(which)})]


def sequence_before_last(tx: Transaction, count: int, line: Line, which: Which = EVERY) -> int:
    """Return the sequence that the last `count` events of a line come after."""
    query = _line_tail(bool(line.version_id), _shape(which))
    return int(tx.scalar(query, {"count": count, "key": line.version_id or line.model_id, **_values(which)}) or 0)


def place_of(tx: Transaction, sequence: int) -> Place:
    """Return the place of an event by its sequence, or that of the nearest one below it."""
    row = tx.first(_NEAREST, {"seq": sequence}) if sequence > 0 else None
    return BEGINNING if row is None else (row.txid, row.seq)


def place_before_last(tx: Transaction, count: int, which: Which = EVERY) -> Place:
    """Return the place that the last `count` events come after."""
    end = _end(tx, which)
    if end is None:
        return BEGINNING
    query = limited(_tail(tx.dialect, _shape(which)), events.c.model, which.models)
    row: Row[Any] | None = tx.first(query, {"count": count, **_bounds(BEGINNING, end), **_values(which)})
    return BEGINNING if row is None else (row.txid, row.seq)


def end(tx: Transaction) -> Place:
    """Return the place of the last event that the feed shows, whoever may see it."""
    return place_before_last(tx, 0)


def _end(tx: Transaction, which: Which, last: Select[Any] = _LAST_PLACE) -> Place | None:
    """Return the place that all events up to a moment lie before; None where there are none.

    A writer looks at the clock before it is given a number, so the last number is not always that of the latest moment.
    It is that of an event not long before, for no transaction lasts `LONGEST_S`.
    """
    if not which.until:
        return END
    newest = tx.scalar(_NEWEST_AT, {"until": which.until})
    if newest is None:
        return None
    row = known(tx.first(last, {"since": later(newest, -LONGEST_S), "until": which.until}))
    return row.txid, row.seq + 1


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


class _Shape(NamedTuple):
    """What a query is built by: how many types it names, whether an actor, whether a moment."""

    types: int
    actor: bool
    until: bool


def _shape(which: Which) -> _Shape:
    return _Shape(len(_selective(which.types)), bool(which.actor), bool(which.until))


def _values(which: Which) -> dict[str, str]:
    types = {f"type{number}": as_start(pattern) for number, pattern in enumerate(_selective(which.types))}
    return {**types, "actor": which.actor, "until": which.until}


def _bounds(low: Place, high: Place) -> dict[str, int]:
    return {"low_txid": low[0], "low": low[1], "high_txid": high[0], "high": high[1]}


def _met(shape: _Shape) -> Iterator[ColumnElement[bool]]:
    if shape.types:
        yield matching(events.c.type, "type", shape.types)
    if shape.actor:
        yield events.c.actor == bindparam("actor")
    if shape.until:
        yield events.c.at <= bindparam("until")


@cache
def _chosen(dialect: str, shape: _Shape) -> Select[Any]:
    query = select(events).where(events.c.workspace == DEFAULT_WORKSPACE, *_met(shape))
    if dialect == "sqlite":
        # It would not find a pair by its index; and that of an actor's events has the transaction before the sequence.
        query = query.where(events.c.txid == 0) if shape.actor else query
        return query.where(events.c.seq > bindparam("low"), events.c.seq < bindparam("high"))
    return query.where(events.c.txid < _OLDEST_RUNNING, _pair > _bound_pair("low"), _pair < _bound_pair("high"))


def _bound_pair(name: str) -> Tuple:
    return tuple_(bindparam(f"{name}_txid", type_=BigInteger), bindparam(name, type_=BigInteger))


@cache
def _page(dialect: str, shape: _Shape, back: bool) -> Select[Any]:  # noqa: FBT001 - a key of the cache
    return _ordered(_chosen(dialect, shape), dialect, back=back).limit(bindparam("limit"))


def _ordered(query: Select[Any], dialect: str, *, back: bool) -> Select[Any]:
    columns = [events.c.seq] if dialect == "sqlite" else [events.c.txid, events.c.seq]
    return query.order_by(*(column.desc() if back else column.asc() for column in columns))


@cache
def _tail(dialect: str, shape: _Shape) -> Select[Any]:
    return _ordered(_chosen(dialect, shape), dialect, back=True).limit(1).offset(bindparam("count"))


@cache
def _chosen_line(of_version: bool, shape: _Shape) -> Select[Any]:  # noqa: FBT001 - a key of the cache
    column = events.c.version_id if of_version else events.c.model_id
    return select(events).where(column == bindparam("key"), *_met(shape))


@cache
def _line(of_version: bool, shape: _Shape, back: bool) -> Select[Any]:  # noqa: FBT001 - a key of the cache
    query = _chosen_line(of_version, shape)
    query = query.where(events.c.seq > bindparam("low"), events.c.seq < bindparam("high"))
    return query.order_by(events.c.seq.desc() if back else events.c.seq).limit(bindparam("limit"))


@cache
def _line_tail(of_version: bool, shape: _Shape) -> Select[Any]:  # noqa: FBT001 - a key of the cache
    newest_first = _chosen_line(of_version, shape).order_by(events.c.seq.desc())
    return newest_first.with_only_columns(events.c.seq).limit(1).offset(bindparam("count"))
