"""How documents become metadata fields."""

from __future__ import annotations

from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.domain.metadata import (
    CHECKS,
    ESSENTIAL,
    SYNONYMS,
    check_extra,
    check_fields,
    completeness,
    identity,
    missing,
    normalise,
)
from modelyard.domain.wire import METADATA_FIELDS, Metadata, VersionRecord
from modelyard.errors import InvalidMetadata, InvalidMetric, InvalidName

UPLOADED = {
    "version_id": "2",
    "model_name": "mnist_model",
    "training_data": "MNIST Dataset",
    "architecture": "Convolutional Neural Network (2 Conv Layers, 1 Dense Layer)",
    "hyperparameters": {"learning_rate": 0.001, "batch_size": 64, "num_epochs": 10},
    "training_timestamp": "2024-10-15T12:45:00",
    "optimizer": "Adam",
    "loss_function": "CrossEntropyLoss",
    "accuracy": 0.975,
    "deployed": False,
}
COMPLETE = {
    "description": "Finds fraud",
    "metrics": {"accuracy": 0.9},
    "hyperparameters": {"depth": 3},
    "framework": "sklearn",
    "data_version": "2024-01",
    "code_version": "abc123",
    "created_by": "ada",
    "input_schema": {"age": "int64"},
    "output_schema": {"fraud": "bool"},
}


def test_every_metadata_field_has_its_check_and_nothing_else_has():
    assert set(CHECKS) == set(METADATA_FIELDS)
    assert set(SYNONYMS.values()) <= set(METADATA_FIELDS)
    assert {field for line in ESSENTIAL for field in line} <= set(METADATA_FIELDS)


@pytest.mark.feature("MET-03", "MET-11")
def test_the_metadata_of_an_upload_is_understood():
    assert normalise(UPLOADED) == {
        "training_data": "MNIST Dataset",
        "architecture": UPLOADED["architecture"],
        "hyperparameters": UPLOADED["hyperparameters"],
        "training_timestamp": "2024-10-15T12:45:00",
        "optimizer": "Adam",
        "loss_function": "CrossEntropyLoss",
        "metrics": {"accuracy": 0.975},
    }
    assert identity(UPLOADED) == {"name": "mnist_model"}
    assert Metadata(**check_fields(normalise(UPLOADED))).training_timestamp == "2024-10-15T12:45:00Z"


@pytest.mark.parametrize(("other", "field"), SYNONYMS.items())
def test_synonyms_are_renamed(other, field):
    assert normalise({other: "x"}) == {field: "x"}


@pytest.mark.feature("MET-06")
def test_numbers_under_known_metrics_become_metrics():
    document = {"accuracy": 0.9, "loss": 0.2, "train_loss": 0.1, "epochs": 5, "roc_auc": True, "f1": "high"}
    assert normalise(document) == {
        "metrics": {"accuracy": 0.9, "loss": 0.2},
        "training_metrics": {"train_loss": 0.1},
        "extra": {"epochs": 5, "roc_auc": True, "f1": "high"},
    }


def test_a_loss_in_words_is_the_loss_function():
    assert normalise({"loss": "hinge"}) == {"loss_function": "hinge"}


def test_unknown_keys_join_what_is_extra_already():
    assert normalise({"extra": {"a": 1}, "colour": "red", "": 2}) == {"extra": {"a": 1, "colour": "red", "": 2}}


def test_none_counts_as_not_given():
    assert normalise({"metrics": None, "colour": None}) == {}
    assert check_fields({"metrics": None}) == {}
    assert identity({"name": None, "model_name": "x"}) == {"name": "x"}


def test_two_names_of_one_field_may_agree_or_complete_each_other():
    assert normalise({"metrics": {"a": 1}, "performance_metrics": {"b": 2}, "accuracy": 0.9}) == {
        "metrics": {"a": 1, "b": 2, "accuracy": 0.9}
    }
    assert normalise({"created_by": "ada", "author": "ada"}) == {"created_by": "ada"}


@pytest.mark.parametrize(
    "document",
    [
        {"metrics": {"accuracy": 0.9}, "accuracy": 0.8},
        {"metrics": {"accuracy": 1}, "accuracy": 1.0},
        {"created_by": "ada", "author": "bob"},
        {"params": {"a": 1}, "hyperparams": [1]},
    ],
)
def test_two_names_of_one_field_must_not_disagree(document):
    with pytest.raises(InvalidMetadata, match="given twice") as caught:
        normalise(document)
    assert caught.value.hint


@pytest.mark.parametrize("document", [[], "name: x", None, {1: 2}])
def test_what_is_no_document_is_refused(document):
    with pytest.raises(InvalidMetadata):
        normalise(document)


@pytest.mark.feature("VER-09")
def test_identity_reads_who_is_meant():
    document = {"name": "fraud", "version": "1.0.0", "stage": "Staging", "status": "Beta", "parent_id": "p", "x": 1}
    expected = {"name": "fraud", "version": "1.0.0", "stage": "Staging", "label": "Beta", "parent": "p"}
    assert identity(document) == expected
    assert normalise(document) == {"extra": {"x": 1}}


def test_a_status_of_another_kind_is_no_label():
    assert identity({"status": "trained"}) == {}
    assert normalise({"status": "trained"}) == {"extra": {"status": "trained"}}


def test_an_exported_record_can_be_read_again():
    record = VersionRecord(
        id="mv_1", name="fraud", number=3, version="1.0.0", stage="production", metrics={"f1": 0.9}, description="d"
    )
    assert record.status == "READY"
    assert identity(asdict(record)) == {"name": "fraud", "version": "1.0.0", "stage": "production"}
    assert Metadata(**check_fields(normalise(asdict(record)))) == Metadata(metrics={"f1": 0.9}, description="d")


@pytest.mark.feature("MET-07", "MET-08", "MET-10", "MET-17", "MET-18")
def test_each_field_is_checked_by_its_kind():
    found = check_fields(
        COMPLETE
        | {
            "tags": {"validated": True},
            "metric_samples": {"f1": [1, 0]},
            "sample_size": 10.0,
            "known_issues": ["slow", "large"],
            "training_data": {"rows": 5},
            "data_version": 2,
            "optimizer": {"name": "Adam"},
            "resource_utilisation": 0.5,
            "environment": {"python": "3.11", "packages": {"numpy": "2.0"}},
            "input_example": [[1, 2]],
            "training_timestamp": "",
        }
    )
    assert found["tags"] == {"validated": "true"}
    assert found["metric_samples"] == {"f1": [1.0, 0.0]}
    assert found["sample_size"] == 10
    assert found["known_issues"] == "slow\nlarge"
    assert found["training_data"] == '{"rows": 5}'
    assert found["data_version"] == "2"
    assert found["optimizer"] == '{"name": "Adam"}'
    assert found["resource_utilisation"] == {"total": 0.5}
    assert found["training_timestamp"] == ""
    assert isinstance(Metadata(**found), Metadata)


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("metrics", {"a": float("nan")}, InvalidMetric),
        ("metrics", [0.9], InvalidMetric),
        ("training_metrics", {"a": "x"}, InvalidMetric),
        ("resource_utilisation", {"gpu": "all"}, InvalidMetric),
        ("metric_samples", {"a": 1}, InvalidMetric),
        ("tags", {"a": None}, InvalidMetadata),
        ("tags", {"a\x00": "x"}, InvalidName),
        ("description", 3, InvalidMetadata),
        ("description", "x" * 100_001, InvalidMetadata),
        ("known_issues", ["x", 3], InvalidMetadata),
        ("framework", "x" * 1_001, InvalidMetadata),
        ("created_by", "a\x1bb", InvalidMetadata),
        ("training_data", {1, 2}, InvalidMetadata),
        ("hyperparameters", [1], InvalidMetadata),
        ("hyperparameters", {"a": object()}, InvalidMetadata),
        ("environment", "python 3.11", InvalidMetadata),
        ("input_schema", {"fields": [1]}, InvalidMetadata),
        ("output_schema", "bool", InvalidMetadata),
        ("training_timestamp", "soon", InvalidMetadata),
        ("sample_size", 0, InvalidMetadata),
        ("colour", "red", InvalidMetadata),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused(field, value, error):
    with pytest.raises(error) as caught:
        check_fields({field: value})
    assert type(caught.value) is error
    assert caught.value.hint


@pytest.mark.feature("MET-19")
def test_complete_metadata_misses_nothing():
    assert missing(COMPLETE) == ()
    assert completeness(COMPLETE).score == 1.0


@pytest.mark.feature("MET-19")
@pytest.mark.parametrize("field", COMPLETE)
def test_each_essential_field_is_missed(field):
    without = {name: value for name, value in COMPLETE.items() if name != field}
    assert missing(without) == (field,)
    assert missing(COMPLETE | {field: type(COMPLETE[field])()}) == (field,)
    assert completeness(without).score == pytest.approx(1 - 1 / 9, abs=1e-4)
    assert completeness(without).missing == [field]


def test_any_field_of_a_line_will_do():
    without = {name: value for name, value in COMPLETE.items() if name not in ("metrics", "created_by", "data_version")}
    others = {"validation_metrics": {"f1": 1.0}, "owner": "ada", "data_lineage": {"dataset": "x"}}
    assert missing(without | others) == ()
    assert missing(without | others | {"owner": "  "}) == ("created_by",)


def test_nothing_recorded_scores_nothing():
    assert (completeness({}).score, len(completeness({}).missing)) == (0.0, len(ESSENTIAL))


KEYS = st.sampled_from([*METADATA_FIELDS, *SYNONYMS, "accuracy", "train_loss", "colour", "id", "status", "name"])
VALUES = st.none() | st.booleans() | st.integers(0, 9) | st.text("ab", max_size=3) | st.just({"a": 1}) | st.just([1])


@given(st.dictionaries(KEYS, VALUES, max_size=6))
def test_any_document_is_either_refused_or_becomes_metadata(document):
    try:
        fields = check_fields(normalise(document))
    except (InvalidMetadata, InvalidMetric, InvalidName):
        return
    metadata = Metadata(**fields)
    assert check_fields(normalise(asdict(metadata))) == {
        name: value for name, value in asdict(metadata).items() if value is not None
    }


def test_a_field_of_its_own_is_no_extra():
    with pytest.raises(InvalidMetadata, match="'input_schema'") as caught:
        check_extra({"colour": "red", "input_schema": {}})
    assert "argument input_schema" in caught.value.hint
    for fine in (None, {}, {"colour": "red"}, "x"):
        check_extra(fine)
