"""Where a version stands in its life, and which moves are legal.

Rules
1. A stage is named by a short lower-case word. The set is open: a team may add stages in its own graph, and
   `ModelStage` then holds them beside the five that are always known.
2. A version enters in the graph's initial stage, or in a stage one legal move away from it.
3. A move is legal when the graph lists it. Staying where one is, is no move and never an error.
4. A newcomer in an exclusive stage archives the version that stood there before, unless the caller says otherwise.

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

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum, StrEnum
from types import MappingProxyType
from typing import Any

from modelyard.errors import InvalidConfig, InvalidStage, InvalidTransition

_WORD = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


class ModelStage(StrEnum):
    """A stage by its lower-case word; a text that compares, hashes and prints as that word.

    The members are the stages that every registry knows. Other words of the right form are accepted too:
    `ModelStage("canary")` has the value `canary` and the name `CANARY`. Any case is accepted, surrounding blanks are
    dropped, and `none` is another word for development.

    Raises:
        InvalidStage: the text cannot name a stage in any graph.
    """

    DEVELOPMENT = "development"
    STAGING = "staging"
    PRODUCTION = "production"
    ARCHIVED = "archived"
    REJECTED = "rejected"
    NONE = "development"

    @classmethod
    def _missing_(cls, value: object) -> ModelStage:
        word = _fold(value)
        if word == "none":
            return cls.DEVELOPMENT
        known = cls.__members__.get(word.upper())
        return known or _open_member(word)

    def __reduce_ex__(self, protocol: Any) -> tuple[type[ModelStage], tuple[str]]:
        # Enum pickles a member by its name, under which an added stage could not be found again.
        return ModelStage, (self.value,)


class Move(Enum):
    """What a legal change of stage amounts to."""

    MOVE = "move"
    STAY = "stay"


@dataclass(frozen=True, kw_only=True)
class StageGraph:
    """The stages of a registry and the legal moves between them. Build one with `from_mapping` or `default_graph`.

    Attributes:
        stages: every stage, in the order in which people list them.
        moves: stage → the stages that may follow it.
        initial: where a new version enters.
        exclusive: stages where a newcomer archives the previous holder by default.
    """

    stages: tuple[ModelStage, ...]
    moves: Mapping[ModelStage, tuple[ModelStage, ...]]
    initial: ModelStage
    exclusive: frozenset[ModelStage] = frozenset()

    @classmethod
    def from_mapping(cls, document: Mapping[str, Any]) -> StageGraph:
        """Build a graph from `{"initial": …, "exclusive": […], "moves": {stage: [targets]}}`, as a YAML file gives it.

        Raises:
            InvalidConfig: a key is missing or unknown, a target is no stage, or a stage cannot be reached.
        """
        if unknown := sorted(set(map(str, document)) - {"initial", "exclusive", "moves"}):
            raise InvalidConfig(
                f"the stage graph has an unknown key {unknown[0]!r}", hint="use initial, exclusive and moves"
            )
        listed = document.get("moves")
        if not isinstance(listed, Mapping) or not listed:
            raise InvalidConfig("the stage graph has no moves", hint="moves maps each stage to the list of its targets")
        moves = {_configured(stage): tuple(_words(stage, targets)) for stage, targets in listed.items()}
        if len(moves) != len(listed):
            raise InvalidConfig("the stage graph lists one stage twice", hint="stages differ in more than their case")
        if document.get("initial") is None:
            raise InvalidConfig("the stage graph names no initial stage", hint="add initial: development, for example")
        graph = cls(
            stages=tuple(moves),
            moves=MappingProxyType(moves),
            initial=_configured(document["initial"]),
            exclusive=frozenset(_words("exclusive", document.get("exclusive") or ())),
        )
        graph._validate()
        return graph

    def _validate(self) -> None:
        named = {self.initial, *self.exclusive, *(target for targets in self.moves.values() for target in targets)}
        if strangers := sorted(named - set(self.stages)):
            listed = ", ".join(self.stages)
            raise InvalidConfig(
                f"the stage graph refers to {str(strangers[0])!r}, which is not one of its stages",
                hint=f"its stages are {listed}; give {strangers[0]} a line of its own in moves, empty if need be",
            )
        if selfish := [stage for stage in self.stages if stage in self.moves[stage]]:
            raise InvalidConfig(f"the stage graph moves {selfish[0]} to itself", hint="leave that target out")
        if lost := [stage for stage in self.stages if stage not in self._reachable()]:
            raise InvalidConfig(
                f"no path leads from {self.initial} to the stage {str(lost[0])!r}",
                hint="add a move to it, or take it out",
            )
        if self.exclusive and ModelStage.ARCHIVED not in self.stages:
            raise InvalidConfig(
                "the stage graph has an exclusive stage and no archived one", hint="add the stage archived"
            )

    def _reachable(self) -> set[ModelStage]:
        seen, rest = {self.initial}, [self.initial]
        while rest:
            fresh = [target for target in self.moves[rest.pop()] if target not in seen]
            seen.update(fresh)
            rest.extend(fresh)
        return seen

    def can_start_in(self, stage: ModelStage) -> bool:
        """Whether a new version may enter in this stage: the initial one, or one legal move away from it."""
        return stage == self.initial or stage in self.moves[self.initial]


def default_graph() -> StageGraph:
    """The graph of the module's docstring; production is its exclusive stage."""
    return StageGraph.from_mapping(
        {
            "initial": "development",
            "exclusive": ["production"],
            "moves": {
                "development": ["staging", "rejected", "archived"],
                "staging": ["production", "rejected", "development", "archived"],
                "production": ["archived"],
                "archived": [],
                "rejected": ["development", "archived"],
            },
        }
    )


def normalise_stage(graph: StageGraph, text: object) -> ModelStage:
    """The stage of the graph that this text names: any case, blanks around it dropped, `None` for development.

    Raises:
        InvalidStage: the graph has no such stage; the hint lists those that it has.
    """
    word = "none" if text is None else _fold(text)
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


def _final(stage: ModelStage) -> str:
    return f"{stage} is final; a rollback brings an earlier version back, or register the files as a new version"


def _fold(text: object) -> str:
    if not isinstance(text, str):
        raise InvalidStage(f"a stage is a text, not {type(text).__name__}", hint="pass ModelStage.STAGING or 'staging'")
    word = text.strip().lower()
    if not _WORD.fullmatch(word):
        raise InvalidStage(
            f"{text[:80]!r} cannot be a stage",
            hint="a stage is a word of 1 to 64 letters, digits, - and _, such as staging",
        )
    return word


def _open_member(word: str) -> ModelStage:
    # The member is not kept in the class, so that no input can make the set of known stages grow.
    member = str.__new__(ModelStage, word)
    member._name_ = word.upper()
    member._value_ = word
    return member


def _configured(word: object) -> ModelStage:
    try:
        return ModelStage(_fold(word))
    except InvalidStage as error:
        raise InvalidConfig(f"in the stage graph: {error.message}", hint=error.hint) from error


def _words(owner: object, targets: object) -> Iterator[ModelStage]:
    if not isinstance(targets, list | tuple | frozenset | set):
        raise InvalidConfig(
            f"in the stage graph, {owner} needs a list of stages", hint=f"write {owner}: [staging, archived]"
        )
    return (_configured(target) for target in targets)
