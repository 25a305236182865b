"""Rows of what predictions did, by version, endpoint, epoch, role, span of time, and the process that wrote them.

Rules
- A row holds a part of what its writer saw of its span; it is added to, and each count is in exactly one row. So
  minutes that were added up to an hour do not mind what is written late: it makes a new row, which is added later.
- A writer numbers what it writes. What it has written stands with its number in one transaction (`taken`), so a repeat
  after a failure that nobody understands counts nothing twice.
- Writers never touch each other's rows; hours and days belong to no writer, and only whoever controls makes them.
- An endpoint's rows stay when it is gone; nobody looks for them then.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, Row, and_, bindparam, delete, insert, or_, select, update

from modelyard.domain.canonical import encoded
from modelyard.domain.cells import Cell, latency_of_bins
from modelyard.domain.sketch import Sketch
from modelyard.domain.spans import DAY, HOUR, MINUTE, SECONDS, begin_of
from modelyard.metadata.database import Transaction
from modelyard.metadata.tables import observations, recorders, versions

KEY = ("version_id", "endpoint_id", "epoch", "role", "span", "start", "writer")
MOST = 2**63 - 1
"""The largest number that a column takes; what an application makes up ends here, and breaks nothing."""
NOBODY = ""
"""Writer of what was added up."""
AT_ONCE = 500
"""Rows that are held in memory together where there may be very many."""

_COUNTS = ("requests", "errors", "codes", "tokens", "cost_nano", "latency_ns", "latency", "sizes", "updated_at")
_IS_ROW = and_(*(observations.c[name] == bindparam(f"key_{name}") for name in KEY))
_ORDER = [observations.c[name] for name in ("start", *(name for name in KEY if name != "start"))]

_ONE = select(observations).where(_IS_ROW).with_for_update()
_INSERT = insert(observations)
_SET = update(observations).where(_IS_ROW).values({name: bindparam(name) for name in _COUNTS})
_DROP = delete(observations).where(_IS_ROW)
_OLD = (observations.c.span == bindparam("span"), observations.c.start < bindparam("before"))
_IS_OLD = select(observations.c.start).where(*_OLD).limit(1)
_OLDEST = select(observations).where(*_OLD).order_by(*_ORDER).limit(bindparam("most")).with_for_update()
_EARLIEST: Mapping[str, ColumnElement[bool]] = {
    span: and_(observations.c.span == span, observations.c.start >= bindparam(f"since_{span}")) for span in SECONDS
}
_IN_RANGE = and_(or_(*_EARLIEST.values()), observations.c.start < bindparam("until"))
_OF_VERSION = select(observations).where(
    observations.c.version_id == bindparam("version_id"),
    observations.c.endpoint_id == bindparam("endpoint_id"),
    observations.c.role == bindparam("role"),
    _IN_RANGE,
)
_OF_MODEL = (
    select(observations)
    .join(versions, versions.c.id == observations.c.version_id)
    .where(versions.c.model_id == bindparam("model_id"), versions.c.deleted_at.is_(None), _IN_RANGE)
)
_VERSION = select(versions.c.version).where(versions.c.id == bindparam("version_id"))
_IS_WRITER = recorders.c.writer == bindparam("key")
_TAKEN = select(recorders.c.number).where(_IS_WRITER)
_TAKE = update(recorders).where(_IS_WRITER).values(number=bindparam("number"), updated_at=bindparam("updated_at"))
_FIRST = insert(recorders)
_SILENT = select(recorders.c.writer).where(recorders.c.updated_at < bindparam("before")).limit(1)
_FORGET = delete(recorders).where(recorders.c.updated_at < bindparam("before"))

_codes = msgspec.json.Decoder(dict[str, int]).decode


class Place(NamedTuple):
    """What a row is about, beside who wrote it."""

    version_id: str
    endpoint_id: str
    epoch: int
    role: str
    span: str
    start: str


def add(tx: Transaction, writer: str, cells: Mapping[Place, Cell], at: str) -> None:
    """Add what was counted to a writer's rows; rows that are not there are made."""
    # In one order, so that no two transactions wait for each other's rows.
    for place in sorted(cells, key=lambda one: (one.start, *one)):
        key = {f"key_{name}": value for name, value in zip(KEY, (*place, writer), strict=True)}
        before = tx.first(_ONE, key)
        cell = cells[place]
        if before is None:
            tx.run(_INSERT, {**place._asdict(), "writer": writer, **_values(cell, at)})
        else:
            tx.run(_SET, {**key, **_values(Cell.sum((cell_of(before), cell)), at)})


def put(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows with all their columns, in place of those of the same keys."""
    if rows:
        remove(tx, rows)
        tx.run(_INSERT, rows)


def remove(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    """Delete rows by their keys."""
    tx.run(_DROP, [{f"key_{name}": row[name] for name in KEY} for row in rows])


def cell_of(row: Row[Any]) -> Cell:
    """Return what a row has counted.

    Raises:
        RegistryCorrupt: a sketch in it is damaged.
    """
    cell = Cell()
    cell.requests, cell.errors, cell.tokens = row.requests, row.errors, row.tokens
    cell.bins, cell.sizes = Sketch.from_json(row.latency).bins, Sketch.from_json(row.sizes).bins
    # Rows from before schema 0004 have no sum.
    cell.cost_nano, cell.latency_ns = row.cost_nano, row.latency_ns or latency_of_bins(cell.bins)
    cell.codes = _codes(row.codes)
    return cell


def place_of(row: Row[Any]) -> Place:
    """Return what a row is about."""
    return Place(*(getattr(row, name) for name in Place._fields))


def is_old(tx: Transaction, span: str, before: str) -> bool:
    """Whether there are rows of a span that begin before a moment."""
    return tx.first(_IS_OLD, {"span": span, "before": before}) is not None


def oldest(tx: Transaction, span: str, before: str, most: int) -> Sequence[Row[Any]]:
    """Return rows of a span that begin before a moment, the oldest first, and hold them until the transaction ends."""
    return tx.all(_OLDEST, {"span": span, "before": before, "most": most})


def of_version(
    tx: Transaction,
    endpoint_id: str,
    version_id: str,
    *,
    role: str,
    epochs: Collection[int] | None = None,
    since: str | None = None,
) -> Sequence[Row[Any]]:
    """Return the rows of a version at an endpoint; where these are given, of some epochs, and from a span on."""
    query = _OF_VERSION
    if epochs is not None:
        query = query.where(observations.c.epoch.in_(sorted(epochs)))
    values = {"endpoint_id": endpoint_id, "version_id": version_id, "role": role}
    return tx.all(query, {**values, **_range(since, None)})


def of_model(
    tx: Transaction,
    model_id: str,
    *,
    since: str,
    until: str | None = None,
    version_id: str | None = None,
    endpoint_id: str | None = None,
    role: str | None = None,
) -> Iterator[Row[Any]]:
    """Yield the rows of a model's versions between two moments.

    Args:
        tx: the transaction to read in.
        model_id: the model.
        since: a moment; the span that it lies in counts whole.
        until: the moment that the last span begins before; None for all, also those of clocks that are fast.
        version_id: only this version.
        endpoint_id: only at this endpoint; empty for what applications told.
        role: only in this role.
    """
    query, values = _OF_MODEL, {"model_id": model_id, **_range(since, until)}
    for name, value in (("version_id", version_id), ("endpoint_id", endpoint_id), ("role", role)):
        if value is not None:
            query = query.where(observations.c[name] == bindparam(name))
            values[name] = value
    yield from tx.run(query.execution_options(yield_per=AT_ONCE), values)


def version_name(tx: Transaction, version_id: str) -> str:
    """Return the SemVer of a version; empty where there is none."""
    return str(tx.scalar(_VERSION, {"version_id": version_id}) or "")


def taken(tx: Transaction, writer: str) -> int:
    """Return the number of what was written last by a writer; 0 before the first."""
    return int(tx.scalar(_TAKEN, {"key": writer}) or 0)


def take(tx: Transaction, writer: str, number: int, at: str) -> None:
    """Keep the number of what this transaction writes for a writer."""
    if not tx.run(_TAKE, {"key": writer, "number": number, "updated_at": at}).rowcount:
        tx.run(_FIRST, {"writer": writer, "number": number, "updated_at": at})


def are_silent(tx: Transaction, before: str) -> bool:
    """Whether there are writers that have written nothing since a moment."""
    return tx.first(_SILENT, {"before": before}) is not None


def forget_silent(tx: Transaction, before: str) -> None:
    """Forget the numbers of writers that have written nothing since a moment."""
    tx.run(_FORGET, {"before": before})


def _range(since: str | None, until: str | None) -> dict[str, Any]:
    begins = {f"since_{span}": begin_of(since, span) if since else "" for span in (MINUTE, HOUR, DAY)}
    return {**begins, "until": until or "9999"}


def _values(cell: Cell, at: str) -> dict[str, Any]:
    return {
        "requests": min(cell.requests, MOST),
        "errors": min(cell.errors, MOST),
        "codes": encoded(cell.codes).decode(),
        "tokens": min(cell.tokens, MOST),
        "cost_nano": min(cell.cost_nano, MOST),
        "latency_ns": min(cell.latency_ns, MOST),
        "latency": Sketch(cell.bins).to_json(),
        "sizes": Sketch(cell.sizes).to_json(),
        "updated_at": at,
    }
