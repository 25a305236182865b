"""Going back: what an endpoint can be rolled back to, whether that may serve, and the change itself.

Rules
- The newest healthy snapshot with another main version than the one that serves is what is gone back to, unless a
  snapshot or a version is named. Of a live deployment, it is what served before it.
- Files, deprecation and rejection are looked at as for a deployment; whether the version answers is found out before
  the transaction begins.
- What was left behind is kept as a snapshot that nobody goes back to by himself; nor does anybody to an earlier one
  that served by the version which was left.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Row

from modelyard.delivery.changes import Change, apply, keep
from modelyard.delivery.course import begin_rollback, end_rollback, given_back, snapshot_of
from modelyard.delivery.endpoints import rules_of
from modelyard.delivery.restoring import Target, changes_to, check_servable, restore
from modelyard.delivery.snapshots import content_now, distrust, find_snapshot, judge, take
from modelyard.domain import deployment as rules
from modelyard.domain.durations import elapsed
from modelyard.domain.evidence import Finding
from modelyard.domain.wire import Arm, DeploymentRecord, EndpointConfiguration, EndpointRollback, Plan, Route, Step
from modelyard.errors import Conflict, InvalidRequest, ModelyardError, NotDeployable, SnapshotNotFound
from modelyard.metadata import deployments, endpoints, models, snapshots
from modelyard.metadata.database import known
from modelyard.registry.context import Context, Yard
from modelyard.registry.lookup import find_within

PROBED = "probe"
"""Under which name the finding about the version to go back to stands."""


@dataclass(frozen=True, kw_only=True)
class Why:
    """Why an endpoint goes back: in words, by kind (`cause`), and on what evidence."""

    reason: str = ""
    cause: str = "manual"
    evidence: Mapping[str, Any] = field(default_factory=dict)


def probed(yard: Yard, version_id: str, configuration: EndpointConfiguration) -> Mapping[str, Finding]:
    """Start a version and probe it once; the finding says whether it may be gone back to."""
    engine = yard.engine.get()
    if engine is None or not version_id:
        return {}
    try:
        seen = engine.preflight(version_id, configuration, 1)
    except ModelyardError as error:
        return {PROBED: Finding(actual=None, met=False, reason=error.message)}
    good = all(ok for ok, _, _ in seen)
    return {PROBED: Finding(actual=None, met=good, reason=seen[0][2] if seen else "")}


def target_of(
    context: Context, endpoint: Row[Any], version: str | None, snapshot_id: str, *, force: bool = False
) -> Target:
    """Return what a caller wants to go back to.

    Raises:
        InvalidRequest: both a version and a snapshot are named, or one of another endpoint.
    """
    if version and snapshot_id:
        raise InvalidRequest("a version and a snapshot are both named", hint="name one of them")
    if snapshot_id:
        row = find_snapshot(context, snapshot_id)
        if row.endpoint_id != endpoint.id:
            raise InvalidRequest(f"the snapshot {row.id} is of {row.name} in {row.environment}", hint="name its own")
        return of_snapshot(row)
    if version:
        return _of_version(context, endpoint, find_within(context, endpoint.name, version))
    live = deployments.live_of(context.tx, endpoint.id)
    found = deployments.record(live) if live is not None else None
    if found is not None and found.base_id is not None and found.state not in rules.BEFORE_TRAFFIC:
        content = given_back(found, endpoints.configuration_of(endpoint), snapshot_of(context, found))
        return Target(content=content, snapshot_id=found.snapshot_id)
    return last_healthy(context, endpoint, force=force)


def last_healthy(context: Context, endpoint: Row[Any], *, force: bool = False) -> Target:
    """Return the newest healthy snapshot that may serve, by another main version than the one that serves now.

    Raises:
        SnapshotNotFound: there is none.
        NotDeployable: there are some, and what they serve is deprecated (unless it is forced), rejected or deleted; it
            tells of the newest.
    """
    present = rules.main_arm(endpoints.route_of(endpoint))
    refusal: NotDeployable | None = None
    for row in snapshots.every_healthy(context.tx, endpoint.id):
        target = of_snapshot(row)
        arm = rules.main_arm(target.content.route)
        if arm is None or (present is not None and arm.version_id == present.version_id):
            continue
        try:
            check_servable(context, target, force=force)
        except NotDeployable as error:
            refusal = refusal or error
        else:
            return target
    raise refusal or SnapshotNotFound(
        f"{endpoint.name} in {endpoint.environment} has no healthy snapshot to go back to",
        hint="name the version to go back to, or deploy one",
    )


def of_snapshot(row: Row[Any]) -> Target:
    """What a snapshot's row says to go back to."""
    return Target(content=snapshots.content_of(row), snapshot_id=row.id, position=row.position)


def _of_version(context: Context, endpoint: Row[Any], version: Row[Any]) -> Target:
    present = content_now(context, endpoint)
    arm = Arm(version_id=version.id, version=version.version, weight=1.0)
    salt = present.route.salt if [one.version_id for one in present.route.arms] == [version.id] else version.id
    route = Route(epoch=endpoint.epoch, salt=salt, arms=[arm], rules=rules_of(endpoint))
    if present.route.arms == [arm] and not present.route.shadow:
        route = present.route
    return Target(content=replace(present, route=route))


def main_version(target: Target) -> str:
    """The id of the version that a target serves by; empty where it serves nothing."""
    arm = rules.main_arm(target.content.route)
    return arm.version_id if arm is not None else ""


def go_back(
    context: Context, endpoint: Row[Any], target: Target, why: Why, *, force: bool = False, dry_run: bool = False
) -> EndpointRollback:
    """Roll an endpoint back to a target; the caller holds the model's lock.

    Raises:
        NotDeployable: a version of the target cannot serve.
        Conflict: it is served already.
    """
    check_servable(context, target, force=force)
    before = leaving(context, endpoint)
    changes = changes_to(context, endpoint, target)
    arm = rules.main_arm(target.content.route)
    done = EndpointRollback(
        name=endpoint.name,
        environment=endpoint.environment,
        version=arm.version if arm else None,
        version_id=arm.version_id if arm else None,
        left=before.version if before else None,
        snapshot_id=target.snapshot_id,
        epoch=endpoint.epoch,
        dry_run=dry_run,
        changes=changes,
        reason=why.reason,
        cause=why.cause,
        evidence=dict(why.evidence),
        at=context.now,
        actor=context.actor,
    )
    if dry_run:
        return done
    live = deployments.live_of(context.tx, endpoint.id)
    if not changes and live is None:
        raise Conflict(
            f"{endpoint.name} in {endpoint.environment} is what it would be rolled back to",
            hint="there is nothing to roll back",
        )
    if live is not None:
        ended = _end(context, deployments.record(live), why)
        endpoint = known(endpoints.by_id(context.tx, endpoint.id))
        if ended.rollback is not None and not changes_to(context, endpoint, target):
            return ended.rollback
    kept = take(context, endpoint, "before a rollback")
    judge(context, kept.id, healthy=False)
    if before is not None and before.version_id != done.version_id:
        distrust(context, endpoint.id, before.version_id)
    endpoint = restore(context, endpoint, target, cause="rollback")
    return _written(context, endpoint, done, kept.id)


def leaving(context: Context, endpoint: Row[Any]) -> Arm | None:
    """Return the version that a rollback takes away: the new one of a live deployment, or the one that serves."""
    row = deployments.live_of(context.tx, endpoint.id)
    if row is not None and row.state not in rules.BEFORE_TRAFFIC:
        found = deployments.record(row)
        return Arm(version_id=found.version_id, version=found.version, weight=found.weight)
    return rules.main_arm(endpoints.route_of(endpoint))


def _end(context: Context, live: DeploymentRecord, why: Why) -> DeploymentRecord:
    """End a live deployment: its traffic goes back, or it never had any."""
    reason = why.reason or "rolled back"
    if live.state in rules.BEFORE_TRAFFIC:
        return apply(context, live, Change(event="cancelled", state=rules.CANCELLED, reason=reason))
    begun = live
    if live.state != rules.ROLLING_BACK:
        begun = begin_rollback(context, live, reason=reason, cause=why.cause, evidence=dict(why.evidence))
    return end_rollback(context, begun)


def _written(context: Context, endpoint: Row[Any], done: EndpointRollback, kept: str) -> EndpointRollback:
    """Write a rollback down as a deployment that has ended."""
    seconds, version_id = elapsed(context.now, context.yard.clock()), done.version_id
    done = replace(done, epoch=endpoint.epoch, seconds=seconds)
    if version_id is None:
        return done
    deployment_id = context.yard.new_id("dp")
    done = replace(done, deployment_id=deployment_id)
    arms = endpoints.route_of(endpoint).arms
    made = DeploymentRecord(
        id=deployment_id,
        name=done.name,
        environment=done.environment,
        endpoint_id=endpoint.id,
        version=done.version or "",
        version_id=version_id,
        base=done.left,
        strategy=rules.ROLLBACK_STRATEGY,
        state=rules.SUCCEEDED,
        weight=1.0,
        reason=done.reason,
        plan=Plan(steps=[Step(arms=arms)], final=arms),
        epoch=endpoint.epoch,
        snapshot_id=kept,
        actor=context.actor,
        since=context.now,
        created_at=context.now,
        updated_at=context.now,
        finished_at=context.now,
        rollback=done,
    )
    deployments.add(context.tx, made, endpoint.model_id)
    models.touch(context.tx, endpoint.model_id, context.now)
    evidence = {**done.evidence, "cause": done.cause, "snapshot": done.snapshot_id}
    keep(context, "", made, Change(event="created", state=made.state, reason=done.reason, evidence=evidence))
    return done


def check_probe(context: Context) -> None:
    """Refuse to go back to what did not answer its probe.

    Raises:
        NotDeployable: with the reason.
    """
    finding = context.findings.get(PROBED)
    if finding is not None and not finding.met:
        raise NotDeployable(
            f"what it would go back to does not answer: {finding.reason}",
            hint="name another version or snapshot, or go back all the same with --force",
            details={"reason": "unhealthy"},
        )
