"""Aliases as MLflow's clients set, follow and remove them."""

from __future__ import annotations

import pytest

from components.mlflow_wire import MlflowWire

pytestmark = pytest.mark.feature("EXP-23")
WRONG = "INVALID_PARAMETER_VALUE"


@pytest.fixture
def fraud(mlflow_server: MlflowWire, name: str) -> str:
    """A model with two versions."""
    mlflow_server.model(name)
    for _ in range(2):
        mlflow_server.version(name)
    return name


def shown(mlflow_server: MlflowWire, name: str) -> tuple[dict[str, str], list[list[str]]]:
    """The aliases that the model tells, and those that each of its two versions tells."""
    told = {entry["alias"]: entry["version"] for entry in mlflow_server.get_model(name).get("aliases", [])}
    return told, [sorted(mlflow_server.get_version(name, number).get("aliases", [])) for number in (1, 2)]


def test_an_alias_names_one_version_and_moves(mlflow_server: MlflowWire, fraud: str):
    for version, aliases in [("1", [["champion"], []]), ("2", [[], ["champion"]])]:
        fields = {"name": fraud, "alias": "champion", "version": version}
        assert mlflow_server.ask("POST", "registered-models/alias", **fields) == {}
        assert shown(mlflow_server, fraud) == ({"champion": version}, aliases)
        found = mlflow_server.ask("GET", "registered-models/alias", name=fraud, alias="champion")["model_version"]
        assert found == mlflow_server.get_version(fraud, version)
        assert found["aliases"] == ["champion"]
    for _ in range(2):
        assert mlflow_server.ask("DELETE", "registered-models/alias", name=fraud, alias="champion") == {}
        assert shown(mlflow_server, fraud) == ({}, [[], []])


def test_an_alias_goes_with_its_version(mlflow_server: MlflowWire, fraud: str):
    for alias, version in [("champion", "2"), ("A_b-9", "2"), ("challenger", "1")]:
        mlflow_server.ask("POST", "registered-models/alias", name=fraud, alias=alias, version=version)
    mlflow_server.ask("DELETE", "model-versions/delete", name=fraud, version="2")
    assert mlflow_server.get_model(fraud)["aliases"] == [{"alias": "challenger", "version": "1"}]
    assert mlflow_server.refusal("GET", "registered-models/alias", name=fraud, alias="champion") == (
        400, WRONG, "Registered model alias champion not found.",
    )  # fmt: skip


def test_latest_is_always_there_and_never_set(mlflow_server: MlflowWire, fraud: str):
    found = mlflow_server.ask("GET", "registered-models/alias", name=fraud, alias="latest")["model_version"]
    assert found == mlflow_server.get_version(fraud, 2)
    for alias in ["latest", "LATEST", "Latest", "v1", "V22"]:
        status, code, message = mlflow_server.refusal(
            "POST", "registered-models/alias", name=fraud, alias=alias, version="1"
        )
        assert (status, code) == (400, WRONG)
        assert "reserved" in message


@pytest.mark.parametrize("alias", ["has space", "sla/sh", "do.t", "a@b", "ü", "x" * 256, "\n"])
def test_what_cannot_be_an_alias_is_refused(mlflow_server: MlflowWire, fraud: str, alias: str):
    fields = {"name": fraud, "alias": alias, "version": "1"}
    assert mlflow_server.refusal("POST", "registered-models/alias", **fields)[:2] == (400, WRONG)
    status, code, _ = mlflow_server.refusal("GET", "registered-models/alias", name=fraud, alias=alias)
    assert (status, code) == (400, WRONG)


def test_an_alias_needs_a_model_and_a_version(mlflow_server: MlflowWire, fraud: str):
    longest = "x" * 255
    mlflow_server.ask("POST", "registered-models/alias", name=fraud, alias=longest, version="1")
    missing = "RESOURCE_DOES_NOT_EXIST"
    for version in ["3", "0", "-1", "99999999999999999999"]:
        assert mlflow_server.refusal("POST", "registered-models/alias", name=fraud, alias="a", version=version) == (
            404, missing, f"Model Version (name={fraud}, version={version}) not found",
        )  # fmt: skip
    gone = (404, missing, "Registered Model with name=nobody not found")
    for method in ["GET", "DELETE"]:
        assert mlflow_server.refusal(method, "registered-models/alias", name="nobody", alias="a") == gone
    assert (
        mlflow_server.refusal("POST", "registered-models/alias", name="nobody", alias="a", version="1")[:2] == gone[:2]
    )
    for left_out in ["name", "alias", "version"]:
        fields = {"name": fraud, "alias": "a", "version": "1", left_out: ""}
        status, code, message = mlflow_server.refusal("POST", "registered-models/alias", **fields)
        assert (status, code) == (400, WRONG)
        assert message.startswith(f"Missing value for required parameter '{left_out}'")
