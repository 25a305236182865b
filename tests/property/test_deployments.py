"""A random life of three endpoints: whatever people, the controller and dying versions do, the promises hold.

After every move, of which some are refused, these are looked at:

1. An endpoint has one live deployment at most.
2. Weights add up to 1. A route changes only with the next epoch, which has a row of its own and an event.
3. What has ended never changes any more, but for `due_at`.
4. Behind a deployment that was rolled back, the route is that of its snapshot, byte for byte but for the epoch.
   What serves has the flags that its configuration names.
5. The share of the new version never falls in a deployment, except to nothing.
6. The history of a deployment has no holes, each line begins where the one before ended, and state and route agree.
7. Nothing is judged on no requests.
8. At the end the whole record is sound: chains, tables, digests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.asking import Asking
from components.delivering import open_idle
from components.rollouts import Rollouts
from components.templates import prepared
from modelyard.domain import deployment as rules
from modelyard.domain.canonical import encoded
from modelyard.domain.judge import REGRESSED
from modelyard.domain.routing import canonical
from modelyard.domain.wire import DeploymentRecord, EventRecord, Limits, Route
from modelyard.errors import ModelyardError
from modelyard.metadata import deployments, endpoints, journal, snapshots
from modelyard.operations import (
    ABORT_DEPLOYMENT,
    CHECK_GUARD,
    CONFIGURE_ENDPOINT,
    DELETE_FLAG,
    DEPRECATE,
    PAUSE_DEPLOYMENT,
    PROMOTE,
    PROMOTE_DEPLOYMENT,
    RESTORE_SNAPSHOT,
    RESUME_DEPLOYMENT,
    ROLLBACK,
    SET_ALIAS,
    SET_FLAG,
    TAKE_SNAPSHOT,
    Advance,
    CheckGuard,
    ConfigureEndpoint,
    Deprecate,
    NamedFlag,
    Promote,
    RestoreSnapshot,
    Rollback,
    SetAlias,
    SetFlag,
    Steer,
    TakeSnapshot,
)
from modelyard.telemetry.windows import LIVE, SHADOW

VERSIONS = ("1.0.0", "1.1.0", "2.0.0", "2.1.0", "3.0.0")
ENVIRONMENTS = ("production", "edge", "eu")
STRATEGIES = ("direct", "canary", "canary", "blue-green", "rolling", "ab", "shadow")
STAGES = ("development", "staging", "production", "archived")
LIMITS = Limits(max_error_rate=0.2, min_requests=10)
EVERYTHING = 1 << 30


class Life:
    """Endpoints that live at random, and what was seen of them."""

    def __init__(self, yard: Rollouts, seed: int) -> None:
        self.yard, self.random, self.call = yard, Random(seed), yard.call
        self.refused = self.made = 0
        self.ended: dict[str, DeploymentRecord] = {}
        self.shares: dict[str, float] = {}
        self.routes: dict[str, dict[int, bytes]] = {}
        yard.register(*VERSIONS)

    def live(self, moves: int) -> None:
        """Make moves, and look after each; those that are refused change nothing, which is seen as well."""
        for _ in range(moves):
            move = self.random.choice(self._moves())
            try:
                move()
                self.made += 1
            except ModelyardError:
                self.refused += 1
            self.look()

    # What happens

    def _moves(self) -> list[Callable[[], object]]:
        random, call = self.random, self.call
        place, version = random.choice(ENVIRONMENTS), random.choice(VERSIONS)
        alive = self._live_ids() or ["dp_none"]
        one = random.choice(alive)
        steer = Steer(id=one, reason=random.choice(["", "looking"]))
        return [
            *[self._deploy] * 10,
            *[self._drive] * 9,
            *[self._observe] * 9,
            self._fault,
            *[lambda: self.yard.clock.move(random.choice([0.0, 1.0, 30.0, 60.0, 600.0]))] * 5,
            lambda: call(PAUSE_DEPLOYMENT, steer),
            *[lambda: call(RESUME_DEPLOYMENT, steer)] * 3,
            lambda: call(ABORT_DEPLOYMENT, steer),
            *[lambda: call(PROMOTE_DEPLOYMENT, Advance(id=one, full=random.random() < 0.2))] * 3,
            lambda: call(PROMOTE_DEPLOYMENT, Advance(id=one, winner=version)),
            lambda: call(
                SET_FLAG,
                SetFlag(name="fraud", flag=random.choice("ab"), version=version, environment=place, percentage=100),
            ),
            lambda: call(DELETE_FLAG, NamedFlag(name="fraud", flag=random.choice("ab"), environment=place)),
            lambda: call(
                CONFIGURE_ENDPOINT,
                ConfigureEndpoint(
                    name="fraud", environment=place, configuration={"replicas": random.randrange(1, 4), "timeout_s": 5}
                ),
            ),
            lambda: call(TAKE_SNAPSHOT, TakeSnapshot(name="fraud", environment=place)),
            self._restore,
            lambda: call(ROLLBACK, self._rollback(place, random.choice([version, None]))),
            lambda: call(CHECK_GUARD, CheckGuard(name="fraud", environment=place, limits=LIMITS, keep=False)),
            lambda: call(SET_ALIAS, SetAlias(name="fraud", alias=random.choice("xy"), version=version)),
            lambda: call(PROMOTE, Promote(reference=f"fraud/{version}", target_stage=random.choice(STAGES))),
            lambda: call(PROMOTE, Promote(reference=f"fraud/{version}", target_stage="staging")),
            self._deprecate,
            self._deprecate,
        ]

    def _rollback(self, environment: str, version: str | None) -> Rollback:
        chance = self.random.random
        return Rollback(
            reference="fraud", environment=environment, version=version, force=chance() < 0.3, deprecate=chance() < 0.1
        )

    def _deploy(self) -> None:
        random = self.random
        strategy = random.choice(STRATEGIES)
        options: dict[str, Any] = {"step_seconds": random.choice([0, 30]), "min_requests": random.choice([0, 5])}
        if strategy == "canary":
            options |= {"steps": random.choice([[10], [10, 50], [25, 50, 75]]), "bake_seconds": random.choice([0, 60])}
        if strategy == "ab":
            options["split"] = {random.choice(VERSIONS): 30, random.choice(VERSIONS): 20}
        if strategy == "blue-green":
            options["keep_warm_seconds"] = random.choice([None, 0, 120])
        options |= {
            "limits": random.choice([None, LIMITS]),
            "on_inconclusive": random.choice(["hold", "promote", "rollback"]),
            "max_step_seconds": random.choice([None, 300]),
            "supersede": random.random() < 0.2,
            "deprecate": random.random() < 0.2,
            "environment": random.choice(ENVIRONMENTS),
        }
        self.yard.begin(random.choice(VERSIONS), strategy, **options)

    def _deprecate(self) -> None:
        if self.random.random() < 0.3:
            self.call(DEPRECATE, Deprecate(reference=f"fraud/{self.random.choice(VERSIONS)}", reason="old"))
            return
        for version in VERSIONS:
            with suppress(ModelyardError):
                self.call(DEPRECATE, Deprecate(reference=f"fraud/{version}", undo=True))

    def _drive(self) -> None:
        for identifier in self._live_ids():
            self.yard.driver.drive(identifier)

    def _observe(self) -> None:
        random = self.random
        requests = random.choice([1, 5, 20])
        errors = random.choice([0] * 9 + [requests])
        self.yard.observe(
            random.choice(self._answering() or VERSIONS),
            requests,
            errors=errors,
            role=random.choice([LIVE, LIVE, SHADOW]),
            environment=random.choice(ENVIRONMENTS),
        )

    def _answering(self) -> list[str]:
        """The versions that are being brought in."""
        with self.yard.yard.database.read() as tx:
            return [deployments.record(row).version for row in deployments.live(tx)]

    def _fault(self) -> None:
        engine, version = self.yard.engine, self.random.choice(VERSIONS)
        identifier = self.yard.ids[version]
        if self.random.random() < 0.3:
            self.yard.dies(version)
        elif self.random.random() < 0.3:
            engine.broken.add(identifier)
        else:
            engine.broken.clear()
            engine.behind = self.random.random() < 0.2
            for name in VERSIONS:
                self.yard.recovers(name)

    def _restore(self) -> None:
        with self.yard.yard.database.read() as tx:
            rows = [row for place in self._endpoints() for row in snapshots.page(tx, place.id, before=None, limit=20)]
        wanted = self.random.choice(rows).id if rows else "sn_none"
        request = RestoreSnapshot(id=wanted, force=self.random.random() < 0.3)
        self.call(RESTORE_SNAPSHOT, request)

    # What holds

    def look(self) -> None:
        """Look at all that has to hold."""
        with self.yard.yard.database.read() as tx:
            rows = deployments.page(tx, deployments.Wanted(), limit=EVERYTHING)
            found = [replace(deployments.record(row), history=deployments.history(tx, row.id)) for row in rows]
            events = journal.page(tx, after=0, limit=EVERYTHING)
        for endpoint in self._endpoints():
            mine = [one for one in found if one.endpoint_id == endpoint.id]
            self._look_at_routes(endpoint.id, events)
            self._look_at_live(endpoint.id, [one for one in mine if one.live])
        for one in found:
            self._look_at_end(one)
            look_at_history(one)

    def _look_at_live(self, endpoint_id: str, alive: list[DeploymentRecord]) -> None:
        assert len(alive) <= 1
        with self.yard.yard.database.read() as tx:
            row = endpoints.by_id(tx, endpoint_id)
            assert row is not None
            route = endpoints.route_of(row)
        for one in alive:
            assert one.state not in rules.TERMINAL
            share = rules.weight_of(route, one.version_id)
            if one.state in rules.WITH_TRAFFIC:
                assert route.deployment_id == one.id
                assert route.arms == rules.step_of(one).arms
                assert one.weight == share
                assert share >= self.shares.get(one.id, 0.0)
                self.shares[one.id] = share
            else:
                assert route.deployment_id != one.id

    def _look_at_routes(self, endpoint_id: str, events: list[EventRecord]) -> None:
        with self.yard.yard.database.read() as tx:
            row = endpoints.by_id(tx, endpoint_id)
            entries = endpoints.history(tx, endpoint_id, EVERYTHING)
        assert row is not None
        assert [entry.epoch for entry in entries] == list(range(row.epoch, 0, -1))
        if entries and entries[0].route.arms:
            assert endpoints.configuration_of(row).rules == entries[0].route.rules
        if entries:
            assert canonical(entries[0].route) == canonical(endpoints.route_of(row))
        seen = self.routes.setdefault(endpoint_id, {})
        for entry in entries:
            assert seen.setdefault(entry.epoch, canonical(entry.route)) == canonical(entry.route)
            assert not entry.route.arms or abs(sum(arm.weight for arm in entry.route.arms) - 1) < 1e-9
        told = [event.data for event in events if event.type == "route.changed" and event.data["endpoint"] == row.id]
        assert [data["epoch"] for data in told] == list(range(1, row.epoch + 1))
        assert [encoded(data["route"]) for data in told[-1:]] == [canonical(entry.route) for entry in entries[:1]]

    def _look_at_end(self, one: DeploymentRecord) -> None:
        if one.live:
            return
        # The epoch is the endpoint's present one, and what was kept warm has been let go.
        still = replace(one, due_at=None, epoch=0)
        if one.id in self.ended:
            assert self.ended[one.id] == still
            return
        self.ended[one.id] = still
        if one.state == rules.ROLLED_BACK:
            self._look_at_way_back(one)

    def _look_at_way_back(self, one: DeploymentRecord) -> None:
        with self.yard.yard.database.read() as tx:
            snapshot, row = snapshots.by_id(tx, one.snapshot_id), endpoints.by_id(tx, one.endpoint_id)
            assert snapshot is not None
            assert row is not None
            before, entry = snapshots.content_of(snapshot), endpoints.route_at(tx, row.id, one.history[-1].epoch)
        assert entry is not None
        assert canonical(without_epoch(entry.route)) == canonical(without_epoch(before.route))
        assert one.weight == rules.weight_of(before.route, one.version_id)

    def _live_ids(self) -> list[str]:
        with self.yard.yard.database.read() as tx:
            return [row.id for row in deployments.live(tx)]

    def _endpoints(self) -> list[Any]:
        with self.yard.yard.database.read() as tx:
            return list(endpoints.all_current(tx))


def without_epoch(route: Route) -> Route:
    """A route as it can be compared with that of another time."""
    return replace(route, epoch=0)


def look_at_history(one: DeploymentRecord) -> None:
    """Look whether a deployment's history tells its way without a hole, by moves of the table."""
    lines = one.history
    assert [line.position for line in lines] == list(range(1, len(lines) + 1))
    assert [line.event for line in lines].count("created") == 1
    state = ""
    for line in lines:
        assert line.from_state == state
        rules.check_move(line.event, line.from_state, line.to_state)
        state = line.to_state
    assert state == one.state
    epochs = [line.epoch for line in lines]
    assert epochs == sorted(epochs)
    for line in lines:
        candidate = line.evidence.get("candidate")
        if one.verdict.state == REGRESSED and line.event == "rolling_back" and candidate:
            assert candidate["requests"] > 0


@contextmanager
def new_yard(folder: Path | None = None, database_url: str = "") -> Iterator[Rollouts]:
    """A registry of its own."""
    with TemporaryDirectory() as made:
        place = prepared((folder or Path(made)) / "registry", database_url)
        with open_idle(place, database_url) as caller:
            yield Rollouts(caller)


def lived(yard: Rollouts, seed: int, moves: int) -> Life:
    """Live, and look at the whole record at the end."""
    life = Life(yard, seed)
    life.live(moves)
    assert Asking(yard.caller).verify_record().findings == []
    return life


@pytest.mark.slow
@pytest.mark.feature("DEP-15", "DEP-19", "RBK-09")
@pytest.mark.parametrize("seed", [20260301, 7])
def test_whatever_happens_in_a_long_life_the_promises_hold(seed: int):
    with new_yard() as yard:
        life = lived(yard, seed, 300)
        assert life.made > 150
        states = {one.state for one in life.ended.values()}
        assert {rules.SUCCEEDED, rules.ROLLED_BACK} <= states, "the life was eventful"


@pytest.mark.slow
def test_the_same_on_postgresql(postgres_url: str, tmp_path: Path):
    with new_yard(tmp_path, postgres_url) as yard:
        assert lived(yard, 3, 80).made > 40


@pytest.mark.slow
@settings(max_examples=8)
@given(seed=st.integers(0, 2**32))
def test_the_promises_hold_in_any_life(seed: int):
    with new_yard() as yard:
        lived(yard, seed, 60)
