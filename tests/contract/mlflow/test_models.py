"""Registered models as MLflow's clients make, read, describe, rename, tag and delete them."""

from __future__ import annotations

import time
from typing import Any

import pytest

from components.mlflow_wire import MlflowWire, tagged, tags_of

pytestmark = pytest.mark.feature("EXP-23")
MISSING, TAKEN, WRONG = "RESOURCE_DOES_NOT_EXIST", "RESOURCE_ALREADY_EXISTS", "INVALID_PARAMETER_VALUE"


def milliseconds() -> int:
    """What the caller's clock says."""
    return int(time.time() * 1000)


def test_a_new_model_tells_what_it_was_given_and_nothing_else(mlflow_server: MlflowWire, name: str):
    before = milliseconds()
    made = mlflow_server.model(name, tags=tagged(team="risk", owner=""), description="catches fraud")
    after = milliseconds()
    assert (made["name"], made["description"], tags_of(made)) == (name, "catches fraud", {"team": "risk", "owner": ""})
    assert before <= made["creation_timestamp"] == made["last_updated_timestamp"] <= after
    assert made == mlflow_server.get_model(name)
    assert not made.get("latest_versions")
    assert not made.get("aliases")


def test_a_bare_model_has_no_tags_of_ours(mlflow_server: MlflowWire, name: str):
    assert tags_of(mlflow_server.model(name)) == {}


def test_a_name_is_taken_once_and_told_apart_by_case(mlflow_server: MlflowWire, name: str):
    mlflow_server.model(name + "a")
    refused = mlflow_server.refusal("POST", "registered-models/create", name=name + "a")
    assert refused[:2] == (400, TAKEN)
    assert refused[2].startswith(f"Registered Model (name={name}a) already exists")
    assert mlflow_server.model(name + "A")["name"] == name + "A"


@pytest.mark.parametrize("bad", ["   ", "a/b", "a:b", ".", "..", "a/../b", "/", "\t"])
def test_what_cannot_be_a_name_is_refused(mlflow_server: MlflowWire, bad: str):
    status, code, _ = mlflow_server.refusal("POST", "registered-models/create", name=bad)
    assert (status, code) == (400, WRONG)


@pytest.mark.parametrize("good", ["two words", "UPPER lower 7", "ünï-cödé", "dots.and_more", "a+b&c=d", "模型"])
def test_what_can_be_a_name_is_told_back_unchanged(mlflow_server: MlflowWire, good: str):
    assert mlflow_server.model(good)["name"] == good
    assert mlflow_server.get_model(good)["name"] == good
    mlflow_server.version(good)
    assert mlflow_server.models(filter=f"name = '{good}'") == [good]
    assert mlflow_server.get_version(good, 1)["name"] == good


def test_a_description_moves_the_time_of_the_last_update(mlflow_server: MlflowWire, name: str):
    made = mlflow_server.model(name)
    before = milliseconds()
    told = mlflow_server.ask("PATCH", "registered-models/update", name=name, description="second")["registered_model"]
    assert told == mlflow_server.get_model(name)
    assert (told["description"], told["creation_timestamp"]) == ("second", made["creation_timestamp"])
    assert before <= told["last_updated_timestamp"] <= milliseconds()


def test_a_renamed_model_keeps_all_but_its_name(mlflow_server: MlflowWire, name: str):
    made, new = mlflow_server.model(name, tags=tagged(team="risk"), description="d"), f"{name} 2"
    mlflow_server.version(name)
    mlflow_server.ask("POST", "registered-models/alias", name=name, alias="champion", version="1")
    before = milliseconds()
    renamed = mlflow_server.ask("POST", "registered-models/rename", name=name, new_name=new)["registered_model"]
    assert (renamed["name"], renamed["creation_timestamp"]) == (new, made["creation_timestamp"])
    assert before <= renamed["last_updated_timestamp"]
    assert (tags_of(renamed), renamed["description"]) == ({"team": "risk"}, "d")
    assert renamed["aliases"] == [{"alias": "champion", "version": "1"}]
    assert mlflow_server.get_version(new, 1)["name"] == new
    assert mlflow_server.refusal("GET", "registered-models/get", name=name) == (
        404, MISSING, f"Registered Model with name={name} not found",
    )  # fmt: skip
    mlflow_server.model(name)
    refused = mlflow_server.refusal("POST", "registered-models/rename", name=new, new_name=name)
    assert refused[:2] == (400, TAKEN)
    assert refused[2].startswith(f"Registered Model (name={name}) already exists")
    _, code, message = mlflow_server.refusal("POST", "registered-models/rename", name=new, new_name="")
    assert code == WRONG
    assert message.startswith("Missing value for required parameter 'new_name'")


def test_a_deleted_model_takes_everything_along_and_frees_its_name(mlflow_server: MlflowWire, name: str):
    mlflow_server.model(name, tags=tagged(team="risk"))
    for _ in range(2):
        mlflow_server.version(name)
    mlflow_server.move(name, 1, "Production")
    mlflow_server.ask("POST", "registered-models/alias", name=name, alias="champion", version="2")
    assert mlflow_server.ask("DELETE", "registered-models/delete", name=name) == {}
    gone = (404, MISSING, f"Registered Model with name={name} not found")
    assert mlflow_server.refusal("GET", "registered-models/get", name=name) == gone
    assert mlflow_server.refusal("DELETE", "registered-models/delete", name=name) == gone
    assert mlflow_server.refusal("PATCH", "registered-models/update", name=name, description="x") == gone
    assert mlflow_server.refusal("POST", "registered-models/rename", name=name, new_name=f"{name}x") == gone
    assert mlflow_server.refusal("GET", "registered-models/get-latest-versions", name=name) == gone
    assert mlflow_server.refusal("GET", "registered-models/alias", name=name, alias="champion") == gone
    assert mlflow_server.refusal("GET", "model-versions/get", name=name, version="1") == (
        404, MISSING, f"Model Version (name={name}, version=1) not found",
    )  # fmt: skip
    assert mlflow_server.models(filter=f"name = '{name}'") == []
    assert mlflow_server.versions(filter=f"name = '{name}'") == []
    again = mlflow_server.model(name)
    assert (tags_of(again), again.get("aliases", [])) == ({}, [])
    assert mlflow_server.version(name)["version"] == "1"


def test_tags_are_set_overwritten_and_removed(mlflow_server: MlflowWire, name: str):
    mlflow_server.model(name, tags=tagged(team="risk"))
    mlflow_server.model(f"{name}2", tags=tagged(team="risk"))
    for key, value in [
        ("numeric value", "12345"),
        ("a/b.c:d-e_f", "x"),
        ("team", "fraud"),
        ("empty", ""),
        ("ünï", "ß"),
    ]:
        assert mlflow_server.ask("POST", "registered-models/set-tag", name=name, key=key, value=value) == {}
    expected = {"team": "fraud", "numeric value": "12345", "a/b.c:d-e_f": "x", "empty": "", "ünï": "ß"}
    assert tags_of(mlflow_server.get_model(name)) == expected
    for _ in range(2):
        assert mlflow_server.ask("DELETE", "registered-models/delete-tag", name=name, key="team") == {}
    del expected["team"]
    assert tags_of(mlflow_server.get_model(name)) == expected
    assert tags_of(mlflow_server.get_model(f"{name}2")) == {"team": "risk"}
    gone = (404, MISSING, "Registered Model with name=no-such-model not found")
    for method, path in [("POST", "registered-models/set-tag"), ("DELETE", "registered-models/delete-tag")]:
        assert mlflow_server.refusal(method, path, name="no-such-model", key="team", value="x") == gone


def test_a_tag_has_bounds(mlflow_server: MlflowWire, name: str):
    mlflow_server.model(name)
    longest: dict[str, Any] = {"name": name, "key": "k" * 250, "value": "v" * 100_000}
    mlflow_server.ask("POST", "registered-models/set-tag", **longest)
    assert tags_of(mlflow_server.get_model(name)) == {longest["key"]: longest["value"]}
    bounds: list[tuple[dict[str, Any], str]] = [
        ({"value": "v" * 100_001}, "'value' exceeds the maximum length of 100000 characters"),
        ({"key": "k" * 251}, "'key' exceeds the maximum length of 250 characters"),
        ({"key": "no#hash"}, "Invalid value"),
        ({"key": "../up"}, "Invalid value"),
        ({"key": ""}, "Missing value for required parameter 'key'"),
        ({"key": None}, "Missing value for required parameter 'key'"),
    ]
    for bad, text in bounds:
        status, code, message = mlflow_server.refusal("POST", "registered-models/set-tag", **longest | bad)
        assert (status, code) == (400, WRONG)
        assert text in message


def test_the_newest_version_of_each_stage_is_told(mlflow_server: MlflowWire, name: str):
    mlflow_server.model(name)
    assert mlflow_server.ask("GET", "registered-models/get-latest-versions", name=name).get("model_versions", []) == []
    for number, stage in enumerate(["Archived", "Production", "Archived", "Production", "Staging", "None"], 1):
        mlflow_server.version(name, tags=tagged(n=str(number)))
        if stage != "None":
            mlflow_server.move(name, number, stage)

    def newest(method: str = "GET", **fields: object) -> dict[str, str]:
        found = mlflow_server.ask(method, "registered-models/get-latest-versions", name=name, **fields)
        return {version["current_stage"]: version["version"] for version in found["model_versions"]}

    every = {"Archived": "3", "Production": "4", "Staging": "5", "None": "6"}
    assert newest() == newest("POST") == newest("POST", stages=[]) == every
    assert newest(stages=["pROduction", "none"]) == newest("POST", stages=["Production", "None"]) == {
        "Production": "4", "None": "6",
    }  # fmt: skip
    model = mlflow_server.get_model(name)
    assert {version["current_stage"]: version["version"] for version in model["latest_versions"]} == every
    for version in model["latest_versions"]:
        assert version == mlflow_server.get_version(name, version["version"])
    mlflow_server.ask("DELETE", "model-versions/delete", name=name, version="4")
    assert newest(stages=["Production"]) == {"Production": "2"}
    status, code, message = mlflow_server.refusal(
        "GET", "registered-models/get-latest-versions", name=name, stages="Live"
    )
    assert (status, code) == (400, WRONG)
    assert "Value must be one of None, Staging, Production, Archived" in message
