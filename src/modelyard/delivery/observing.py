"""What was observed of a deployment's versions, in the words of records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from modelyard.domain.deployment import companions, step_of
from modelyard.domain.judge import REGRESSED, AbsoluteLimits, Judge
from modelyard.domain.verdicts import verdict_with
from modelyard.domain.wire import (
    DeploymentRecord,
    DeploymentVerdict,
    EndpointConfiguration,
    Judgement,
    Observation,
)
from modelyard.metadata import endpoints
from modelyard.metadata.database import Transaction
from modelyard.telemetry.windows import LIVE, SHADOW, observed


def epochs_of_step(tx: Transaction, deployment: DeploymentRecord) -> list[int]:
    """The epochs since a deployment's step began: those of its own routes from then on.

    A flag that is changed meanwhile makes another epoch of the same step.
    """
    entries = endpoints.history(tx, deployment.endpoint_id, 1000)
    own = [entry for entry in entries if entry.deployment_id == deployment.id]
    begun = [entry.epoch for entry in own if entry.cause.startswith("deployment.") and entry.at <= deployment.since]
    first = max(begun, default=min((entry.epoch for entry in own), default=0))
    return sorted(entry.epoch for entry in own if entry.epoch >= first)


def observed_in_step(tx: Transaction, deployment: DeploymentRecord) -> list[Observation]:
    """What each version of a deployment did since its step began, the new one first."""
    epochs = epochs_of_step(tx, deployment)
    if not epochs:
        return []
    step = step_of(deployment)
    shadows = {arm.version_id for arm in step.shadow}
    names = [deployment.version_id, *(arm.version_id for arm in step.arms)]
    names += [deployment.base_id] if deployment.base_id else []
    return [
        observed(tx, deployment.endpoint_id, name, epochs=epochs, role=SHADOW if name in shadows else LIVE)
        for name in dict.fromkeys(names)
    ]


def judge_of(found: DeploymentRecord, configuration: EndpointConfiguration) -> Judge | None:
    """The judge of a deployment's limits, or else of its endpoint's guard; None where there is neither."""
    limits = found.options.limits or configuration.guard
    return AbsoluteLimits(limits) if limits is not None else None


def verdict_on(
    found: DeploymentRecord,
    configuration: EndpointConfiguration,
    observed: Sequence[Observation],
    judgement: Judgement | None,
) -> DeploymentVerdict | None:
    """What follows for a deployment's step; None where there is nothing to hold the new version against."""
    return verdict_with(judgement, found.options.judge, limits_on(found, configuration, observed))


def limits_on(
    found: DeploymentRecord, configuration: EndpointConfiguration, observed: Sequence[Observation]
) -> DeploymentVerdict | None:
    """What limits say of a deployment's step; None where there are none.

    It is what they say of the new version, unless another version that the step brings in is the one that regressed.
    """
    judge = judge_of(found, configuration)
    if judge is None:
        return None
    by_version = {one.version_id: one for one in observed}
    candidate = by_version.get(found.version_id, Observation(version_id=found.version_id))
    base = by_version.get(found.base_id) if found.base_id else None
    verdict = judge.judge(candidate, base)
    if verdict.state == REGRESSED:
        return verdict
    for arm in companions(found):
        other = judge.judge(by_version.get(arm.version_id, Observation(version_id=arm.version_id)), base)
        if other.state == REGRESSED:
            return replace(other, reason=f"{arm.version}: {other.reason}")
    return verdict


def culprit_of(found: DeploymentRecord) -> str:
    """The id of the version that a deployment goes back for: the new one, or another that was brought in beside it."""
    told = found.rollback.evidence.get("version") if found.rollback is not None else None
    if told is None and found.verdict.state == REGRESSED:
        judged = found.verdict.evidence.get("candidate")
        told = judged.get("version") if isinstance(judged, dict) else found.verdict.evidence.get("version")
    return next((arm.version_id for arm in companions(found) if arm.version == told), found.version_id)
