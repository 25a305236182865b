"""What of a version tracking systems are told, and in which form they take it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from modelyard.domain.forwards import (
    LONGEST_KEY,
    LONGEST_PARAM,
    LONGEST_TAG,
    TOLD,
    Told,
    distinct,
    flattened,
    is_forwarded,
    mlflow_key,
    mlflow_run,
    told_of,
    wandb_run,
)
from modelyard.domain.wire import METADATA_FIELDS, VersionRecord

RECORD = VersionRecord(
    id="mv_1",
    name="fraud",
    number=3,
    version="1.4.0",
    stage="development",
    label="stable",
    digest="d" * 64,
    description="the third one",
    hyperparameters={"depth": 4, "optimizer": {"name": "adam", "betas": [0.9, 0.99]}},
    metrics={"accuracy": 0.9},
    training_metrics={"loss": 0.1},
    validation_metrics={"loss": 0.2},
    framework="sklearn",
    tags={"team": "risk"},
    created_at="2026-03-01T12:00:00.000000Z",
    updated_at="2026-03-01T12:00:01.500000Z",
)
TOLD_OF_IT = told_of(RECORD)


def changed(**fields: object) -> Told:
    """What is told of the same version with other fields."""
    return replace(TOLD_OF_IT, **fields)  # type: ignore[arg-type]  # the tests know the fields' types


@pytest.mark.feature("INT-01")
def test_mlflow_is_told_params_metrics_and_tags():
    run = mlflow_run(TOLD_OF_IT)
    assert run.name == "fraud 1.4.0"
    assert run.params == {"depth": "4", "optimizer.name": "adam", "optimizer.betas": "[0.9, 0.99]"}
    assert run.metrics == {"accuracy": 0.9, "training_loss": 0.1, "validation_loss": 0.2}
    assert run.tags == {
        "team": "risk",
        "modelyard.model": "fraud",
        "modelyard.version": "1.4.0",
        "modelyard.version_id": "mv_1",
        "modelyard.digest": "d" * 64,
        "modelyard.label": "stable",
        "modelyard.framework": "sklearn",
        "mlflow.note.content": "the third one",
    }
    assert (run.started_ms, run.told_ms) == (1_772_366_400_000, 1_772_366_401_500)


def test_what_is_not_known_is_not_told():
    run = mlflow_run(changed(digest="", description="", facts={}, tags={}))
    assert set(run.tags) == {"modelyard.model", "modelyard.version", "modelyard.version_id"}
    assert wandb_run(changed(facts={}, tags={}, digest="")).config["modelyard"] == {
        "model": "fraud",
        "version": "1.4.0",
        "version_id": "mv_1",
    }


def test_no_tag_stands_for_another_version_or_means_something_to_mlflow():
    run = mlflow_run(changed(tags={"modelyard.version_id": "mv_2", "mlflow.runName": "mine", "a:b": "c"}))
    assert run.tags["modelyard.version_id"] == "mv_1"
    assert "mlflow.runName" not in run.tags
    assert run.tags["a_b"] == "c"


def test_what_is_too_long_is_cut_off():
    long = "x" * 10_000
    run = mlflow_run(changed(hyperparameters={"a": long}, tags={"b": long}, description=long))
    assert len(run.params["a"]) == LONGEST_PARAM
    assert len(run.tags["b"]) == len(run.tags["mlflow.note.content"]) == LONGEST_TAG


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("accuracy", "accuracy"),
        ("F1 (macro)", "F1 _macro_"),
        ("précision@5", "précision_5"),
        ("a//b/./c/", "a/b/c"),
        ("/a/../b", "a/_/b"),
        ("..", "_"),
        ("..hidden", "__hidden"),
        ("x" * 247 + "/../y", "x" * 247 + "/_"),
        ("/", "_"),
        ("x" * 249 + "/y", "x" * 249),
        ("x" * 300, "x" * LONGEST_KEY),
    ],
)
def test_names_become_such_that_mlflow_takes_them(given, taken):
    assert mlflow_key(given) == taken


def test_two_names_that_become_the_same_one_stay_two():
    assert distinct([("a", 1), ("a", 2), ("a_2", 3), ("a", 4)]) == {"a": 1, "a_2": 2, "a_2_2": 3, "a_3": 4}
    long = "x" * LONGEST_KEY
    assert list(distinct([(long, 1), (long, 2)])) == [long, "x" * (LONGEST_KEY - 2) + "_2"]


def test_nested_values_have_dotted_names():
    given = {"a": {"b": {"c": True}}, "d": {}, "e": None, "f": "é"}
    assert dict(flattened(given)) == {"a.b.c": "true", "d": "{}", "e": "null", "f": "é"}


@pytest.mark.feature("INT-02")
def test_weights_and_biases_is_told_config_summary_and_an_artifact():
    run = wandb_run(TOLD_OF_IT)
    assert run.run_id == "modelyard-mv_1"
    assert (run.name, run.notes) == ("fraud 1.4.0", "the third one")
    assert run.config["optimizer"] == {"name": "adam", "betas": [0.9, 0.99]}
    assert run.config["modelyard"]["tags"] == {"team": "risk"}
    assert run.config["modelyard"]["version_id"] == "mv_1"
    assert run.summary == {"accuracy": 0.9, "training_loss": 0.1, "validation_loss": 0.2}
    assert (run.artifact, run.aliases) == ("fraud", ["1.4.0", "stable"])
    assert run.metadata["accuracy"] == 0.9


def test_names_become_such_that_weights_and_biases_takes_them():
    run = wandb_run(changed(model="Fraud Detector é:1", label="", version="1.0.0-a"))
    assert (run.artifact, run.aliases) == ("Fraud_Detector___1", ["1.0.0-a"])


def test_what_was_imported_is_not_sent_on():
    assert is_forwarded({})
    assert is_forwarded({"extra": {"note": 1}})
    assert not is_forwarded({"extra": {"imported": {"from": "mlflow"}}})


def test_what_is_told_are_fields_of_a_version():
    assert set(METADATA_FIELDS) | {"label"} > TOLD
