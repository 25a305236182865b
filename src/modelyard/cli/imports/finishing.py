"""What an imported version gets after its registration: the stage that it stood in, and the aliases that pointed to it.

Rules
- A stage is reached over legal moves, the shortest way through the graph that holds for the model; gates on that way
  hold for an import as for anybody. Who stands in the stage stays there, because others may stand there where the
  versions come from.
- An alias that points elsewhere is not taken away: somebody set it here.
- Repeating both changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

from modelyard.domain.graph import StageGraph
from modelyard.domain.graph_documents import parse_graph
from modelyard.domain.stages import ModelStage
from modelyard.domain.wire import VersionRecord
from modelyard.errors import Conflict, ModelyardError
from modelyard.facade.registry import ModelRegistry


def path_to(graph: StageGraph, target: ModelStage, start: ModelStage | None = None) -> list[ModelStage]:
    """Return the stages that a version passes on the shortest way into a stage, the stage itself last.

    Args:
        graph: the moves.
        target: where it goes.
        start: where it stands; where new versions enter, if it is left out.
    """
    start = graph.initial if start is None else start
    paths = {start: [start]}
    waiting = [start]
    while waiting and target not in paths:
        stage = waiting.pop(0)
        for following in graph.moves.get(stage, ()):
            if following not in paths:
                paths[following] = [*paths[stage], following]
                waiting.append(following)
    return paths.get(target, [start, target])[1:]


def move(registry: ModelRegistry, version: VersionRecord, target: ModelStage) -> None:
    """Move a version into a stage, over the stages between.

    Raises:
        InvalidTransition, GateRefused: the graph or a gate refuses a move.
    """
    stage = ModelStage(version.stage)
    if stage == target:
        return
    record = registry.stage_graph(version.name)
    graph = parse_graph(record.document, custom=record.stages)
    for following in path_to(graph, target, stage):
        registry.promote_model(version.id, following, archive_previous=False, comment="imported")


def point(registry: ModelRegistry, name: str, aliases: Iterable[str], identifier: str) -> None:
    """Set aliases of a model that are not set yet; one that cannot be set does not keep the others from it.

    Raises:
        Conflict: one points to another version.
        ModelyardError: one was refused. Of several, the first is told.
    """
    wanted = list(aliases)
    present = {alias.alias: alias.version_id for alias in registry.list_aliases(name)} if wanted else {}
    refused: list[ModelyardError] = []
    for alias in wanted:
        try:
            if alias not in present:
                registry.set_alias(name, alias, identifier)
            elif present[alias] != identifier:
                refused.append(Conflict(f"the alias {alias!r} points elsewhere already"))
        except ModelyardError as error:
            refused.append(error)
    if refused:
        raise refused[0]
