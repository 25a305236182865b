"""What people do with a deployment: look, pause, let it go on, take it on, end it.

Rules
- Before any traffic has moved it can be cancelled; afterwards it can be aborted, which is a rollback.
- A person may take it to its next step, to its end, or to the winner of a test, whatever the clock says; a verdict
  REGRESSED is not overruled that way: the judge looks again at the next step.
- What changes a deployment is written as in `modelyard.delivery.course`, the same as what its controller does.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import Row

from modelyard.delivery.changes import Change, apply
from modelyard.delivery.course import begin_rollback, end_rollback, finish, go_on
from modelyard.delivery.endpoints import environment_name
from modelyard.delivery.judging import judgement_of
from modelyard.delivery.observing import observed_in_step, verdict_on
from modelyard.domain import deployment as rules
from modelyard.domain.checks import check_text
from modelyard.domain.durations import elapsed
from modelyard.domain.names import shown
from modelyard.domain.paging import check_limit, number_of, token_after
from modelyard.domain.wire import Arm, DeploymentPage, DeploymentRecord, Observation
from modelyard.errors import DeploymentClosed, DeploymentNotFound, InvalidRequest
from modelyard.metadata import deployments, endpoints, models
from modelyard.metadata.database import known
from modelyard.operations import (
    ABORT_DEPLOYMENT,
    GET_DEPLOYMENT,
    LIST_DEPLOYMENTS,
    PAUSE_DEPLOYMENT,
    PROMOTE_DEPLOYMENT,
    RESUME_DEPLOYMENT,
    Advance,
    ListDeployments,
    NamedDeployment,
    Steer,
)
from modelyard.registry.context import Context
from modelyard.registry.dispatch import serves
from modelyard.registry.lookup import check_revision, find_model

LIVE = "live"
LONGEST_REASON = 10_000


@serves(LIST_DEPLOYMENTS)
def list_deployments(context: Context, request: ListDeployments) -> DeploymentPage:
    """Return deployments, the newest first."""
    limit = check_limit(request.limit)
    if request.name:
        find_model(context, request.name)
    wanted = deployments.Wanted(
        name=request.name,
        environment=request.environment and environment_name(request.environment),
        states=_states(request.state),
        patterns=context.models,
    )
    rows = deployments.page(context.tx, wanted, before=number_of(request.page_token), limit=limit + 1)
    token = token_after(rows[limit - 1].seq) if len(rows) > limit else ""
    return DeploymentPage(deployments=[deployments.record(row) for row in rows[:limit]], next_page_token=token)


@serves(GET_DEPLOYMENT)
def get_deployment(context: Context, request: NamedDeployment) -> DeploymentRecord:
    """Return a deployment with its history and what was observed in its step."""
    record = deployments.record(find_deployment(context, request.id))
    seen = observed_in_step(context.tx, record)
    record = _judged(context, record, seen)
    lines = deployments.history(context.tx, record.id)
    return replace(record, history=lines, observed=seen, judgement=judgement_of(context.tx, record.id))


@serves(PAUSE_DEPLOYMENT)
def pause(context: Context, request: Steer) -> DeploymentRecord:
    """Stop a deployment where it is; pausing it twice changes nothing."""
    found = _locked(context, request)
    if found.state == rules.PAUSED:
        return found
    change = Change(
        event="paused", state=rules.PAUSED, reason=request.reason or "paused", fields={"resumes": found.state}
    )
    return apply(context, found, change)


@serves(RESUME_DEPLOYMENT)
def resume(context: Context, request: Steer) -> DeploymentRecord:
    """Let a paused deployment go on where it was."""
    found = _locked(context, request)
    if found.state in {rules.STAGE, rules.BAKE}:
        return found
    target = found.resumes or rules.STAGE
    # A step that held for want of a verdict, or whose longest time has passed meanwhile, gets its time anew; else it
    # would hold, or go back, at once.
    since = context.now if _was_held(context, found) or _is_overdue(context, found) else found.since
    change = Change(event="resumed", state=target, reason=request.reason, fields={"resumes": "", "since": since})
    return apply(context, found, change)


@serves(PROMOTE_DEPLOYMENT)
def promote(context: Context, request: Advance) -> DeploymentRecord:
    """Take a deployment on: to its next step, to its end, or to the winner of a test.

    Raises:
        DeploymentClosed: it has ended, or no traffic has moved yet.
        InvalidRequest: a test ends with a winner that takes part in it, and nothing else has one.
    """
    found = _locked(context, request)
    if found.state not in rules.WITH_TRAFFIC:
        raise _closed(found, "taken on")
    found = _judged(context, found, observed_in_step(context.tx, found))
    reason = request.reason or f"taken on by {context.actor}"
    if request.winner:
        return finish(context, found, reason, arms=_winner(found, request.winner))
    if rules.is_test(found) and not request.full:
        raise InvalidRequest(
            f"{found.id} is a test between versions, and no winner is named",
            hint=f"modelyard advance {found.id} --winner VERSION; --full takes the new version",
        )
    event = rules.after(found)
    if request.full or rules.BAKE in {found.state, found.resumes} or event == "succeeded":
        return finish(context, found, reason)
    return go_on(context, found, event, reason)


@serves(ABORT_DEPLOYMENT)
def abort(context: Context, request: Steer) -> DeploymentRecord:
    """End a deployment: before traffic it is cancelled, afterwards what served before serves again."""
    found = _locked(context, request)
    reason = request.reason or f"aborted by {context.actor}"
    if found.state in rules.BEFORE_TRAFFIC:
        return apply(context, found, Change(event="cancelled", state=rules.CANCELLED, reason=reason))
    if found.state not in rules.WITH_TRAFFIC:
        raise _closed(found, "aborted")
    begun = begin_rollback(context, found, reason=reason, cause="abort", evidence={})
    return end_rollback(context, begun)


def find_deployment(context: Context, deployment_id: str) -> Row[Any]:
    """Return the row of a deployment.

    Raises:
        DeploymentNotFound: there is none of this id, or who asks may not see its model.
    """
    row = deployments.by_id(context.tx, deployment_id) if deployment_id.isprintable() else None
    if row is None or not context.sees(row.name):
        raise DeploymentNotFound(f"there is no deployment {shown(deployment_id)}", details={"id": deployment_id[:100]})
    context.require(context.permission, row.name)
    return row


def _locked(context: Context, request: Steer | Advance) -> DeploymentRecord:
    row = find_deployment(context, request.id)
    check_text("reason", request.reason, LONGEST_REASON)
    models.lock_by_id(context.tx, row.model_id)
    row = find_deployment(context, request.id)
    check_revision(row, request.if_match, f"the deployment {row.id}")
    return deployments.record(row)


def _winner(found: DeploymentRecord, text: str) -> list[Arm]:
    if not rules.is_test(found):
        raise InvalidRequest(
            f"{found.id} is no test between versions, so nobody wins it",
            hint="leave the winner out; to keep the old version, abort the deployment",
        )
    arms = {arm.version: arm for step in found.plan.steps for arm in step.arms}
    arm = arms.get(text) or next((one for one in arms.values() if one.version_id == text), None)
    if arm is None:
        raise InvalidRequest(f"{shown(text)} takes no part in {found.id}", hint=f"its versions are {', '.join(arms)}")
    return [replace(arm, weight=1.0)]


def _was_held(context: Context, found: DeploymentRecord) -> bool:
    lines = [line for line in deployments.history(context.tx, found.id) if line.to_state == rules.PAUSED]
    return bool(lines) and lines[-1].event in {"inconclusive", "halted"}


def _is_overdue(context: Context, found: DeploymentRecord) -> bool:
    longest = rules.step_of(found).max_seconds
    return found.resumes != rules.BAKE and longest is not None and elapsed(found.since, context.now) >= longest


def _judged(context: Context, found: DeploymentRecord, seen: list[Observation]) -> DeploymentRecord:
    """A deployment with what the judge says of its step now."""
    if found.state not in rules.WITH_TRAFFIC:
        return found
    endpoint = known(endpoints.by_id(context.tx, found.endpoint_id))
    said = judgement_of(context.tx, found.id)
    verdict = verdict_on(found, endpoints.configuration_of(endpoint), seen, said)
    return replace(found, verdict=verdict or found.verdict)


def _closed(found: DeploymentRecord, done: str) -> DeploymentClosed:
    return DeploymentClosed(
        f"the deployment {found.id} is {found.state} and cannot be {done}",
        details={"deployment": found.id, "state": found.state},
    )


def _states(text: str) -> tuple[str, ...]:
    if not text:
        return ()
    if text.lower() == LIVE:
        return tuple(sorted(rules.STATES - rules.TERMINAL))
    if text.upper() not in rules.STATES:
        names = ", ".join(sorted(rules.STATES))
        raise InvalidRequest(f"{shown(text)} is no state of a deployment", hint=f"the states are live, {names}")
    return (text.upper(),)
