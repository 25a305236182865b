"""The gateway follows the database: routes that move, versions that cannot start, and a database that is away."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import httpx2
import pytest

from components.postgres import PostgresServer, start_server
from components.predicting import Predicting
from modelyard.domain.wire import DeploymentRecord
from modelyard.metadata import models
from modelyard.metadata.database import known
from modelyard.operations import (
    CREATE_TOKEN,
    CREATE_USER,
    DEPLOY,
    GET_DEPLOYMENT,
    CreateToken,
    CreateUser,
    Deploy,
    NamedDeployment,
)
from modelyard.telemetry.windows import observed


def until(holds: Callable[[], object], seconds: float = 30.0) -> None:
    """Wait until something holds; fail if it does not."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.005)


@pytest.fixture
def yard(tmp_path: Path, database_url: str) -> Iterator[Predicting]:
    """A server with three versions, on each database."""
    server = Predicting(tmp_path / "registry", database_url)
    for version in ("1.0.0", "2.0.0", "3.0.0"):
        server.version(version)
    yield server
    server.stop()


def asked(yard: Predicting, **how: Any) -> tuple[int, str]:
    """The status of a prediction, and the version or the code of the error."""
    answer = yard.predict(**how)
    document = answer.json()
    return answer.status_code, document.get("version") or document["code"]


@pytest.mark.feature("EXP-32", "DEP-16")
def test_a_moved_route_is_followed_and_what_it_left_is_ended(yard):
    yard.serve({"1.0.0": 1}, warm=["3.0.0"])
    assert asked(yard) == (200, "1.0.0")
    assert set(yard.fleet.running) == {yard.ids["1.0.0"], yard.ids["3.0.0"]}
    yard.serve({"2.0.0": 1}, warm=["3.0.0"])
    assert asked(yard) == (200, "2.0.0")
    until(lambda: yard.fleet.retired == [yard.ids["1.0.0"]])
    yard.route({})
    until(lambda: asked(yard) == (503, "not_serving"))
    until(lambda: not yard.fleet.running)


@pytest.mark.feature("EXP-32")
def test_what_was_done_is_observed_by_version_and_epoch(yard):
    epochs = [yard.serve({"1.0.0": 1}), yard.serve({"2.0.0": 1}, shadow=["3.0.0"])]
    for _ in range(10):
        yard.predict()
    yard.serve({"1.0.0": 1})
    for _ in range(5):
        yard.predict()

    def seen(version: str, **how: Any) -> int:
        with yard.caller.yard.database.read() as tx:
            return observed(tx, "ep_fraud_production", yard.ids[version], **how).requests

    until(lambda: seen("2.0.0") == 10 and seen("1.0.0") == 5 and seen("3.0.0", role="shadow") == 10)
    assert seen("2.0.0", epochs=epochs[1:]) == 10
    assert seen("1.0.0", epochs=epochs) == 0
    assert seen("3.0.0") == 0


@pytest.mark.feature("DEP-10")
def test_a_version_that_cannot_start_leaves_the_old_route_in_place_and_is_tried_again(yard):
    first = yard.serve({"1.0.0": 1})
    yard.fleet.broken["2.0.0"] = "its package is missing"
    second = yard.route({"1.0.0": 0.5, "2.0.0": 0.5})
    follower = yard.app.delivery.follower
    until(lambda: follower.fault_of("ep_fraud_production") == "its package is missing")
    assert follower.applied_epoch("ep_fraud_production") == first
    assert {asked(yard) for _ in range(20)} == {(200, "1.0.0")}
    yard.fleet.broken.clear()
    yard.follow(second)
    assert {asked(yard) for _ in range(50)} == {(200, "1.0.0"), (200, "2.0.0")}
    assert follower.fault_of("ep_fraud_production") == ""


def test_a_newer_route_takes_the_place_of_one_that_waits_for_its_version(yard):
    yard.serve({"1.0.0": 1})
    yard.in_server(_turn(yard.fleet.hold_up, closed=True))
    yard.route({"2.0.0": 1})
    until(lambda: yard.ids["2.0.0"] in yard.fleet.held)
    last = yard.route({"3.0.0": 1})
    assert asked(yard) == (200, "1.0.0")
    yard.in_server(_turn(yard.fleet.hold_up, closed=False))
    yard.follow(last)
    assert asked(yard) == (200, "3.0.0")
    until(lambda: set(yard.fleet.running) == {yard.ids["3.0.0"]})


async def _turn(event: asyncio.Event, *, closed: bool) -> None:
    event.clear() if closed else event.set()


def test_a_shadow_or_warm_version_that_cannot_start_holds_nothing_up(yard):
    yard.fleet.broken |= {"2.0.0": "broken", "3.0.0": "broken"}
    epoch = yard.serve({"1.0.0": 1}, shadow=["2.0.0"], warm=["3.0.0"])
    assert asked(yard) == (200, "1.0.0")
    yard.fleet.broken.clear()
    until(lambda: len(yard.fleet.running) == 3)
    assert yard.app.delivery.follower.applied_epoch("ep_fraud_production") == epoch


def test_after_a_start_a_broken_arm_answers_503_and_the_others_serve(tmp_path, database_url):
    first = Predicting(tmp_path / "registry", database_url)
    for version in ("1.0.0", "2.0.0"):
        first.version(version)
    first.route({"1.0.0": 0.5, "2.0.0": 0.5})
    first.stop()
    second = Predicting(tmp_path / "registry", database_url, broken="2.0.0")
    try:
        found = Counter(asked(second) for _ in range(60))
        assert set(found) == {(200, "1.0.0"), (503, "not_serving")}
    finally:
        second.stop()


def test_the_first_request_after_a_start_waits_until_its_version_is_there(tmp_path):
    first = Predicting(tmp_path / "registry")
    first.version("1.0.0")
    first.route({"1.0.0": 1})
    first.stop()
    second = Predicting(tmp_path / "registry")
    try:
        assert asked(second) == (200, "1.0.0")
    finally:
        second.stop()


def test_a_deleted_model_is_served_no_more(yard):
    yard.version("1.0.0", name="other")
    yard.serve({"1.0.0": 1}, name="other")
    assert asked(yard, name="other")[0] == 200
    with yard.caller.yard.database.write() as tx:
        models.bury(tx, known(models.by_name(tx, "other")).id, "2026-03-01T12:00:00.000000Z")
    yard.version("9.0.0", name="more")
    yard.serve({"9.0.0": 1}, name="more")
    assert asked(yard, name="other") == (404, "endpoint_not_found")


class Load:
    """Asks without a pause, in a thread, until it is stopped; keeps what came."""

    def __init__(self, url: str, headers: dict[str, str] | None = None) -> None:
        self.seen: Counter[tuple[int, str]] = Counter()
        self._url, self._headers = url, headers
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        with httpx2.Client(base_url=self._url, timeout=60, headers=self._headers) as client:
            while not self._end.is_set():
                answer = client.post("/api/models/fraud/predict", json={"input": [[1]]})
                document = answer.json()
                self.seen[answer.status_code, document.get("version") or document["code"]] += 1

    def more(self, count: int) -> None:
        """Wait for so many more answers."""
        wanted = self.seen.total() + count
        until(lambda: self.seen.total() >= wanted)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join(60)


@pytest.mark.feature("EXP-32", "DEP-13")
def test_a_sqlite_file_that_is_taken_away_is_not_noticed(tmp_path, caplog):
    yard = Predicting(tmp_path / "registry")
    try:
        yard.version("1.0.0")
        yard.serve({"1.0.0": 1})
        file = yard.caller.yard.database.path
        with Load(yard.url) as load:
            load.more(20)
            hidden = [(part, part.with_name(f"away-{part.name}")) for part in file.parent.glob("registry.db*")]
            for part, place in hidden:
                part.rename(place)
            yard.caller.yard.database.engine.dispose()
            load.more(200)
            for part, place in hidden:
                part.unlink(missing_ok=True)
                place.rename(part)
            yard.caller.yard.database.engine.dispose()
            load.more(20)
        assert set(load.seen) == {(200, "1.0.0")}
    finally:
        yard.stop()


@pytest.mark.feature("EXP-32", "EXP-22", "EXP-25")
def test_while_nothing_can_be_written_predictions_go_on_and_their_evidence_counts_afterwards(tmp_path):
    yard = Predicting(tmp_path / "registry")
    try:
        for version in ("1.0.0", "2.0.0"):
            yard.version(version)
        call = yard.caller.call
        first = call(DEPLOY, Deploy(name="fraud", version="1.0.0"))
        until(lambda: call(GET_DEPLOYMENT, NamedDeployment(id=first.id)).state == "SUCCEEDED")
        canary = Deploy(name="fraud", version="2.0.0", strategy="canary", steps=[50, 100], step_seconds=600)
        begun = call(DEPLOY, canary)

        def now() -> DeploymentRecord:
            return call(GET_DEPLOYMENT, NamedDeployment(id=begun.id))

        def units() -> int:
            said = now().judgement
            if said is None:
                return 0
            # What came while nothing could be written is too much for one batch: what that leaves out is told.
            return said.challengers[0].units + said.challengers[0].base_units + said.dropped

        until(lambda: now().state == "STAGE")
        assert yard.in_server(yard.app.delivery.follower.reached(now().endpoint_id, now().epoch, 60))
        with Load(yard.url) as load:
            until(units)
            writer = sqlite3.connect(yard.caller.yard.database.path, isolation_level=None)
            writer.execute("BEGIN IMMEDIATE")
            before = units()
            load.more(300)
            assert units() == before, "nothing can have been written"
            writer.execute("ROLLBACK")
            writer.close()
        assert set(load.seen) == {(200, "1.0.0"), (200, "2.0.0")}
        until(lambda: units() == load.seen.total())
    finally:
        yard.stop()


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL that a test may stop."""
    server = start_server()
    yield server
    server.stop()


@pytest.mark.slow
@pytest.mark.feature("EXP-32", "DEP-13")
@pytest.mark.parametrize("asks", [False, True], ids=["open", "with tokens"])
def test_a_stopped_postgresql_is_not_noticed(tmp_path, own_postgres, asks, caplog):
    url = own_postgres.url(own_postgres.create_database())
    yard = Predicting(tmp_path / "registry", url, overrides={"auth.enabled": asks})
    try:
        yard.version("1.0.0")
        yard.caller.call(CREATE_USER, CreateUser(name="app", grants=[{"allow": "caller"}]))
        token = yard.caller.call(CREATE_TOKEN, CreateToken(principal="app")).token
        headers = {"Authorization": f"Bearer {token}"}
        yard.route({"1.0.0": 1})
        assert yard.predict(headers=headers).status_code == 200
        with Load(yard.url, headers) as load:
            load.more(20)
            process = own_postgres._process
            assert process is not None
            process.kill()
            process.wait()
            until(lambda: "served as they are" in caplog.text)
            load.more(200)
        assert set(load.seen) == {(200, "1.0.0")}
        assert caplog.text.count("served as they are") == 1
    finally:
        yard.stop()
