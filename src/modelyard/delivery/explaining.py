"""Explains how a deployment was judged: what stands, computed again from the log batch by batch, and told in words.

Rules
- Nothing is written, and no more than a page of the log is in memory at once.
- What was computed again is compared with what stands (`modelyard.delivery.replaying`). While a deployment goes on,
  what was computed before is gone on with, unless all of it is asked for.
- A log of more than `MOST_REPLAYED` units is computed again only where that is asked for: it takes some seconds for
  each million.
- What is missing or damaged is told, and is no error.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from sqlalchemy import Row

from modelyard.delivery.deployments import find_deployment
from modelyard.delivery.judging import judgement_of, names_of
from modelyard.delivery.replaying import replay
from modelyard.domain.deployment import WITH_TRAFFIC
from modelyard.domain.explanation import Replay, told
from modelyard.domain.wire import CoursePoint, DeploymentRecord, Explanation, Judgement
from modelyard.errors import RegistryCorrupt
from modelyard.metadata import deployments, evidence
from modelyard.operations import EXPLAIN_DEPLOYMENT, ExplainDeployment
from modelyard.registry.context import Context
from modelyard.registry.dispatch import serves

MOST_REPLAYED: Final = 1_000_000
"""Units that are computed again without being asked to."""


@serves(EXPLAIN_DEPLOYMENT)
def explain(context: Context, request: ExplainDeployment) -> Explanation:
    """Tell how a deployment was judged.

    Raises:
        DeploymentNotFound: there is none of this id.
    """
    tx = context.tx
    found = deployments.record(find_deployment(context, request.id))
    found = replace(found, history=deployments.history(tx, found.id))
    judgement, row = judgement_of(tx, found.id), evidence.judgement_of(tx, found.id)
    course: list[CoursePoint] = []
    again = Replay()
    if judgement is not None and row is not None:
        batches, units = evidence.size(tx, found.id)
        late = 0 if found.state in WITH_TRAFFIC else evidence.late(tx, found.id)
        again = Replay(batches=batches, units=units, most=MOST_REPLAYED, late=late)
        if 0 < row.position == batches and (request.full or units <= MOST_REPLAYED):
            course, same = _again(context, found, row, judgement, full=request.full)
            again = replace(again, same=same)
    return Explanation(
        id=found.id,
        name=found.name,
        environment=found.environment,
        version=found.version,
        base=found.base,
        strategy=found.strategy,
        state=found.state,
        words=told(found, judgement, again),
        judgement=judgement,
        replayed=again.same,
        course=course,
        batches=again.batches,
        units=again.units,
    )


def _again(
    context: Context, found: DeploymentRecord, row: Row[Any], judgement: Judgement, *, full: bool
) -> tuple[list[CoursePoint], bool]:
    """Compute a trial again; give its course, and whether it came to what stands."""
    goes_on = found.live and not full
    try:
        again = replay(context.tx, row, names_of(found), context.yard.kept, goes_on=goes_on)
    except RegistryCorrupt:
        return [], False
    return again.course(), again.comes_to(row, judgement)
