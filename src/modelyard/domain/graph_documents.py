"""Stage graphs as people write them: reading, checking, writing back, and telling two of them apart.

The form is drawn in `modelyard.domain.graph`. Whatever is wrong with a document is an `InvalidConfig` that names the
place and says how to write it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any

from modelyard.domain import durations
from modelyard.domain.gates import parity_stages, parse_requirements
from modelyard.domain.graph import MoveRule, StageGraph
from modelyard.domain.names import person, shown
from modelyard.domain.stages import ModelStage, folded
from modelyard.errors import InvalidConfig, InvalidRequest, InvalidStage

KEYS = ("initial", "exclusive", "environments", "moves")
RULE_KEYS = ("requirements", "approvals", "approvers", "archive_previous", "expires_after")
MOST_STAGES = 200
MOST_APPROVALS = 100


def parse_graph(document: Mapping[str, Any], custom: Collection[str] = ()) -> StageGraph:
    """Build a graph from its document; `custom` are the gates that were added to modelyard's own.

    Raises:
        InvalidConfig: a key is missing or unknown, a target is no stage, a rule cannot be met, or a stage cannot be
            reached.
    """
    if not isinstance(document, Mapping):
        raise InvalidConfig("the stage graph is no mapping", hint="write initial: …, and moves: …")
    _refuse_unknown("the stage graph", document, KEYS)
    listed = document.get("moves")
    if not isinstance(listed, Mapping) or not listed:
        raise InvalidConfig("the stage graph has no moves", hint="moves maps each stage to the list of its targets")
    if len(listed) > MOST_STAGES:
        raise InvalidConfig(f"the stage graph has {len(listed)} stages; the most is {MOST_STAGES}")
    if document.get("initial") is None:
        raise InvalidConfig("the stage graph names no initial stage", hint="add initial: development, for example")
    moves: dict[ModelStage, tuple[ModelStage, ...]] = {}
    rules: dict[tuple[ModelStage, ModelStage], MoveRule] = {}
    for word, targets in listed.items():
        stage = _configured(word)
        found = dict(_targets(stage, targets, custom))
        moves[stage] = tuple(found)
        rules.update({(stage, target): rule for target, rule in found.items() if rule is not None})
    if len(moves) != len(listed):
        raise InvalidConfig("the stage graph lists one stage twice", hint="stages differ in more than their case")
    graph = StageGraph(
        stages=tuple(moves),
        moves=MappingProxyType(moves),
        initial=_configured(document["initial"]),
        exclusive=frozenset(_stages("exclusive", document.get("exclusive") or ())),
        environments=_environments(document.get("environments") or {}),
        rules=MappingProxyType(rules),
    )
    _validate(graph)
    return graph


def graph_document(graph: StageGraph) -> dict[str, Any]:
    """Return a graph as the document that `parse_graph` reads, in one settled form."""
    environments: dict[str, list[str]] = {}
    for stage in graph.stages:
        if name := graph.environment_of(stage):
            environments.setdefault(name, []).append(str(stage))
    document: dict[str, Any] = {
        "initial": str(graph.initial),
        "exclusive": [str(stage) for stage in graph.stages if stage in graph.exclusive],
    }
    if environments:
        document["environments"] = environments
    document["moves"] = {str(stage): _moves_document(graph, stage) for stage in graph.stages}
    return document


@dataclass(frozen=True, kw_only=True)
class GraphChanges:
    """How one graph differs from another: stages and moves that came or went, and moves whose rule changed."""

    stages_added: tuple[str, ...] = ()
    stages_removed: tuple[str, ...] = ()
    moves_added: tuple[str, ...] = ()
    moves_removed: tuple[str, ...] = ()
    rules_changed: tuple[str, ...] = ()
    others: tuple[str, ...] = ()


def graph_changes(old: StageGraph, new: StageGraph) -> GraphChanges:
    """Return how a graph changes into another; every field is empty where they say the same."""
    before, after = _moves_of(old), _moves_of(new)
    kept = [move for move in after if move in before]
    documents = graph_document(old), graph_document(new)
    return GraphChanges(
        stages_added=tuple(str(stage) for stage in new.stages if stage not in old.stages),
        stages_removed=tuple(str(stage) for stage in old.stages if stage not in new.stages),
        moves_added=tuple(_arrow(move) for move in after if move not in before),
        moves_removed=tuple(_arrow(move) for move in before if move not in after),
        rules_changed=tuple(_arrow(move) for move in kept if old.rule(*move) != new.rule(*move)),
        others=tuple(key for key in KEYS[:3] if documents[0].get(key) != documents[1].get(key)),
    )


def _moves_of(graph: StageGraph) -> list[tuple[ModelStage, ModelStage]]:
    return [(stage, target) for stage in graph.stages for target in graph.moves[stage]]


def _arrow(move: tuple[ModelStage, ModelStage]) -> str:
    return f"{move[0]} -> {move[1]}"


def _moves_document(graph: StageGraph, stage: ModelStage) -> list[str] | dict[str, Any]:
    targets = graph.moves[stage]
    if not any((stage, target) in graph.rules for target in targets):
        return [str(target) for target in targets]
    return {str(target): _rule_document(graph.rules.get((stage, target))) for target in targets}


def _rule_document(rule: MoveRule | None) -> dict[str, Any]:
    if rule is None:
        return {}
    written = asdict(rule) | {"approvers": list(rule.approvers), "requirements": dict(rule.requirements)}
    return {key: value for key, value in written.items() if value not in ({}, 0, [], "", None) or value is False}


# ------------------------------------------------------------------------------------------------------------- reading


def _refuse_unknown(what: str, given: Mapping[str, Any], known: Collection[str]) -> None:
    if unknown := sorted(set(map(str, given)) - set(known)):
        close = get_close_matches(unknown[0], known, n=1)
        question = f"did you mean {close[0]}? " if close else ""
        *most, last = known
        raise InvalidConfig(
            f"{what} has an unknown key {unknown[0]!r}", hint=f"{question}use {', '.join(most)} and {last}"
        )


def _configured(word: object) -> ModelStage:
    try:
        # YAML reads a bare `none` as the word, and `null` or `~` as nothing at all.
        return ModelStage(folded(word))
    except InvalidStage as error:
        raise InvalidConfig(f"in the stage graph: {error.message}", hint=error.hint) from error


def _stages(owner: object, targets: object) -> Iterator[ModelStage]:
    if not isinstance(targets, list | tuple | frozenset | set):
        raise InvalidConfig(
            f"in the stage graph, {owner} needs a list of stages", hint=f"write {owner}: [staging, archived]"
        )
    return (_configured(target) for target in targets)


def _targets(
    stage: ModelStage, targets: object, custom: Collection[str]
) -> Iterator[tuple[ModelStage, MoveRule | None]]:
    if not isinstance(targets, Mapping):
        yield from ((target, None) for target in _stages(stage, () if targets is None else targets))
        return
    for word, rule in targets.items():
        target = _configured(word)
        yield target, _rule(f"the move {stage} -> {target}", rule, custom)


def _rule(what: str, document: object, custom: Collection[str]) -> MoveRule | None:
    if document is None or document == {}:
        return None
    if not isinstance(document, Mapping):
        raise InvalidConfig(
            f"{what} has the rule {shown(document)}", hint="write requirements, approvals, … below it, or nothing"
        )
    _refuse_unknown(what, document, RULE_KEYS)
    requirements, expires = document.get("requirements"), document.get("expires_after")
    approvers = _approvers(what, document.get("approvers"))
    least = 1 if approvers else 0
    try:
        parse_requirements(requirements, custom)
        if expires is not None:
            durations.seconds(expires, "expires_after")
    except InvalidRequest as error:
        raise InvalidConfig(f"{what}: {error.message}", hint=error.hint, details=error.details) from error
    return MoveRule(
        requirements=dict(requirements or {}),
        approvals=_checked(what, document, "approvals", least, _is_count, f"a whole number to {MOST_APPROVALS}"),
        approvers=approvers,
        archive_previous=_checked(what, document, "archive_previous", None, _is_flag, "true or false"),
        expires_after=expires or "",
    )


def _checked(
    what: str, document: Mapping[str, Any], key: str, default: Any, is_right: Callable[[Any], bool], wanted: str
) -> Any:
    value = document.get(key, default)
    if not is_right(value):
        raise InvalidConfig(f"{what} has {key} {shown(value)}", hint=f"{key} is {wanted}")
    return value


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_APPROVALS


def _is_flag(value: Any) -> bool:
    return value is None or isinstance(value, bool)


def _approvers(what: str, names: object) -> tuple[str, ...]:
    names = () if names is None else names
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise InvalidConfig(f"{what} has approvers {shown(names)}", hint="write approvers: [ana, bob]")
    try:
        return tuple(dict.fromkeys(person(name, "an approver") for name in names))
    except InvalidRequest as error:
        raise InvalidConfig(f"{what}: {error.message}", hint=error.hint) from error


def _environments(document: object) -> Mapping[ModelStage, str]:
    if not isinstance(document, Mapping):
        raise InvalidConfig("environments is no mapping", hint="write environments: {eu: [eu-production]}")
    found: dict[ModelStage, str] = {}
    for name, stages in document.items():
        environment = str(_configured(name))
        for stage in _stages(f"the environment {environment}", stages):
            if found.setdefault(stage, environment) != environment:
                raise InvalidConfig(
                    f"the stage {stage} belongs to two environments, {found[stage]} and {environment}",
                    hint="give each environment a stage of its own, such as eu-production and us-production",
                )
    return MappingProxyType(found)


# ------------------------------------------------------------------------------------------------------------ checking


def _validate(graph: StageGraph) -> None:
    targets = (target for found in graph.moves.values() for target in found)
    named = {graph.initial, *graph.exclusive, *graph.environments, *targets}
    if strangers := sorted(named - set(graph.stages)):
        listed = ", ".join(graph.stages)
        raise InvalidConfig(
            f"the stage graph refers to {str(strangers[0])!r}, which is not one of its stages",
            hint=f"its stages are {listed}; give {strangers[0]} a line of its own in moves, empty if need be",
        )
    if selfish := [stage for stage in graph.stages if stage in graph.moves[stage]]:
        raise InvalidConfig(f"the stage graph moves {selfish[0]} to itself", hint="leave that target out")
    if lost := [stage for stage in graph.stages if stage not in _reachable(graph)]:
        raise InvalidConfig(
            f"no path leads from {graph.initial} to the stage {str(lost[0])!r}",
            hint="add a move to it, or take it out",
        )
    _validate_places(graph)
    _validate_rules(graph)


def _validate_places(graph: StageGraph) -> None:
    own = {graph.initial, ModelStage.ARCHIVED, ModelStage.REJECTED}
    if wrong := sorted(own & set(graph.environments)):
        raise InvalidConfig(
            f"{wrong[0]} belongs to the environment {graph.environments[wrong[0]]}",
            hint="versions enter and retire outside of environments",
        )
    if graph.exclusive and ModelStage.ARCHIVED not in graph.stages:
        raise InvalidConfig("the stage graph has an exclusive stage and no archived one", hint="add the stage archived")
    if wrong := sorted(own & graph.exclusive):
        raise InvalidConfig(
            f"{wrong[0]} is exclusive, and many versions stand there",
            hint="exclusive are stages that one version holds",
        )


def _validate_rules(graph: StageGraph) -> None:
    for (source, target), rule in graph.rules.items():
        what = f"the move {source} -> {target}"
        if rule.approvers and not 1 <= rule.approvals <= len(rule.approvers):
            raise InvalidConfig(
                f"{what} needs {rule.approvals} approvals of {len(rule.approvers)} people",
                hint="name as many approvers as have to approve, or more",
            )
        if rule.archive_previous and not graph.environment_of(target) and ModelStage.ARCHIVED not in graph.stages:
            raise InvalidConfig(f"{what} archives, and there is no stage archived", hint="add the stage archived")
        for stage in parity_stages(rule.requirements):
            if stage not in graph.stages:
                raise InvalidConfig(
                    f"{what} compares with who stands in {shown(stage)}, which is not one of its stages",
                    hint=f"the stages are {', '.join(graph.stages)}",
                )


def _reachable(graph: StageGraph) -> set[ModelStage]:
    seen, rest = {graph.initial}, [graph.initial]
    while rest:
        fresh = [target for target in graph.moves[rest.pop()] if target not in seen]
        seen.update(fresh)
        rest.extend(fresh)
    return seen
