"""Starting a deployment: what is asked is checked, planned, and written down; nothing is moved yet.

Rules
- An endpoint has one live deployment; who comes second is told its id (409), or supersedes it: what served before it
  serves again, in the same transaction.
- The plan, the options and the snapshot are fixed here.
- A dry run answers with the plan, and leaves no trace.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row

from modelyard.delivery.changes import Change, apply, keep
from modelyard.delivery.course import give_back
from modelyard.delivery.endpoints import (
    LONGEST_LATENCY_S,
    MOST_REPLICAS,
    SHORTEST_LATENCY_S,
    check_limits,
    check_whole,
    check_within,
    environment_name,
    obtain,
)
from modelyard.delivery.refusals import refuse_undeployable
from modelyard.delivery.snapshots import take
from modelyard.delivery.strategies import name_of, plan_of
from modelyard.domain import deployment as rules
from modelyard.domain.checks import check_json, check_text
from modelyard.domain.names import shown
from modelyard.domain.plans import Ask
from modelyard.domain.verdicts import check_options
from modelyard.domain.windows import check_window
from modelyard.domain.wire import Arm, DeploymentOptions, DeploymentRecord, Plan
from modelyard.errors import Conflict, DeploymentLive, InvalidRequest, PreconditionFailed
from modelyard.metadata import deployments, endpoints, models
from modelyard.metadata.database import known
from modelyard.operations import DEPLOY, Deploy
from modelyard.registry.context import Context
from modelyard.registry.dispatch import serves
from modelyard.registry.lookup import find_model, find_within

POLICIES = ("hold", "promote", "rollback")
MOST_PROBES = 1000
LONGEST_REASON = 10_000


@serves(DEPLOY)
def deploy(context: Context, request: Deploy) -> DeploymentRecord:
    """Begin a deployment.

    Raises:
        NotDeployable: the version is deprecated, rejected, or cannot be run.
        DeploymentLive: the endpoint has a live deployment; `details["deployment"]` names it.
        PreconditionFailed: another version is served than the caller believes.
        Conflict: the version is served already, by itself.
    """
    check_text("reason", request.reason, LONGEST_REASON)
    options = _options(request)
    model = find_model(context, request.name, lock=True)
    version = find_within(context, model.name, request.version)
    refuse_undeployable(context, version)
    strategy = name_of(request.strategy)
    if request.dry_run:
        found = endpoints.by_name(context.tx, model.name, environment_name(request.environment))
        if found is not None:
            _check_base(found, version, request)
        return _record(context, request, found, version, _planned(context, request, strategy, found, version))
    endpoint = obtain(context, model, request.environment, request.kind)
    endpoint = _freed(context, endpoint, supersede=request.supersede)
    _check_base(endpoint, version, request)
    made = _record(context, request, endpoint, version, _planned(context, request, strategy, endpoint, version))
    made = replace(made, id=context.yard.new_id("dp"), options=options)
    made = replace(made, snapshot_id=take(context, endpoint, f"before the deployment {made.id}").id)
    deployments.add(context.tx, made, model.id)
    models.touch(context.tx, model.id, context.now)
    keep(context, "", made, Change(event="created", state=made.state, reason=request.reason))
    return deployments.record(known(deployments.by_id(context.tx, made.id)))


def _options(request: Deploy) -> DeploymentOptions:
    if request.on_inconclusive not in POLICIES:
        raise InvalidRequest(f"on_inconclusive is hold, promote or rollback, not {shown(request.on_inconclusive)}")
    if request.max_probe_s is not None:
        check_within("max_probe_s", request.max_probe_s, SHORTEST_LATENCY_S, LONGEST_LATENCY_S)
    if request.probes is not None:
        check_whole("probes", request.probes, 0, MOST_PROBES)
    if request.replicas is not None:
        check_whole("replicas", request.replicas, 1, MOST_REPLICAS)
    if request.window is not None:
        check_window(request.window)
    if request.limits is not None:
        check_limits(request.limits)
    default = DeploymentOptions()
    return DeploymentOptions(
        limits=request.limits,
        on_inconclusive=request.on_inconclusive,
        probes=default.probes if request.probes is None else request.probes,
        max_probe_s=request.max_probe_s,
        replicas=request.replicas,
        start_at=_moment(request.start_at) if request.start_at else "",
        window=request.window,
        keep_warm_seconds=request.keep_warm_seconds,
        deprecate=request.deprecate,
        judge=check_options(request.judge) if request.judge is not None else default.judge,
        more=check_json("options", request.options),
    )


def _moment(text: str) -> str:
    try:
        given = datetime.fromisoformat(text.strip())
        given = given.replace(tzinfo=UTC) if given.tzinfo is None else given.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidRequest(
            f"{shown(text)} is no moment", hint="write 2026-03-01T02:00Z, or with an offset, +02:00"
        ) from None
    return given.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def _freed(context: Context, endpoint: Row[Any], *, supersede: bool) -> Row[Any]:
    """Return the endpoint's row once no deployment holds it."""
    row = deployments.live_of(context.tx, endpoint.id)
    if row is None:
        return endpoint
    live = deployments.record(row)
    if not supersede:
        raise DeploymentLive(
            f"{endpoint.name} in {endpoint.environment} has a live deployment: {live.id} of {live.version}",
            hint=f"watch it: modelyard status {live.id}; end it: modelyard abort {live.id}; or deploy with --supersede",
            details={"deployment": live.id, "version": live.version, "state": live.state},
        )
    if live.state not in rules.BEFORE_TRAFFIC:
        give_back(context, live, cause="deployment.superseded")
    change = Change(event="superseded", state=rules.SUPERSEDED, reason=f"superseded by {context.actor}")
    apply(context, live, change)
    return known(endpoints.by_id(context.tx, endpoint.id))


def _check_base(endpoint: Row[Any], version: Row[Any], request: Deploy) -> None:
    route = endpoints.route_of(endpoint)
    arm = rules.main_arm(route)
    if request.expected_version and (arm is None or request.expected_version not in {arm.version, arm.version_id}):
        raise PreconditionFailed(
            f"{endpoint.name} in {endpoint.environment} serves {arm.version if arm else 'nothing'}, "
            f"not {request.expected_version}",
            details={"version": arm.version if arm else None},
        )
    if arm is not None and arm.version_id == version.id and len(route.arms) == 1:
        raise Conflict(
            f"{endpoint.name} in {endpoint.environment} serves {version.version} already",
            hint="there is nothing to deploy",
            details={"version": version.version},
        )


def _planned(context: Context, request: Deploy, strategy: str, endpoint: Row[Any] | None, version: Row[Any]) -> Plan:
    base = rules.main_arm(endpoints.route_of(endpoint)) if endpoint is not None else None
    split: list[Arm] = []
    for selector, share in request.split.items():
        row = find_within(context, version.name, selector)
        refuse_undeployable(context, row)
        split.append(Arm(version_id=row.id, version=row.version, weight=share))
    ask = Ask(
        candidate=Arm(version_id=version.id, version=version.version, weight=1.0),
        base=base,
        steps=request.steps,
        step_seconds=request.step_seconds,
        min_requests=request.min_requests,
        max_step_seconds=request.max_step_seconds,
        bake_seconds=request.bake_seconds,
        holdback=request.holdback,
        keep_warm_seconds=request.keep_warm_seconds,
        replicas=request.replicas,
        split=split,
        options=request.options,
    )
    return plan_of(strategy, ask)


def _record(
    context: Context, request: Deploy, endpoint: Row[Any] | None, version: Row[Any], plan: Plan
) -> DeploymentRecord:
    base = rules.main_arm(endpoints.route_of(endpoint)) if endpoint is not None else None
    options = _options(request)
    return DeploymentRecord(
        id="",
        name=version.name,
        environment=environment_name(request.environment),
        endpoint_id=endpoint.id if endpoint is not None else "",
        version=version.version,
        version_id=version.id,
        base=base.version if base else None,
        base_id=base.version_id if base else None,
        strategy=name_of(request.strategy),
        state=rules.PENDING,
        plan=plan,
        options=options,
        epoch=endpoint.epoch if endpoint is not None else 0,
        reason=request.reason,
        actor=context.actor,
        since=context.now,
        due_at=options.start_at or context.now,
        created_at=context.now,
        updated_at=context.now,
    )
