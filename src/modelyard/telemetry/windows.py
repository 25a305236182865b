"""What a version did over some time: the rows of all writers, added up.

Rules
- Counts are exact. Latencies are those of requests that were answered well or badly; quantiles lie within one per cent.
- Rows are by the minute: `since` takes the whole minute that it lies in. Where a step has to be told apart from the one
  before it exactly, its epochs do that.
- Copies (`shadow`) and answers (`live`) are never mixed.
"""

from __future__ import annotations

from collections.abc import Collection

from modelyard.domain.sketch import Sketch
from modelyard.domain.wire.delivery import Observation
from modelyard.metadata import observations
from modelyard.metadata.database import Transaction

LIVE, SHADOW = "live", "shadow"
_MINUTE = len("2026-03-01T12:00")


def minute_of(moment: str) -> str:
    """Return the beginning of the minute that a moment lies in, as moments are written."""
    return f"{moment[:_MINUTE]}:00.000000Z"


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
    start = None if since is None else minute_of(since)
    rows = observations.of_version(tx, endpoint_id, version_id, role=role, epochs=epochs, since=start)
    latencies = Sketch()
    for row in rows:
        latencies.merge(Sketch.from_json(row.latency))
    requests = sum(row.requests for row in rows)
    errors = sum(row.errors for row in rows)
    return Observation(
        version_id=version_id,
        version=observations.version_name(tx, version_id),
        requests=requests,
        errors=errors,
        error_rate=errors / requests if requests else None,
        p50_s=latencies.quantile(0.5),
        p95_s=latencies.quantile(0.95),
        p99_s=latencies.quantile(0.99),
        tokens=sum(row.tokens for row in rows),
    )
