"""What all endpoints did in a stretch of time, in one question, and the deployments that alerts tell of.

Rules
- Each count is in exactly one row, of a minute, an hour or a day (`modelyard.metadata.observations`). A stretch takes
  the whole of each span that it begins in.
- Answers, and what applications tell of predictions made elsewhere, count; copies do not, nor do deleted versions.
- Latencies are read only where they are asked for: sketches are the heavy part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Row, and_, bindparam, func, or_, select

from modelyard.domain.alert_measures import Sums
from modelyard.domain.alerts import Subject
from modelyard.domain.sketch import Sketch
from modelyard.domain.spans import SECONDS, begin_of
from modelyard.metadata.database import Transaction
from modelyard.metadata.tables import DEFAULT_WORKSPACE, deployments, endpoints, models, observations, versions

ROLES = ("live", "tracked")

_NAMES = (
    models.c.name.label("model"),
    func.coalesce(endpoints.c.environment, "").label("environment"),
    versions.c.version.label("version"),
    observations.c.endpoint_id,
    observations.c.version_id,
)
_HERE = and_(
    observations.c.role.in_(ROLES),
    observations.c.start < bindparam("until"),
    or_(*(and_(observations.c.span == span, observations.c.start >= bindparam(f"since_{span}")) for span in SECONDS)),
)
_JOINED = (
    observations.join(versions, versions.c.id == observations.c.version_id)
    .join(models, models.c.id == versions.c.model_id)
    .outerjoin(endpoints, endpoints.c.id == observations.c.endpoint_id)
)
_LIVE_NAMES = (models.c.live_name.is_not(None), versions.c.deleted_at.is_(None))
_SUMMED = ("requests", "errors", "tokens", "cost_nano")
_COUNTS = (
    select(
        *_NAMES,
        *(func.sum(observations.c[name]).label(name) for name in _SUMMED),
        func.min(observations.c.start).label("first"),
    )
    .select_from(_JOINED)
    .where(_HERE, *_LIVE_NAMES)
    .group_by(
        models.c.name,
        endpoints.c.environment,
        versions.c.version,
        observations.c.endpoint_id,
        observations.c.version_id,
    )
)
_LATENCIES = (
    select(observations.c.endpoint_id, observations.c.version_id, observations.c.latency)
    .select_from(_JOINED)
    .where(_HERE, *_LIVE_NAMES)
)
_TOLD = (
    select(deployments, models.c.name, endpoints.c.environment)
    .join(models, models.c.id == deployments.c.model_id)
    .join(endpoints, endpoints.c.id == deployments.c.endpoint_id)
    .where(
        deployments.c.workspace == DEFAULT_WORKSPACE,
        models.c.live_name.is_not(None),
        or_(deployments.c.live.is_not(None), deployments.c.finished_at >= bindparam("since")),
    )
    .order_by(deployments.c.seq.desc())
)
_ANY_TOLD = select(deployments.c.id).where(
    or_(deployments.c.live.is_not(None), deployments.c.finished_at >= bindparam("since"))
)
_BASES = (
    select(deployments.c.endpoint_id, deployments.c.version_id, deployments.c.base_id)
    .where(deployments.c.workspace == DEFAULT_WORKSPACE, deployments.c.base_id.is_not(None))
    .order_by(deployments.c.seq)
)


class Place(NamedTuple):
    """A version at an endpoint; the endpoint is empty where the application predicts elsewhere."""

    endpoint_id: str
    version_id: str


class Measured(NamedTuple):
    """What a version at an endpoint is called, what was counted of it, and when the first span with a count begins."""

    subject: Subject
    sums: Sums
    first: str


def measured(tx: Transaction, since: str, until: str, *, seconds: float, latencies: bool) -> Mapping[Place, Measured]:
    """Return what each version at each endpoint did from one moment to another.

    Args:
        tx: the transaction to read in.
        since: the first moment.
        until: the moment behind the last one.
        seconds: what the sums say of their length.
        latencies: whether the sketches are wanted.
    """
    values = {"until": until, **{f"since_{span}": begin_of(since, span) for span in SECONDS}}
    found: dict[Place, Measured] = {}
    for row in tx.all(_COUNTS, values):
        subject = Subject(model=row.model, environment=row.environment, version=row.version)
        sums = Sums(
            seconds=seconds,
            requests=int(row.requests),
            errors=int(row.errors),
            tokens=int(row.tokens),
            cost_nano=int(row.cost_nano),
        )
        found[Place(row.endpoint_id, row.version_id)] = Measured(subject, sums, row.first)
    for row in tx.all(_LATENCIES, values) if latencies else ():
        found[Place(row.endpoint_id, row.version_id)].sums.latency.merge(Sketch.from_json(row.latency))
    return found


def deployments_since(tx: Transaction, since: str) -> Sequence[Row[Any]]:
    """Return the deployments that live or have ended since a moment, the newest first."""
    return tx.all(_TOLD, {"since": since})


def any_deployment_since(tx: Transaction, since: str) -> bool:
    """Whether any deployment lives or has ended since a moment."""
    return tx.first(_ANY_TOLD.limit(1), {"since": since}) is not None


def bases(tx: Transaction) -> dict[Place, str]:
    """Return which version served before each one, at each endpoint, as its last deployment found it."""
    return {Place(row.endpoint_id, row.version_id): row.base_id for row in tx.all(_BASES)}
