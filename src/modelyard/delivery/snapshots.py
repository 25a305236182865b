"""Snapshots: all that an endpoint served at a moment, to be gone back to.

Rules
- A snapshot holds the route, the configuration, the model's aliases, and the stages of the versions in use. It is taken
  before each deployment, and whenever somebody asks.
- To restore one undoes what happened since: each version whose stage has changed goes back to the stage that it left
  first, which the events behind the snapshot's place in the chain tell. So versions that it does not list go back too.
- What is restored equals the snapshot byte for byte, but for the epoch, which only grows.
- It is healthy if what it served had passed its deployment: one that is taken while a deployment has traffic is not. A
  version that was rolled back from is not gone back to.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from modelyard.delivery.endpoints import find_endpoint
from modelyard.domain.checks import check_text
from modelyard.domain.deployment import BEFORE_TRAFFIC, main_arm
from modelyard.domain.graph import StageGraph
from modelyard.domain.names import shown
from modelyard.domain.paging import check_limit, number_of, token_after
from modelyard.domain.snapshots import differences, digest_of
from modelyard.domain.stages import ModelStage
from modelyard.domain.wire import SnapshotDiff, SnapshotDocument, SnapshotPage, SnapshotRecord
from modelyard.errors import SnapshotNotFound
from modelyard.metadata import aliases, deployments, endpoints, models, placements, snapshots, versions
from modelyard.metadata.database import known
from modelyard.operations import (
    COMPARE_SNAPSHOTS,
    GET_SNAPSHOT,
    LIST_SNAPSHOTS,
    TAKE_SNAPSHOT,
    CompareSnapshots,
    ListSnapshots,
    NamedSnapshot,
    TakeSnapshot,
)
from modelyard.registry.context import Context
from modelyard.registry.dispatch import serves
from modelyard.registry.lookup import find_model

NOW = "now"
LONGEST_REASON = 10_000


@serves(TAKE_SNAPSHOT)
def take_snapshot(context: Context, request: TakeSnapshot) -> SnapshotRecord:
    """Keep what an endpoint is now."""
    check_text("reason", request.reason, LONGEST_REASON)
    find_model(context, request.name, lock=True)
    return take(context, find_endpoint(context, request.name, request.environment), request.reason)


@serves(LIST_SNAPSHOTS)
def list_snapshots(context: Context, request: ListSnapshots) -> SnapshotPage:
    """Return an endpoint's snapshots, the newest first."""
    row = find_endpoint(context, request.name, request.environment)
    limit = check_limit(request.limit)
    rows = snapshots.page(context.tx, row.id, before=number_of(request.page_token), limit=limit + 1)
    token = token_after(rows[limit - 1].seq) if len(rows) > limit else ""
    return SnapshotPage(snapshots=[snapshots.record(one) for one in rows[:limit]], next_page_token=token)


@serves(GET_SNAPSHOT)
def get_snapshot(context: Context, request: NamedSnapshot) -> SnapshotRecord:
    """Return a snapshot."""
    return snapshots.record(find_snapshot(context, request.id))


@serves(COMPARE_SNAPSHOTS)
def compare_snapshots(context: Context, request: CompareSnapshots) -> SnapshotDiff:
    """Tell what differs between a snapshot and another of its endpoint, or the present."""
    row = find_snapshot(context, request.id)
    if request.other == NOW:
        endpoint = known(endpoints.by_id(context.tx, row.endpoint_id))
        other = content_now(context, endpoint)
    else:
        other = snapshots.content_of(find_snapshot(context, request.other))
    return SnapshotDiff(id=row.id, other=request.other, changes=differences(snapshots.content_of(row), other))


def find_snapshot(context: Context, snapshot_id: str) -> Row[Any]:
    """Return the row of a snapshot.

    Raises:
        SnapshotNotFound: there is none of this id, or who asks may not see its model.
    """
    row = snapshots.by_id(context.tx, snapshot_id) if snapshot_id.isprintable() else None
    if row is None or not context.sees(row.name):
        raise SnapshotNotFound(f"there is no snapshot {shown(snapshot_id)}", details={"id": snapshot_id[:100]})
    context.require(context.permission, row.name)
    return row


def take(context: Context, endpoint: Row[Any], reason: str) -> SnapshotRecord:
    """Write a snapshot of what an endpoint is; the caller holds the model's lock."""
    content = content_now(context, endpoint)
    model = known(models.by_id(context.tx, endpoint.model_id))
    snapshot = SnapshotRecord(
        id=context.yard.new_id("sn"),
        name=endpoint.name,
        environment=endpoint.environment,
        epoch=endpoint.epoch,
        digest=digest_of(content),
        healthy=bool(content.route.arms) and not _is_on_trial(context, endpoint),
        reason=reason,
        content=content,
        created_by=context.actor,
        created_at=context.now,
    )
    snapshots.add(
        context.tx, snapshot, endpoint_id=endpoint.id, model_id=endpoint.model_id, position=model.events
    )  # fmt: skip
    facts = {
        "snapshot": snapshot.id,
        "endpoint": endpoint.id,
        "environment": endpoint.environment,
        "digest": snapshot.digest,
        "healthy": snapshot.healthy,
        "epoch": snapshot.epoch,
        "reason": reason,
    }
    context.tell(model_id=endpoint.model_id, kind="snapshot.created", data=facts)
    return snapshots.record(known(snapshots.by_id(context.tx, snapshot.id)))


def judge(context: Context, snapshot_id: str, *, healthy: bool) -> None:
    """Note whether a snapshot is worth going back to; the caller holds the model's lock."""
    row = known(snapshots.by_id(context.tx, snapshot_id))
    snapshots.judge(context.tx, snapshot_id, healthy=healthy)
    facts = {
        "snapshot": snapshot_id,
        "endpoint": row.endpoint_id,
        "environment": row.environment,
        "healthy": healthy,
    }
    context.tell(model_id=row.model_id, kind="snapshot.judged", data=facts)


def distrust(context: Context, endpoint_id: str, version_id: str) -> None:
    """Go back to nothing any more that serves mainly by a version which has failed; the caller holds the lock."""
    for row in snapshots.every_healthy(context.tx, endpoint_id):
        arm = main_arm(snapshots.content_of(row).route)
        if arm is not None and arm.version_id == version_id:
            judge(context, row.id, healthy=False)


def content_now(context: Context, endpoint: Row[Any]) -> SnapshotDocument:
    """Return what a snapshot of an endpoint would hold now."""
    route = endpoints.route_of(endpoint)
    graph = context.graphs.of(endpoint.model_id)
    rows = versions.outside_of(context.tx, endpoint.model_id, unused_stages(graph))
    rows = [*rows, *_others(context, endpoint, {arm.version_id for arm in route.arms} - {row.id for row in rows})]
    placed = placements.of_versions(context.tx, [row.seq for row in rows]) if context.graphs.placed else {}
    return SnapshotDocument(
        route=route,
        configuration=endpoints.configuration_of(endpoint),
        aliases={row.alias: row.version_id for row in aliases.of_model(context.tx, endpoint.model_id)},
        stages={row.id: {"": row.stage, **placed.get(row.seq, {})} for row in sorted(rows, key=lambda row: row.seq)},
    )


def unused_stages(graph: StageGraph) -> list[str]:
    """Return the stages in which versions stand that are not in use."""
    return sorted({str(graph.initial), str(ModelStage.ARCHIVED), str(ModelStage.REJECTED)})


def _is_on_trial(context: Context, endpoint: Row[Any]) -> bool:
    """Whether the endpoint's route is that of a deployment whose outcome is open."""
    live = deployments.live_of(context.tx, endpoint.id)
    return live is not None and live.state not in BEFORE_TRAFFIC


def _others(context: Context, endpoint: Row[Any], ids: set[str]) -> list[Row[Any]]:
    """Return further versions: those of the route, and those that stand in an environment only."""
    graph = context.graphs.of(endpoint.model_id)
    stages = [stage for stage in graph.stages if graph.environment_of(stage)]
    found = [row for stage in stages for row in placements.in_stage(context.tx, endpoint.model_id, stage)]
    found += [row for row in (versions.by_id(context.tx, version_id) for version_id in ids) if row is not None]
    return list({row.id: row for row in found}.values())
