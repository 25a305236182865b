"""Makes an endpoint and its model what a snapshot says: route, configuration, aliases, stages.

The rules stand in `modelyard.delivery.snapshots`. The caller holds the model's lock.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Row

from modelyard.delivery.changes import configure, reroute
from modelyard.delivery.refusals import refuse_undeployable
from modelyard.delivery.snapshots import content_now, unused_stages
from modelyard.domain.graph import StageGraph
from modelyard.domain.snapshots import differences
from modelyard.domain.stages import ModelStage
from modelyard.domain.wire import Route, SnapshotChange, SnapshotDocument
from modelyard.errors import NotDeployable
from modelyard.metadata import aliases, endpoints, journal, versions
from modelyard.metadata.database import known
from modelyard.registry.aliases import move_alias, remove_alias
from modelyard.registry.context import Context
from modelyard.registry.moves import MOVED, ROLLED_BACK, standing_of, withdraw, write_entry

CAUSE = "snapshot"


@dataclass(frozen=True, kw_only=True)
class Target:
    """What a rollback goes back to: a snapshot, or the present with another version in its route."""

    content: SnapshotDocument
    snapshot_id: str = ""
    position: int | None = None
    """Place of the snapshot in the model's chain; None restores route and configuration alone."""


def changes_to(context: Context, endpoint: Row[Any], target: Target) -> list[SnapshotChange]:
    """What a rollback to a target would change."""
    present = content_now(context, endpoint)
    wanted = target.content
    if target.position is None:
        wanted = replace(wanted, aliases=present.aliases, stages=present.stages)
    return differences(present, wanted)


def check_servable(context: Context, target: Target, *, force: bool) -> None:
    """Refuse to go back to what cannot serve any more.

    Raises:
        NotDeployable: a version that requests would be sent to, by weight or by flag, is deleted, deprecated, rejected,
            or its files are missing.
    """
    route = target.content.route
    answering = {arm.version_id: arm.version for arm in route.arms}
    answering |= {rule.version_id: rule.version for rule in route.rules}
    for version_id, version in answering.items():
        row = versions.by_id(context.tx, version_id)
        if row is None:
            raise NotDeployable(
                f"{version} was deleted, so there is no way back to it", hint="name another version or snapshot"
            )
        refuse_undeployable(context, row, force=force)


def restore(context: Context, endpoint: Row[Any], target: Target, *, cause: str) -> Row[Any]:
    """Restore a target; return the endpoint's row as it is then."""
    content = target.content
    endpoint = configure(context, endpoint, content.configuration)
    if target.position is not None:
        restore_aliases(context, endpoint.model_id, content)
        restore_stages(context, endpoint.model_id, content, target.position)
    return back_to(context, endpoint, _without_deleted(context, content.route), cause=cause)


def _without_deleted(context: Context, route: Route) -> Route:
    """A route without the versions that only got copies, or were kept warm, and are deleted by now."""
    gone = {name for name in (*route.warm, *(arm.version_id for arm in route.shadow)) if _is_gone(context, name)}
    shadow = [arm for arm in route.shadow if arm.version_id not in gone]
    return replace(route, shadow=shadow, warm=[name for name in route.warm if name not in gone])


def _is_gone(context: Context, version_id: str) -> bool:
    return versions.by_id(context.tx, version_id) is None


def back_to(context: Context, endpoint: Row[Any], route: Route, *, cause: str) -> Row[Any]:
    """Give an endpoint an earlier route again, as the next epoch; nothing happens where it has it."""
    if replace(endpoints.route_of(endpoint), epoch=0) == replace(route, epoch=0):
        return endpoint
    return reroute(context, endpoint, replace(route, epoch=endpoint.epoch + 1), cause=cause)


def restore_aliases(context: Context, model_id: str, content: SnapshotDocument) -> None:
    """Point each alias to what it named; those that were not there go, those of deleted versions stay away."""
    present = {row.alias: row for row in aliases.of_model(context.tx, model_id)}
    for name, row in present.items():
        if name not in content.aliases:
            remove_alias(context, model_id, row)
    for name, version_id in content.aliases.items():
        now = present.get(name)
        wanted = versions.by_id(context.tx, version_id)
        if wanted is not None and (now is None or now.version_id != version_id):
            move_alias(context, model_id, name, now, wanted)


def restore_stages(context: Context, model_id: str, content: SnapshotDocument, position: int) -> None:
    """Give each version the stages that it had; see the rules of the module `snapshots`.

    A stage that the graph has no more, or has elsewhere by now, is not given back: its version stays where it is.
    """
    graph = context.graphs.of(model_id)
    unused = unused_stages(graph)
    earlier = _left_first(context, model_id, position)
    present = {row.id: row for row in versions.outside_of(context.tx, model_id, unused)}
    for version_id in (*content.stages, *earlier):
        row = versions.by_id(context.tx, version_id)
        if row is not None:
            present[version_id] = row
    back: list[tuple[Row[Any], str]] = []
    for version_id, row in present.items():
        listed = content.stages.get(version_id)
        then = listed[""] if listed else _unlisted(earlier.get(version_id), row.stage, unused, str(graph.initial))
        if then != row.stage and _has_stage(graph, then, ""):
            back.append((row, then))
        _restore_placements(context, row, {key: value for key, value in (listed or {}).items() if key})
    # Whoever leaves a stage goes first, so that it is never held by two.
    for row, then in sorted(back, key=lambda one: one[1] not in unused):
        _enter(context, row, then, unused)


def _has_stage(graph: StageGraph, stage: str, environment: str) -> bool:
    """Whether a graph has a stage in an environment; the empty name stands for none."""
    return stage in graph.stages and graph.environment_of(ModelStage(stage)) == environment


def _left_first(context: Context, model_id: str, position: int) -> dict[str, str]:
    """Return, for each version that changed its own stage since, the stage that it left first."""
    found: dict[str, str] = {}
    for event in journal.stage_moves(context.tx, model_id):
        if event.position > position and "environment" not in event.data and event.version_id:
            found[event.version_id] = str(event.data.get("from", ""))
    return found


def _unlisted(left: str | None, present: str, unused: list[str], initial: str) -> str:
    """Return the stage of a version that the snapshot does not list, so that it stood in an unused one."""
    if left is None:
        # It was registered since, straight into a stage of use: it makes room as anybody does.
        return present if present in unused else str(ModelStage.ARCHIVED)
    return left if left in unused else initial


def _enter(context: Context, row: Row[Any], stage: str, unused: list[str]) -> None:
    row = known(versions.by_id(context.tx, row.id))
    facts = {"from": row.stage, "to": stage, "cause": CAUSE}
    write_entry(context, row, ModelStage(stage), MOVED if stage in unused else ROLLED_BACK, facts)


def _restore_placements(context: Context, row: Row[Any], wanted: dict[str, str]) -> None:
    if not context.graphs.placed:
        return
    graph = context.graphs.of(row.model_id)
    present = standing_of(context, row).environments
    for environment, stage in present.items():
        if environment not in wanted:
            withdraw(context, known(versions.by_id(context.tx, row.id)), environment, str(stage), {"cause": CAUSE})
    for environment, name in wanted.items():
        if str(present.get(environment, "")) != name and _has_stage(graph, name, environment):
            again = known(versions.by_id(context.tx, row.id))
            facts = {"from": str(present.get(environment, "")), "to": name, "cause": CAUSE}
            write_entry(context, again, ModelStage(name), ROLLED_BACK, facts)
