"""`promote --wait` outlives the server that it asks."""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor

import pytest
from click.testing import CliRunner

from components.deadlines import until
from modelyard import ModelRegistry
from modelyard.cli.app import app

GRAPH = {"initial": "staging", "moves": {"staging": {"production": {"approvals": 1}}, "production": []}}


@pytest.mark.slow
@pytest.mark.feature("STG-12", "API-08")
def test_a_server_that_is_started_anew_ends_no_waiting(serve_process, tmp_path):
    with ModelRegistry(tmp_path / "registry") as registry, ThreadPoolExecutor(1) as pool:
        registry.set_stage_graph(GRAPH)
        registry.register_version("fraud", "1.0.0", create=True)
        first = serve_process()
        port = int(first.url.rpartition(":")[2])

        def away_for_a_while() -> None:
            until(lambda: registry.list_promotions(state="open"), "a request")
            (asked,) = registry.list_promotions(state="open")
            # Killed, so that connections break in the middle of whatever they were at.
            first.end(signal.SIGKILL)
            registry.approve_promotion(asked, "bob")
            serve_process(port)

        away = pool.submit(away_for_a_while)
        wait = ["promote", "fraud/1.0.0", "--stage", "production", "--wait", "--timeout", "60s"]
        done = CliRunner().invoke(app, ["--registry", first.url, *wait])
        away.result()
        assert (done.exit_code, registry.get_model("fraud/1.0.0").stage) == (0, "production"), done.stderr
