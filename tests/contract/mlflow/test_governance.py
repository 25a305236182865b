"""What is ours behind MLflow's protocol: gates, numbers, what serves, what is proven, who may."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.mlflow_wire import MlflowWire
from modelyard import ModelRegistry, VersionRecord

GATED = {
    "initial": "development",
    "exclusive": ["production"],
    "moves": {
        "development": ["staging"],
        "staging": {"production": {"requirements": {"min_accuracy": 0.9}}},
        "production": ["archived"],
        "archived": [],
    },
}


@pytest.fixture
def ours(mlflow_server: MlflowWire):
    """The same registry, by our own client."""
    with ModelRegistry(mlflow_server.url) as registry:
        yield registry


def registered(registry: ModelRegistry, name: str, folder: Path, *, accuracy: float = 0.5) -> VersionRecord:
    """A version with a file and a metric."""
    file = folder / "weights.bin"
    file.write_bytes(b"weights of " + name.encode())
    made = registry.register_model(file, name, version="1.4.2", metrics={"accuracy": accuracy})
    return registry.get_model(made)


@pytest.mark.feature("EXP-23", "STG-04")
def test_a_gate_that_a_team_wrote_refuses_and_is_named(mlflow_server, ours, name, tmp_path):
    version = registered(ours, name, tmp_path)
    ours.set_stage_graph(GATED, name=name)
    status, code, message = mlflow_server.refusal(
        "POST", "model-versions/transition-stage", name=name, version="1", stage="Production"
    )
    assert (status, code) == (400, "INVALID_PARAMETER_VALUE")
    assert "min_accuracy" in message
    assert ours.get_model(version.id).stage == "development", "the first of two moves is taken back with the second"

    mlflow_server.move(name, 1, "Staging")
    refused = mlflow_server.refusal(
        "POST", "model-versions/transition-stage", name=name, version="1", stage="Production"
    )
    assert "min_accuracy" in refused[2]
    ours.update_model_metrics(version.id, {"accuracy": 0.95})
    assert mlflow_server.move(name, 1, "production")["current_stage"] == "Production"


@pytest.mark.feature("EXP-23")
def test_stages_several_moves_away_are_reached_where_every_gate_agrees(mlflow_server, ours, name, tmp_path):
    registered(ours, name, tmp_path, accuracy=0.99)
    ours.set_stage_graph(GATED, name=name)
    assert mlflow_server.move(name, 1, "Production")["current_stage"] == "Production"
    moves = [event.data["to"] for event in ours.events(name=name) if event.type == "version.stage_moved"]
    assert moves == ["staging", "production"]
    assert mlflow_server.refusal(
        "POST", "model-versions/transition-stage", name=name, version="1", stage="Staging"
    )[1] == "RESOURCE_CONFLICT"  # fmt: skip


@pytest.mark.feature("EXP-23", "STG-04")
def test_an_exclusive_stage_of_a_graph_that_a_team_wrote_has_one_holder(mlflow_server, ours, name, tmp_path):
    registered(ours, name, tmp_path, accuracy=0.95)
    ours.register_version(name, metrics={"accuracy": 0.99})
    ours.set_stage_graph(GATED, name=name)
    mlflow_server.move(name, 1, "Production")
    mlflow_server.move(name, 2, "Production")
    assert [ours.get_model(f"{name}/{number}").stage for number in (1, 2)] == ["archived", "production"]


@pytest.mark.feature("EXP-23")
def test_a_refused_move_of_one_step_is_on_record(mlflow_server, ours, name, tmp_path):
    registered(ours, name, tmp_path)
    ours.set_stage_graph(GATED, name=name)
    mlflow_server.move(name, 1, "Staging")
    mlflow_server.refusal("POST", "model-versions/transition-stage", name=name, version="1", stage="Production")
    assert [one.state for one in ours.list_promotions(name=name)][:1] == ["refused"]


@pytest.mark.feature("EXP-23")
def test_a_deprecated_version_enters_no_production_without_a_graph_either(mlflow_server, ours, name, tmp_path):
    version = registered(ours, name, tmp_path)
    ours.deprecate_model(version.id, "it guesses")
    refused = mlflow_server.refusal(
        "POST", "model-versions/transition-stage", name=name, version="1", stage="Production"
    )
    assert (refused[0], refused[1]) == (409, "RESOURCE_CONFLICT")
    assert "deprecated" in refused[2]
    assert mlflow_server.move(name, 1, "Archived")["current_stage"] == "Archived"


@pytest.mark.feature("EXP-23", "REG-15", "STG-16")
def test_a_version_of_ours_is_whole_for_mlflows_clients(mlflow_server, ours, name, tmp_path):
    version = registered(ours, name, tmp_path)
    ours.set_alias(name, "champion", version.id)
    found = mlflow_server.ask("GET", "registered-models/alias", name=name, alias="champion")["model_version"]
    assert found["version"] == "1"
    assert {"key": "modelyard.version", "value": "1.4.2"} in found["tags"]
    address = mlflow_server.ask("GET", "model-versions/get-download-uri", name=name, version="1")["artifact_uri"]
    assert address.startswith(mlflow_server.url)
    assert mlflow_server.client.get(f"{address}/weights.bin").content == b"weights of " + name.encode()


@pytest.mark.feature("EXP-23")
def test_a_copy_shares_the_files_and_leads_to_the_original(mlflow_server, ours, name, tmp_path):
    version = registered(ours, name, tmp_path)
    mlflow_server.model(f"{name}-copy")
    tags = mlflow_server.get_version(name, 1)["tags"]
    copy = mlflow_server.version(f"{name}-copy", f"models:/{name}/1", tags=tags)
    again = mlflow_server.version(f"{name}-copy", f"models:/{name}-copy/{copy['version']}", tags=tags)
    found = ours.get_model(f"{name}-copy/1")
    assert (found.digest, found.version, found.unproven) == (version.digest, "1.4.2", False)
    assert ours.get_model(f"{name}-copy/2").version == "1.4.3", "a number that is taken gives way to the next one"
    addresses = {
        mlflow_server.ask("GET", "model-versions/get-download-uri", name=model, version=number)["artifact_uri"]
        for model, number in ((name, "1"), (f"{name}-copy", copy["version"]), (f"{name}-copy", again["version"]))
    }
    assert len(addresses) == 1


@pytest.mark.feature("EXP-23")
def test_a_copy_keeps_what_is_recorded_and_says_what_it_was_made_from(mlflow_server, ours, name, tmp_path):
    version = registered(ours, name, tmp_path, accuracy=0.97)
    mlflow_server.model(f"{name}-copy")
    mlflow_server.version(f"{name}-copy", f"models:/{name}/1", description="ours now", run_id="abc", tags=[])
    copy = ours.get_model(f"{name}-copy/1")
    assert (copy.metrics, copy.description, copy.training_run_id, copy.tags) == (
        {"accuracy": 0.97}, "ours now", "abc", {}
    )  # fmt: skip
    assert copy.extra["copied_from"]["version_id"] == version.id


@pytest.mark.feature("EXP-23")
def test_a_source_that_is_not_here_is_recorded_and_unproven(mlflow_server, ours, name):
    mlflow_server.model(name)
    mlflow_server.version(name, "models:/m-0123456789abcdef", model_id="m-0123456789abcdef")
    found = ours.get_model(f"{name}/1")
    assert (found.source, found.unproven, found.files) == ("models:/m-0123456789abcdef", True, [])


@pytest.mark.feature("EXP-23")
def test_files_that_were_put_here_make_a_whole_version_that_stays(mlflow_server, ours, name):
    base = "/api/2.0/mlflow-artifacts/artifacts"
    place = f"{base}/runs/{name}/model"
    for file, content in (("MLmodel", b"flavors: {}\n"), ("data/model.bin", b"first")):
        assert mlflow_server.client.put(f"{place}/{file}", content=content).status_code == 200
    mlflow_server.model(name)
    mlflow_server.version(name, f"mlflow-artifacts:/runs/{name}/model")
    assert mlflow_server.client.put(f"{place}/data/model.bin", content=b"second").status_code == 200
    found = ours.get_model(f"{name}/1")
    assert [file.path for file in found.files] == ["MLmodel", "data/model.bin"]
    address = mlflow_server.ask("GET", "model-versions/get-download-uri", name=name, version="1")["artifact_uri"]
    assert mlflow_server.client.get(f"{address}/data/model.bin").content == b"first"


@pytest.mark.feature("EXP-23")
def test_a_client_may_ask_for_a_number_and_cannot_change_it(mlflow_server, ours, name):
    mlflow_server.model(name)
    wish = {"key": "modelyard.version", "value": "2.1.0"}
    made = mlflow_server.version(name, tags=[wish])
    assert made["tags"] == [wish]
    assert ours.get_model(f"{name}/2.1.0").number == 1
    taken = mlflow_server.refusal("POST", "model-versions/create", name=name, source="s3://b/x", tags=[wish])
    assert taken[:2] == (400, "RESOURCE_ALREADY_EXISTS")
    odd = [{"key": "modelyard.version", "value": "two"}]
    assert mlflow_server.refusal("POST", "model-versions/create", name=name, source="s3://b/x", tags=odd)[0] == 400
    refused = mlflow_server.refusal("POST", "model-versions/set-tag", name=name, version="1", **wish)
    assert "stays as it was registered" in refused[2]


@pytest.mark.feature("EXP-26")
def test_the_workspace_that_there_is_may_be_named_and_no_other(mlflow_server, name):
    mlflow_server.model(name)
    get = "/api/2.0/mlflow/registered-models/get"
    named = {"X-MLFLOW-WORKSPACE": "default"}
    assert mlflow_server.client.get(get, params={"name": name}, headers=named).status_code == 200
    other = mlflow_server.client.get(get, params={"name": name}, headers={"X-MLFLOW-WORKSPACE": "team-a"})
    assert (other.status_code, other.json()["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")
    assert "team-a" in other.json()["message"]
    told = mlflow_server.client.get("/api/3.0/mlflow/workspaces").json()
    assert [workspace["name"] for workspace in told["workspaces"]] == ["default"]
    assert mlflow_server.client.get("/api/3.0/mlflow/server-info").json()["workspaces_enabled"] is True
