"""From what a registry is to what it shall be: the steps, and nothing more than the steps that are needed.

Rules
1. A wish that is true already is no step. Fields that a wish does not name are not compared and stay as they are.
2. Removals of what the file does not name come first; then models, the stage graphs of models, the registry's stage
   graph, models that go back to it, aliases, webhooks, users. Within these, in the order of the file.
3. A step holds the revision of what it was planned on (0: it was not there), so that a change in between is noticed.
4. A model is removed only while it has no versions; the removal of another is a step that is blocked, which tells the
   difference and is never made.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from modelyard.domain.desired import ALIAS, GRAPH, MODEL, REGISTRY_GRAPH, TAG, USER, WEBHOOK, Desired, Wish

CREATE, UPDATE, REMOVE = "create", "update", "remove"
_SEPARATOR: Final = "@"


@dataclass(frozen=True, kw_only=True)
class Present:
    """One thing as it is: its fields, its revision, and the registry's own identifier of it where it has one.

    `held` says why it cannot be removed; empty where it can.
    """

    fields: Mapping[str, Any] = field(default_factory=dict)
    revision: int = 0
    identifier: str = ""
    held: str = ""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One change: what becomes of which thing, and each field's old and new value.

    Attributes:
        action: create, update or remove.
        kind: what sort of thing it is.
        key: which one.
        changes: field → [old, new].
        revision: the revision that it must still have; 0 where it is not there.
        identifier: what the registry calls it, where that is not its key.
        where: the line of the file that wants it; 0 for what the file does not name.
        secret_env: see `Wish`.
        blocked: why it cannot be made; empty where it can.
    """

    action: str
    kind: str
    key: str
    changes: Mapping[str, list[Any]] = field(default_factory=dict)
    revision: int = 0
    identifier: str = ""
    where: int = 0
    secret_env: str = ""
    blocked: str = ""

    @property
    def wanted(self) -> dict[str, Any]:
        """The new values by field."""
        return {name: new for name, (_old, new) in self.changes.items()}


def steps_to(desired: Desired, present: Mapping[tuple[str, str], Present]) -> tuple[Step, ...]:
    """The steps that make the registry what the file says.

    Args:
        desired: the file, with the values in the form that the registry shows them in.
        present: what there is by kind and key, as far as the file or its pruning is concerned with it.
    """
    made = [step for wish in desired.wishes if (step := _step(wish, present.get((wish.kind, wish.key))))]
    made += _pruned(desired, present)
    return tuple(sorted(made, key=_rank))


def _step(wish: Wish, there: Present | None) -> Step | None:
    if there is None:
        return None if wish.absent else _creation(wish)
    if wish.absent:
        return _removal(wish.kind, wish.key, there, wish.where)
    fields = dict(wish.fields)
    if wish.prune_tags:
        fields |= {name: None for name in there.fields if name.startswith(TAG) and name not in fields}
    changes = _changes(there.fields, fields)
    if not changes:
        return None
    return Step(
        action=UPDATE,
        kind=wish.kind,
        key=wish.key,
        changes=changes,
        revision=there.revision,
        identifier=there.identifier,
        where=wish.where,
    )


def _creation(wish: Wish) -> Step:
    changes = _changes({}, wish.fields)
    return Step(
        action=CREATE, kind=wish.kind, key=wish.key, changes=changes, where=wish.where, secret_env=wish.secret_env
    )


def _changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, list[Any]]:
    return {name: [old.get(name), value] for name, value in new.items() if old.get(name) != value}


def _pruned(desired: Desired, present: Mapping[tuple[str, str], Present]) -> Iterator[Step]:
    wished = {(wish.kind, wish.key) for wish in desired.wishes}
    for (kind, key), there in present.items():
        if (kind, key) in wished:
            continue
        unnamed_alias = kind == ALIAS and key.rpartition(_SEPARATOR)[0] in desired.pruned_aliases
        unnamed_graph = kind == GRAPH and key in desired.pruned_graphs
        if kind in desired.pruned or unnamed_alias or unnamed_graph:
            yield _removal(kind, key, there, 0)


def _removal(kind: str, key: str, there: Present, where: int) -> Step:
    changes = {name: [old, None] for name, old in there.fields.items()}
    return Step(
        action=REMOVE,
        kind=kind,
        key=key,
        changes=changes,
        revision=there.revision,
        identifier=there.identifier,
        where=where,
        blocked=there.held,
    )


def _rank(step: Step) -> tuple[int, int]:
    if step.kind == GRAPH:
        # A model's own graph may keep stages that the registry's loses, and a model may go back to what that one gains.
        return (3 if step.key == REGISTRY_GRAPH else 4 if step.action == REMOVE else 2, 0)
    order = {MODEL: 1, ALIAS: 5, WEBHOOK: 6, USER: 7}[step.kind]
    return (0, order) if step.action == REMOVE else (order, 0)
