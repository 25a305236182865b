"""Metrics of what predictions did: read by version and time, compared, and told by applications.

Rules
- Everything is answered from rows of minutes, hours and days: what an answer costs does not depend on how many
  predictions there were.
- A version that is named is there or it is a 404; one that did nothing has zeros, and None where there is no figure.
- What applications tell is counted once for each number of their writer, under the model's lock. It is no event: like
  what the gateway records, it is an observation and no change of the registry.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import Any

from modelyard.delivery.endpoints import find_endpoint
from modelyard.domain import tracking
from modelyard.domain.cells import Cell
from modelyard.domain.intervals import ALPHA
from modelyard.domain.live import compared, explanation
from modelyard.domain.measures import MOST_POINTS, Counted, Subject, Wanted, figures
from modelyard.domain.names import printable, shown
from modelyard.domain.spans import MINUTE, range_of
from modelyard.domain.versions import SemVer
from modelyard.domain.wire import (
    ComparisonRecord,
    LiveComparison,
    MetricsRecord,
    TrackedRecord,
    VersionMetrics,
)
from modelyard.errors import InvalidRequest
from modelyard.metadata import observations, versions
from modelyard.metadata.database import known
from modelyard.metadata.observations import Place
from modelyard.operations import (
    COMPARE_WITHIN,
    METRICS,
    TRACK_PREDICTIONS,
    CompareWithin,
    ReadMetrics,
    TrackPredictions,
)
from modelyard.registry import comparison
from modelyard.registry.context import Context
from modelyard.registry.dispatch import serves
from modelyard.registry.lookup import document, find_model, find_within
from modelyard.telemetry import windows
from modelyard.telemetry.windows import LIVE, ROLES, TRACKED

MOST_TOLD = 1000
"""Predictions, and windows, that an application tells at once."""
MOST_NUMBER = 2**62
_TELLER = "applications"
"""The writer of what applications told; rows are added to under the model's lock."""


@serves(METRICS)
def read_metrics(context: Context, request: ReadMetrics) -> MetricsRecord:
    """Return what a model's versions did over a range of time.

    Raises:
        ModelNotFound, VersionNotFound, EndpointNotFound: there is no such thing.
        InvalidRequest: the range, the role or the number of points is none.
    """
    model = find_model(context, request.name)
    role = _role(request.role)
    if not 0 <= request.points <= MOST_POINTS:
        raise InvalidRequest(f"points is {request.points}; it goes from 0 to {MOST_POINTS}")
    since, until = range_of(request.since, request.until, context.now)
    row = find_within(context, model.name, request.version) if request.version else None
    observed = observations.of_model(
        context.tx,
        model.id,
        since=since,
        until=until if request.until else None,
        version_id=row.id if row is not None else None,
        endpoint_id=_endpoint(context, model.name, request.environment),
        role=role or None,
    )
    found = windows.counted(observed, apart=bool(request.points))
    if row is not None and not found:
        found = {(row.id, role or LIVE): []}
    wanted = Wanted(since=since, until=until, points=request.points)
    told = [figures(_subject(context, *key), counted, wanted) for key, counted in found.items()]
    return MetricsRecord(
        name=model.name,
        environment=request.environment,
        since=since,
        until=until,
        confidence=1 - ALPHA,
        windows=sum(one.rows for counted in found.values() for one in counted),
        versions=_sorted(told),
    )


@serves(COMPARE_WITHIN)
def compare_within(context: Context, request: CompareWithin) -> ComparisonRecord:
    """Compare two versions of one model: what is recorded of them, and what they did, for those who may read that."""
    record = comparison.compare_within(context, request)
    if not context.principal.allows(METRICS.permission, request.name):
        return record
    return replace(record, live=_live(context, request))


@serves(TRACK_PREDICTIONS)
def track_predictions(context: Context, request: TrackPredictions) -> TrackedRecord:
    """Count predictions that an application made elsewhere.

    Raises:
        ModelNotFound, VersionNotFound: there is no such model or version; nothing of the batch is counted.
        InvalidRequest: a number in it is none, or there are too many predictions.
    """
    model = find_model(context, request.name, lock=True)
    if max(len(request.predictions), len(request.windows)) > MOST_TOLD:
        raise InvalidRequest(f"more than {MOST_TOLD} predictions are told at once", hint="send several batches")
    cells = _told(context, request)
    writer = _writer(context, model.id, request)
    if writer:
        if observations.taken(context.tx, writer) >= request.number:
            return TrackedRecord(name=model.name, recorded=0, repeated=True)
        observations.take(context.tx, writer, request.number, context.now)
    observations.add(context.tx, _TELLER, {place: cell for place, cell in cells.items() if cell.requests}, context.now)
    return TrackedRecord(name=model.name, recorded=sum(cell.requests for cell in cells.values()))


def _live(context: Context, request: CompareWithin) -> LiveComparison:
    """What two versions did, in the role that is asked for, or else in service, or else as applications told."""
    since, until = range_of(request.since, request.until, context.now)
    role = _role(request.role)
    model = find_model(context, request.name)
    wanted = Wanted(since=since, until=until)
    endpoint_id = _endpoint(context, model.name, request.environment)
    rows = [find_within(context, model.name, text) for text in (request.version_a, request.version_b)]
    found: dict[windows.Key, list[Counted]] = {}
    for row in rows:
        before = until if request.until else None
        observed = observations.of_model(
            context.tx, model.id, since=since, until=before, version_id=row.id, endpoint_id=endpoint_id
        )
        found |= windows.counted(observed)
    role = role or next((one for one in (LIVE, TRACKED) if any(key[1] == one for key in found)), LIVE)
    a, b = (figures(_subject(context, row.id, role), found.get((row.id, role), []), wanted) for row in rows)
    metrics = compared(a, b)
    return LiveComparison(
        role=role,
        environment=request.environment,
        since=since,
        until=until,
        confidence=1 - ALPHA,
        a=a,
        b=b,
        metrics=metrics,
        explanation=explanation(a, b, metrics),
    )


def _told(context: Context, request: TrackPredictions) -> dict[Place, Cell]:
    """What a request tells, by the rows that it is added to."""
    ids: dict[str, str] = {}
    cells: dict[Place, Cell] = {}

    def add(version: str, at: str, cell: Cell) -> None:
        if version not in ids:
            ids[version] = find_within(context, request.name, version).id
        place = Place(ids[version], "", 0, TRACKED, MINUTE, tracking.minute_of(at, context.now))
        cells.setdefault(place, Cell()).merge(cell)

    for one in request.predictions:
        add(one.version, one.at, tracking.cell_of_prediction(one))
    for window in request.windows:
        add(window.version, window.start, tracking.cell_of_window(window))
    return cells


def _writer(context: Context, model_id: str, request: TrackPredictions) -> str:
    """The writer by which a batch is known; empty where it is not numbered. Nobody can take another one's name."""
    if not request.writer:
        return ""
    if not 0 < request.number <= MOST_NUMBER:
        raise InvalidRequest(f"the batch has the number {request.number}; a writer counts from 1")
    told = printable(request.writer, "a writer")
    digest = blake2b(f"{model_id}\0{context.actor}\0{told}".encode(), digest_size=16)
    return f"ap_{digest.hexdigest()}"


def _endpoint(context: Context, name: str, environment: str) -> str | None:
    return find_endpoint(context, name, environment).id if environment else None


def _role(text: str) -> str:
    if text and text not in ROLES:
        raise InvalidRequest(f"there is no role {shown(text)}", hint=f"the roles are {', '.join(ROLES)}")
    return text


def _subject(context: Context, version_id: str, role: str) -> Subject:
    row = known(versions.by_id(context.tx, version_id))
    provider = document(row).get("provider") or {}
    prices: Mapping[str, Any] = provider.get("pricing") or {}
    return Subject(version=row.version, version_id=row.id, role=role, currency=prices.get("currency", ""))


def _sorted(told: Sequence[VersionMetrics]) -> list[VersionMetrics]:
    """The highest version first; of one version, its roles in their order."""
    by_role = sorted(told, key=lambda one: ROLES.index(one.role))
    return sorted(by_role, key=lambda one: SemVer.parse(one.version), reverse=True)
