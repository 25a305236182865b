"""Explains how a deployment was judged: what stands, computed again from the log batch by batch, and told in words.

Rules
- Nothing is written, and no more than a page of the log is in memory at once.
- What was computed again is compared with what stands bit by bit: the whole state of the trial, and all that the judge
  says of it.
- A log of more than `MOST_REPLAYED` units is computed again only where that is asked for: it takes some seconds for
  each million. Other threads get their turn after each batch.
- What is missing or damaged is told, and is no error.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import Row

from modelyard.delivery.deployments import find_deployment
from modelyard.delivery.judging import judgement_of, names_of, replayed, resumed
from modelyard.domain.deployment import WITH_TRAFFIC
from modelyard.domain.explanation import Replay, told
from modelyard.domain.trial import Trial
from modelyard.domain.verdicts import judged
from modelyard.domain.wire import ChallengerCourse, CoursePoint, DeploymentRecord, Explanation, Judgement
from modelyard.errors import RegistryCorrupt
from modelyard.metadata import deployments, evidence
from modelyard.metadata.database import Transaction
from modelyard.operations import EXPLAIN_DEPLOYMENT, ExplainDeployment
from modelyard.registry.context import Context
from modelyard.registry.dispatch import serves

MOST_POINTS: Final = 200
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
    replay = Replay()
    if judgement is not None and row is not None:
        batches, units = evidence.size(tx, found.id)
        late = 0 if found.state in WITH_TRAFFIC else evidence.late(tx, found.id)
        replay = Replay(batches=batches, units=units, most=MOST_REPLAYED, late=late)
        if 0 < row.position == batches and (request.full or units <= MOST_REPLAYED):
            course, same = _again(tx, found, row, judgement)
            replay = replace(replay, same=same)
    return Explanation(
        id=found.id,
        name=found.name,
        environment=found.environment,
        version=found.version,
        base=found.base,
        strategy=found.strategy,
        state=found.state,
        words=told(found, judgement, replay),
        judgement=judgement,
        replayed=replay.same,
        course=course,
        batches=replay.batches,
        units=replay.units,
    )


def _again(
    tx: Transaction, found: DeploymentRecord, row: Row[Any], judgement: Judgement
) -> tuple[list[CoursePoint], bool]:
    """Compute a trial again; give its course, and whether it came to what stands."""
    wanted = {row.position * place // MOST_POINTS for place in range(1, MOST_POINTS + 1)}
    names, course = names_of(found), []
    trial: Trial | None = None
    try:
        for at, trial in replayed(tx, row):
            if trial.position in wanted:
                course.append(_point(trial, at, names))
            time.sleep(0)
        return course, trial is not None and _is_same(tx, row, trial, names, judgement)
    except RegistryCorrupt:
        return course, False


def _is_same(tx: Transaction, row: Row[Any], trial: Trial, names: dict[str, str], judgement: Judgement) -> bool:
    said = judged(trial, names, now=row.updated_at, dropped=judgement.dropped, damaged=judgement.damaged)
    return said == judgement and trial.state() == resumed(tx, row).state()


def _point(trial: Trial, at: str, names: dict[str, str]) -> CoursePoint:
    challengers = [
        ChallengerCourse(
            version_id=one.version_id,
            version=names.get(one.version_id, one.version_id),
            weight=trial.duels[one.version_id].w,
            units=one.units,
            base_units=one.base_units,
            failed=one.failed,
            base_failed=one.base_failed,
            e_value=one.e_value,
            peak=one.peak,
            proof=one.proof,
            metrics={metric.metric: metric.e_value for metric in one.metrics},
        )
        for one in trial.evidence()
    ]
    return CoursePoint(at=at, position=trial.position, challengers=challengers)
