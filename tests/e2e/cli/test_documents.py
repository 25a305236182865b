"""The command lines of the model-registry document as printed, on a folder and on a server."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import joblib
import pytest
from sklearn.dummy import DummyClassifier

DOCUMENTED = """
register --model-path ./model.joblib --name fraud_detector --version 1.0.0 --stage development \
    --description "Model for detecting fraudulent transactions" --metrics '{"accuracy": 0.92, "f1_score": 0.89}'
list
list --stage production
search "fraud"
export ./registry_export.json
promote model-id-123 --target-stage production --requirements ./requirements.json
compare model-a-id model-b-id
rollback model-id-123
bulk-register ./models_config.json
monitor --interval 30
stats
export backup_20240115.json
"""


@pytest.mark.feature("API-02", "REG-18", "REG-19", "REG-20", "RBK-03", "CMP-06", "STG-14")
def test_the_command_lines_of_the_documents_work_as_printed(terminal):
    """Placeholders are replaced by real ids, and `monitor` ends after one look."""
    joblib.dump(DummyClassifier().fit([[0], [1]], [0, 1]), "model.joblib")
    terminal.file("requirements.json", '{"min_accuracy": 0.8, "min_f1": 0.75}')
    entry = {"model_path": "./model.joblib", "name": "fraud_detector", "version": "3.0.0", "metrics": {"accuracy": 0.9}}
    terminal.file("models_config.json", json.dumps([entry]))
    ids = {"model-a-id": terminal.register("fraud_detector", "0.9.0", "older", more="--metrics '{\"accuracy\": 0.9}'")}
    for stage in ("staging", "production"):
        terminal.ok(f"promote {ids['model-a-id']} --target-stage {stage}")
    said = {}
    for line in DOCUMENTED.replace("\\\n", " ").strip().splitlines():
        words = [ids.get(word, word) for word in shlex.split(line)]
        said[line] = terminal.ok([*words, *(["--once"] if line.startswith("monitor") else [])]).out
        if line.startswith("register"):
            ids["model-id-123"] = ids["model-b-id"] = said[line].split("id: ")[1].strip()
            terminal.ok(f"promote {ids['model-id-123']} --target-stage staging")
    assert "fraud_detector/0.9.0  production" in said["list --stage production"]
    assert "winner      fraud_detector/1.0.0" in said["compare model-a-id model-b-id"]
    assert said["rollback model-id-123"].startswith("fraud_detector/0.9.0 stands in production again")
    assert "fraud_detector/3.0.0  registered" in said["bulk-register ./models_config.json"]
    assert json.loads(Path("registry_export.json").read_text())["versions"]
