"""The course of a deployment: to its first traffic, to its next step, to its end, and back.

A person's commands (`modelyard.delivery.deployments`) and the controller move deployments by these functions alone. The
caller holds the model's lock.

Rules
- A step that is left without a verdict HEALTHY on it counts as unproven; each step begins without a verdict.
- The way back gives the endpoint the route that it had, byte for byte but for the epoch. Flags are a part of it, and so
  is the number of replicas where the deployment changed it; both become in the configuration what they were.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import Row

from modelyard.delivery.changes import Change, apply, configure
from modelyard.delivery.endpoints import rules_of
from modelyard.delivery.judging import begin
from modelyard.delivery.restoring import back_to
from modelyard.domain import deployment as rules
from modelyard.domain.durations import elapsed, later
from modelyard.domain.judge import HEALTHY
from modelyard.domain.routing import canonical
from modelyard.domain.wire import (
    Arm,
    DeploymentRecord,
    DeploymentVerdict,
    EndpointConfiguration,
    EndpointRollback,
    Route,
    SnapshotDocument,
)
from modelyard.metadata import endpoints, snapshots
from modelyard.metadata.database import known
from modelyard.registry.context import Context


def go_on(
    context: Context, found: DeploymentRecord, event: str, reason: str, evidence: dict[str, Any] | None = None
) -> DeploymentRecord:
    """Take a deployment to its next step, or to the bake; `event` is what `domain.deployment.after` says."""
    endpoint = known(endpoints.by_id(context.tx, found.endpoint_id))
    fields: dict[str, Any] = {"resumes": "", "unproven": _unproven(found)}
    if event == "baking":
        change = Change(event=event, state=rules.BAKE, reason=reason, evidence=evidence or {}, fields=fields)
        return apply(context, found, change)
    step = found.step + 1
    change = Change(
        event=event,
        state=rules.STAGE,
        reason=reason,
        evidence=evidence or {},
        step=step,
        route=_route(found, endpoint, step),
        fields={**fields, "verdict": DeploymentVerdict()},
    )
    return apply(context, found, change)


def start_traffic(context: Context, found: DeploymentRecord, reason: str, evidence: dict[str, Any]) -> DeploymentRecord:
    """Take a deployment whose preflight was passed to its first step."""
    endpoint = known(endpoints.by_id(context.tx, found.endpoint_id))
    configuration = endpoints.configuration_of(endpoint)
    begin(context, found)
    if found.options.replicas is not None:
        endpoint = configure(context, endpoint, replace(configuration, replicas=found.options.replicas))
    change = Change(
        event="preflight_passed",
        state=rules.STAGE,
        reason=reason,
        evidence=evidence,
        step=0,
        route=_route(found, endpoint, 0),
    )
    return apply(context, found, change)


def finish(
    context: Context, found: DeploymentRecord, reason: str, *, arms: list[Arm] | None = None, evidence: Any = None
) -> DeploymentRecord:
    """End a deployment well: what it ends with is served from now on."""
    endpoint = known(endpoints.by_id(context.tx, found.endpoint_id))
    present = endpoints.route_of(endpoint)
    route = rules.final_route(found, found.plan.final if arms is None else arms, present, rules_of(endpoint))
    unchanged = rules.same_traffic(present, route)
    warm = found.options.keep_warm_seconds if route.warm else None
    change = Change(
        event="succeeded",
        state=rules.SUCCEEDED,
        reason=reason,
        evidence=evidence or {},
        route=None if unchanged else route,
        fields={
            "due_at": later(context.now, warm) if warm is not None else None,
            "resumes": "",
            "unproven": _unproven(found),
        },
    )
    return apply(context, found, change)


def begin_rollback(
    context: Context, found: DeploymentRecord, *, reason: str, cause: str, evidence: dict[str, Any]
) -> DeploymentRecord:
    """Give the traffic back to what served before; the deployment has not ended then."""
    endpoint = _as_configured_before(context, found)
    before = snapshot_of(context, found).route
    route = None
    if not same_route(endpoints.route_of(endpoint), before):
        route = replace(before, epoch=endpoint.epoch + 1)
    rollback = EndpointRollback(
        name=found.name,
        environment=found.environment,
        version=found.base,
        version_id=found.base_id,
        left=found.version,
        deployment_id=found.id,
        snapshot_id=found.snapshot_id,
        epoch=endpoint.epoch + (route is not None),
        seconds=_seconds_since(context),
        reason=reason,
        cause=cause,
        evidence=evidence,
        at=context.now,
        actor=context.actor,
    )
    change = Change(
        event="rolling_back",
        state=rules.ROLLING_BACK,
        reason=reason,
        cause=cause,
        evidence={**evidence, "cause": cause},
        route=route,
        fields={"resumes": "", "rollback": rollback},
    )
    return apply(context, found, change)


def end_rollback(context: Context, found: DeploymentRecord) -> DeploymentRecord:
    """Make sure that what served before has the traffic, and end; harmless where that is so already."""
    give_back(context, found, cause="deployment.rolled_back")
    change = Change(event="rolled_back", state=rules.ROLLED_BACK, reason=found.reason)
    return apply(context, found, change)


def give_back(context: Context, found: DeploymentRecord, *, cause: str) -> Row[Any]:
    """Make an endpoint serve what it served before a deployment; return its row as it is then."""
    endpoint = _as_configured_before(context, found)
    return back_to(context, endpoint, snapshot_of(context, found).route, cause=cause)


def given_back(found: DeploymentRecord, present: EndpointConfiguration, before: SnapshotDocument) -> SnapshotDocument:
    """What the way back makes of route and configuration; aliases and stages are as in the snapshot `before`."""
    replicas = present.replicas if found.options.replicas is None else before.configuration.replicas
    return replace(before, configuration=replace(present, rules=before.configuration.rules, replicas=replicas))


def _as_configured_before(context: Context, found: DeploymentRecord) -> Row[Any]:
    endpoint = known(endpoints.by_id(context.tx, found.endpoint_id))
    if found.state in rules.BEFORE_TRAFFIC:
        return endpoint
    wanted = given_back(found, endpoints.configuration_of(endpoint), snapshot_of(context, found))
    return configure(context, endpoint, wanted.configuration)


def _unproven(found: DeploymentRecord) -> list[int]:
    """The steps that were passed without proof once the present one is left."""
    is_over = rules.BAKE in {found.state, found.resumes} or found.verdict.state == HEALTHY
    return found.unproven if is_over else [*found.unproven, found.step]


def _route(found: DeploymentRecord, endpoint: Row[Any], step: int) -> Route | None:
    """The route of a step; None where the endpoint serves just that already."""
    present = endpoints.route_of(endpoint)
    route = rules.route_of_step(found, found.plan.steps[step], present, rules_of(endpoint))
    return None if rules.same_traffic(present, route) else route


def snapshot_of(context: Context, found: DeploymentRecord) -> SnapshotDocument:
    """What the endpoint was when a deployment started."""
    return snapshots.content_of(known(snapshots.by_id(context.tx, found.snapshot_id)))


def same_route(one: Route, two: Route) -> bool:
    """Whether two routes are the same byte for byte, but for the epoch."""
    return canonical(replace(one, epoch=0)) == canonical(replace(two, epoch=0))


def _seconds_since(context: Context) -> float:
    """How long the change has taken so far, by the clock that everything here is dated by."""
    return elapsed(context.now, context.yard.clock())
