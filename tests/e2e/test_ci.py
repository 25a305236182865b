"""The script that a CI runs: it releases a good model, and stops at the gate with a weak one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from modelyard import ModelRegistry

CI = Path(__file__).resolve().parents[2] / "examples" / "ci"
GATE_REFUSED = 6


def release(folder: Path, accuracy: float) -> subprocess.CompletedProcess[str]:
    (folder / "model.onnx").write_bytes(f"weights that reach {accuracy}".encode())
    (folder / "metrics.json").write_text(json.dumps({"accuracy": accuracy}), encoding="utf-8")
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "MODELYARD_URI": str(folder / "registry"),
        "CI_COMMIT": "0123abcd",
    }
    arguments = ["bash", str(CI / "release.sh"), "fraud", "model.onnx", "metrics.json", str(CI / "requirements.json")]
    return subprocess.run(
        arguments, cwd=folder, env=environment, capture_output=True, text=True, timeout=100, check=False
    )


@pytest.mark.feature("API-08")
def test_ci_releases_what_passes_and_stops_at_what_does_not(tmp_path: Path) -> None:
    done = release(tmp_path, 0.95)
    assert done.returncode == 0, done.stderr
    refused = release(tmp_path, 0.7)
    assert refused.returncode == GATE_REFUSED, refused.stdout + refused.stderr
    assert "min_accuracy" in refused.stderr + refused.stdout
    with ModelRegistry(tmp_path / "registry") as registry:
        champion = registry.get_model("fraud@champion")
        assert (champion.number, champion.stage, champion.code_version) == (1, "production", "0123abcd")
        assert registry.get_model("fraud/2").stage == "development"


@pytest.mark.parametrize("name", ["github-workflow.yml", "gitlab-ci.yml"])
def test_the_ready_made_jobs_call_the_script(name: str) -> None:
    text = (CI / name).read_text(encoding="utf-8")
    assert yaml.safe_load(text)
    assert "examples/ci/release.sh fraud model.joblib metrics.json examples/ci/requirements.json" in text
