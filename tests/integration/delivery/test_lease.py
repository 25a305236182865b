"""The lease: of all processes on a registry one controls, who died is followed, and who was late writes nothing."""

from __future__ import annotations

from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from components.crowd import alone, together
from components.deadlines import until
from components.delivering import open_idle
from components.engines import PlayedEngine
from components.rollouts import Rollouts
from components.yards import register
from modelyard.delivery.controller import Controller
from modelyard.delivery.driving import Driver
from modelyard.delivery.lease import NAME, Lease
from modelyard.domain.deployment import check_move
from modelyard.domain.durations import later
from modelyard.errors import LeaseLost
from modelyard.metadata import leases
from modelyard.operations import (
    DEPLOY,
    GET_DEPLOYMENT,
    LIST_DEPLOYMENTS,
    ROUTE_HISTORY,
    Deploy,
    ListDeployments,
    NamedDeployment,
    NamedEndpoint,
)

ENDPOINTS = 6


def test_one_owner_at_a_time_and_the_next_when_its_time_has_run_out(yard: Rollouts):
    one, other = Lease(yard.yard, 10), Lease(yard.yard, 10)
    assert (one.hold(), other.hold(), one.hold()) == (True, False, True)
    yard.clock.move(9)
    assert not other.hold()
    yard.clock.move(1)
    assert other.hold()
    with yard.yard.database.write() as tx:
        other.check(tx)
    with pytest.raises(LeaseLost), yard.yard.database.write() as tx:
        one.check(tx)
    assert not one.hold(), "what it remembered is forgotten"


def test_who_ends_in_order_is_followed_at_once(yard: Rollouts):
    one, other = Lease(yard.yard, 10), Lease(yard.yard, 10)
    assert one.hold()
    one.give_back()
    one.give_back()
    assert other.hold()
    one.give_back()
    with yard.yard.database.write() as tx:
        other.check(tx)
    with pytest.raises(LeaseLost), yard.yard.database.write() as tx:
        one.check(tx)


def test_who_never_held_it_writes_nothing(yard: Rollouts):
    with pytest.raises(LeaseLost), yard.yard.database.write() as tx:
        Lease(yard.yard, 10).check(tx)


@pytest.mark.feature("RBK-09")
def test_a_late_writer_is_fenced_out_and_his_change_is_not_there(served: Rollouts):
    late, other = Lease(served.yard, 10), Lease(served.yard, 10)
    assert late.hold()
    begun = served.begin("2.0.0")
    driver = Driver(served.yard, served.engine, check=late.check, pulses={})
    served.clock.move(11)
    assert other.hold()
    before = served.get(begun)
    with pytest.raises(LeaseLost):
        driver.drive(begun.id)
    assert served.get(begun) == before
    follower = Driver(served.yard, served.engine, check=other.check, pulses={})
    assert follower.drive(begun.id).state == "SUCCEEDED"


def test_who_had_it_before_another_has_a_new_fence_afterwards(yard: Rollouts):
    one, other = Lease(yard.yard, 10), Lease(yard.yard, 10)

    def taken(owner: str) -> int | None:
        with yard.yard.database.write() as tx:
            return leases.take(tx, NAME, owner=owner, now=yard.clock(), until=later(yard.clock(), 10))

    assert taken(one.owner) == taken(one.owner) == 1
    yard.clock.move(10)
    assert taken(other.owner) == 2
    yard.clock.move(10)
    assert taken(one.owner) == 3
    with yard.yard.database.write() as tx:
        held = [leases.holds(tx, NAME, owner=one.owner, fence=fence) for fence in (1, 2, 3)]
    assert held == [False, False, True], "what it began before is fenced out too"


def test_an_idle_registry_is_not_controlled(yard: Rollouts):
    with Controller(yard.yard, yard.engine) as idle:
        assert not idle.look()
        assert Lease(yard.yard, 10).hold(), "nobody has it"


def test_a_controller_that_comes_second_looks_on(served: Rollouts):
    begun = served.begin("2.0.0")
    with Controller(served.yard, served.engine) as first, Controller(served.yard, served.engine) as second:
        assert first.lease.hold()
        assert second.look(), "something is live"
        assert served.get(begun).state == "PENDING"
        assert first.look()
        until(lambda: served.get(begun).state == "SUCCEEDED", "the first one drives it")
    assert {line.actor for line in served.get(begun).history[1:]} == {"controller"}


@pytest.mark.feature("DEP-03", "RBK-11")
def test_what_was_kept_warm_is_let_go_in_time_unless_a_deployment_is_live(served: Rollouts):
    done = served.deploy("2.0.0", "blue-green", keep_warm_seconds=300)
    canary = served.deploy("3.0.0", "canary")
    served.clock.move(299)
    with Controller(served.yard, served.engine) as controller:
        controller.look()
        served.clock.move(1)
        controller.look()
        controller.start()
        served.abort(canary)
        assert served.route().warm in ([served.ids["1.0.0"]], [])
        until(lambda: served.route().warm == [], "the old version is let go")
    route = served.route()
    assert (route.deployment_id, served.shares()) == (done.id, {"2.0.0": 1.0})
    assert served.get(done).due_at is None
    history = served.call(ROUTE_HISTORY, NamedEndpoint(name="fraud")).routes
    assert [entry.cause for entry in history[:2]] == ["deployment.cooled", "deployment.rolling_back"]


@pytest.mark.feature("RBK-05", "DEP-11")
def test_the_controller_probes_what_serves_and_takes_back_what_has_died(served: Rollouts):
    served.configure(probe_s=0.01)
    begun = served.deploy("2.0.0", "canary")
    with Controller(served.yard, served.engine) as controller:
        controller.start()
        until(lambda: served.ids["2.0.0"] in controller.pulses, "it is probed")
        served.engine.dead.add(served.ids["2.0.0"])
        until(lambda: served.get(begun).state == "ROLLED_BACK", "it goes back")
    ended = served.get(begun)
    assert (ended.rollback and ended.rollback.cause, served.shares()) == ("probe", {"1.0.0": 1.0})


@pytest.mark.feature("DEP-11")
def test_copies_are_probed_too(served: Rollouts):
    served.configure(probe_s=0.01)
    begun = served.deploy("2.0.0", "shadow")
    with Controller(served.yard, served.engine) as controller:
        controller.start()
        served.engine.dead.add(served.ids["2.0.0"])
        until(lambda: served.get(begun).state == "ROLLED_BACK", "it goes back")


def test_a_controller_that_ends_during_a_preflight_does_not_reject_the_version(served: Rollouts):
    begun = served.begin("2.0.0")
    served.engine.broken.add(served.ids["2.0.0"])
    ending = Driver(served.yard, served.engine, check=lambda _tx: None, pulses={}, ends=lambda: True)
    with pytest.raises(Exception, match="is no model"):
        ending.drive(begun.id)
    assert served.get(begun).state == "PREFLIGHT"
    served.engine.broken.clear()
    assert served.drive(begun).state == "SUCCEEDED"


def controlling(folder: str, database_url: str) -> int:
    """Control a registry until nothing is live any more; return how many transitions this process made."""
    with open_idle(Path(folder), database_url) as caller, Controller(caller.yard, PlayedEngine(), lease_s=1.0) as one:
        one.start()
        until(
            lambda: not caller.call(LIST_DEPLOYMENTS, ListDeployments(state="live")).deployments, "all have ended", 80
        )
    return 1


def dying(pipe: Connection, folder: str, database_url: str) -> None:
    """Hold the lease, say so, and do nothing more."""
    with open_idle(Path(folder), database_url) as caller:
        assert Lease(caller.yard, 2.0).hold()
        pipe.send("held")
        pipe.recv()


@pytest.fixture
def begun(database_url: str, tmp_path: Path) -> list[str]:
    """The ids of canaries that have just been asked for, each at an endpoint of its own."""
    with open_idle(tmp_path / "registry", database_url) as caller:
        for version in ("1.0.0", "2.0.0"):
            register(caller, "fraud", version.encode(), version=version)
        yard = Rollouts(caller)
        yard.yard = replace(caller.yard, engine=yard.yard.engine)
        driver = Driver(caller.yard, yard.engine, check=lambda _tx: None, pulses={})
        made = []
        for number in range(ENDPOINTS):
            place: dict[str, Any] = {"name": "fraud", "environment": f"edge-{number}"}
            driver.drive(caller.call(DEPLOY, Deploy(version="1.0.0", **place)).id)
            steps: dict[str, Any] = {"steps": [10, 20, 50], "step_seconds": 0.2, "min_requests": 0, "bake_seconds": 0.2}
            made.append(caller.call(DEPLOY, Deploy(version="2.0.0", strategy="canary", **place, **steps)).id)
    return made


@pytest.mark.slow
@pytest.mark.feature("RBK-09")
def test_of_several_controllers_no_transition_is_made_twice(database_url: str, tmp_path: Path, begun: list[str]):
    folder = str(tmp_path / "registry")
    with alone(dying, folder, database_url) as (process, pipe):
        assert pipe.recv() == "held"
        process.kill()
        process.join()
        together(controlling, [(folder, database_url)] * 3)
    with open_idle(Path(folder), database_url) as caller:
        for identifier in begun:
            found = caller.call(GET_DEPLOYMENT, NamedDeployment(id=identifier))
            names = [line.event for line in found.history]
            expected = ["created", "preflight_started", "preflight_passed", *["advanced"] * 3, "baking", "succeeded"]
            assert names == expected
            assert [line.position for line in found.history] == list(range(1, len(names) + 1))
            for line in found.history:
                check_move(line.event, line.from_state, line.to_state)
            request = NamedEndpoint(name="fraud", environment=found.environment)
            epochs = [entry.epoch for entry in caller.call(ROUTE_HISTORY, request).routes]
            assert epochs == list(range(len(epochs), 0, -1))
