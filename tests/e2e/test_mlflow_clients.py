"""MLflow's own client, unmodified, in scripts that know of modelyard only the address of their registry.

A data scientist logs to a real MLflow server and registers with us; an application on another machine, which has never
heard of that server, loads the model. A second registry of ours, which was not told that server, keeps what it is told.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from components.mlflow_server import mlflow_server
from components.servers import server_process
from modelyard import ModelRegistry

pytestmark = [pytest.mark.slow, pytest.mark.feature("EXP-23")]
PATIENCE_S = 110

COMMON = """
import json, os, warnings
warnings.simplefilter("ignore")
import mlflow
from mlflow import MlflowClient

client = MlflowClient()

def doubling():
    class Doubling(mlflow.pyfunc.PythonModel):
        def predict(self, context, model_input, params=None):
            return [value * 2 for value in model_input]
    return Doubling()

def log(**more):
    with mlflow.start_run() as run:
        made = mlflow.pyfunc.log_model(name="model", python_model=doubling(), pip_requirements=[], **more)
    return run.info.run_id, made
"""
SCIENTIST = (
    COMMON
    + """
_, made = log(registered_model_name="logged")
run_id, again = log()
registered = mlflow.register_model(f"runs:/{run_id}/model", "registered", tags={"team": "risk"})
from_model = mlflow.register_model(again.model_uri, "registered")
client.set_registered_model_alias("logged", "champion", made.registered_model_version)
client.set_registered_model_alias("registered", "champion", registered.version)
client.transition_model_version_stage("registered", registered.version, "Production")
copied = client.copy_model_version("models:/logged@champion", "copied")
mlflow.genai.register_prompt("greeting", "Hi, {{who}}!", commit_message="first")
mlflow.genai.register_prompt("greeting", "Hello, {{who}}!")
mlflow.genai.set_prompt_alias("greeting", "production", 1)
told = {
    "numbers": [int(made.registered_model_version), *(int(it.version) for it in (registered, from_model, copied))],
    "copy": copied.source, "here": mlflow.pyfunc.load_model("models:/logged@champion").predict([1, 2]),
    "tags": registered.tags, "is_its_run": client.get_model_version("registered", 1).run_id == run_id,
    "models": [model.name for model in client.search_registered_models()],
}

mlflow.set_registry_uri(os.environ["OTHER"])
other = MlflowClient()
mlflow.register_model(again.model_uri, "there")
other.set_registered_model_alias("there", "champion", 1)
told["there"] = mlflow.pyfunc.load_model("models:/there@champion").predict([5])
told["is_kept"] = other.get_model_version("there", "1").source == again.model_uri
print(json.dumps(told))
"""
)
APPLICATION = (
    COMMON
    + """
uris = ["models:/logged@champion", "models:/registered/1", "models:/registered/Production", "models:/copied/1"]
answers = [mlflow.pyfunc.load_model(uri).predict([3]) for uri in uris]
folder = mlflow.artifacts.download_artifacts(artifact_uri="models:/copied/1", dst_path="downloaded")
prompts = [mlflow.genai.load_prompt(f"prompts:/greeting{which}").format(who="you") for which in ("@production", "/2")]
print(json.dumps({"answers": answers, "files": sorted(os.listdir(folder)), "prompts": prompts}))
"""
)


def run(script: str, folder: Path, environment: dict[str, str]) -> dict[str, Any]:
    """Run a script in a folder, in an interpreter of its own; return what it printed last."""
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "GIT_PYTHON_REFRESH": "quiet"}
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=folder,
        env={**os.environ, **quiet, **environment},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    printed: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return printed


@pytest.mark.timeout(300)
def test_a_logged_model_is_loaded_where_nobody_knows_its_tracking_server(tmp_path: Path):
    folders = {name: tmp_path / name for name in ("tracking", "whole", "bare", "desk", "elsewhere")}
    for folder in folders.values():
        folder.mkdir()
    with (
        mlflow_server(folders["tracking"]) as tracking,
        server_process(folders["whole"], {"MODELYARD_MLFLOW_TRACKING_URI": tracking}) as url,
        server_process(folders["bare"]) as other,
    ):
        environment = {"MLFLOW_TRACKING_URI": tracking, "MLFLOW_REGISTRY_URI": url, "OTHER": other}
        assert run(SCIENTIST, folders["desk"], environment) == {
            "numbers": [1, 1, 2, 1], "copy": "models:/logged/1", "here": [2, 4], "tags": {"team": "risk"},
            "is_its_run": True, "models": ["copied", "logged", "registered"], "there": [10], "is_kept": True,
        }  # fmt: skip
        loaded = run(APPLICATION, folders["elsewhere"], {"MLFLOW_REGISTRY_URI": url})
        assert loaded["answers"] == [[6]] * 4
        assert {"MLmodel", "python_model.pkl"} <= set(loaded["files"])
        assert loaded["prompts"] == ["Hi, you!", "Hello, you!"]
        with ModelRegistry(url) as registry:
            assert registry.verify("logged@champion")[0].damage == []
            assert registry.get_model("copied/1").digest == registry.get_model("logged/1").digest
        with ModelRegistry(other) as registry:
            assert registry.get_model("there@champion").digest == ""
