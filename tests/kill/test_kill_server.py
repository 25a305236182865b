"""kill -9 of a server in the middle of a release: its workers end with it, and the next server goes on where it was."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from components.deadlines import until
from components.servers import server_process
from modelyard import ModelRegistry

MODEL = "fraud"
SOURCE = """
class Predictor:
    inputs = "json"

    def predict(self, inputs):
        return ["{version}" for _ in inputs]
"""


def kill_the_server() -> None:
    """Kill the server that this process started, and wait until its workers have ended too."""
    (server,) = [one for one in psutil.Process().children() if any("server.serve" in part for part in one.cmdline())]
    workers = server.children(recursive=True)
    assert workers
    server.kill()
    _ended, alive = psutil.wait_procs(workers, timeout=30)
    assert not alive, "workers outlived their server"


def filled(registry: ModelRegistry, folder: Path) -> None:
    """Register two versions that answer with their number."""
    for version in ("1.0.0", "2.0.0"):
        place = folder / version
        place.mkdir()
        (place / "predictor.py").write_text(SOURCE.format(version=version))
        registry.register_model(place, MODEL, version)


@pytest.mark.kill
@pytest.mark.slow
@pytest.mark.feature("DEP-13", "RBK-09", "EXP-32")
def test_a_release_goes_on_in_the_next_server_and_its_users_stay_where_they_were(tmp_path):
    (tmp_path / "model_registry").mkdir()
    environment = {"MODELYARD_CACHE_PATH": str(tmp_path / "cache"), "MODELYARD_DELIVERY_LEASE_S": "1"}
    keys = [f"user-{number}" for number in range(40)]
    with server_process(tmp_path, environment) as url, ModelRegistry(url) as registry:
        filled(registry, tmp_path)
        registry.wait_for_deployment(registry.deploy(MODEL, "1.0.0"), 60)
        begun = registry.deploy(MODEL, "2.0.0", strategy="canary", steps=[50, 100], step_seconds=3600)
        until(lambda: registry.get_deployment(begun.id).weight == 0.5, "half of the traffic", 60)
        until(lambda: registry.predict(MODEL, [1.0]).epoch == registry.get_endpoint(MODEL).epoch, "the new epoch")
        before = {key: registry.predict(MODEL, [1.0], key=key).version for key in keys}
        kill_the_server()
    assert set(before.values()) == {"1.0.0", "2.0.0"}
    with server_process(tmp_path, environment) as url, ModelRegistry(url) as registry:
        assert {key: registry.predict(MODEL, [1.0], key=key).version for key in keys} == before
        assert registry.get_deployment(begun.id).state == "STAGE"
        registry.promote_deployment(begun.id, full=True)
        assert registry.wait_for_deployment(begun.id, 60).state == "SUCCEEDED"
        assert {registry.predict(MODEL, [1.0], key=key).version for key in keys} == {"2.0.0"}
        assert registry.verify_record().sound
