"""What must not happen by mistake: a lost database, a way around a gate, garbage that is none, unreadable facts."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from components.yards import open_caller, register
from modelyard.bootstrap import EmbeddedCaller
from modelyard.errors import (
    Conflict,
    InvalidConfig,
    InvalidMetadata,
    InvalidMetric,
    InvalidName,
    InvalidRequest,
    InvalidStage,
    RegistryCorrupt,
)
from modelyard.operations import (
    ARCHIVE,
    BEST,
    COLLECT_GARBAGE,
    COMPARE,
    DELETE,
    DEPRECATE,
    DESCRIBE_MODEL,
    LATEST,
    LINEAGE,
    LIST_MODELS,
    PROMOTE,
    RESOLVE,
    ROLLBACK,
    UPDATE_METRICS,
    UPDATE_VERSION,
    Best,
    CollectGarbage,
    Compare,
    Delete,
    Deprecate,
    Explained,
    Latest,
    ListModels,
    Named,
    NamedModelThen,
    NamedThen,
    Promote,
    Rollback,
    UpdateMetrics,
    UpdateVersion,
)


@pytest.mark.parametrize("lost", ["removed", "emptied"])
def test_files_without_their_database_are_not_opened_as_new(tmp_path: Path, lost: str) -> None:
    with open_caller(tmp_path / "registry") as caller:
        register(caller, "fraud")
    database = tmp_path / "registry" / "registry.db"
    for file in (tmp_path / "registry").glob("registry.db*"):
        file.unlink()
    if lost == "emptied":
        database.touch()
    with pytest.raises(RegistryCorrupt, match="the database is empty") as refusal:
        open_caller(tmp_path / "registry")
    assert "restore" in refusal.value.hint
    assert len(list((tmp_path / "registry" / "blobs").glob("*/*"))) == 1


def test_a_database_without_its_schema_version_is_not_a_registry(tmp_path: Path) -> None:
    with open_caller(tmp_path / "registry") as caller, caller.yard.database.write() as tx:
        tx.connection.exec_driver_sql("DELETE FROM alembic_version")
    with pytest.raises(RegistryCorrupt):
        open_caller(tmp_path / "registry")


def test_an_upload_at_work_is_no_garbage(caller: EmbeddedCaller) -> None:
    with caller.yard.store.writer("model.bin") as writer:
        writer.write(b"x" * (20 << 20))
        assert caller.call(COLLECT_GARBAGE, CollectGarbage(grace_seconds=0)).stale_uploads == 0
        blob = writer.commit()
    assert caller.yard.store.exists(blob.digest)


def test_what_a_killed_upload_left_goes_after_an_hour(caller: EmbeddedCaller) -> None:
    root = caller.yard.store.root
    assert root is not None
    (root / "tmp").mkdir(parents=True, exist_ok=True)
    left = root / "tmp" / ("0" * 32)
    left.write_bytes(b"half")
    os.utime(left, times=(time.time() - 7200,) * 2)
    assert caller.call(COLLECT_GARBAGE, CollectGarbage()).stale_uploads == 1
    assert not left.exists()


def test_a_stage_where_nothing_can_start_is_no_default(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfig, match=r"registry\.default_stage is production"):
        open_caller(tmp_path / "registry", **{"registry.default_stage": "production"})


def test_a_rollback_is_no_way_around_the_gates(caller: EmbeddedCaller) -> None:
    good, weak = register(caller, "fraud", b"1"), register(caller, "fraud", b"2")
    for stage in ("staging", "production"):
        caller.call(PROMOTE, Promote(reference=good.id, target_stage=stage))
    with pytest.raises(Conflict, match="never stood in production"):
        caller.call(ROLLBACK, Rollback(reference="fraud", version=weak.id))
    for stage in ("development", "archived", "rejected"):
        with pytest.raises(InvalidStage):
            caller.call(ROLLBACK, Rollback(reference="fraud", version=weak.id, stage=stage))
    assert caller.call(DESCRIBE_MODEL, NamedModelThen(name="fraud")).stages == {"production": "0.1.0"}


def test_stages_of_a_model_are_plain_texts(caller: EmbeddedCaller) -> None:
    caller.call(PROMOTE, Promote(reference=register(caller, "fraud").id, target_stage="staging"))
    assert {type(stage) for stage in caller.call(DESCRIBE_MODEL, NamedModelThen(name="fraud")).stages} == {str}


@pytest.mark.parametrize("text", ["a\ud800", "\x00\x1b[2J", "a" * 10_001])
def test_reasons_are_readable(caller: EmbeddedCaller, text: str) -> None:
    made = register(caller, "fraud")
    with pytest.raises(InvalidMetadata):
        caller.call(PROMOTE, Promote(reference=made.id, target_stage="staging", comment=text))
    with pytest.raises(InvalidMetadata):
        caller.call(ARCHIVE, Explained(reference=made.id, reason=text))
    with pytest.raises(InvalidMetadata):
        caller.call(ROLLBACK, Rollback(reference=made.id, reason=text))


@pytest.mark.parametrize("tags", ["abc", ["a"], 0, False])
def test_tags_that_are_no_mapping_are_refused(caller: EmbeddedCaller, tags: object) -> None:
    made = register(caller, "fraud", tags={"keep": "me"})
    with pytest.raises(InvalidMetadata, match="tags"):
        caller.call(UPDATE_VERSION, UpdateVersion(reference=made.id, metadata={"tags": tags}))
    cleared = caller.call(UPDATE_VERSION, UpdateVersion(reference=made.id, metadata={"tags": None}))
    assert cleared.tags == {}


def test_texts_that_no_database_takes_are_refused(caller: EmbeddedCaller) -> None:
    register(caller, "fraud", metrics={"accuracy": 0.5})
    for token in ("WyJcdWQ4MDAiXQ", "WyJhXHUwMDAwIl0"):
        with pytest.raises(InvalidRequest, match="page token"):
            caller.call(LIST_MODELS, ListModels(page_token=token))
    for metric in ("a\0b", "\ud800"):
        with pytest.raises(InvalidName):
            caller.call(BEST, Best(name="fraud", metric=metric, direction="higher"))


@pytest.mark.feature("CMP-01", "REG-16", "MET-06")
def test_validation_metrics_count_where_performance_metrics_are_silent(caller: EmbeddedCaller) -> None:
    better = register(caller, "fraud", b"1", metrics={"latency_ms": 5}, validation_metrics={"accuracy": 0.9})
    worse = register(caller, "fraud", b"2", metrics={"latency_ms": 5}, validation_metrics={"accuracy": 0.5})
    assert (
        caller.call(COMPARE, Compare(version_a=better.id, version_b=worse.id, metrics=["accuracy"])).winner == better.id
    )
    assert caller.call(BEST, Best(name="fraud", metric="accuracy")).id == better.id


def test_one_metric_has_one_value(caller: EmbeddedCaller) -> None:
    with pytest.raises(InvalidMetric, match="one metric"):
        register(caller, "fraud", metrics={"f1": 0.1, "f1_score": 0.9})
    made = register(caller, "fraud", metrics={"f1_score": 0.9, "accuracy": 0.8})
    corrected = caller.call(UPDATE_METRICS, UpdateMetrics(reference=made.id, metrics={"f1": 0.7}))
    assert corrected.metrics == {"f1": 0.7, "accuracy": 0.8}


def test_latest_passes_over_deprecated_versions_while_it_can(caller: EmbeddedCaller) -> None:
    first, second = register(caller, "fraud", b"1"), register(caller, "fraud", b"2")
    caller.call(DEPRECATE, Deprecate(reference=second.id, reason="leaks labels"))
    assert caller.call(LATEST, Latest(name="fraud")).id == first.id
    assert caller.call(RESOLVE, NamedThen(reference="fraud")).id == first.id
    assert caller.call(DESCRIBE_MODEL, NamedModelThen(name="fraud")).latest_version == first.version
    caller.call(DEPRECATE, Deprecate(reference=first.id, reason="as well"))
    assert caller.call(RESOLVE, NamedThen(reference="fraud/latest")).id == second.id
    assert caller.call(DESCRIBE_MODEL, NamedModelThen(name="fraud")).latest_version == second.version


def test_lineage_ends_where_a_parent_was_deleted(caller: EmbeddedCaller) -> None:
    base = register(caller, "base", b"0")
    register(caller, "fraud", b"1")
    child = register(caller, "fraud", b"2", parent=base.id)
    caller.call(DELETE, Delete(reference=base.id, force=True))
    assert [record.id for record in caller.call(LINEAGE, Named(reference=child.id)).versions] == [child.id]
