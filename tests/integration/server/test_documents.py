"""The requests of the documents 000 and 003, sent by the real curl as they are printed there."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

METADATA = {
    "version_id": "2",
    "model_name": "mnist_model",
    "training_data": "MNIST Dataset",
    "architecture": "Convolutional Neural Network (2 Conv Layers, 1 Dense Layer)",
    "hyperparameters": {"learning_rate": 0.001, "batch_size": 64, "num_epochs": 10},
    "training_timestamp": "2024-10-15T12:45:00",
    "optimizer": "Adam",
    "loss_function": "CrossEntropyLoss",
    "accuracy": 0.975,
    "deployed": False,
}
JSON = ("-H", "Content-Type: application/json")


@pytest.fixture
def curl(fresh, tmp_path: Path):
    """Send a request with curl; gives the status and the answer."""

    def send(method: str, path: str, *arguments: str) -> tuple[int, Any]:
        command = ["curl", "-sS", "-X", method, f"{fresh.url}{path}", *arguments, "-w", "\n%{http_code}"]
        told = subprocess.run(command, capture_output=True, check=True, cwd=tmp_path).stdout
        body, _, status = told.rpartition(b"\n")
        return int(status), json.loads(body)

    return send


@pytest.mark.feature("API-01", "REG-01", "REG-02", "REG-07", "REG-08", "VER-09", "VER-16", "RBK-02")
def test_the_registry_part_of_003(curl):
    status, model = curl(
        "POST", "/api/models/register", *JSON, "-d", '{"name": "gemini", "description": "Google Gemini LLM"}'
    )
    assert (status, model["name"], model["description"]) == (201, "gemini", "Google Gemini LLM")

    register = "/api/models/gemini/versions/register"
    status, version = curl("POST", register, *JSON, "-d", '{"version": "1.0.0", "status": "stable"}')
    assert (status, version["version"], version["label"], version["number"]) == (201, "1.0.0", "stable", 1)
    status, _ = curl(
        "POST", register, *JSON, "-d", '{"version": "1.1.0", "status": "beta", "performance_metrics": {"f1": 0.9}}'
    )
    assert status == 201

    status, models = curl("GET", "/api/models")
    assert (status, [model["name"] for model in models["models"]]) == (200, ["gemini"])
    status, versions = curl("GET", "/api/models/gemini/versions")
    assert (status, [version["version"] for version in versions["versions"]]) == (200, ["1.1.0", "1.0.0"])

    status, problem = curl("GET", "/api/models/gemini/compare?version_a=1.0.0&version_b=1.1.0")
    assert status == 200, problem

    curl("PUT", "/api/models/gemini/1.0.0/stage", *JSON, "-d", '{"stage": "staging"}')
    curl("PUT", "/api/models/gemini/1.0.0/stage", *JSON, "-d", '{"stage": "production"}')
    curl("PUT", "/api/models/gemini/1.1.0/stage", *JSON, "-d", '{"stage": "staging"}')
    curl("PUT", "/api/models/gemini/1.1.0/stage", *JSON, "-d", '{"stage": "production"}')
    status, back = curl("POST", "/api/models/gemini/rollback", *JSON, "-d", '{"version": "1.0.0"}')
    assert (status, back["version"]["version"], back["stage"]) == (200, "1.0.0", "production")


@pytest.mark.feature("REG-03", "REG-04", "REG-05", "REG-06", "REG-11", "MET-16")
def test_the_four_requests_of_000(curl, fresh, tmp_path: Path):
    (tmp_path / "checkpoint.pth").write_bytes(b"weights" * 1000)
    (tmp_path / "metadata.json").write_text(json.dumps(METADATA), encoding="utf-8")
    status, uploaded = curl("POST", "/api/models/upload", "-F", "file=@checkpoint.pth", "-F", "metadata=@metadata.json")
    assert status == 201
    assert uploaded["name"] == "mnist_model"
    assert uploaded["version_id"].startswith("mv_")
    assert uploaded["status"] == "READY"

    status, metadata = curl("GET", f"/api/models/{uploaded['version_id']}/metadata")
    assert status == 200
    assert metadata["architecture"] == METADATA["architecture"]
    assert metadata["training_data"] == "MNIST Dataset"
    assert metadata["hyperparameters"] == METADATA["hyperparameters"]
    assert metadata["metrics"] == {"accuracy": 0.975}
    assert metadata["deployed"] is False

    status, versions = curl("GET", "/api/models/versions")
    assert (status, [version["id"] for version in versions["versions"]]) == (200, [uploaded["id"]])
    assert versions["versions"][0]["metrics"] == {"accuracy": 0.975}

    url = f"{fresh.url}/api/models/{uploaded['version_id']}/download"
    subprocess.run(["curl", "-fsS", "-OJ", url], check=True, cwd=_empty(tmp_path / "to"))
    assert (tmp_path / "to" / "checkpoint.pth").read_bytes() == b"weights" * 1000
    status, problem = curl("GET", f"/api/models/{uploaded['version_id']}/download?format=onnx")
    assert (status, problem["code"], problem["details"]["files"]) == (404, "artifact_not_found", ["checkpoint.pth"])


def _empty(folder: Path) -> Path:
    folder.mkdir()
    return folder
