"""What becomes of an MLflow version's facts, whatever another MLflow leaves out or spells differently."""

from __future__ import annotations

import pytest

from modelyard.domain.mlflow.imported import (
    Tracked,
    copied_from,
    document,
    identity,
    moment,
    origin,
    pairs,
    semver_of,
    stage_of,
)
from modelyard.domain.stages import ModelStage

ADDRESS = "http://127.0.0.1:5000"


def listed(**values) -> list[dict[str, object]]:
    """A list of MLflow's pairs."""
    return [{"key": key, "value": value} for key, value in values.items()]


def test_a_bare_version_has_only_what_tells_it_again():
    assert document(ADDRESS, {"name": "fraud", "version": "3"}, Tracked()) == {
        "extra": {"imported": {"from": "mlflow", "address": ADDRESS, "name": "fraud", "number": 3}}
    }


def test_a_version_takes_over_what_run_and_logged_model_know():
    run = {
        "info": {"run_name": "r", "start_time": 1000, "end_time": "2000", "experiment_id": "1", "user_id": "bob"},
        "data": {
            "metrics": listed(acc=0.5, loss="NaN", note="text"),
            "params": listed(depth="3", eta="1"),
            "tags": listed(**{"mlflow.source.git.commit": "c0ffee", "mlflow.user": "ana", "team": "risk"}),
        },
        "inputs": {
            "dataset_inputs": [
                {"dataset": {"name": "payments", "digest": "8f"}, "tags": listed(**{"mlflow.data.context": "train"})},
                {},
            ]
        },
    }
    logged = {"info": {"source_run_id": "run-1"}, "data": {"params": listed(eta="2"), "metrics": listed(acc=0.9)}}
    version = {"name": "fraud", "version": 1, "status": "FAILED_REGISTRATION", "model_params": listed(eta="3")}
    found = document(ADDRESS, version, Tracked(run=run, logged=logged, experiment="cards"))
    assert found["metrics"] == {"acc": 0.9}
    assert found["hyperparameters"] == {"depth": "3", "eta": "3"}
    assert (found["training_run_id"], found["code_version"], found["created_by"]) == ("run-1", "c0ffee", "ana")
    assert found["training_timestamp"] == "1970-01-01T00:00:02.000Z"
    assert found["data_lineage"] == {"datasets": [{"name": "payments", "version": "8f", "context": "train"}, {}]}
    imported = found["extra"]["imported"]
    assert imported["metrics"] == {"loss": "NaN", "note": "text"}
    assert imported["status"] == "FAILED_REGISTRATION"
    assert (imported["run"]["experiment"], imported["run"]["user"], imported["run"]["tags"]) == (
        "cards",
        "ana",
        {"team": "risk"},
    )


def test_two_spellings_of_one_metric_with_two_values_do_not_both_count():
    run = {"data": {"metrics": [*listed(Accuracy=0.9, accuracy=0.8), *listed(F1=0.5), *listed(f1=0.5)]}}
    found = document(ADDRESS, {"version": 1}, Tracked(run=run))
    assert found["metrics"] == {"Accuracy": 0.9, "F1": 0.5, "f1": 0.5}
    assert found["extra"]["imported"]["metrics"] == {"accuracy": "0.8"}


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({}, None),
        ({"version": "1.4.2"}, "1.4.2"),
        ({"Version": "v2.0.0-rc.1"}, "2.0.0-rc.1"),
        ({"semver": "1.0.0", "modelyard.version": "3.0.0"}, "3.0.0"),
        ({"version": "best", "semver": "1.0.0"}, "1.0.0"),
        ({"version": "2024-01"}, None),
    ],
)
def test_a_semver_is_read_from_the_tags_that_tell_one(tags, expected):
    assert semver_of(tags) == expected


def test_a_version_is_told_again_by_anything_but_the_address():
    version = {"name": "fraud", "version": "3", "creation_timestamp": 1000}
    assert identity(origin(ADDRESS, version)) == identity(origin("http://other", version))
    assert identity(origin(ADDRESS, version)) != identity(origin(ADDRESS, {**version, "creation_timestamp": 2000}))
    for other in (None, "text", {}, {"from": "wandb", "number": 3}, {"from": "mlflow", "number": "3"}):
        assert identity(other) is None


def test_a_copy_is_told_by_its_source():
    assert copied_from({"source": "models:/a%20copy/7"}) == ("a copy", 7)
    assert copied_from({"source": "models:/m-123"}) is None
    assert copied_from({}) is None


def test_a_stage_that_mlflow_does_not_know_is_where_versions_begin():
    assert stage_of({"current_stage": "Production"}) == ModelStage.PRODUCTION
    assert stage_of({"current_stage": "Elsewhere"}) == stage_of({}) == ModelStage.DEVELOPMENT


@pytest.mark.parametrize("odd", [None, "", 0, "soon", 1 << 80])
def test_a_moment_that_is_none_is_empty(odd):
    assert moment(odd) == ""


def test_pairs_may_be_absent_or_lack_their_values():
    assert pairs(None) == pairs("text") == {}
    assert pairs([{"key": "a"}, {"key": "b", "value": 2}]) == {"a": "", "b": "2"}
