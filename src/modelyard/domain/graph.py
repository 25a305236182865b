"""The stages of a registry or of one model, the legal moves between them, and what each move needs.

    initial: development                 where a new version enters
    exclusive: [production]              where a newcomer takes the place of who stood there
    environments:                        stages of places apart: a version has at most one stage in each of them,
      eu: [eu-production]                besides its own stage
    moves:
      development: [staging, rejected, archived]        moves that need nothing
      staging:
        rejected:                                       so does this one
        production:
          requirements: {min_auc: 0.9, validation_report: true}
          approvals: 2                   how many people have to approve; none where it is left out
          approvers: [ana, bob]          who may; whoever has the permission where it is left out
          archive_previous: false        instead of what `exclusive` says
          expires_after: 7d              how long a request waits for its approvals

Rules
1. A version enters in the initial stage, or in a stage one legal move away from it that needs nothing.
2. A move is legal when the graph lists it. Staying where one is, is no move and never an error.
3. A move into a stage of an environment starts from the stage that the version has there, or, where it has none, from
   any stage that it stands in; the version keeps its own stage. A move into `archived` or `rejected` leaves all
   environments.
4. A newcomer in an exclusive stage archives the version that stood there before, unless the move or the caller says
   otherwise; in an environment, the previous version leaves the environment.
5. Every stage can be reached from the initial one.

The default graph:

    from          to
    development   staging, rejected, archived
    staging       production, rejected, development, archived
    production    archived
    rejected      development, archived
    archived      (nothing)

production is entered from staging only. Everything may be archived, so that a version can be retired wherever it
stands. archived is final in the graph: what was retired comes back by a rollback, which names its target and bypasses
the graph, never by an ordinary move.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import Enum
from types import MappingProxyType
from typing import Any

from modelyard.domain.stages import ModelStage, folded
from modelyard.errors import InvalidStage, InvalidTransition

RETIRED = frozenset({ModelStage.ARCHIVED, ModelStage.REJECTED})
"""Stages that end a version's life in every environment."""


class Move(Enum):
    """What a legal change of stage amounts to."""

    MOVE = "move"
    STAY = "stay"


@dataclass(frozen=True, kw_only=True)
class MoveRule:
    """What one move needs beyond being legal.

    Attributes:
        requirements: as written, ready for `modelyard.domain.gates.parse_requirements`.
        approvals: how many people have to approve it.
        approvers: the names of those who may; empty for whoever has the permission.
        archive_previous: whether who stands in the stage is archived; None: as the stage's being exclusive says.
        expires_after: how long a request for this move waits, as a duration's text; empty for the usual time.
    """

    requirements: Mapping[str, Any] = field(default_factory=dict)
    approvals: int = 0
    approvers: tuple[str, ...] = ()
    archive_previous: bool | None = None
    expires_after: str = ""

    @property
    def is_gated(self) -> bool:
        """Whether something or somebody has to agree."""
        return bool(self.requirements) or self.approvals > 0


FREE = MoveRule()
"""The rule of a move that needs nothing."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where a version stands: its own stage, and environment → its stage there."""

    stage: ModelStage
    environments: Mapping[str, ModelStage] = field(default_factory=dict)

    @property
    def stages(self) -> tuple[ModelStage, ...]:
        """All stages that it stands in, its own first."""
        return (self.stage, *(self.environments[name] for name in sorted(self.environments)))


@dataclass(frozen=True, kw_only=True)
class StageGraph:
    """The stages of a registry and the legal moves between them; `graph_documents` reads and writes one.

    Attributes:
        stages: every stage, in the order in which people list them.
        moves: stage → the stages that may follow it.
        initial: where a new version enters.
        exclusive: stages where a newcomer takes the place of the previous holder by default.
        environments: stage → the environment that it belongs to; stages that are not here are versions' own.
        rules: (from, to) → what the move needs; moves that are not here need nothing.
    """

    stages: tuple[ModelStage, ...]
    moves: Mapping[ModelStage, tuple[ModelStage, ...]]
    initial: ModelStage
    exclusive: frozenset[ModelStage] = frozenset()
    environments: Mapping[ModelStage, str] = field(default_factory=dict)
    rules: Mapping[tuple[ModelStage, ModelStage], MoveRule] = field(default_factory=dict)

    def rule(self, source: ModelStage, target: ModelStage) -> MoveRule:
        """What a move needs."""
        return self.rules.get((source, target), FREE)

    def environment_of(self, stage: ModelStage) -> str:
        """The environment that a stage belongs to; empty where it is a version's own."""
        return self.environments.get(stage, "")

    def can_start_in(self, stage: ModelStage) -> bool:
        """Whether a new version may enter in this stage: the initial one, or one free move away from it."""
        if stage == self.initial:
            return True
        free = not self.rule(self.initial, stage).is_gated and not self.environment_of(stage)
        return free and stage in self.moves[self.initial]


def default_graph() -> StageGraph:
    """The graph of the module's docstring; production is its exclusive stage."""
    development, staging, production = ModelStage.DEVELOPMENT, ModelStage.STAGING, ModelStage.PRODUCTION
    archived, rejected = ModelStage.ARCHIVED, ModelStage.REJECTED
    moves = {
        development: (staging, rejected, archived),
        staging: (production, rejected, development, archived),
        production: (archived,),
        archived: (),
        rejected: (development, archived),
    }
    return StageGraph(
        stages=tuple(moves), moves=MappingProxyType(moves), initial=development, exclusive=frozenset({production})
    )


def normalise_stage(graph: StageGraph, text: object) -> ModelStage:
    """The stage of the graph that this text names: any case, blanks around it dropped, `None` for development.

    Raises:
        InvalidStage: the graph has no such stage; the hint lists those that it has.
    """
    word = "none" if text is None else folded(text)
    if word == "none" and word not in graph.stages:
        word = ModelStage.DEVELOPMENT.value
    for stage in graph.stages:
        if stage == word:
            return stage
    close = get_close_matches(word, graph.stages, n=1)
    question = f"did you mean {close[0]}? " if close else ""
    raise InvalidStage(
        f"there is no stage {str(text)[:80]!r}",
        hint=f"{question}the stages are {', '.join(graph.stages)}",
        details={"stages": [str(stage) for stage in graph.stages]},
    )


def check_move(graph: StageGraph, current: ModelStage, target: ModelStage) -> Move:
    """Whether going from one stage to another is a move or a stay.

    Raises:
        InvalidTransition: the graph has no such move; the hint lists the legal targets.
    """
    if target == current:
        return Move.STAY
    legal = graph.moves.get(current, ())
    if target in legal:
        return Move.MOVE
    hint = f"from {current} a version can move to {', '.join(legal)}" if legal else _final(current)
    raise InvalidTransition(
        f"Invalid transition: {current} -> {target}", hint=hint, details={"legal": [str(stage) for stage in legal]}
    )


def check_standing(graph: StageGraph, standing: Standing, target: ModelStage) -> tuple[Move, ModelStage]:
    """Whether a version that stands here can go there, and from which of its stages.

    Raises:
        InvalidTransition: the graph has no such move; the hint lists the legal targets.
    """
    environment = graph.environment_of(target)
    present = standing.environments.get(environment) if environment else None
    sources = (present,) if present is not None else standing.stages
    if target in sources:
        return Move.STAY, target
    for source in sources:
        if target in graph.moves.get(source, ()):
            return Move.MOVE, source
    return check_move(graph, sources[0], target), sources[0]


def _final(stage: ModelStage) -> str:
    return f"{stage} is final; a rollback brings an earlier version back, or register the files as a new version"
