"""Versions logged to Weights & Biases by its real SDK, offline: what the file of the run holds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from components import wandb_file
from components.forwarding import TO_WANDB, listed, opened, send_once
from components.needs import need
from components.yards import register
from modelyard.operations import REGISTER_VERSION, UPDATE_METRICS, RegisterVersion, UpdateMetrics

CONTENT = b"weights " * 5000
"""More than a block of the run's file has room for, though the file holds it by its address alone."""
METADATA: dict[str, Any] = {
    "description": "the first one " * 4000,
    "hyperparameters": {"depth": 4, "optimizer": {"name": "adam"}},
    "metrics": {"accuracy": 0.9},
    "validation_metrics": {"loss": 0.2},
    "tags": {"team": "risk"},
    "status": "stable",
}


def environment(folder: Path) -> dict[str, str]:
    """An environment in which nothing of this machine's user is found, and nobody is reached."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WANDB_")}
    return {**kept, "HOME": str(folder), "WANDB_BASE_URL": "http://127.0.0.1:9"}


def runs_in(folder: Path) -> list[dict[str, Any]]:
    """Read the offline runs below a folder, the oldest first."""
    files = sorted(folder.glob("wandb/offline-run-*/run-*.wandb"))
    program = Path(wandb_file.__file__)
    return [json.loads(subprocess.check_output([sys.executable, program, file], timeout=60)) for file in files]


@pytest.mark.feature("INT-02")
@pytest.mark.slow
def test_an_offline_run_holds_the_artifact_with_its_bytes(tmp_path):
    need("wandb")
    given = {**TO_WANDB, "wandb.project": "risk", "wandb.link_to": "wandb-registry-model/{model}"}
    with opened(tmp_path / "registry", given) as caller:
        version = register(caller, "fraud", CONTENT, version="1.4.0", **METADATA)
        send_once(caller, given, environment(tmp_path))
        (record,) = listed(caller)
    assert (record.state, record.last_error, record.url) == ("sent", None, "")
    assert record.run_id == f"modelyard-{version.id}"
    assert record.note == "not linked to wandb-registry-model/fraud: that takes wandb.mode online"
    (run,) = runs_in(tmp_path / "registry" / "wandb")
    assert (run["id"], run["name"], run["project"]) == (record.run_id, "fraud 1.4.0", "risk")
    assert run["notes"] == METADATA["description"]
    assert run["config"]["optimizer"] == {"name": "adam"}
    assert run["config"]["modelyard"]["tags"] == {"team": "risk"}
    assert run["config"]["modelyard"]["digest"] == version.digest
    assert run["summary"].items() >= {"accuracy": 0.9, "validation_loss": 0.2}.items()
    (artifact,) = run["artifacts"]
    assert (artifact["name"], artifact["type"]) == ("fraud", "model")
    assert set(artifact["aliases"]) == {"1.4.0", "stable", "latest"}
    assert artifact["files"] == {"model.bin": CONTENT.decode()}
    assert artifact["metadata"]["version_id"] == version.id


@pytest.mark.feature("INT-02")
@pytest.mark.slow
def test_later_metrics_go_to_the_same_run_and_the_files_do_not(tmp_path):
    need("wandb")
    with opened(tmp_path / "registry", TO_WANDB) as caller:
        # One without files is logged with an artifact that only tells what it is.
        asked = RegisterVersion(name="fraud", version="1.0.0", create=True, metrics={"accuracy": 0.9})
        version = caller.call(REGISTER_VERSION, asked)
        send_once(caller, TO_WANDB, environment(tmp_path))
        caller.call(UPDATE_METRICS, UpdateMetrics(reference=version.id, metrics={"accuracy": 0.95}))
        send_once(caller, TO_WANDB | {"wandb.folder": str(tmp_path / "elsewhere")}, environment(tmp_path))
        assert [one.state for one in listed(caller)] == ["sent"]
    (first,) = runs_in(tmp_path / "registry" / "wandb")
    (second,) = runs_in(tmp_path / "elsewhere")
    assert first["id"] == second["id"]
    assert [artifact["files"] for artifact in first["artifacts"]] == [{}]
    assert second["artifacts"] == []
    assert second["summary"]["accuracy"] == 0.95


def test_without_the_package_the_forward_says_what_to_do(tmp_path):
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "wandb.py").write_text("raise ImportError('not here')")
    with opened(tmp_path / "registry", TO_WANDB) as caller:
        register(caller, "fraud")
        send_once(caller, TO_WANDB, environment(tmp_path) | {"PYTHONPATH": str(tmp_path / "none")})
        (record,) = listed(caller)
    assert record.state == "failed"
    assert "the package wandb is needed, and is not installed (pip install 'modelyard[wandb]')" in str(
        record.last_error
    )


@pytest.mark.slow
def test_without_a_key_the_forward_waits_and_says_so(tmp_path):
    need("wandb")
    given = TO_WANDB | {"wandb.mode": "online"}
    with opened(tmp_path / "registry", given) as caller:
        register(caller, "fraud")
        send_once(caller, given, environment(tmp_path))
        (record,) = listed(caller)
    assert record.state == "pending"
    assert "key" in str(record.last_error).lower()
