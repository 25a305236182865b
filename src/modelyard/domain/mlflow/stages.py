"""MLflow's four stages, and what they are here.

    MLflow        here
    None          development
    Staging       staging
    Production    production
    Archived      archived, rejected

Rules
1. A stage of MLflow is named in any case, and told in its own spelling.
2. A stage that MLflow does not know is told by its word with a capital letter.
3. MLflow moves a version from any stage to any other. `FREE_GRAPH` says so, and holds for MLflow's clients as long as
   nobody has written a stage graph: a graph that a team wrote holds for everybody.
4. Only holders of Staging and Production make room for others.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from modelyard.domain.graph import RETIRED, StageGraph, default_graph
from modelyard.domain.stages import ModelStage

NAMES: Final = MappingProxyType(
    {
        "None": ModelStage.DEVELOPMENT,
        "Staging": ModelStage.STAGING,
        "Production": ModelStage.PRODUCTION,
        "Archived": ModelStage.ARCHIVED,
    }
)
"""MLflow's stages, in its order and spelling → ours."""
ACTIVE: Final = frozenset({"Staging", "Production"})
"""The stages whose holders a newcomer may archive."""

_SPELLINGS: Final = {name.lower(): name for name in NAMES}
_TOLD: Final = {str(stage): name for name, stage in NAMES.items()} | {str(ModelStage.REJECTED): "Archived"}


def _free_graph() -> StageGraph:
    usual = default_graph()
    moves = {stage: tuple(other for other in usual.stages if other != stage) for stage in usual.stages}
    return StageGraph(
        stages=usual.stages, moves=MappingProxyType(moves), initial=usual.initial, exclusive=usual.exclusive
    )


FREE_GRAPH: Final = _free_graph()
"""Every stage leads to every other one. What is exclusive in the usual graph is so here, and keeps deprecated versions
out; but a holder stays beside a newcomer unless the caller asks for its place."""


def told(stage: str) -> str:
    """A stage of ours as MLflow's clients read it."""
    return _TOLD.get(stage) or stage.capitalize()


def canonical(text: str) -> str | None:
    """One of MLflow's stages, named in any case, in its own spelling; None for anything else."""
    return _SPELLINGS.get(text.lower())


def path(graph: StageGraph, source: ModelStage, target: ModelStage) -> tuple[ModelStage, ...]:
    """The shortest way of legal moves from one stage to another, without the first; empty where there is none.

    Stages of environments are no part of it, for MLflow knows none; nor are stages that end a version's life.
    """
    if source == target:
        return ()
    ways: list[tuple[ModelStage, ...]] = [(source,)]
    seen = {source}
    for way in ways:
        for stage in graph.moves.get(way[-1], ()):
            if stage == target:
                return (*way[1:], stage)
            if stage not in seen and stage not in RETIRED and not graph.environment_of(stage):
                seen.add(stage)
                ways.append((*way, stage))
    return ()
