"""Versions logged to MLflow: to a real server over REST, and to a store that takes MLflow's own package."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from components.crowd import alone, together
from components.deadlines import until
from components.forwarding import QUICK, TO_MLFLOW, Tracking, listed, opened, send_once, values_of
from components.mlflow_server import QUIET, mlflow_server
from components.needs import need
from components.relay import Relay
from components.servers import server_process
from components.yards import register
from e2e import test_how_to_serve as pages
from modelyard import ModelRegistry
from modelyard.domain.durations import later
from modelyard.domain.forwards import Landing, mlflow_run, told_of
from modelyard.operations import UPDATE_METRICS, UPDATE_VERSION, UpdateMetrics, UpdateVersion
from modelyard.outside.mlflow import package
from modelyard.outside.mlflow.tracking import RestTracking
from modelyard.watch.forwarding.claims import look

PAGE = "log-to-mlflow-and-wandb.md"
METADATA: dict[str, Any] = {
    "description": "the first one",
    "hyperparameters": {"depth": 4, "optimizer": {"name": "adam"}},
    "metrics": {"accuracy": 0.9},
    "training_metrics": {"loss": 0.1},
    "tags": {"team": "risk"},
    "status": "stable",
}
READING = """
import json, sys
from pathlib import Path
from mlflow.tracking import MlflowClient
from modelyard.outside.mlflow import package
assert package.work(json.loads(sys.argv[2]))["has_files"]
client = MlflowClient(sys.argv[1])
experiment = client.get_experiment_by_name(sys.argv[3])
runs = client.search_runs([experiment.experiment_id])
print(json.dumps([{
    "params": run.data.params, "metrics": run.data.metrics, "tags": run.data.tags, "status": run.info.status,
    "id": run.info.run_id,
    "bytes": Path(client.download_artifacts(run.info.run_id, "model/model.bin")).read_text(),
} for run in runs]))
"""
REGISTERING = """
import sys
from pathlib import Path
from modelyard import ModelRegistry
Path("weights.bin").write_bytes(b"weights")
registry = ModelRegistry(sys.argv[1])
registry.register_model("weights.bin", name="fraud", version="1.0.0")
if sys.argv[2] == "closes":
    registry.close()
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Tracking]:
    """A real MLflow server for the tests of this module; each has an experiment of its own."""
    folder = tmp_path_factory.mktemp("mlflow")
    with mlflow_server(folder) as url:
        yield Tracking(url, store=f"sqlite:///{folder}/mlflow.db")


@pytest.fixture
def experiment(request) -> str:
    """The name of this test's experiment."""
    return str(request.node.name)


@pytest.fixture
def given(server, experiment) -> dict[str, Any]:
    """The settings of a registry that is logged to the server."""
    return {**TO_MLFLOW, "mlflow.tracking_uri": server.url, "mlflow.experiment_name": experiment}


@pytest.fixture
def caller(tmp_path, given):
    """A registry that is logged to the server."""
    with opened(tmp_path / "registry", given) as found:
        yield found


def sent(caller, given: dict[str, Any], **more: Any) -> None:
    """Send what is due."""
    send_once(caller, given | more)


@pytest.mark.feature("INT-01")
def test_a_version_becomes_a_run_with_its_files(caller, server, given, experiment):
    version = register(caller, "fraud", b"the weights", **METADATA)
    sent(caller, given)
    (run,) = server.runs(experiment)
    assert run["info"]["run_name"] == "fraud 0.1.0"
    assert run["info"]["status"] == "FINISHED"
    assert values_of(run, "params") == {"depth": "4", "optimizer.name": "adam"}
    assert values_of(run, "metrics") == {"accuracy": 0.9, "training_loss": 0.1}
    expected = {
        "team": "risk",
        "modelyard.model": "fraud",
        "modelyard.version": "0.1.0",
        "modelyard.version_id": version.id,
        "modelyard.digest": version.digest,
        "modelyard.label": "stable",
        "mlflow.note.content": "the first one",
    }
    assert expected.items() <= values_of(run, "tags").items()
    assert server.file(run, "model/model.bin") == b"the weights"
    (record,) = listed(caller)
    assert (record.state, record.run_id, record.note) == ("sent", run["info"]["run_id"], "")
    assert record.url == f"{server.url}/#/experiments/{run['info']['experiment_id']}/runs/{record.run_id}"


@pytest.mark.feature("INT-01")
def test_later_metrics_and_tags_go_to_the_same_run(caller, server, given, experiment):
    version = register(caller, "fraud", **METADATA)
    sent(caller, given)
    caller.call(UPDATE_METRICS, UpdateMetrics(reference=version.id, metrics={"accuracy": 0.95, "recall": 0.5}))
    changed = {"tags": {"team": "fraud"}, "hyperparameters": {"depth": 5, "leaves": 7}}
    caller.call(UPDATE_VERSION, UpdateVersion(reference=version.id, metadata=changed))
    sent(caller, given)
    (run,) = server.runs(experiment)
    assert server.history(run["info"]["run_id"], "accuracy") == [0.9, 0.95]
    assert values_of(run, "metrics")["recall"] == 0.5
    assert values_of(run, "tags")["team"] == "fraud"
    assert values_of(run, "params") == {"depth": "4", "leaves": "7", "optimizer.name": "adam"}
    assert listed(caller)[0].note == "MLflow keeps the first value of depth"


def test_files_stay_here_where_the_configuration_says_so(caller, server, given, experiment):
    register(caller, "fraud", b"12345")
    sent(caller, given, **{"mlflow.max_bytes": 4})
    assert listed(caller)[0].note == "the files were left out: 5 bytes are more than mlflow.max_bytes, 4"
    register(caller, "churn", b"12345")
    sent(caller, given, **{"mlflow.log_files": False})
    assert listed(caller)[0].note == "the files were left out: mlflow.log_files is off"
    for run in server.runs(experiment):
        assert run["info"]["status"] == "FINISHED"
        assert server.ask(f"artifacts/list?run_id={run['info']['run_id']}").get("files", []) == []


def test_files_that_the_server_takes_from_nobody_are_left_out(caller, server, given, experiment, tmp_path):
    server.ask("experiments/create", {"name": experiment, "artifact_location": "s3://nobody/nowhere"})
    register(caller, "fraud")
    sent(caller, given)
    (record,) = listed(caller)
    assert record.state == "sent"
    assert record.note.startswith("the files were left out: ")
    assert [run["info"]["status"] for run in server.runs(experiment)] == ["FINISHED"]


def test_what_somebody_deleted_over_there_stays_deleted(caller, server, given, experiment):
    version = register(caller, "fraud")
    sent(caller, given)
    server.ask("runs/delete", {"run_id": listed(caller)[0].run_id})
    caller.call(UPDATE_METRICS, UpdateMetrics(reference=version.id, metrics={"accuracy": 0.95}))
    sent(caller, given)
    assert [run["info"]["lifecycle_stage"] for run in server.runs(experiment)] == ["deleted"]
    assert listed(caller)[0].note == "the run was deleted there"
    server.ask("experiments/delete", {"experiment_id": server.experiment(experiment)})
    register(caller, "churn")
    sent(caller, given)
    assert "was deleted in MLflow (restore it there" in str(listed(caller)[0].last_error)


@pytest.mark.feature("INT-01")
@pytest.mark.slow
def test_what_waits_for_a_server_that_is_away_is_sent_when_it_comes_back(tmp_path, server, given, experiment):
    with Relay(server.url) as relay:
        given = given | {"mlflow.tracking_uri": relay.url, "forwards.first_retry_s": 0.2}
        with opened(tmp_path / "registry", given) as caller:
            for name in ("fraud", "churn"):
                register(caller, name)
            sent(caller, given)
            waiting = listed(caller)
            assert [(one.state, one.attempts) for one in waiting] == [("pending", 1)] * 2
            assert f"{relay.url} cannot be reached" in str(waiting[0].last_error)
            relay.open()
            until(lambda: len(look(caller.yard).ready) == 2, "the pauses are over")
            sent(caller, given)
            assert [(one.state, one.last_error) for one in listed(caller)] == [("sent", None)] * 2
    assert len(server.runs(experiment)) == 2


def die_at(pipe, folder: Path, given: dict[str, Any], step: str) -> None:
    """Send what is due, and be killed at a step of it."""
    del pipe
    setattr(RestTracking, step, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
    with opened(folder, given) as caller:
        send_once(caller, given)


@pytest.mark.feature("INT-01")
@pytest.mark.kill
@pytest.mark.parametrize("step", ["log", "upload", "finish"])
def test_a_sender_that_is_killed_in_the_middle_leaves_one_run(caller, server, given, experiment, tmp_path, step):
    register(caller, "fraud", b"the weights", **METADATA)
    with alone(die_at, tmp_path / "registry", given, step) as (process, _pipe):
        process.join(60)
        assert process.exitcode == -signal.SIGKILL
    (left,) = server.runs(experiment)
    assert left["info"]["status"] == "RUNNING"
    until(lambda: look(caller.yard).ready, "the claim runs out")
    sent(caller, given)
    (run,) = server.runs(experiment)
    assert run["info"]["run_id"] == left["info"]["run_id"] == listed(caller)[0].run_id
    assert run["info"]["status"] == "FINISHED"
    assert values_of(run, "metrics") == {"accuracy": 0.9, "training_loss": 0.1}
    assert server.history(run["info"]["run_id"], "accuracy") == [0.9]
    assert server.file(run, "model/model.bin") == b"the weights"


def send_all(folder: Path, given: dict[str, Any]) -> int:
    """Send what is due beside others; return how many this process sent."""
    with opened(folder, given) as caller:
        return send_once(caller, given).sent


@pytest.mark.slow
def test_two_senders_make_one_run_of_each_version(caller, server, given, experiment, tmp_path):
    ids = [register(caller, "fraud", version=f"1.{number}.0").id for number in range(8)]
    shares = together(send_all, [(tmp_path / "registry", given)] * 2)
    assert sum(shares) == len(ids)
    assert sorted(values_of(run, "tags")["modelyard.version_id"] for run in server.runs(experiment)) == sorted(ids)


@pytest.mark.feature("INT-01")
@pytest.mark.slow
def test_a_server_sends_in_the_background(tmp_path, server, experiment):
    environment = {
        "MODELYARD_MLFLOW_ENABLED": "true",
        "MODELYARD_MLFLOW_TRACKING_URI": server.url,
        "MODELYARD_MLFLOW_EXPERIMENT_NAME": experiment,
    }
    (tmp_path / "weights.bin").write_bytes(b"weights")
    with server_process(tmp_path, environment) as url, ModelRegistry(url) as registry:
        registry.register_model(tmp_path / "weights.bin", name="fraud", version="1.0.0")
        until(lambda: registry.forwards("fraud", state="sent"), "the server sends it")
        (record,) = registry.forwards("fraud/1.0.0")
    (run,) = server.runs(experiment)
    assert record.run_id == run["info"]["run_id"]


@pytest.mark.feature("INT-01")
@pytest.mark.slow
@pytest.mark.parametrize("how", ["closes", "leaves"])
def test_a_program_that_registers_sends_before_it_ends(tmp_path, server, experiment, how):
    environment = {
        **os.environ,
        "MODELYARD_MLFLOW_ENABLED": "true",
        "MLFLOW_TRACKING_URI": server.url,
        "MODELYARD_MLFLOW_EXPERIMENT_NAME": experiment.replace("[", "-").replace("]", ""),
    }
    command = [sys.executable, "-W", "error", "-c", REGISTERING, str(tmp_path / "registry"), how]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=100, check=True
    )
    assert done.stderr == ""
    (run,) = server.runs(environment["MODELYARD_MLFLOW_EXPERIMENT_NAME"])
    assert server.file(run, "model/weights.bin") == b"weights"


@pytest.mark.slow
def test_a_program_does_not_wait_for_a_server_that_never_answers(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        environment = {
            **os.environ,
            "MODELYARD_MLFLOW_ENABLED": "true",
            "MODELYARD_MLFLOW_TRACKING_URI": f"http://127.0.0.1:{deaf.getsockname()[1]}",
            "MODELYARD_FORWARDS_CLOSE_WAIT_S": "0.5",
        }
        command = [sys.executable, "-c", REGISTERING, str(tmp_path / "registry"), "leaves"]
        # One request alone would wait for longer than this.
        subprocess.run(command, cwd=tmp_path, env=environment, check=True, timeout=50)
    with opened(tmp_path / "registry", TO_MLFLOW) as caller:
        assert [one.state for one in listed(caller)] == ["pending"]


@pytest.mark.feature("INT-01")
@pytest.mark.slow
def test_a_store_is_written_by_the_package_where_no_server_is_named(tmp_path, server, experiment):
    # The server's own store has its tables already, which take their time.
    given = {**TO_MLFLOW, "mlflow.tracking_uri": server.store, "mlflow.experiment_name": experiment}
    environ = {**os.environ, **QUIET}
    with opened(tmp_path / "registry", given) as caller:
        version = register(caller, "fraud", b"the weights", **METADATA)
        send_once(caller, given, environ)
        (record,) = listed(caller)
        assert (record.state, record.last_error, record.url) == ("sent", None, "")
    told = replace(told_of(version), metrics={"accuracy": 0.95}, updated_at=later(version.updated_at, 1))
    job = package.Job(
        uri=given["mlflow.tracking_uri"],
        experiment=experiment,
        told=mlflow_run(told),
        landing=Landing(run_id=record.run_id, has_files=True),
        files=None,
    )
    command = [sys.executable, "-c", READING, server.store, msgspec.json.encode(job).decode(), experiment]
    read = subprocess.run(
        command, cwd=tmp_path, env=environ, stdout=subprocess.PIPE, text=True, timeout=100, check=True
    )
    (run,) = json.loads(read.stdout)
    assert (run["id"], run["status"], run["bytes"]) == (record.run_id, "FINISHED", "the weights")
    assert run["params"] == {"depth": "4", "optimizer.name": "adam"}
    assert run["metrics"] == {"accuracy": 0.95, "training_loss": 0.1}
    assert run["tags"]["modelyard.version_id"] == version.id


@pytest.mark.feature("INT-01", "INT-02")
@pytest.mark.slow
def test_the_page_on_logging_works_as_printed(tmp_path, monkeypatch, server):
    # It stands here and not among the other pages, because starting a server takes longer than all that it says.
    need("wandb")
    monkeypatch.chdir(tmp_path)
    text = (pages.PAGES / PAGE).read_text("utf-8")
    (configuration,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert "http://127.0.0.1:5001" in configuration
    Path("registry_config.yaml").write_text(configuration.replace("http://127.0.0.1:5001", server.url))
    Path("model.joblib").write_bytes(b"the weights")
    printed = pages.run(PAGE)
    assert re.search(r"mlflow sent [0-9a-f]{32} http://127.0.0.1:\d+/#/experiments/\d+/runs/", printed)
    assert "wandb sent modelyard-mv_" in printed
    assert "queued 0 versions" in printed
    (link,) = {one["info"]["run_id"] for one in server.runs("model_registry")}
    assert link in printed


def test_without_the_package_the_forward_says_what_to_do(tmp_path):
    given = {**TO_MLFLOW, "mlflow.tracking_uri": f"sqlite:///{tmp_path}/mlflow.db", **QUICK}
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "mlflow.py").write_text("raise ImportError('not here')")
    with opened(tmp_path / "registry", given) as caller:
        register(caller, "fraud")
        send_once(caller, given, {**os.environ, "PYTHONPATH": str(tmp_path / "none")})
        (record,) = listed(caller)
    assert record.state == "failed"
    assert "the package mlflow is needed, and is not installed (pip install mlflow" in str(record.last_error)
