"""The application never notices: every strategy, a rollback and a killed worker, under 200 connections that never rest.

Server, workers, database and traffic are real processes. Each answer is judged by itself: it is a 200, and it comes
from the version that the route of its epoch gives to its key.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from components.deadlines import until
from components.servers import server_process
from components.traffic import Traffic
from modelyard import ModelRegistry
from modelyard.domain.routing import CompiledRoute
from modelyard.domain.wire import DeploymentRecord

MODEL = "fraud"
SOURCE = """
class Predictor:
    inputs = "json"

    def predict(self, inputs):
        return ["{version}" for _ in inputs]
"""
QUICK: dict[str, Any] = {"step_seconds": 0.5, "min_requests": 20, "probes": 2}
# With steps of half a second, a machine that is busy for a moment looks like a model that has become slow.
JUDGED = {**QUICK, "judge": {"metrics": ["errors"]}}


@pytest.fixture
def served(tmp_path: Path) -> Iterator[ModelRegistry]:
    """A server in a process of its own, with six versions; the first one serves, on two workers."""
    (tmp_path / "model_registry").mkdir()
    with server_process(tmp_path, {"MODELYARD_CACHE_PATH": str(tmp_path / "cache")}) as url, ModelRegistry(url) as made:
        for number in range(1, 7):
            folder = tmp_path / f"version-{number}"
            folder.mkdir()
            (folder / "predictor.py").write_text(SOURCE.format(version=f"{number}.0.0"))
            made.register_model(folder, MODEL, f"{number}.0.0")
        made.configure_endpoint(MODEL, replicas=2)
        finished(made, made.deploy(MODEL, "1.0.0"))
        yield made


def finished(registry: ModelRegistry, begun: DeploymentRecord, state: str = "SUCCEEDED") -> DeploymentRecord:
    """Wait until a deployment has ended as it should."""
    until(lambda: not registry.get_deployment(begun.id).live, f"the end of {begun.strategy}", 60)
    ended = registry.get_deployment(begun.id)
    assert ended.state == state, ended
    return ended


def weight(registry: ModelRegistry, begun: DeploymentRecord, share: float) -> None:
    """Wait until the new version has a share of the traffic."""
    until(lambda: registry.get_deployment(begun.id).weight == share, f"{share} of {begun.version}", 60)


def routes(registry: ModelRegistry) -> dict[int, CompiledRoute]:
    """All routes that there ever were, by epoch."""
    return {entry.epoch: CompiledRoute(entry.route) for entry in registry.route_history(MODEL)}


def worker_of(version: str) -> psutil.Process:
    """One of the processes that run a version."""
    ours = psutil.Process().children(recursive=True)
    found = [one for one in ours if any(f"{MODEL}/{version}" in part for part in one.cmdline())]
    assert found, [one.cmdline() for one in ours]
    return found[0]


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.feature("DEP-02", "DEP-03", "DEP-04", "DEP-05", "DEP-06", "DEP-12", "DEP-13", "RBK-01", "RBK-11", "EXP-21")
def test_no_request_fails_or_goes_astray_through_every_strategy_a_rollback_and_a_killed_worker(served):
    with Traffic(served.address, connections=200) as traffic:
        finished(served, served.deploy(MODEL, "2.0.0", strategy="blue-green"))
        finished(served, served.deploy(MODEL, "3.0.0", strategy="canary", **JUDGED))
        os.kill(worker_of("3.0.0").pid, signal.SIGKILL)
        finished(served, served.deploy(MODEL, "4.0.0", strategy="rolling", replicas=2, **JUDGED))
        back = served.rollback_model(MODEL, reason="a drill", deprecate=False)
        assert back.endpoint is not None
        assert back.endpoint.version == "3.0.0"
        test = served.deploy(MODEL, "5.0.0", strategy="ab", split={"3.0.0": 70})
        weight(served, test, 0.3)
        served.promote_deployment(test.id, winner="5.0.0")
        shadow = served.deploy(MODEL, "6.0.0", strategy="shadow", **QUICK)
        finished(served, shadow)
        aborted = served.deploy(MODEL, "6.0.0", strategy="canary", step_seconds=600)
        weight(served, aborted, 0.1)
        served.abort_deployment(aborted.id)
        finished(served, served.deploy(MODEL, "6.0.0", strategy="direct"))
    answered = traffic.judge(routes(served))
    versions = {version for _epoch, version in answered}
    assert versions == {f"{number}.0.0" for number in range(1, 7)}
    assert sum(answered.values()) > 1_000
