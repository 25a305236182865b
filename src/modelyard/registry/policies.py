"""Stage graphs: show, set, take away.

Rules
- A graph that would leave a version in a stage that it does not have is refused; the stages are named.
- Setting the graph that is there already changes nothing and is no event.
- A dry run makes all checks and tells what would change.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sqlalchemy import Row

from modelyard.domain.graph import StageGraph
from modelyard.domain.graph_documents import graph_changes, graph_document, parse_graph
from modelyard.domain.wire import GraphRecord
from modelyard.errors import InUse
from modelyard.metadata import graphs, models
from modelyard.metadata.tables import REGISTRY
from modelyard.operations import (
    GET_GRAPH,
    GET_MODEL_GRAPH,
    RESET_MODEL_GRAPH,
    SET_GRAPH,
    SET_MODEL_GRAPH,
    Empty,
    NamedModel,
    ResetModelGraph,
    SetGraph,
    SetModelGraph,
)
from modelyard.registry.context import Context
from modelyard.registry.dispatch import serves
from modelyard.registry.lookup import check_revision, find_model

LISTED = 5


@serves(GET_GRAPH)
def get_graph(context: Context, _request: Empty) -> GraphRecord:
    """Return the registry's stage graph."""
    return _record(context, REGISTRY, "")


@serves(GET_MODEL_GRAPH)
def get_model_graph(context: Context, request: NamedModel) -> GraphRecord:
    """Return the stage graph that holds for a model, be it its own or the registry's."""
    model = find_model(context, request.name)
    return _record(context, model.id, model.name)


@serves(SET_GRAPH)
def set_graph(context: Context, request: SetGraph) -> GraphRecord:
    """Set the registry's stage graph.

    Raises:
        InvalidConfig: the document is no graph.
        InUse: versions stand in a stage that it does not have.
    """
    models.lock_by_id(context.tx, REGISTRY)
    return _set(context, REGISTRY, "", request)


@serves(SET_MODEL_GRAPH)
def set_model_graph(context: Context, request: SetModelGraph) -> GraphRecord:
    """Give a model a stage graph of its own; errors as of `set_graph`."""
    model = find_model(context, request.name, lock=True)
    return _set(context, model.id, model.name, request)


@serves(RESET_MODEL_GRAPH)
def reset_model_graph(context: Context, request: ResetModelGraph) -> GraphRecord:
    """Let a model follow the registry's graph again; where it does already, nothing changes."""
    model = find_model(context, request.name, lock=True)
    row = context.graphs.rows.get(model.id)
    check_revision(row, request.if_match, f"the stage graph of {model.name}")
    changes = _changes(context.graphs.of(model.id), context.graphs.registry)
    if row is None:
        return _record(context, model.id, model.name)
    _refuse_lost_stages(context, model.id, context.graphs.registry)
    if not request.dry_run:
        graphs.drop(context.tx, model.id)
        _tell(context, model.id, "graph.removed", {"changes": changes})
    registry = context.graphs.registry
    return GraphRecord(
        name=model.name,
        own=False,
        document=graph_document(registry),
        stages=[str(stage) for stage in registry.stages],
        dry_run=request.dry_run,
        changes=changes,
    )


def _set(context: Context, model_id: str, name: str, request: SetGraph) -> GraphRecord:
    graph = parse_graph(request.document, context.yard.gates)
    row = context.graphs.rows.get(model_id)
    check_revision(row, request.if_match, f"the stage graph of {name or 'the registry'}")
    document = graph_document(graph)
    changes = _changes(context.graphs.of(model_id), graph)
    _refuse_lost_stages(context, model_id, graph)
    is_same = row is not None and not changes
    if not is_same and not request.dry_run:
        graphs.put(context.tx, model_id, document, context.now, is_new=row is None)
        _tell(context, model_id, "graph.changed", {"document": document, "changes": changes})
    revision = 0 if row is None else int(row.revision)
    return GraphRecord(
        name=name,
        own=True,
        document=document,
        stages=[str(stage) for stage in graph.stages],
        revision=revision if is_same or request.dry_run else revision + 1,
        updated_at=context.now if not is_same and not request.dry_run else _moment(row),
        dry_run=request.dry_run,
        changes=changes,
    )


def _refuse_lost_stages(context: Context, model_id: str, graph: StageGraph) -> None:
    """Refuse a graph without a stage that a version of a model that would follow it stands in."""
    lost = []
    for owner, name, stage, place, count in graphs.stages_in_use(context.tx):
        follows = owner == model_id or (model_id == REGISTRY and owner not in context.graphs.rows)
        if not follows:
            continue
        if stage not in graph.stages or graph.environment_of(_stage(graph, stage)) != place:
            lost.append({"model": name, "stage": stage, "versions": count})
    if lost:
        named = ", ".join(f"{item['stage']} ({item['versions']} of {item['model']})" for item in lost[:LISTED])
        raise InUse(
            f"versions stand in stages that the graph does not have, or has elsewhere: {named}",
            hint="keep these stages, or move the versions out of them first",
            details={"holders": lost[:100]},
        )


def _stage(graph: StageGraph, word: str) -> Any:
    return next(stage for stage in graph.stages if stage == word)


def _changes(old: StageGraph, new: StageGraph) -> dict[str, list[str]]:
    return {name: list(found) for name, found in asdict(graph_changes(old, new)).items() if found}


def _record(context: Context, model_id: str, name: str) -> GraphRecord:
    row = context.graphs.rows.get(model_id)
    graph = context.graphs.of(model_id)
    return GraphRecord(
        name=name,
        own=row is not None,
        document=graph_document(graph),
        stages=[str(stage) for stage in graph.stages],
        revision=0 if row is None else int(row.revision),
        updated_at=_moment(row),
    )


def _moment(row: Row[Any] | None) -> str:
    return "" if row is None else str(row.updated_at)


def _tell(context: Context, model_id: str, kind: str, facts: dict[str, Any]) -> None:
    context.tell(model_id=model_id, kind=kind, data=facts)
