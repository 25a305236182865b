"""Versions as MLflow's clients make, read, describe, move, copy, tag and delete them."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from components.mlflow_wire import SOURCE, MlflowWire, tagged, tags_of

pytestmark = pytest.mark.feature("EXP-23")
MISSING, WRONG = "RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"
MOVES = [
    "Staging",
    "Production",
    "Archived",
    "None",
    "Production",
    "Production",
    "Staging",
    "None",
    "Archived",
    "Staging",
]
"""A way through the stages that MLflow allows, and that no usual graph of ours does."""
TRAVERSALS = [
    "s3://bucket/../../etc", "http://host:9000/models/../../../", "s3a://b/api/2.0/x/../../../", "ftp://host/x/../y",
    "mlflow-artifacts://host:9000/models/..%2f..%2fartifacts", "mlflow-artifacts://host:9000/models/artifact%00",
    "dbfs:/x/artifacts/a%3f/../../..", "s3://bucket/%252e%252e/x", "mlflow-artifacts:/a/..",
]  # fmt: skip
VERBATIM = [
    "runs:/no-such-run/model", "models:/m-0123456789abcdef", "mlflow-artifacts:/models/foo///bar", "hdfs://nn:8020/a b",
    "mlflow-artifacts://host:9000/models/artifact/..../", "gs://bucket/ünï?x=1&y=2", "https://host/model.bin",
    "dbfs:/databricks/x", "wasbs://c@a.blob.core.windows.net/p", "s3://bucket/it's \"quoted\"",
]  # fmt: skip


def milliseconds() -> int:
    """What the caller's clock says."""
    return int(time.time() * 1000)


def test_a_new_version_tells_what_it_was_given_and_nothing_else(mlflow_server: MlflowWire, name: str):
    mlflow_server.model(name)
    before = milliseconds()
    given: dict[str, Any] = {"run_id": "run1", "run_link": "http://localhost/run", "description": "d"}
    given["tags"] = tagged(a="b", c="")
    made = mlflow_server.version(name, **given)
    after = milliseconds()
    expected = {"name": name, "version": "1", "source": SOURCE, "run_id": "run1", "run_link": "http://localhost/run"}
    assert {key: made[key] for key in expected} == expected
    assert (made["current_stage"], made["status"], made["description"]) == ("None", "READY", "d")
    assert (tags_of(made), made.get("aliases", []), made.get("status_message", "")) == ({"a": "b", "c": ""}, [], "")
    assert before <= made["creation_timestamp"] == made["last_updated_timestamp"] <= after
    assert made == mlflow_server.get_version(name, "1")
    model = mlflow_server.get_model(name)
    assert before <= model["last_updated_timestamp"] <= after
    assert model["latest_versions"] == [made]
    bare = mlflow_server.version(name)
    assert (bare["version"], tags_of(bare)) == ("2", {})
    assert not any(bare.get(field) for field in ["run_id", "run_link", "description", "model_id"])


@pytest.mark.parametrize("source", VERBATIM)
def test_a_source_is_kept_and_told_to_the_letter(mlflow_server: MlflowWire, name: str, source: str):
    mlflow_server.model(name)
    assert mlflow_server.version(name, source)["source"] == source
    assert mlflow_server.download_uri(name, 1) == source


@pytest.mark.parametrize("source", [*TRAVERSALS, "/etc/passwd", "file:///etc", "relative/path", "file:x"])
def test_a_source_that_reaches_the_servers_files_is_refused(mlflow_server: MlflowWire, name: str, source: str):
    mlflow_server.model(name)
    status, code, message = mlflow_server.refusal("POST", "model-versions/create", name=name, source=source, run_id="r")
    assert (status, code) == (400, WRONG)
    assert "Invalid model version source" in message
    assert mlflow_server.versions(filter=f"name = '{name}'") == []


def test_numbers_are_counted_once_under_many_writers(mlflow_server: MlflowWire, name: str):
    mlflow_server.model(name)
    with ThreadPoolExecutor(4) as pool:
        numbers = [int(made["version"]) for made in pool.map(lambda _: mlflow_server.version(name), range(20))]
    assert sorted(numbers) == list(range(1, 21))


def test_a_deleted_number_is_gone_for_everything_and_never_reused(mlflow_server: MlflowWire, name: str):
    mlflow_server.model(name)
    for _ in range(3):
        mlflow_server.version(name)
    before = milliseconds()
    for number in ["1", "3"]:
        assert mlflow_server.ask("DELETE", "model-versions/delete", name=name, version=number) == {}
    assert mlflow_server.get_model(name)["last_updated_timestamp"] >= before
    which = {"name": name, "version": "3"}
    gone = (404, MISSING, f"Model Version (name={name}, version=3) not found")
    for method, path, fields in [
        ("GET", "get", {}),
        ("GET", "get-download-uri", {}),
        ("PATCH", "update", {"description": "x"}),
        ("POST", "transition-stage", {"stage": "Staging"}),
        ("POST", "set-tag", {"key": "k", "value": "v"}),
        ("DELETE", "delete-tag", {"key": "k"}),
        ("DELETE", "delete", {}),
    ]:
        assert mlflow_server.refusal(method, f"model-versions/{path}", **which, **fields) == gone, path
    assert mlflow_server.version(name)["version"] == "4"
    assert mlflow_server.versions(filter=f"name = '{name}'", order_by="version_number") == [(name, 2), (name, 4)]


def test_a_description_is_the_versions_own_affair(mlflow_server: MlflowWire, name: str):
    mlflow_server.model(name)
    made, model = mlflow_server.version(name), mlflow_server.get_model(name)
    before = milliseconds()
    fields = {"name": name, "version": "1", "description": "second"}
    told = mlflow_server.ask("PATCH", "model-versions/update", **fields)["model_version"]
    assert told == mlflow_server.get_version(name, 1)
    assert (told["description"], told["creation_timestamp"]) == ("second", made["creation_timestamp"])
    assert told["last_updated_timestamp"] >= before
    assert mlflow_server.get_model(name)["last_updated_timestamp"] == model["last_updated_timestamp"]


def test_every_stage_leads_to_every_other_one(mlflow_server: MlflowWire, name: str):
    mlflow_server.model(name)
    mlflow_server.version(name)
    for stage in MOVES:
        before = milliseconds()
        moved = mlflow_server.move(name, 1, stage.swapcase())
        assert moved["current_stage"] == stage
        assert moved == mlflow_server.get_version(name, 1)
        assert before <= moved["last_updated_timestamp"] or stage == "Production"
        assert mlflow_server.get_model(name)["last_updated_timestamp"] >= moved["last_updated_timestamp"]
    refused = mlflow_server.refusal("POST", "model-versions/transition-stage", name=name, version="1", stage="Live")
    assert refused == (
        400, WRONG,
        "Invalid Model Version stage: Live. Value must be one of None, Staging, Production, Archived.",
    )  # fmt: skip


def test_a_stage_is_shared_unless_its_holders_are_to_be_archived(mlflow_server: MlflowWire, name: str):
    mlflow_server.model(name)
    for number in range(1, 5):
        mlflow_server.version(name)
        mlflow_server.move(name, number, "Staging" if number < 4 else "Production")

    def stages() -> list[str]:
        return [mlflow_server.get_version(name, number)["current_stage"] for number in range(1, 5)]

    assert stages() == ["Staging", "Staging", "Staging", "Production"]
    mlflow_server.move(name, 3, "Production")
    assert stages() == ["Staging", "Staging", "Production", "Production"]
    moved = mlflow_server.move(name, 1, "pRODUCTION", archive_existing_versions=True)
    assert stages() == ["Production", "Staging", "Archived", "Archived"]
    for number in (3, 4):
        assert mlflow_server.get_version(name, number)["last_updated_timestamp"] == moved["last_updated_timestamp"]
    mlflow_server.move(name, 3, "Production")
    mlflow_server.move(name, 1, "Production", archive_existing_versions=True)
    assert stages() == ["Production", "Staging", "Archived", "Archived"], "it stood there already"
    for stage in ["None", "Archived", "archived"]:
        fields = {"name": name, "version": "2", "stage": stage, "archive_existing_versions": True}
        status, code, message = mlflow_server.refusal("POST", "model-versions/transition-stage", **fields)
        assert (status, code) == (400, WRONG)
        assert message.startswith("Model version transition cannot archive existing model versions because ")
        assert "is not an Active stage" in message
    assert stages() == ["Production", "Staging", "Archived", "Archived"]


def test_tags_are_set_overwritten_and_removed(mlflow_server: MlflowWire, name: str):
    mlflow_server.model(name)
    for _ in range(2):
        mlflow_server.version(name, tags=tagged(team="risk"))
    which = {"name": name, "version": "1"}
    for key, value in [("numeric value", "12345"), ("a/b.c:d-e_f", "x"), ("team", "fraud"), ("empty", "")]:
        assert mlflow_server.ask("POST", "model-versions/set-tag", **which, key=key, value=value) == {}
    expected = {"team": "fraud", "numeric value": "12345", "a/b.c:d-e_f": "x", "empty": ""}
    assert tags_of(mlflow_server.get_version(name, 1)) == expected
    for _ in range(2):
        assert mlflow_server.ask("DELETE", "model-versions/delete-tag", **which, key="team") == {}
    del expected["team"]
    assert tags_of(mlflow_server.get_version(name, 1)) == expected
    assert tags_of(mlflow_server.get_version(name, 2)) == {"team": "risk"}
    fields = {**which, "key": "long", "value": "v" * 100_001}
    assert mlflow_server.refusal("POST", "model-versions/set-tag", **fields) == (
        400, WRONG, "'value' exceeds the maximum length of 100000 characters",
    )  # fmt: skip
    for path in ["set-tag", "delete-tag"]:
        method = "POST" if path == "set-tag" else "DELETE"
        fields = {"name": name, "version": "x", "key": "k"}
        status, code, message = mlflow_server.refusal(method, f"model-versions/{path}", **fields)
        assert (status, code) == (400, WRONG)
        assert message.startswith("Parameter 'version' must be an integer, got 'x'")


def test_a_copy_leads_back_to_the_files_of_its_original(mlflow_server: MlflowWire, name: str):
    other = f"{name}-2"
    for model in [name, other]:
        mlflow_server.model(model)
    mlflow_server.version(name, "s3://bucket/original", run_id="run1", tags=tagged(a="b"), description="d")
    mlflow_server.move(name, 1, "Production")
    for model, of, number in [(name, f"{name}/1", 2), (other, f"{name}/2", 1), (other, f"{other}/1", 2)]:
        given = {"run_id": "run1", "description": "d"}
        copy = mlflow_server.version(model, f"models:/{of}", tags=tagged(a="b"), **given)
        assert (copy["version"], copy["source"], copy["current_stage"]) == (str(number), f"models:/{of}", "None")
        assert (tags_of(copy), copy["run_id"], copy["description"]) == ({"a": "b"}, "run1", "d")
        assert mlflow_server.download_uri(model, number) == "s3://bucket/original"
    status, _, message = mlflow_server.refusal("POST", "model-versions/create", name=name, source="models:/nobody/1")
    assert status in {400, 404}
    assert "nobody" in message


def test_a_version_needs_a_model(mlflow_server: MlflowWire):
    assert mlflow_server.refusal("POST", "model-versions/create", name="nobody", source=SOURCE) == (
        404, MISSING, "Registered Model with name=nobody not found",
    )  # fmt: skip


@pytest.mark.parametrize("version", ["", "x", "1.0.0", "latest", "1e3", "0", "-1", "9" * 30, "\uff11\u0661x"])
def test_a_version_is_named_by_its_number(mlflow_server: MlflowWire, name: str, version: str):
    mlflow_server.model(name)
    mlflow_server.version(name)
    status, code, _ = mlflow_server.refusal("GET", "model-versions/get", name=name, version=version)
    assert (status, code) in {(400, WRONG), (404, MISSING)}
