"""One registry, two ways in: what MLflow's clients and modelyard's own say of the same models, and whose gates hold."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from components.mlflow_wire import PREFIX, SOURCE, MlflowWire, tagged, tags_of
from modelyard import ModelRegistry

pytestmark = pytest.mark.feature("EXP-23")
WRONG = "INVALID_PARAMETER_VALUE"
GATED = {
    "initial": "development",
    "moves": {
        "development": ["staging"],
        "staging": {"production": {"requirements": {"min_auc": 0.9}}, "development": {}},
        "production": ["archived"],
        "archived": [],
    },
}
"""Production takes evidence, is only reached by way of staging, and nothing comes back from archived."""


@pytest.fixture(scope="module")
def registry(mlflow_server: MlflowWire) -> Iterator[ModelRegistry]:
    """The same registry, opened as modelyard's own users do."""
    with ModelRegistry(mlflow_server.url) as opened:
        yield opened


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A folder of two files that can be registered."""
    (tmp_path / "model" / "data").mkdir(parents=True)
    (tmp_path / "model" / "weights.bin").write_bytes(b"weights")
    (tmp_path / "model" / "data" / "words.txt").write_bytes(b"words")
    return tmp_path / "model"


def test_what_modelyard_registers_is_read_by_mlflow(
    mlflow_server: MlflowWire, registry: ModelRegistry, weights: Path, name: str
):
    registry.register_model(weights, name, "1.4.2", tags={"team": "risk"}, description="d", metrics={"auc": 0.9})
    registry.promote_model(f"{name}/1.4.2", "staging")
    registry.set_alias(name, "champion", "1.4.2")
    told = mlflow_server.get_version(name, 1)
    assert (told["current_stage"], told["aliases"], told["description"]) == ("Staging", ["champion"], "d")
    assert tags_of(told) == {"team": "risk", "modelyard.version": "1.4.2"}
    base = mlflow_server.download_uri(name, 1)
    assert base.startswith(mlflow_server.url)
    for path, content in [("weights.bin", b"weights"), ("data/words.txt", b"words")]:
        assert mlflow_server.client.get(f"{base}/{path}").content == content


def test_what_mlflow_registers_is_read_by_modelyard(mlflow_server: MlflowWire, registry: ModelRegistry, name: str):
    mlflow_server.model(name, tags=tagged(team="risk"), description="d")
    mlflow_server.version(name, run_id="run1", tags=tagged(a="b"))
    mlflow_server.version(name, tags=tagged(**{"modelyard.version": "2.0.0-rc.1"}))
    mlflow_server.move(name, 2, "Production")
    mlflow_server.ask("POST", "registered-models/alias", name=name, alias="champion", version="1")
    first, second = registry.get_model(f"{name}@champion"), registry.get_model(f"{name}/production")
    assert (first.number, first.source, first.training_run_id, first.tags) == (1, SOURCE, "run1", {"a": "b"})
    assert (second.number, second.version, second.stage) == (2, "2.0.0-rc.1", "production")
    assert tags_of(mlflow_server.get_version(name, 2)) == {"modelyard.version": "2.0.0-rc.1"}
    status, code, _ = mlflow_server.refusal(
        "POST", "model-versions/create", name=name, source=SOURCE, tags=tagged(**{"modelyard.version": "two"})
    )
    assert (status, code) == (400, WRONG)


def test_a_change_by_one_way_is_seen_by_the_other_at_once(
    mlflow_server: MlflowWire, registry: ModelRegistry, name: str
):
    mlflow_server.model(name)
    mlflow_server.version(name)
    for number in range(3):
        registry.update_version(f"{name}/1", tags={"n": str(number)})
        assert tags_of(mlflow_server.get_version(name, 1)) == {"n": str(number)}
        mlflow_server.ask("POST", "model-versions/set-tag", name=name, version="1", key="n", value=f"{number}!")
        assert registry.get_model(f"{name}/1").tags == {"n": f"{number}!"}


def test_the_graph_that_a_team_wrote_holds_for_mlflow(mlflow_server: MlflowWire, registry: ModelRegistry, name: str):
    mlflow_server.model(name)
    for _ in range(2):
        mlflow_server.version(name)
    registry.set_stage_graph(GATED, name)
    refused = mlflow_server.send("POST", "model-versions/transition-stage", name=name, version="1", stage="Production")
    assert 400 <= refused.status_code < 500
    assert "min_auc" in refused.json()["message"]
    assert mlflow_server.get_version(name, 1)["current_stage"] == "None", "all moves, or none"
    registry.update_model_metrics(f"{name}/1", {"auc": 0.95})
    assert mlflow_server.move(name, 1, "Production")["current_stage"] == "Production"
    assert mlflow_server.move(name, 1, "Archived")["current_stage"] == "Archived"
    back = mlflow_server.send("POST", "model-versions/transition-stage", name=name, version="1", stage="Staging")
    assert 400 <= back.status_code < 500
    assert mlflow_server.get_version(name, 2)["current_stage"] == "None"


def test_what_mlflow_does_is_in_the_history(mlflow_server: MlflowWire, registry: ModelRegistry, name: str):
    mlflow_server.model(name)
    mlflow_server.version(name)
    mlflow_server.move(name, 1, "Staging")
    mlflow_server.ask("POST", "registered-models/alias", name=name, alias="champion", version="1")
    mlflow_server.ask("DELETE", "model-versions/delete", name=name, version="1")
    kinds = [event.type for event in registry.get_history(name)]
    assert {"model.created", "version.registered", "alias.set", "version.deleted"} <= set(kinds), kinds
    assert registry.verify_record().sound


def test_errors_of_one_protocol_are_not_those_of_the_other(mlflow_server: MlflowWire):
    path = f"{PREFIX}registered-models/get"
    theirs = mlflow_server.client.get(path, params={"name": "nobody"})
    ours = mlflow_server.client.get("/api/models/nobody")
    assert theirs.headers["content-type"].startswith("application/json")
    assert ours.headers["content-type"].startswith("application/problem+json")
