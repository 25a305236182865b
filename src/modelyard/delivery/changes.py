"""How a deployment changes: state, route, history and event in one transaction, or not at all.

Rules
- The caller holds the model's lock. The endpoint's epoch and the deployment's revision are compared all the same, so
  that what was read before the lock cannot be written behind it.
- A route is changed by a change of its deployment only, or by `reroute`, which tells its own cause.
- Each change of an endpoint's traffic is the next epoch; no change, no epoch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from sqlalchemy import Row

from modelyard.domain import deployment as rules
from modelyard.domain.deployment import TERMINAL, check_move, due_of, weight_of
from modelyard.domain.routing import check_route
from modelyard.domain.wire import (
    DeploymentChange,
    DeploymentOptions,
    DeploymentRecord,
    EndpointConfiguration,
    Plan,
    Route,
)
from modelyard.errors import DeploymentClosed, PreconditionFailed
from modelyard.metadata import deployments, endpoints, models
from modelyard.metadata.database import known
from modelyard.registry.context import Context


@dataclass(frozen=True, kw_only=True)
class Change:
    """What becomes of a deployment: the event, the state behind it, and what changes with it."""

    event: str
    state: str
    reason: str = ""
    cause: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)
    step: int | None = None
    route: Route | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    """Other fields of the record that change."""


def apply(context: Context, deployment: DeploymentRecord, change: Change) -> DeploymentRecord:
    """Write a change of a deployment.

    Raises:
        DeploymentClosed: it has ended, or has moved since it was read.
    """
    check_move(change.event, deployment.state, change.state)
    endpoint = known(endpoints.by_id(context.tx, deployment.endpoint_id))
    if change.route is not None:
        endpoint = reroute(context, endpoint, change.route, cause=f"deployment.{change.event}")
    after = _after(context, deployment, change, endpoint)
    if not deployments.change(context.tx, deployment, after):
        raise DeploymentClosed(
            f"the deployment {deployment.id} has moved meanwhile", hint=f"look at it: modelyard status {deployment.id}"
        )
    keep(context, deployment.state, after, change)
    return deployments.record(known(deployments.by_id(context.tx, deployment.id)))


def keep(context: Context, source: str, after: DeploymentRecord, change: Change) -> None:
    """Append a change to the deployment's history and to the model's chain of events."""
    endpoint = known(endpoints.by_id(context.tx, after.endpoint_id))
    line = DeploymentChange(
        position=0,
        event=change.event,
        from_state=source,
        to_state=after.state,
        step=after.step,
        epoch=endpoint.epoch,
        actor=context.actor,
        at=context.now,
        reason=change.reason,
        evidence=dict(change.evidence),
    )
    deployments.add_change(context.tx, after.id, line)
    facts = {
        "deployment": after.id,
        "endpoint": after.endpoint_id,
        "environment": after.environment,
        "from": source,
        "to": after.state,
        "step": after.step,
        "epoch": endpoint.epoch,
        "reason": change.reason,
        "evidence": dict(change.evidence),
        "version": after.version,
        "version_id": after.version_id,
        "base_id": after.base_id,
        "strategy": after.strategy,
    }
    if change.event == "created":
        facts |= {"plan": plain(after.plan), "options": plain(after.options), "snapshot": after.snapshot_id}
    context.tell(
        model_id=endpoint.model_id, kind=f"deployment.{change.event}", version_id=after.version_id, data=facts
    )  # fmt: skip


def reroute(context: Context, endpoint: Row[Any], route: Route, *, cause: str) -> Row[Any]:
    """Give an endpoint its next route, and return its row as it is then.

    Raises:
        PreconditionFailed: its route has changed since the row was read.
    """
    check_route(route)
    if route.epoch != endpoint.epoch + 1 or not endpoints.reroute(
        context.tx, endpoint, route, cause=cause, at=context.now
    ):
        raise PreconditionFailed(f"the endpoint {endpoint.name} in {endpoint.environment} has moved meanwhile")
    facts = {
        "endpoint": endpoint.id,
        "environment": endpoint.environment,
        "epoch": route.epoch,
        "cause": cause,
        "deployment": route.deployment_id,
        "route": plain(route),
    }
    models.touch(context.tx, endpoint.model_id, context.now)
    context.tell(model_id=endpoint.model_id, kind="route.changed", data=facts)
    return known(endpoints.by_id(context.tx, endpoint.id))


def configure(context: Context, endpoint: Row[Any], wanted: EndpointConfiguration) -> Row[Any]:
    """Write how an endpoint takes requests, if that is news, and return its row as it is then."""
    if endpoints.configuration_of(endpoint) == wanted:
        return endpoint
    endpoints.configure(context.tx, endpoint.id, wanted, context.now)
    models.touch(context.tx, endpoint.model_id, context.now)
    facts = {"endpoint": endpoint.id, "environment": endpoint.environment, "configuration": plain(wanted)}
    context.tell(model_id=endpoint.model_id, kind="endpoint.configured", data=facts)
    return known(endpoints.by_id(context.tx, endpoint.id))


def plain(document: Route | EndpointConfiguration | Plan | DeploymentOptions) -> dict[str, Any]:
    """A record as JSON values, as events hold it: whole, with what it has by default."""
    return asdict(document)


def _after(context: Context, deployment: DeploymentRecord, change: Change, endpoint: Row[Any]) -> DeploymentRecord:
    step = deployment.step if change.step is None else change.step
    moved = change.state != deployment.state or step != deployment.step
    after = replace(
        deployment,
        state=change.state,
        step=step,
        reason=change.reason,
        weight=weight_of(endpoints.route_of(endpoint), deployment.version_id),
        epoch=endpoint.epoch,
        since=context.now if moved and not _goes_on(deployment, change) else deployment.since,
        updated_at=context.now,
        finished_at=context.now if change.state in TERMINAL else None,
    )
    after = replace(after, **dict(change.fields))
    if "due_at" in change.fields:
        return after
    return replace(after, due_at=due_of(after, now=context.now))


def _goes_on(deployment: DeploymentRecord, change: Change) -> bool:
    """Whether the time of a step counts on: a pause and its end do not begin the step anew."""
    return change.state == rules.PAUSED or (deployment.state == rules.PAUSED and change.event == "resumed")
