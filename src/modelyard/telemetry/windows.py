"""What a version did over some time: the rows of all writers, added up.

Rules
- Counts are exact. Latencies are those of requests that were answered well or badly; quantiles lie within one per cent.
- Rows are by the minute, later by the hour and the day: a range takes the whole span that it begins in. Where a step
  has to be told apart from the one before it exactly, its epochs do that.
- Copies (`shadow`), answers (`live`) and what applications told (`tracked`) are never mixed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, Final

from sqlalchemy import Row

from modelyard.domain.cells import Cell
from modelyard.domain.measures import Counted
from modelyard.domain.sketch import Sketch
from modelyard.domain.wire.delivery import Observation
from modelyard.metadata import observations
from modelyard.metadata.database import Transaction

LIVE, SHADOW, TRACKED = "live", "shadow", "tracked"
ROLES: Final = (LIVE, SHADOW, TRACKED)

Key = tuple[str, str]
"""Version and role."""


def observed(
    tx: Transaction,
    endpoint_id: str,
    version_id: str,
    *,
    epochs: Collection[int] | None = None,
    since: str | None = None,
    role: str = LIVE,
) -> Observation:
    """Return what was measured of a version at an endpoint.

    Args:
        tx: the transaction to read in.
        endpoint_id: the endpoint.
        version_id: the version.
        epochs: only requests that entered in these epochs; None for all.
        since: only requests from this moment's minute on; None for all.
        role: `live`, or `shadow` for copies.
    """
    rows = observations.of_version(tx, endpoint_id, version_id, role=role, epochs=epochs, since=since)
    total = Cell.sum(map(observations.cell_of, rows))
    latencies = Sketch(total.bins)
    return Observation(
        version_id=version_id,
        version=observations.version_name(tx, version_id),
        requests=total.requests,
        errors=total.errors,
        error_rate=total.errors / total.requests if total.requests else None,
        p50_s=latencies.quantile(0.5),
        p95_s=latencies.quantile(0.95),
        p99_s=latencies.quantile(0.99),
        tokens=total.tokens,
    )


def counted(rows: Iterable[Row[Any]], *, apart: bool = False) -> dict[Key, list[Counted]]:
    """Return what rows have counted, by version and role. They are added up as they come, for there may be very many.

    Args:
        rows: of `observations`.
        apart: whether each span of time has an entry of its own, as a series needs it; else there is one for all.
    """
    found: dict[Key, dict[tuple[str, ...], Counted]] = {}
    for row in rows:
        spans = found.setdefault((row.version_id, row.role), {})
        place = (row.span, row.start) if apart else ()
        if place not in spans:
            spans[place] = Counted()
        spans[place].add(row.span, row.start, observations.cell_of(row))
    return {key: list(spans.values()) for key, spans in found.items()}
