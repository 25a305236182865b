"""How a version gets from one stage into another: the rows, the events, and who makes room.

Rules
- A version has a stage of its own, and at most one stage in each environment; entering one of those keeps its own.
- Who stood in the stage makes room: it is archived, or, in an environment, leaves the environment. It keeps the places
  that it has elsewhere. Whoever is archived or rejected for its own sake leaves all environments.
- A deprecated version enters no exclusive stage.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row

from modelyard.domain.graph import RETIRED, StageGraph, Standing
from modelyard.domain.stages import ModelStage
from modelyard.errors import Conflict
from modelyard.metadata import models, placements, versions
from modelyard.registry.context import Context
from modelyard.registry.lookup import versions_in_stage
from modelyard.registry.views import mark_stale

MOVED, ROLLED_BACK, WITHDRAWN = "version.stage_moved", "version.rolled_back", "version.withdrawn"


def standing_of(context: Context, row: Row[Any]) -> Standing:
    """Return where a version stands."""
    placed = placements.of_versions(context.tx, [row.seq]).get(row.seq, {}) if context.graphs.placed else {}
    return Standing(
        stage=ModelStage(row.stage), environments={name: ModelStage(stage) for name, stage in placed.items()}
    )


def refuse_deprecated(graph: StageGraph, row: Row[Any], target: ModelStage) -> None:
    """Refuse a deprecated version where it would be put to use."""
    if target in graph.exclusive and row.deprecation is not None:
        raise Conflict(f"{row.name} {row.version} is deprecated and enters no {target}", hint="promote its successor")


def who_makes_room(
    context: Context, row: Row[Any], target: ModelStage, *, archive_previous: bool | None
) -> Sequence[Row[Any]]:
    """Return the versions that leave a stage when another enters; as the graph says where the caller does not."""
    exclusive = target in context.graphs.of(row.model_id).exclusive
    if not (exclusive if archive_previous is None else archive_previous):
        return []
    return [other for other in versions_in_stage(context, row.model_id, target) if other.id != row.id]


def enter(
    context: Context,
    row: Row[Any],
    source: ModelStage,
    target: ModelStage,
    replaced: Sequence[Row[Any]],
    facts: Mapping[str, Any],
) -> list[str]:
    """Move a version into a stage, and those whom it replaces out of it; return their ids."""
    graph = context.graphs.of(row.model_id)
    refuse_deprecated(graph, row, target)
    for other in replaced:
        make_room(context, other, target, {"cause": "replaced", "by": row.id})
    if target in RETIRED:
        for environment, stage in standing_of(context, row).environments.items():
            withdraw(context, row, environment, stage, {"cause": str(target), "by": row.id})
    write_entry(context, row, target, MOVED, {"from": str(source), "to": str(target), **facts})
    return [other.id for other in replaced]


def make_room(context: Context, row: Row[Any], stage: ModelStage, facts: Mapping[str, Any]) -> None:
    """Take a version out of a stage for another: out of the environment, or into the archive."""
    environment = context.graphs.of(row.model_id).environment_of(stage)
    if environment:
        withdraw(context, row, environment, stage, facts)
        return
    archived = ModelStage.ARCHIVED
    if archived not in context.graphs.of(row.model_id).stages:
        raise Conflict(
            f"{row.name} {row.version} cannot make room: its stage graph has no stage archived",
            hint="add that stage to the graph, or keep who stands there",
        )
    write_entry(context, row, archived, MOVED, {"from": row.stage, "to": str(archived), **facts})


def withdraw(context: Context, row: Row[Any], environment: str, stage: str, facts: Mapping[str, Any]) -> None:
    """Take a version out of an environment; its own stage stays."""
    placements.leave(context.tx, row.seq, environment)
    versions.touch(context.tx, row, context.now)
    tell_of_version(context, row, WITHDRAWN, {"from": str(stage), "environment": environment, **facts})


def write_entry(context: Context, row: Row[Any], target: ModelStage, kind: str, facts: Mapping[str, Any]) -> None:
    """Write down that a version stands in a stage now."""
    environment = context.graphs.of(row.model_id).environment_of(target)
    if environment:
        placements.enter(context.tx, row, environment, str(target), context.now)
        versions.touch(context.tx, row, context.now)
        facts = {**facts, "environment": environment}
    else:
        versions.change(context.tx, row, context.now, edited=True, stage=str(target))
    tell_of_version(context, row, kind, facts)


def tell_of_version(context: Context, row: Row[Any], kind: str, facts: Mapping[str, Any]) -> None:
    """Append the event of a change that a version's record and its readable tree show."""
    models.touch(context.tx, row.model_id, context.now, edited=True)
    context.tell(
        model_id=row.model_id,
        kind=kind,
        version_id=row.id,
        data=dict(facts),
    )
    mark_stale(context, row)
