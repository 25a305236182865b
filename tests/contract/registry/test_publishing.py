"""Registering models and versions: the same results and the same errors, wherever the registry is."""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelyard import (
    InvalidArtifact,
    InvalidMetadata,
    InvalidMetric,
    InvalidName,
    InvalidReference,
    InvalidRequest,
    InvalidStage,
    InvalidTransition,
    InvalidVersion,
    ModelExists,
    ModelNotFound,
    ModelStage,
    ModelyardError,
    VersionExists,
    VersionNotFound,
    VersionRecord,
)

ODD_NAMES = ["größe", "模型", "fraud v2 (final), ü+1", "a'b", "x=1,y=2", "0", "R&D!"]
BAD_NAMES = [
    "", " ", " fraud", "fraud ", "a/b", "a@b", "a:b", "..", "-x", "fraud\n", "a\0b", "🙂", "register", "Upload",
    "versions", "a" * 251, "\ud800", "mv_01m7yqr84m9xv7nx5f0nnjy8t7", 5, None, ["fraud"], b"fraud",
]  # fmt: skip
BAD_FIELDS: list[tuple[dict[str, Any], type[ModelyardError]]] = [
    ({"metrics": {"accuracy": float("nan")}}, InvalidMetric),
    ({"metrics": {"accuracy": float("inf")}}, InvalidMetric),
    ({"performance_metrics": {"accuracy": "0.9"}}, InvalidMetric),
    ({"metrics": {"accuracy": True}}, InvalidMetric),
    ({"metrics": {"accuracy": None}}, InvalidMetric),
    ({"metrics": [0.9]}, InvalidMetric),
    ({"metrics": {"": 0.9}}, InvalidName),
    ({"metrics": {1: 0.9}}, InvalidName),
    ({"metric_samples": {"accuracy": 0.9}}, InvalidMetric),
    ({"sample_size": 0}, InvalidMetadata),
    ({"tags": {"a": None}}, InvalidMetadata),
    ({"tags": {"a": {"b": "c"}}}, InvalidMetadata),
    ({"tags": {"a\n": "b"}}, InvalidName),
    ({"tags": {"big": "x" * (1 << 20)}}, InvalidMetadata),
    ({"tags": "ab"}, InvalidMetadata),
    ({"description": "bell \a"}, InvalidMetadata),
    ({"description": "half \ud800"}, InvalidMetadata),
    ({"description": 5}, InvalidMetadata),
    ({"hyperparams": {"chosen": {1, 2}}}, InvalidMetadata),
    ({"hyperparams": {"seed": 1 << 70}}, InvalidMetadata),
    ({"hyperparams": {"rate": float("nan")}}, InvalidMetadata),
    ({"extra": {"text": "a\0b"}}, InvalidMetadata),
    ({"training_timestamp": "yesterday"}, InvalidMetadata),
    ({"input_schema": {"fields": [{"name": "x"}]}}, InvalidMetadata),
    ({"label": "golden"}, InvalidMetadata),
    ({"status": "golden"}, InvalidMetadata),
    ({"status": 1}, InvalidMetadata),
    ({"descripton": "a typing error"}, InvalidMetadata),
    ({"deployed": True}, InvalidMetadata),
    ({"params": {"a": 1}, "hyperparams": {"a": 2}}, InvalidMetadata),
    ({"label": "beta", "status": "stable"}, InvalidRequest),
    ({"version": "1.0"}, InvalidVersion),
    ({"version": "01.0.0"}, InvalidVersion),
    ({"version": "v1.0.0"}, InvalidVersion),
    ({"version": 1.0}, InvalidReference),
    ({"stage": "productoin"}, InvalidStage),
    ({"stage": 3}, InvalidStage),
    ({"stage": "production"}, InvalidTransition),
    ({"parent": "nobody/1.0.0"}, ModelNotFound),
    ({"parent": "mv_01m7yqr84m9xv7nx5f0nnjy8t7"}, VersionNotFound),
    ({"parent": 7}, InvalidReference),
]


def nested(levels: int) -> dict[str, object]:
    """A mapping in a mapping in a mapping."""
    value: dict[str, object] = {}
    for _ in range(levels):
        value = {"a": value}
    return value


@pytest.mark.feature("REG-04", "REG-05", "MET-01", "MET-02", "MET-04", "MET-12", "MET-13", "MET-15", "VER-08")
def test_a_file_becomes_a_version(registry, weights):
    version_id = registry.register_model(
        weights, name="fraud", description="Flags payments", tags={"team": "risk"}, metrics={"accuracy": 0.93}
    )
    version = registry.get_model(version_id)
    assert (version.id, version.model_id, version.version_id) == (version_id, version_id, version_id)
    assert (version.name, version.model_name, version.number, version.version) == ("fraud", "fraud", 1, "0.1.0")
    assert (version.stage, version.label, version.status, version.deployed) == (
        ModelStage.DEVELOPMENT,
        "",
        "READY",
        False,
    )
    assert version.metrics == version.performance_metrics == {"accuracy": 0.93}
    assert (version.description, version.tags) == ("Flags payments", {"team": "risk"})
    assert [(file.path, file.size) for file in version.files] == [("weights.bin", 7)]
    assert (version.model_size_bytes, version.artifact_uri) == (7, "models:/fraud/1")
    assert version.model_hash == version.files[0].sha256 == hashlib.sha256(b"weights").hexdigest()
    assert version.created_at == version.updated_at


@pytest.mark.feature("REG-24")
def test_a_folder_becomes_a_version(registry, tmp_path):
    for path, text in {"model.onnx": "onnx", "a/b/tokens.json": "{}", ".hidden": "h", "empty.py": ""}.items():
        file = tmp_path / "folder" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    version = registry.get_model(registry.register_model(str(tmp_path / "folder"), "packed"))
    assert [file.path for file in version.files] == [".hidden", "a/b/tokens.json", "empty.py", "model.onnx"]
    assert version.model_size_bytes == 7


@pytest.mark.parametrize(
    "path", ['quo"te.bin', "back\\slash.bin", "per%cent%22.bin", "größe 模型.bin", "a+b&c=d;e.bin", "'.bin"]
)
def test_names_of_files_travel_as_they_are(either_registry, tmp_path, path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / path).write_bytes(b"odd")
    try:
        version_id = either_registry.register_model(tmp_path / "folder", "odd")
    except InvalidArtifact:
        assert "\\" in path
        return
    assert [file.path for file in either_registry.get_model(version_id).files] == [path]
    assert either_registry.download_model(version_id, f"{tmp_path}/got/").read_bytes() == b"odd"


@pytest.mark.feature("VER-01", "VER-08")
def test_versions_count_up_from_the_highest_there_ever_was(registry, weights):
    def register(version: str | None = None) -> tuple[int, str]:
        record = registry.get_model(registry.register_model(weights, "fraud", version))
        return record.number, record.version

    assert [register(), register(), register("2.0.0-rc.1"), register("1.0.0+build.5"), register()] == [
        (1, "0.1.0"), (2, "0.1.1"), (3, "2.0.0-rc.1"), (4, "1.0.0+build.5"), (5, "2.0.0"),
    ]  # fmt: skip


@pytest.mark.feature("VER-17")
def test_a_version_is_taken_for_ever(registry, weights):
    first = registry.register_model(weights, "fraud", "1.0.0")
    with pytest.raises(VersionExists):
        registry.register_model(weights, "fraud", "1.0.0")
    registry.delete_model(first)
    with pytest.raises(VersionExists) as caught:
        registry.register_model(weights, "fraud", "1.0.0")
    assert caught.value.details == {"name": "fraud", "version": "1.0.0"}
    assert caught.value.hint


@pytest.mark.feature("MET-03", "MET-06", "MET-07", "MET-08", "MET-09", "MET-10", "MET-11", "MET-17", "MET-18")
def test_metadata_is_taken_under_every_common_name(registry, weights):
    given = {
        "performance_metrics": {"accuracy": np.float32(0.5), "f1_score": 1},
        "training_metrics": {"loss": np.int64(2)},
        "val_metrics": {"auc": 0.75},
        "metric_samples": {"accuracy": np.array([0.5, 0.25])},
        "sample_size": np.int64(400),
        "hyperparams": {
            "layers": (1, 2),
            "rate": np.float64(0.5),
            "grid": np.eye(2),
            "since": datetime(2026, 1, 2, tzinfo=UTC),
        },
        "data_lineage": {"dataset": Path("data") / "march.csv"},
        "dataset": "march",
        "git_commit": "abc123",
        "tags": {"fast": True, "depth": 3},
        "training_timestamp": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        "resource_utilization": {"gpu_hours": 1.5},
        "known_issues": ["slow", "large"],
        "author": "ann",
        "extra": {"note": "kept"},
    }
    version = registry.get_model(registry.register_model(weights, "fraud", **given))
    assert version.metrics == {"accuracy": 0.5, "f1_score": 1.0}
    assert (version.training_metrics, version.validation_metrics) == ({"loss": 2.0}, {"auc": 0.75})
    assert (version.metric_samples, version.sample_size) == ({"accuracy": [0.5, 0.25]}, 400)
    assert version.hyperparams == version.hyperparameters == {
        "layers": [1, 2], "rate": 0.5, "grid": [[1.0, 0.0], [0.0, 1.0]], "since": "2026-01-02T00:00:00+00:00",
    }  # fmt: skip
    assert (version.data_lineage, version.training_data) == ({"dataset": "data/march.csv"}, "march")
    assert (version.code_version, version.tags) == ("abc123", {"fast": "true", "depth": "3"})
    assert version.training_timestamp == "2026-01-02T03:04:05Z"
    assert version.resource_utilisation == {"gpu_hours": 1.5}
    assert (version.known_issues, version.created_by, version.extra) == ("slow\nlarge", "ann", {"note": "kept"})


def test_a_model_may_have_any_readable_name(registry, weights, subtests):
    for name in ODD_NAMES:
        with subtests.test(name):
            version_id = registry.register_model(weights, name, "1.0.0+b.1")
            assert registry.get_model(version_id).name == name
            assert registry.get_model(name).id == registry.get_model(f"{name}/1.0.0+b.1").id == version_id
            assert registry.set_alias(name, "champion", 1).version_id == version_id
            assert [version.id for version in registry.list_versions(name)] == [version_id]
            assert registry.get_model(name, ">=1,<2") == registry.get_model(f"models:/{name}@champion") == version_id
            assert registry.delete_alias(name, "champion") == []


def test_a_bad_name_is_refused(either_registry, weights, subtests):
    registry = either_registry
    asks = (
        lambda given: registry.register_model(weights, given),
        registry.create_model,
        registry.register_version,
        registry.list_versions,
        registry.describe_model,
        registry.get_latest_version,
        lambda given: registry.get_best_model(given, "accuracy"),
        lambda given: registry.set_alias(given, "champion", 1),
    )
    for name in BAD_NAMES:
        with subtests.test(repr(name)[:20]):
            for ask in asks:
                with pytest.raises(InvalidName) as caught:
                    ask(name)
                assert type(caught.value) is InvalidName
    assert registry.models() == []


def test_what_cannot_be_recorded_is_refused_and_changes_nothing(registry, weights, subtests):
    for fields, error in BAD_FIELDS:
        with subtests.test(repr(fields)[:40]):
            with pytest.raises(error) as caught:
                registry.register_model(weights, name="fraud", **fields)
            assert type(caught.value) is error
            assert caught.value.message
    assert registry.models() == []
    assert registry.get_history() == []


def test_deep_nesting_is_refused(either_registry, weights):
    with pytest.raises(InvalidMetadata, match="nested"):
        either_registry.register_model(weights, "fraud", extra=nested(100))


def test_a_keyword_that_is_no_field_is_met_with_the_nearest_one(either_registry, weights):
    with pytest.raises(InvalidMetadata, match="descripton") as caught:
        either_registry.register_model(weights, "fraud", descripton="a typing error")
    assert "description" in caught.value.hint


@pytest.mark.feature("VER-09")
@pytest.mark.parametrize("word", ["label", "status"])
def test_a_version_has_a_label(registry, weights, word):
    assert registry.get_model(registry.register_model(weights, "fraud", **{word: "Beta"})).label == "beta"


@pytest.mark.parametrize("word", ["parent", "parent_model", "parent_id"])
def test_a_version_has_a_parent(registry, weights, word):
    first = registry.get_model(registry.register_model(weights, "fraud"))
    second = registry.register_model(weights, "other", **{word: first})
    assert isinstance(first, VersionRecord)
    assert registry.get_model(second).parent_id == first.id


def test_a_version_may_enter_one_move_from_the_start(registry, weights):
    version_id = registry.register_model(weights, "fraud", stage=ModelStage.STAGING)
    assert registry.get_model(version_id).stage is ModelStage.STAGING


@pytest.mark.feature("REG-01")
def test_a_model_exists_without_versions(registry):
    model = registry.create_model("gemini", "Google Gemini LLM", owner="ann", team="llm", tags={"kind": "llm", "n": 1})
    assert (model.name, model.description, model.owner, model.team) == ("gemini", "Google Gemini LLM", "ann", "llm")
    assert (model.tags, model.versions, model.latest_version) == ({"kind": "llm", "n": "1"}, 0, None)
    with pytest.raises(ModelExists):
        registry.create_model("gemini")
    with pytest.raises(VersionNotFound):
        registry.get_latest_version("gemini")


@pytest.mark.feature("REG-02", "REG-08", "VER-09")
def test_a_version_without_files_is_registered_under_its_model(registry):
    registry.create_model("gemini", "Google Gemini LLM")
    version_id = registry.register_version("gemini", "1.0.0", "stable", description="flash")
    (version,) = registry.list_versions("gemini")
    assert (version.id, version.label, version.files, version.digest) == (version_id, "stable", [], "")
    assert (version.description, version.artifact_path, version.model_size_bytes) == ("flash", None, 0)


def test_a_version_is_registered_under_a_model_that_exists(registry, weights):
    with pytest.raises(ModelNotFound):
        registry.register_version("fraud", "1.0.0")
    with pytest.raises(ModelNotFound):
        registry.register_version("fraud", "1.0.0", model=weights)
    assert registry.models() == []
    registry.register_version("fraud", "1.0.0", create=True)
    with pytest.raises(InvalidRequest, match="input example"):
        registry.register_version("fraud", "1.0.0", input_example=[1])
    with_files = registry.register_version("fraud", "1.1.0", "beta", model=weights)
    assert registry.get_model(with_files).files


@pytest.mark.parametrize(
    "model", ["weights", "no/such/file", "\0", "x" * 5000, Path("nowhere")], ids=lambda m: repr(m)[:20]
)
def test_a_path_where_nothing_lies_is_refused(either_registry, model):
    with pytest.raises(InvalidArtifact):
        either_registry.register_model(model, "fraud")
    assert either_registry.models() == []


@pytest.mark.feature("REG-01", "REG-25")
def test_a_name_and_a_description_make_a_model(either_registry):
    model_id = either_registry.register_model("gemini", "Google Gemini LLM")
    assert either_registry.register_model("helper", "Answers questions of customers") != model_id
    models = {model.name: model for model in either_registry.models()}
    assert (models["gemini"].id, models["gemini"].description) == (model_id, "Google Gemini LLM")
    assert (models["helper"].description, models["helper"].versions) == ("Answers questions of customers", 0)
    with pytest.raises(ModelExists):
        either_registry.register_model("gemini", "Google Gemini LLM")


@pytest.mark.parametrize(
    ("model", "name", "given"),
    [
        ("model.joblib", "fraud detector", {}),
        ("./gemini", "fraud detector", {}),
        ("folder/gemini", "fraud detector", {}),
        ("weights", "fraud", {}),
        ("weights", "fraud detector", {"description": "finds fraud"}),
        ("gemini", "fraud", {"version": "1.0.0"}),
    ],
)
def test_a_mistyped_path_is_no_name(either_registry, model, name, given):
    with pytest.raises(InvalidArtifact) as caught:
        either_registry.register_model(model, name, **given)
    assert "create_model" in caught.value.hint
    assert either_registry.models() == []


def test_a_path_where_something_lies_is_registered_whatever_its_name(either_registry, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tmp_path.joinpath("gemini").write_bytes(b"weights")
    version_id = either_registry.register_model("gemini", "fraud detector")
    assert either_registry.get_model(version_id).files


def test_what_is_no_model_is_refused(either_registry):
    for model in (None, b"bytes", int, len, lambda: 0, os):
        with pytest.raises(InvalidArtifact):
            either_registry.register_model(model, "fraud")
    assert either_registry.models() == []


def make_empty_file(folder: Path) -> Path:
    folder.joinpath("empty").write_bytes(b"")
    return folder / "empty"


def make_empty_folder(folder: Path) -> Path:
    folder.joinpath("folder").mkdir()
    return folder / "folder"


def make_empty_files(folder: Path) -> Path:
    make_empty_folder(folder).joinpath("a").write_bytes(b"")
    return folder / "folder"


def make_escaping_link(folder: Path) -> Path:
    folder.joinpath("secret").write_text("secret")
    make_empty_folder(folder).joinpath("link").symlink_to(folder / "secret")
    return folder / "folder"


def make_dangling_link(folder: Path) -> Path:
    folder.joinpath("link").symlink_to(folder / "nothing")
    return folder / "link"


def make_pipe(folder: Path) -> Path:
    os.mkfifo(make_empty_folder(folder) / "pipe")
    return folder / "folder"


def make_unprintable(folder: Path) -> Path:
    make_empty_folder(folder).joinpath("a\nb").write_text("x")
    return folder / "folder"


def test_files_that_cannot_become_a_version_are_refused(either_registry, tmp_path, subtests):
    makers = (
        make_empty_file,
        make_empty_folder,
        make_empty_files,
        make_escaping_link,
        make_dangling_link,
        make_pipe,
        make_unprintable,
    )
    for number, make in enumerate(makers):
        folder = tmp_path / str(number)
        folder.mkdir()
        with subtests.test(make.__name__), pytest.raises(InvalidArtifact):
            either_registry.register_model(make(folder), "fraud")
    assert either_registry.models() == []


def test_the_words_of_the_versioning_document_are_taken(registry, weights):
    version_id = registry.register_model(
        model_name="fraud", model_path=str(weights), metrics={"auc": 0.9}, params={"depth": 3}
    )
    version = registry.get_model(version_id)
    assert (version.name, version.hyperparameters) == ("fraud", {"depth": 3})
    with pytest.raises(InvalidRequest, match="model_name"):
        registry.register_model(weights, name="fraud", model_name="other")


def test_progress_counts_every_byte(registry, tmp_path):
    (tmp_path / "big").write_bytes(os.urandom(20 << 20))
    steps: list[int] = []
    registry.register_model(tmp_path / "big", "fraud", progress=steps.append)
    assert sum(steps) == 20 << 20
    assert len(steps) > 1


def test_a_closed_registry_says_so(registry):
    registry.close()
    registry.close()
    with pytest.raises(InvalidRequest, match="was closed"):
        registry.models()
    assert "closed" in repr(registry)


def test_a_field_does_not_hide_in_extra(registry, caplog, tmp_path):
    with pytest.raises(InvalidMetadata, match="input_schema") as caught:
        registry.register_version("m", create=True, extra={"input_schema": {"x": "int8"}})
    assert "argument input_schema" in caught.value.hint
    made = registry.register_version("m", create=True, extra={"colour": "red"})
    with pytest.raises(InvalidMetadata, match="owner"):
        registry.update_version(made, extra={"owner": "ana"})
    (tmp_path / "model.onnx").write_bytes(b"no protocol buffer")
    registry.register_model(tmp_path / "model.onnx", "m")
    assert "'model.onnx' tells no inputs and outputs" in caplog.text
