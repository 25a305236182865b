"""The fold: after every move of a long life, what the events tell is what the tables hold.

The registry is opened so that it runs no models: deployments are driven by the real driver as far as that goes without.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.delivering import deploy, drive
from components.templates import prepared
from modelyard import ModelRegistry
from modelyard.bootstrap import EmbeddedCaller
from modelyard.domain.history import ModelState, aliases_of, fold, highest, in_stage
from modelyard.domain.served import EndpointState, main_version, shares
from modelyard.domain.wire import ChainedEvent, EndpointConfiguration, Route, VersionRecord
from modelyard.errors import EndpointNotFound, ModelyardError
from modelyard.operations import (
    ABORT_DEPLOYMENT,
    CONFIGURE_ENDPOINT,
    DELETE_FLAG,
    LIST_DEPLOYMENTS,
    LIST_ENDPOINTS,
    LIST_SNAPSHOTS,
    PAUSE_DEPLOYMENT,
    PROMOTE_DEPLOYMENT,
    RESTORE_SNAPSHOT,
    RESUME_DEPLOYMENT,
    ROLLBACK,
    SET_FLAG,
    TAKE_SNAPSHOT,
    Advance,
    ConfigureEndpoint,
    ListDeployments,
    ListEndpoints,
    ListSnapshots,
    NamedFlag,
    RestoreSnapshot,
    Rollback,
    SetFlag,
    Steer,
    TakeSnapshot,
)

NAME = "fraud"
STAGES = ("development", "staging", "production", "rejected", "archived", "eu-production", "us-production")
GRAPH = {
    "initial": "development",
    "exclusive": ["production", "eu-production"],
    "environments": {"eu": ["eu-production"], "us": ["us-production"]},
    "moves": {
        "development": ["staging", "rejected", "archived"],
        "staging": ["production", "eu-production", "us-production", "rejected", "archived"],
        "production": ["staging", "eu-production", "us-production", "archived"],
        "eu-production": [],
        "us-production": [],
        "rejected": ["development", "archived"],
        "archived": ["development", "staging"],
    },
}
ENVIRONMENTS = ("production", "eu")
ALIASES = ("champion", "challenger", "canary")
MOVES = 300


def shown(record: VersionRecord) -> dict[str, Any]:
    """What a record says of a version, as the fold can tell it."""
    return {
        "number": record.number,
        "version": record.version,
        "stage": str(record.stage),
        "environments": record.environments,
        "label": record.label,
        "metrics": record.metrics,
        "tags": record.tags,
        "description": record.description,
        "parent": record.parent_id,
        "aliases": record.aliases,
        "deprecated": (record.deprecated, record.deprecation_reason, record.successor),
        "revision": record.revision,
        "digest": record.digest,
        "serving": record.serving,
        "times": (record.created_at, record.updated_at),
    }


def told(state: ModelState, identifier: str) -> dict[str, Any]:
    """The same by the fold."""
    version = state.versions[identifier]
    why = version.deprecation or {}
    return {
        "number": version.number,
        "version": version.version,
        "stage": version.stage,
        "environments": version.environments,
        "label": version.label,
        "metrics": version.document.get("metrics", {}),
        "tags": version.document.get("tags", {}),
        "description": version.document.get("description", ""),
        "parent": version.parent_id,
        "aliases": aliases_of(state, identifier),
        "deprecated": (version.deprecation is not None, why.get("reason", ""), why.get("successor", "")),
        "revision": version.revision,
        "digest": version.digest,
        "serving": {
            environment: share
            for environment, endpoint in sorted(state.endpoints.items())
            if (share := shares(endpoint.route).get(identifier))
        },
        "times": (version.created_at, version.updated_at),
    }


def endpoint_told(endpoint: EndpointState) -> tuple[Any, ...]:
    """An endpoint by the fold."""
    route = msgspec.convert(endpoint.route, Route)
    configuration = msgspec.convert(endpoint.configuration or {}, EndpointConfiguration)
    return endpoint.id, endpoint.kind, endpoint.epoch, route, configuration, endpoint.deployment


class Life:
    """A model that lives at random, and what was on record after each of its moves."""

    def __init__(self, registry: ModelRegistry, seed: int) -> None:
        self.registry = registry
        self.caller = caller_of(registry)
        self.random = Random(seed)
        self.known: list[str] = []
        self.recorded: dict[int, tuple[dict[str, Any], dict[str, Any]]] = {}
        """Number of events → what the versions and the model were then."""
        registry.create_model(NAME, owner="ana", tags={"domain": "cards"})
        registry.set_stage_graph(GRAPH)

    def live(self, moves: int) -> None:
        """Make moves; those that the registry refuses change nothing, which is looked at too."""
        for _ in range(moves):
            move = self.random.choice(self._moves())
            with suppress(ModelyardError):
                move()
            self.look()

    def look(self) -> None:
        """Write down what is on record now."""
        versions = {record.id: shown(record) for record in self.registry.list_versions(NAME)}
        self.known = sorted(versions)
        model = self.registry.describe_model(NAME)
        self.recorded[len(self.events())] = (
            versions,
            {
                "owner": model.owner,
                "description": model.description,
                "tags": model.tags,
                "revision": model.revision,
                "count": model.versions,
                "latest": model.latest_version,
                "stages": model.stages,
                "aliases": model.aliases,
                "serving": model.serving,
                "endpoints": self._endpoints(),
            },
        )

    def _endpoints(self) -> dict[str, Any]:
        """What the endpoints are, as the fold can tell it."""
        found = self.caller.call(LIST_ENDPOINTS, ListEndpoints(name=NAME)).endpoints
        return {
            one.environment: (
                one.id, one.kind, one.epoch, one.route, one.configuration, one.deployment.id if one.deployment else "",
            )
            for one in found
        }  # fmt: skip

    def events(self) -> list[ChainedEvent]:
        """The model's chain."""
        return self.registry.audit_log(NAME)

    def _moves(self) -> list[Any]:
        registry, random = self.registry, self.random
        if not self.known:
            return [self._register]
        one, other = random.choice(self.known), random.choice(self.known)
        word = f"w{random.randrange(5)}"
        return [
            self._register,
            lambda: registry.update_model_metrics(one, {word: random.random(), "accuracy": random.randrange(3)}),
            lambda: registry.update_version(
                one, tags={word: random.choice(["x", "ü", None])}, description=random.choice(["", "é\u2028", word])
            ),
            lambda: registry.update_version(one, label=random.choice(["stable", "beta", "experimental", ""])),
            lambda: registry.update_version(one, hyperparameters={"lr": random.random(), "deep": {"a": [1, None]}}),
            lambda: registry.promote_model(one, random.choice(STAGES)),
            lambda: registry.promote_model(one, "staging"),
            lambda: registry.promote_model(one, random.choice(["eu-production", "us-production"])),
            lambda: registry.rollback_model(NAME, stage="eu-production", deprecate=False),
            lambda: registry.deprecate_model(one, undo=True),
            lambda: registry.deprecate_model(one, reason=word, successor=other),
            lambda: registry.set_stage_graph({**GRAPH, "exclusive": [random.choice(STAGES[2:3])]}, NAME),
            lambda: registry.reset_stage_graph(NAME),
            self._ask,
            *[self._deliver] * 16,
            lambda: registry.promote_model(one, "production", archive_previous=random.choice([True, False])),
            lambda: registry.archive_model(one, reason=word),
            lambda: registry.rollback_model(NAME, stage=random.choice(["production", "staging"])),
            lambda: registry.rollback_model(NAME, other),
            lambda: registry.set_alias(NAME, random.choice(ALIASES), one),
            lambda: registry.set_alias(NAME, random.choice(ALIASES), one),
            lambda: registry.delete_alias(NAME, random.choice(ALIASES)),
            lambda: registry.deprecate_model(one, reason=word),
            lambda: registry.delete_model(one, force=random.choice([True, *[False] * 5])),
            lambda: registry.update_model(NAME, owner=word, description=word, tags={word: random.choice(["1", None])}),
        ]

    def _deliver(self) -> None:
        """One of the moves of delivery; most lives make some."""
        random, call = self.random, self.caller.call
        one, place = random.choice(self.known), random.choice(ENVIRONMENTS)
        live = call(LIST_DEPLOYMENTS, ListDeployments(name=NAME, state="live")).deployments
        kept = []
        with suppress(EndpointNotFound):
            kept = call(LIST_SNAPSHOTS, ListSnapshots(name=NAME, environment=place)).snapshots
        moves: list[Callable[[], Any]] = [
            lambda: deploy(self.caller, one, environment=place),
            lambda: deploy(
                self.caller, one, environment=place, strategy="canary", supersede=random.choice([True, False])
            ),
            lambda: deploy(self.caller, one, environment=place, strategy="blue-green"),
            lambda: call(SET_FLAG, SetFlag(name=NAME, flag="beta", version=one, environment=place, percentage=5.0)),
            lambda: call(DELETE_FLAG, NamedFlag(name=NAME, flag="beta", environment=place)),
            lambda: call(CONFIGURE_ENDPOINT, configuration(place, random.choice([1.0, 2.5]))),
            lambda: call(TAKE_SNAPSHOT, TakeSnapshot(name=NAME, environment=place, reason="é")),
            lambda: call(ROLLBACK, Rollback(reference=NAME, environment=place, deprecate=False)),
        ]
        moves += (
            [lambda: call(RESTORE_SNAPSHOT, RestoreSnapshot(id=random.choice(kept).id, force=True))] if kept else []
        )
        if live:
            steer = Steer(id=random.choice(live).id, reason="as it came")
            moves += [lambda: call(PAUSE_DEPLOYMENT, steer), lambda: call(RESUME_DEPLOYMENT, steer)]
            moves += [lambda: call(PROMOTE_DEPLOYMENT, Advance(id=steer.id)), lambda: call(ABORT_DEPLOYMENT, steer)]
            moves += [lambda: drive(self.caller, steer.id)]
        random.choice(moves)()

    def _ask(self) -> None:
        stage = self.random.choice(["staging", "production", "eu-production"])
        asked = self.registry.request_promotion(self.random.choice(self.known), target_stage=stage, requester="bo")
        self.registry.approve_promotion(asked.id, "cy")
        self.registry.apply_promotion(asked.id)

    def _register(self) -> None:
        random = self.random
        parent = random.choice([None, *self.known])
        number = (
            f"{random.randrange(3)}.{random.randrange(4)}.{random.randrange(9)}{random.choice(['', '-rc.1', '+b'])}"
        )
        version = random.choice([None, number])
        provider = {"kind": "http", "url": "http://127.0.0.1:9"}
        self.registry.register_version(
            NAME, version=version, parent=parent, metrics={"accuracy": 0.5}, provider=provider
        )


def check(life: Life) -> None:
    """Compare the fold of every beginning of the chain with what was on record then."""
    events = life.events()
    assert set(life.recorded) <= set(range(len(events) + 1))
    for count, (versions, model) in life.recorded.items():
        state = fold(events[:count])
        assert {version.id: told(state, version.id) for version in state.live} == versions, count
        latest = highest(state)
        standings = [standing for version in state.live for standing in version.standings.values()]
        stages = {standing.stage for standing in standings} - {"development", "archived", "rejected"}
        assert {
            "owner": state.owner,
            "description": state.description,
            "tags": state.tags,
            "revision": state.revision,
            "count": len(state.live),
            "latest": latest.version if latest else None,
            "stages": {stage: in_stage(state, stage)[0].version for stage in stages},
            "aliases": {name: state.versions[alias.version_id].version for name, alias in state.aliases.items()},
            "serving": {name: version for name, one in state.endpoints.items() if (version := main_version(one.route))},
            "endpoints": {name: endpoint_told(one) for name, one in state.endpoints.items()},
        } == model, count


def check_as_of(life: Life) -> None:
    """Ask the registry for moments of the past, and compare the answers with what was on record then."""
    events = life.events()
    for count in life.random.sample(sorted(life.recorded), min(20, len(life.recorded))):
        if count < len(events) and events[count].at == events[count - 1].at:
            continue  # The next event happened in the same transaction, or the same microsecond.
        at = events[count - 1].at
        versions, model = life.recorded[count]
        found = life.registry.list_versions(NAME, as_of=at)
        assert {record.id: shown(record) for record in found} == versions
        described = life.registry.describe_model(NAME, as_of=at)
        assert (described.latest_version, described.stages) == (model["latest"], model["stages"])
        assert described.aliases == model["aliases"]


@contextmanager
def new_registry(target: str = "", store: Path | None = None) -> Iterator[ModelRegistry]:
    with TemporaryDirectory() as folder:
        place = target or prepared(Path(folder) / "registry")
        with ModelRegistry(place, store=store, actor="ana") as registry:
            yield registry


def caller_of(registry: ModelRegistry) -> EmbeddedCaller:
    """The same registry, by the same name, in a way that starts no workers."""
    found = registry._caller
    assert isinstance(found, EmbeddedCaller)
    found.yard.engine.make = None
    return EmbeddedCaller(found.yard, actor="ana")


def configuration(place: str, timeout: float) -> ConfigureEndpoint:
    return ConfigureEndpoint(name=NAME, environment=place, configuration={"timeout_s": timeout})


@pytest.mark.feature("VER-13", "EXP-31")
def test_every_prefix_of_a_long_life_folds_to_what_was_on_record():
    with new_registry() as registry:
        life = Life(registry, seed=3)
        life.live(MOVES)
        told = {event.type for event in life.events()}
        assert len(life.events()) > MOVES / 4
        assert told >= {"endpoint.configured", "route.changed", "snapshot.created", "snapshot.judged"}
        assert told >= {f"deployment.{event}" for event in ("created", "advanced", "paused", "resumed", "superseded")}
        check(life)
        check_as_of(life)
        assert registry.verify_record().findings == []


@pytest.mark.feature("VER-13")
def test_the_same_on_postgresql(postgres_url: str, tmp_path: Path):
    with new_registry(postgres_url, tmp_path / "files") as registry:
        life = Life(registry, seed=7)
        life.live(60)
        check(life)
        check_as_of(life)
        assert registry.verify_record().findings == []


@settings(max_examples=12)
@given(seed=st.integers(0, 2**32))
def test_any_life_folds_to_what_was_on_record(seed: int):
    with new_registry() as registry:
        life = Life(registry, seed)
        life.live(25)
        check(life)
        assert registry.verify_record().findings == []
