"""Nobody waits for somebody else's model: a way back is made while others start theirs."""

from __future__ import annotations

import threading

import pytest

from components.deadlines import until
from components.rollouts import Rollouts
from modelyard.delivery.controller import THREADS, Controller
from modelyard.domain.wire import EndpointConfiguration, Limits


@pytest.mark.feature("RBK-05", "DEP-15")
def test_a_way_back_does_not_wait_for_models_that_take_long_to_start(served: Rollouts):
    limits = Limits(max_error_rate=0.05, min_requests=20)
    bad = served.deploy("2.0.0", "canary", limits=limits, step_seconds=60, min_requests=20)
    for number in range(THREADS + 1):
        served.begin("3.0.0", environment=f"region-{number}")
    loading, loaded = threading.Semaphore(0), threading.Event()
    start = served.engine.preflight

    def slowly(version_id: str, configuration: EndpointConfiguration, probes: int) -> list[tuple[bool, float, str]]:
        loading.release()
        assert loaded.wait(60)
        return start(version_id, configuration, probes)

    served.engine.preflight = slowly  # type: ignore[method-assign]
    with Controller(served.yard, served.engine) as controller:
        try:
            controller.start()
            assert all(loading.acquire(timeout=30) for _ in range(THREADS))
            served.observe("2.0.0", 30, errors=30)
            until(lambda: served.get(bad).state == "ROLLED_BACK", "it goes back", 20)
        finally:
            loaded.set()
