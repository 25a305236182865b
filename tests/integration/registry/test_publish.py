"""Publishing: numbers, versions, stages of entry, atomicity, repeated requests."""

from __future__ import annotations

import json

import pytest

from components.yards import register
from modelyard.bootstrap import EmbeddedCaller
from modelyard.domain.manifest import FileEntry, Manifest
from modelyard.errors import (
    IdempotencyConflict,
    InvalidArtifact,
    InvalidMetric,
    InvalidName,
    InvalidRequest,
    InvalidTransition,
    InvalidVersion,
    ModelExists,
    ModelNotFound,
    VersionExists,
    VersionNotFound,
)
from modelyard.operations import (
    CREATE_MODEL,
    DELETE,
    DESCRIBE_MODEL,
    GET_VERSION,
    LIST_EVENTS,
    REGISTER_VERSION,
    STATS,
    CreateModel,
    Delete,
    Empty,
    ListEvents,
    NamedModelThen,
    NamedThen,
    RegisterVersion,
)
from modelyard.registry.publish import publish


@pytest.mark.feature("REG-01")
def test_a_model_is_created_once(caller: EmbeddedCaller) -> None:
    made = caller.call(CREATE_MODEL, CreateModel(name="fraud", description="Flags payments", tags={"team": "risk"}))
    assert (made.name, made.description, made.tags, made.versions) == ("fraud", "Flags payments", {"team": "risk"}, 0)
    with pytest.raises(ModelExists) as refusal:
        caller.call(CREATE_MODEL, CreateModel(name="fraud"))
    assert refusal.value.details == {"name": "fraud"}
    assert caller.call(DESCRIBE_MODEL, NamedModelThen(name="fraud")) == made


@pytest.mark.feature("VER-08", "REG-04", "MET-12", "MET-13")
def test_versions_count_up_from_0_1_0(caller: EmbeddedCaller) -> None:
    first = register(caller, "fraud", b"one", metrics={"accuracy": 0.9})
    second = register(caller, "fraud", b"two")
    assert (first.version, first.number, second.version, second.number) == ("0.1.0", 1, "0.1.1", 2)
    assert first.id != second.id
    assert first.digest != second.digest
    assert (first.model_size_bytes, first.files[0].path, first.stage, first.status) == (
        3,
        "model.bin",
        "development",
        "READY",
    )
    assert caller.call(GET_VERSION, NamedThen(reference=first.id)) == first


@pytest.mark.feature("VER-01")
def test_the_next_version_follows_the_highest_that_ever_was(caller: EmbeddedCaller) -> None:
    register(caller, "fraud", version="2.0.0")
    register(caller, "fraud", version="1.0.0")
    assert register(caller, "fraud").version == "2.0.1"
    caller.call(DELETE, Delete(reference="fraud/2.0.1"))
    follower = register(caller, "fraud")
    assert (follower.version, follower.number) == ("2.0.2", 4)
    with pytest.raises(VersionExists, match=r"has, or had, a version 2\.0\.1"):
        register(caller, "fraud", version="2.0.1")


def test_equal_content_is_stored_once(caller: EmbeddedCaller) -> None:
    one, two = register(caller, "fraud", b"same"), register(caller, "churn", b"same")
    assert one.digest == two.digest
    numbers = caller.call(STATS, Empty())
    assert (numbers.total_size_bytes, numbers.stored_size_bytes) == (8, 4)


@pytest.mark.feature("REG-02", "VER-09")
def test_a_version_without_files_has_a_label(caller: EmbeddedCaller) -> None:
    caller.call(CREATE_MODEL, CreateModel(name="gemini"))
    made = caller.call(REGISTER_VERSION, RegisterVersion(name="gemini", version="1.0.0", status="Stable"))
    assert (made.label, made.files, made.digest, made.artifact_path) == ("stable", [], "", None)


def test_a_version_of_an_unknown_model_is_refused(caller: EmbeddedCaller) -> None:
    with pytest.raises(ModelNotFound, match="'gemini'"):
        caller.call(REGISTER_VERSION, RegisterVersion(name="gemini", version="1.0.0"))


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"version": "1.0"}, InvalidVersion),
        ({"version": "v1.0.0"}, InvalidVersion),
        ({"metrics": {"accuracy": float("nan")}}, InvalidMetric),
        ({"metrics": {"accuracy": float("inf")}}, InvalidMetric),
        ({"tags": {"note": "x" * 1_000_001}}, InvalidRequest),
        ({"description": "bell \x07"}, InvalidRequest),
        ({"status": "golden"}, InvalidRequest),
        ({"stage": "production"}, InvalidTransition),
        ({"stage": "prodution"}, InvalidRequest),
        ({"parent": "other/1"}, ModelNotFound),
        ({"parent": "fraud/9"}, VersionNotFound),
    ],
)
def test_a_refused_version_leaves_nothing(
    caller: EmbeddedCaller, fields: dict[str, object], error: type[Exception]
) -> None:
    register(caller, "fraud")
    before = caller.call(LIST_EVENTS, ListEvents())
    with pytest.raises(error):
        register(caller, "fraud", b"other", **fields)
    assert caller.call(LIST_EVENTS, ListEvents()) == before
    assert register(caller, "fraud").number == 2


@pytest.mark.parametrize("name", ["", "a/b", "a\x00b", "🚀", "..", "versions", " x", "x" * 251])
def test_impossible_names_make_no_model(caller: EmbeddedCaller, name: str) -> None:
    with pytest.raises(InvalidName):
        register(caller, name)
    assert caller.call(STATS, Empty()).total_models == 0


@pytest.mark.parametrize("name", ["Grüße", "信用", "my model (v2)", "fraud_detection-v1.2"])
def test_names_of_any_script_are_kept(caller: EmbeddedCaller, name: str) -> None:
    made = register(caller, name)
    assert caller.call(GET_VERSION, NamedThen(reference=f"models:/{name}/1")) == made


def test_a_file_that_left_the_store_makes_no_version(caller: EmbeddedCaller) -> None:
    ghost = Manifest(files=(FileEntry(path="m.bin", size=1, blake3="ab" * 32, sha256="cd" * 32),))
    with pytest.raises(InvalidArtifact, match="not in the store"):
        publish(caller.yard, RegisterVersion(name="fraud", create=True), ghost)
    with pytest.raises(InvalidArtifact, match="no file"):
        publish(caller.yard, RegisterVersion(name="fraud", create=True), Manifest(files=()))
    assert caller.call(STATS, Empty()).total_models == 0


def test_a_repeated_request_gets_the_first_answer(caller: EmbeddedCaller) -> None:
    request = RegisterVersion(name="gemini", create=True, metrics={"accuracy": 0.5})
    first = caller.call(REGISTER_VERSION, request, idempotency_key="k1")
    again = caller.call(REGISTER_VERSION, request, idempotency_key="k1")
    assert again == first
    assert caller.call(STATS, Empty()).total_versions == 1
    with pytest.raises(IdempotencyConflict):
        caller.call(REGISTER_VERSION, RegisterVersion(name="other", create=True), idempotency_key="k1")
    with pytest.raises(InvalidRequest, match="300 characters"):
        caller.call(REGISTER_VERSION, request, idempotency_key="k" * 300)


@pytest.mark.feature("REG-22", "MET-16")
def test_the_readable_tree_tells_the_version(caller: EmbeddedCaller) -> None:
    made = register(caller, "fraud", metrics={"accuracy": 0.9}, hyperparameters={"depth": 3})
    root = caller.yard.store.root
    assert root is not None
    folder = root / "view" / "fraud" / "0.1.0"
    assert made.artifact_path == str(folder / "model.bin")
    assert (folder / "model.bin").read_bytes() == b"weights"
    metadata = json.loads((folder / "metadata.json").read_text())
    assert (metadata["version_id"], metadata["hyperparameters"], metadata["deployed"]) == (made.id, {"depth": 3}, False)
    assert json.loads((folder / "metrics.json").read_text()) == {"accuracy": 0.9}
    caller.call(DELETE, Delete(reference=made.id))
    assert not folder.exists()
