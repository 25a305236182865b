"""What was true when: a model's events, folded into the state that they made.

Rules
1. `fold` of a chain's beginning is the model as it stood after the last of these events: its attributes, each version
   (deleted ones too, marked), the aliases, its endpoints (see `modelyard.domain.served`), and its own stage graph. Each
   change of state has an event that tells it whole, so that nothing else has to be asked.
2. A version has its own stage, and at most one stage in each named environment. It stands in a stage if its own stage
   or one of the others is that stage.
3. What a version or an alias is at a moment, follows from all events up to that moment and that of the moment itself.
4. Events of other kinds (`promotion.…`, `version.tested`, …) tell why and how; they change nothing here.
5. A reference is resolved as in the present: `latest` and ranges pass deprecated versions over, a stage names its
   highest version.
6. Revisions and times are those of the events: a version's `revision` counts what happened to it or its aliases.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from modelyard.domain.facts import Fact
from modelyard.domain.references import Reference
from modelyard.domain.served import STEPS as SERVING
from modelyard.domain.served import EndpointState
from modelyard.domain.versions import SemVer, SemVerRange, precedence_key
from modelyard.errors import IntegrityError

OWN = ""
"""The name of no environment: a version's own stage."""


@dataclass(kw_only=True, frozen=True, slots=True)
class Standing:
    """A stage that a version stands in, since when, and the place of the event that put it there."""

    stage: str
    since: str
    position: int


@dataclass(kw_only=True, slots=True)
class VersionState:
    """A version at a moment; the fields are those of its row and its record."""

    id: str
    number: int
    version: str
    label: str
    standings: dict[str, Standing]
    """Environment → where it stands there; `OWN` is its own stage."""
    document: dict[str, Any]
    parent_id: str | None
    digest: str
    model_hash: str
    size: int
    created_at: str
    updated_at: str
    revision: int = 1
    deprecation: dict[str, str] | None = None
    """reason, at, by, and the successor where one was named; None for a version that is not deprecated."""
    deleted: bool = False

    @property
    def stage(self) -> str:
        """Its own stage."""
        return self.standings[OWN].stage

    @property
    def environments(self) -> dict[str, str]:
        """Environment → the stage that it holds there, besides its own."""
        return {name: standing.stage for name, standing in self.standings.items() if name != OWN}

    def standing_in(self, stage: str) -> Standing | None:
        """How it stands in a stage, the longest standing first; None if it does not."""
        found = [standing for standing in self.standings.values() if standing.stage == stage]
        return min(found, key=lambda standing: standing.position, default=None)


@dataclass(kw_only=True, slots=True)
class AliasState:
    """Where an alias points, since when, and the place of the event that pointed it there, which is its revision."""

    version_id: str
    since: str
    position: int


@dataclass(kw_only=True, slots=True)
class ModelState:
    """A model at a moment."""

    id: str = ""
    name: str = ""
    description: str = ""
    owner: str = ""
    team: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    revision: int = 1
    created_at: str = ""
    updated_at: str = ""
    deleted: bool = False
    versions: dict[str, VersionState] = field(default_factory=dict)
    """Version id → version, in the order of their numbers; deleted ones stay."""
    aliases: dict[str, AliasState] = field(default_factory=dict)
    endpoints: dict[str, EndpointState] = field(default_factory=dict)
    """Environment → what takes the model's traffic there."""
    graph: Any = None
    """The model's own stage graph as it was set, or None where that of the registry counts."""
    events: int = 0
    """How many events this state comes from."""

    @property
    def live(self) -> list[VersionState]:
        """The versions that are not deleted, oldest first."""
        return [version for version in self.versions.values() if not version.deleted]


def fold(events: Iterable[Fact]) -> ModelState:
    """Return the state that a chain's events make, from its first one on.

    Raises:
        IntegrityError: an event does not fit those before it, or lacks what its kind tells.
    """
    state = ModelState()
    for event in events:
        apply(state, event)
    return state


def apply(state: ModelState, event: Fact) -> None:
    """Change a state by the next event of its chain; errors as in `fold`."""
    step = _STEPS.get(event.type)
    try:
        if step is not None:
            step(state, event)
        elif event.type in SERVING:
            SERVING[event.type](state.endpoints, event)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise IntegrityError(
            f"event {event.position} of {event.model} ({event.type}) does not fit those before it: {error!r}",
            hint="`modelyard audit verify` names what was changed",
        ) from None
    state.events = event.position
    state.updated_at = event.at


def find(state: ModelState, reference: Reference) -> VersionState | None:
    """Return the live version of a state that a reference names, or None."""
    is_meant = _MEANT.get(reference.kind, _has_identity)
    live, sound = state.live, [version for version in state.live if version.deprecation is None]
    if reference.kind == "latest":
        return _highest(sound) or _highest(live)
    among = sound if reference.kind == "range" else live
    return _highest(version for version in among if is_meant(state, version, reference.value))


def _has_identity(_state: ModelState, version: VersionState, value: str) -> bool:
    return value in {version.id, version.version}


def _has_alias(state: ModelState, version: VersionState, value: str) -> bool:
    alias = state.aliases.get(value)
    return alias is not None and version.id == alias.version_id


def _has_number(_state: ModelState, version: VersionState, value: str) -> bool:
    return version.number == int(value)


def _is_in_range(_state: ModelState, version: VersionState, value: str) -> bool:
    return SemVerRange.parse(value).contains(SemVer.parse(version.version))


def _is_in_stage(_state: ModelState, version: VersionState, value: str) -> bool:
    return version.standing_in("development" if value == "none" else value) is not None


def _has_digest(_state: ModelState, version: VersionState, value: str) -> bool:
    return value.partition(":")[2] in {version.digest, version.model_hash}


_MEANT: dict[str, Callable[[ModelState, VersionState, str], bool]] = {
    "alias": _has_alias,
    "number": _has_number,
    "range": _is_in_range,
    "stage": _is_in_stage,
    "digest": _has_digest,
}
"""Kind of reference → whether a version is meant; other kinds name a version by its id or its number."""


def in_stage(state: ModelState, stage: str) -> list[VersionState]:
    """Return the live versions that stand in a stage, the highest first."""
    found = [version for version in state.live if version.standing_in(stage) is not None]
    return sorted(found, key=_rank, reverse=True)


def highest(state: ModelState) -> VersionState | None:
    """Return the version that the model's bare name means."""
    return find(state, Reference(None, "latest", "latest"))


def aliases_of(state: ModelState, version_id: str) -> list[str]:
    """Return the aliases of a version, by name."""
    return sorted(name for name, alias in state.aliases.items() if alias.version_id == version_id)


def _highest(versions: Iterable[VersionState]) -> VersionState | None:
    return max(versions, key=_rank, default=None)


def _rank(version: VersionState) -> tuple[str, int]:
    return precedence_key(SemVer.parse(version.version)), version.number


def _created(state: ModelState, event: Fact) -> None:
    data = event.data
    state.id, state.name, state.created_at = data["id"], event.model, event.at
    state.description, state.owner, state.team = (data.get(key, "") for key in ("description", "owner", "team"))
    state.tags = dict(data.get("tags", {}))


def _updated(state: ModelState, event: Fact) -> None:
    for name, (_old, new) in event.data["changes"].items():
        if name not in {"description", "owner", "team", "tags"}:
            raise ValueError(name)
        setattr(state, name, new)
    state.revision += 1


def _renamed(state: ModelState, event: Fact) -> None:
    if event.data["from"] != state.name:
        raise ValueError(event.data["from"])
    state.name = str(event.data["to"])
    state.revision += 1


def _deleted(state: ModelState, _event: Fact) -> None:
    state.deleted = True


def _registered(state: ModelState, event: Fact) -> None:
    data = event.data
    version_id = str(event.version_id)
    if type(data["number"]) is not int:
        raise TypeError(data["number"])
    state.versions[version_id] = VersionState(
        id=version_id,
        number=data["number"],
        version=SemVer.parse(data["version"]).text,
        label=data.get("label", ""),
        standings={OWN: _standing(data["stage"], event)},
        document=dict(data["metadata"]),
        parent_id=data.get("parent_id"),
        digest=data.get("digest", ""),
        model_hash=data.get("model_hash", ""),
        size=data.get("size", 0),
        created_at=event.at,
        updated_at=event.at,
    )


def _described(state: ModelState, event: Fact) -> None:
    version = _changed(state, event)
    for name, (_old, new) in event.data["changes"].items():
        if name == "label":
            version.label = new
        elif new is None:
            version.document.pop(name, None)
        else:
            version.document[name] = new


def _moved(state: ModelState, event: Fact) -> None:
    version = _changed(state, event)
    version.standings[event.data.get("environment") or OWN] = _standing(event.data["to"], event)


def _withdrawn(state: ModelState, event: Fact) -> None:
    del _changed(state, event).standings[event.data["environment"]]


def _deprecated(state: ModelState, event: Fact) -> None:
    told = {"reason": event.data["reason"], "at": event.at, "by": event.actor}
    if event.data.get("successor"):
        told["successor"] = event.data["successor"]
    _changed(state, event).deprecation = told


def _restored(state: ModelState, event: Fact) -> None:
    _changed(state, event).deprecation = None


def _buried(state: ModelState, event: Fact) -> None:
    version = state.versions[str(event.version_id)]
    version.deleted = True
    version.standings = {OWN: version.standings[OWN]}


def _alias_set(state: ModelState, event: Fact) -> None:
    name = event.data["alias"]
    before = state.aliases.get(name)
    if before is not None:
        _touch(state, before.version_id, event.at)
    _touch(state, event.data["to"], event.at)
    state.aliases[name] = AliasState(version_id=event.data["to"], since=event.at, position=event.position)


def _alias_removed(state: ModelState, event: Fact) -> None:
    _touch(state, state.aliases.pop(event.data["alias"]).version_id, event.at)


def _graph_changed(state: ModelState, event: Fact) -> None:
    state.graph = event.data["document"]


def _graph_removed(state: ModelState, _event: Fact) -> None:
    state.graph = None


def _changed(state: ModelState, event: Fact) -> VersionState:
    return _touch(state, str(event.version_id), event.at)


def _touch(state: ModelState, version_id: str, at: str) -> VersionState:
    version = state.versions[version_id]
    version.revision += 1
    version.updated_at = at
    return version


def _standing(stage: str, event: Fact) -> Standing:
    return Standing(stage=stage, since=event.at, position=event.position)


_STEPS: dict[str, Callable[[ModelState, Fact], None]] = {
    "model.created": _created,
    "model.updated": _updated,
    "model.renamed": _renamed,
    "model.deleted": _deleted,
    "version.registered": _registered,
    "version.updated": _described,
    "version.stage_moved": _moved,
    "version.rolled_back": _moved,
    "version.withdrawn": _withdrawn,
    "version.deprecated": _deprecated,
    "version.restored": _restored,
    "version.deleted": _buried,
    "alias.set": _alias_set,
    "alias.removed": _alias_removed,
    "graph.changed": _graph_changed,
    "graph.removed": _graph_removed,
}
