"""Compare, lineage, numbers, export, verify, collect: the same, wherever the registry is."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from modelyard import InvalidMetric, InvalidReference, InvalidRequest, ModelNotFound


@pytest.fixture
def pair(registry, weights):
    """Two versions that differ in metrics and parameters."""
    return [
        registry.register_model(
            weights, "fraud", metrics={"accuracy": 0.85, "loss": 0.4}, hyperparams={"depth": 3, "rate": 0.1}
        ),
        registry.register_model(weights, "fraud", metrics={"accuracy": 0.95, "loss": 0.5}, hyperparams={"depth": 5}),
    ]


@pytest.mark.feature("CMP-01", "CMP-03", "CMP-04", "VER-16")
def test_two_versions_side_by_side(registry, pair):
    comparison = registry.compare_models(*pair, metrics_to_compare=["accuracy"])
    assert comparison.winner == pair[1] == registry.get_latest_version("fraud")
    assert 0 < comparison.confidence_score <= 1
    assert comparison.basis
    assert comparison.metric_changes["accuracy"] == pytest.approx(0.1)
    assert comparison.params_diff == {"depth": {"a": 3, "b": 5}, "rate": {"a": 0.1, "b": None}}
    assert (comparison.a.id, comparison.b.id) == tuple(pair)
    assert [(metric.name, metric.better, metric.direction) for metric in comparison.metrics] == [
        ("accuracy", "b", "higher")
    ]


@pytest.mark.feature("CMP-02")
def test_the_metrics_that_decide_are_chosen(registry, pair):
    assert registry.compare_models(*pair, ["loss"]).winner == pair[0]
    assert registry.compare_models(*pair, metrics=("loss",)).winner == pair[0]
    assert registry.compare_models(pair[0], pair[0]).winner is None
    for wrong, error in (
        (["nothing"], InvalidMetric),
        ("accuracy", InvalidRequest),
        (5, InvalidRequest),
        ([5], InvalidRequest),
    ):
        with pytest.raises(error):
            registry.compare_models(*pair, wrong)
    with pytest.raises(InvalidRequest, match="different values"):
        registry.compare_models(*pair, ["loss"], metrics=["accuracy"])
    with pytest.raises(ModelNotFound):
        registry.compare_models(pair[0], "nobody")


def test_a_metric_may_have_commas_and_blanks_in_its_name(registry, weights):
    ids = [registry.register_model(weights, "odd", metrics={"accuracy": a, "f1 (macro)": a}) for a in (0.1, 0.2)]
    assert [metric.name for metric in registry.compare_models(*ids, ["f1 (macro)"]).metrics] == ["f1 (macro)"]


@pytest.mark.every_way
def test_a_line_of_ancestors(registry, pair, weights):
    child = registry.register_model(weights, "child", parent=pair[1])
    assert registry.get_model_lineage(child) == [*pair, child]
    assert registry.get_model_lineage(pair[0]) == [pair[0]]


@pytest.mark.feature("REG-19")
def test_the_registry_in_numbers(registry, pair, weights):
    registry.create_model("empty")
    registry.set_alias("fraud", "champion", 1)
    registry.archive_model(pair[0])
    stats = registry.get_registry_stats()
    assert (stats["total_models"], stats["total_versions"], stats["total_aliases"]) == (2, 2, 1)
    assert (stats["total_size_bytes"], stats["stored_size_bytes"]) == (14, 7)
    assert stats["models_by_stage"] == {"archived": 1, "development": 1}
    assert json.loads(json.dumps(stats)) == stats


@pytest.mark.feature("REG-20")
@pytest.mark.every_way
def test_the_registry_as_a_file(registry, pair, tmp_path):
    target = registry.export_registry(str(tmp_path / "deep" / "export.json"))
    data = json.loads(target.read_text(encoding="utf-8"))
    assert [model["name"] for model in data["models"]] == ["fraud"]
    assert [version["id"] for version in data["versions"]] == pair
    assert [event["type"] for event in data["events"]] == ["model.created", "version.registered", "version.registered"]
    assert list(target.parent.iterdir()) == [target]
    for wrong in (tmp_path, Path(os.devnull) / "x"):
        with pytest.raises(InvalidRequest):
            registry.export_registry(wrong)


def test_bytes_are_read_back(registry, pair):
    assert [(found.id, found.files, found.bytes, found.damage) for found in registry.verify()] == [
        (pair[1], 1, 7, []), (pair[0], 1, 7, []),
    ]  # fmt: skip
    (one,) = registry.verify(registry.get_model(pair[0]))
    assert (one.name, one.version) == ("fraud", "0.1.0")
    registry.register_version("fraud", "2.0.0")
    assert len(registry.verify()) == 2
    with pytest.raises(InvalidReference):
        registry.verify("")


@pytest.mark.every_way
def test_garbage_is_what_nothing_refers_to(registry, tmp_path):
    (tmp_path / "old").write_bytes(b"old")
    (tmp_path / "new").write_bytes(b"newer")
    old = registry.register_model(tmp_path / "old", "fraud")
    registry.register_model(tmp_path / "new", "fraud")
    registry.delete_model(old)
    assert registry.collect_garbage().blobs == 0, "an upload may be about to use it"
    plan = registry.collect_garbage(dry_run=True, grace_seconds=0)
    assert (plan.dry_run, plan.blobs, plan.bytes, plan.kept_blobs, plan.kept_bytes) == (True, 1, 3, 1, 5)
    done = registry.collect_garbage(grace_seconds=0)
    assert (done.dry_run, done.blobs, done.bytes) == (False, 1, 3)
    assert registry.collect_garbage(grace_seconds=0).blobs == 0
    assert all(not found.damage for found in registry.verify())
    for wrong in (-1, "soon", float("nan")):
        with pytest.raises(InvalidRequest):
            registry.collect_garbage(grace_seconds=wrong)
