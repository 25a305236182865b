"""The whole way with real worker processes: models of scikit-learn, steady traffic, moved routes, killed workers."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sklearn.dummy import DummyClassifier

from components.asking import Asking
from components.predicting import Predicting
from components.traffic import Traffic
from modelyard.domain.routing import CompiledRoute
from modelyard.metadata import endpoints

SWITCHES = 50
PAUSE_S = 0.2
"""How long each of two hundred rests after an answer: there are a thousand requests a second, and time for the rest."""
SPLITS = ({"1.0.0": 1.0}, {"1.0.0": 0.9, "2.0.0": 0.1}, {"1.0.0": 0.5, "2.0.0": 0.5}, {"2.0.0": 1.0})


def until(holds: Callable[[], object], seconds: float = 120.0) -> None:
    """Wait until something holds; fail if it does not."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.01)


def running(yard: Predicting) -> dict[str, dict[str, Any]]:
    """What runs, by the ids of versions; asked in the server's loop, where it changes."""

    async def ask() -> dict[str, dict[str, Any]]:
        return yard.app.delivery.fleet.describe()

    found: dict[str, dict[str, Any]] = yard.in_server(ask())
    return found


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Predicting]:
    """A server with real workers, and two versions whose output is their own number."""
    server = Predicting(tmp_path_factory.mktemp("workers") / "registry", workers=True)
    for version in ("1.0.0", "2.0.0"):
        model = DummyClassifier(strategy="constant", constant=version).fit([[0.0], [1.0]], [version, "other"])
        registry = Asking(server.caller)
        server.ids[version] = registry.register_model(model, "fraud", version, input_example=[[0.0]])
    yield server
    server.stop()


def routes_of(yard: Predicting) -> dict[int, CompiledRoute]:
    """Every route that the endpoint ever had, by its epoch."""
    with yard.caller.yard.database.read() as tx:
        entries = endpoints.history(tx, "ep_fraud_production", 10_000)
    return {entry.epoch: CompiledRoute(entry.route) for entry in entries}


@pytest.mark.slow
@pytest.mark.feature("DEP-14", "EXP-24")
def test_a_model_answers_through_its_worker_in_both_protocols(yard):
    yard.serve({"1.0.0": 1})
    answer = yard.predict({"input": [[1.0], [2.0]]})
    assert (answer.status_code, answer.json()["output"]) == (200, ["1.0.0", "1.0.0"])
    tensor = {"name": "input", "shape": [2, 1], "datatype": "FP64", "data": [1.0, 2.0]}
    answer = yard.client.post("/v2/models/fraud/infer", json={"id": "7", "inputs": [tensor]})
    assert answer.status_code == 200, answer.text
    document = answer.json()
    assert (document["id"], document["model_name"], document["model_version"]) == ("7", "fraud", "1.0.0")
    assert document["outputs"][0]["data"] == ["1.0.0", "1.0.0"]
    wrong = yard.predict({"input": [["no number"]]})
    assert (wrong.status_code, wrong.json()["code"]) == (400, "invalid_input")


@pytest.mark.slow
@pytest.mark.feature("DEP-13", "DEP-12", "EXP-32")
def test_no_request_of_two_hundred_at_once_fails_or_goes_astray_over_fifty_moved_routes(yard):
    yard.serve({"1.0.0": 1.0}, warm=["2.0.0"])
    with Traffic(yard.url, connections=200, pause_s=PAUSE_S) as traffic:
        for number in range(SWITCHES):
            yard.serve(SPLITS[number % len(SPLITS)], warm=["1.0.0", "2.0.0"])
    found = traffic.judge(routes_of(yard))
    assert found.total() > 1_000
    assert {version for _, version in found} == {"1.0.0", "2.0.0"}
    assert len({epoch for epoch, _ in found}) > SWITCHES / 2


@pytest.mark.slow
@pytest.mark.feature("DEP-13")
def test_a_version_that_comes_and_goes_with_its_workers_is_not_noticed(yard):
    yard.serve({"1.0.0": 1.0})
    with Traffic(yard.url, connections=200, pause_s=PAUSE_S) as traffic:
        for version in ("2.0.0", "1.0.0", "2.0.0"):
            yard.serve({version: 1.0})
            until(lambda: set(running(yard)) == {yard.ids[version]})  # noqa: B023 - it is called in this round
    traffic.judge(routes_of(yard))


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.feature("DEP-13")
@pytest.mark.parametrize("replicas", [1, 2])
def test_killed_workers_are_not_noticed(yard, replicas):
    # The time is for machines that take long to start a process: the requests wait for it, and must not fail meanwhile.
    yard.serve({"1.0.0": 1.0}, replicas=replicas, timeout_s=120.0)

    def pids() -> set[int]:
        return set(running(yard)[yard.ids["1.0.0"]]["pids"])

    until(lambda: len(pids()) == replicas)
    with Traffic(yard.url, connections=200, pause_s=PAUSE_S) as traffic:
        for _ in range(replicas):
            before = pids()
            os.kill(min(before), signal.SIGKILL)
            until(lambda: len(pids()) == replicas and pids() != before)  # noqa: B023 - it is called in this round
    assert traffic.judge(routes_of(yard)).total() > 100
