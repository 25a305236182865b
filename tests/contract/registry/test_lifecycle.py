"""Promote, roll back, archive, deprecate, delete: the same results and the same errors, wherever the registry is."""

from __future__ import annotations

import numpy as np
import pytest

from modelyard import (
    Conflict,
    GateRefused,
    InUse,
    InvalidReference,
    InvalidRequest,
    InvalidStage,
    InvalidTransition,
    ModelNotFound,
    ModelStage,
    PreconditionFailed,
    VersionNotFound,
)


@pytest.fixture
def versions(registry, weights):
    """Two versions of one model, still in development."""
    return [
        registry.register_model(weights, "fraud", metrics={"accuracy": a, "f1_score": a - 0.1}) for a in (0.85, 0.95)
    ]


def to_production(registry, *ids):
    """Promote versions to production, one after the other."""
    for version_id in ids:
        registry.promote_model(version_id, "staging")
        registry.promote_model(version_id, "production")


@pytest.mark.feature("STG-01", "STG-04", "STG-05")
def test_a_version_that_meets_its_requirements_moves(registry, versions):
    done = registry.promote_model(
        versions[0],
        ModelStage.STAGING,
        requirements={"min_accuracy": np.float64(0.8), "min_f1": 0.7, "validation_required": True},
    )
    assert done
    assert (done.from_stage, done.to_stage, done.archived) == ("development", "staging", [])
    assert [(verdict.requirement, verdict.met) for verdict in done.verdicts] == [
        ("min_accuracy", True), ("min_f1", True), ("validation_required", True),
    ]  # fmt: skip
    assert done.version == versions[0]
    assert done.version.stage is registry.get_model(versions[0]).stage is ModelStage.STAGING


@pytest.mark.feature("STG-04", "STG-05")
def test_a_version_that_does_not_stays(registry, versions):
    with pytest.raises(GateRefused, match="min_accuracy") as caught:
        registry.promote_model(versions[0], "staging", {"min_accuracy": 0.9, "min_f1": 0.7, "tests_passed": True})
    assert isinstance(caught.value, ValueError)
    assert {verdict["requirement"]: verdict["met"] for verdict in caught.value.details["verdicts"]} == {
        "min_accuracy": False, "min_f1": True, "tests_passed": False,
    }  # fmt: skip
    assert registry.get_model(versions[0]).stage == "development"
    kinds = [event.type for event in registry.get_history(versions[0])]
    assert kinds == ["version.registered", "promotion.refused"]


@pytest.mark.feature("STG-03")
def test_an_illegal_move_is_refused(registry, versions):
    with pytest.raises(InvalidTransition, match="Invalid transition: development -> production") as caught:
        registry.promote_model(versions[0], "Production")
    assert isinstance(caught.value, ValueError)
    assert "staging" in caught.value.hint
    with pytest.raises(InvalidTransition):
        registry.update_model_stage(versions[0], ModelStage.PRODUCTION)


def test_a_promotion_that_cannot_be_meant(registry, versions):
    for arguments, error in (
        (("nowhere",), InvalidStage),
        ((5,), InvalidStage),
        (("",), InvalidStage),
        (("staging", {"min_acuracy": "high"}), InvalidRequest),
        (("staging", {"min_accuracy": float("nan")}), InvalidRequest),
        (("staging", {"accuracy": 0.9}), InvalidRequest),
        (("staging", [("min_accuracy", 0.9)]), InvalidRequest),
        (("staging", {1: 2}), InvalidRequest),
    ):
        with pytest.raises(error):
            registry.promote_model(versions[0], *arguments)
    assert registry.get_model(versions[0]).stage == "development"


@pytest.mark.feature("STG-10")
def test_the_newcomer_archives_who_stood_in_production(registry, versions):
    to_production(registry, versions[0])
    registry.promote_model(versions[1], "staging")
    done = registry.promote_model(versions[1], "production", comment="better")
    assert done.archived == [versions[0]]
    assert registry.get_model(versions[0]).stage == "archived"
    assert registry.get_model("fraud/production") == versions[1]
    assert registry.get_model(versions[1]).deployed


def test_who_stood_there_may_be_kept(registry, versions):
    to_production(registry, versions[0])
    registry.promote_model(versions[1], "staging")
    assert registry.promote_model(versions[1], "production", archive_previous=False).archived == []
    assert registry.list_models("production") == versions[::-1]
    with pytest.raises(InvalidRequest):
        registry.promote_model(versions[1], "archived", archive_previous="yes")


@pytest.mark.feature("STG-11")
def test_the_stage_is_set_along_the_graph(registry, versions):
    assert registry.update_model_stage(versions[0], "Staging").to_stage == "staging"
    assert registry.update_model_stage(versions[0], "staging").archived == []
    assert registry.update_model_stage(versions[0], None).to_stage == "development"
    assert (
        registry.update_model_stage(versions[0], ModelStage.REJECTED, comment="no").version.stage is ModelStage.REJECTED
    )


@pytest.mark.every_way
def test_a_move_may_demand_the_revision_that_was_seen(registry, versions):
    seen = registry.get_model(versions[0])
    registry.set_tags(versions[0], {"a": "b"})
    for move in (registry.promote_model, registry.update_model_stage):
        with pytest.raises(PreconditionFailed):
            move(versions[0], "staging", if_match=seen.revision)
    for end in (registry.archive_model, registry.deprecate_model, registry.delete_model):
        with pytest.raises(PreconditionFailed):
            end(versions[0], if_match=seen.revision)
    assert registry.promote_model(versions[0], "staging", if_match=seen.revision + 1)


@pytest.mark.feature("REG-13")
def test_a_version_is_archived(registry, versions):
    assert registry.archive_model(versions[0], reason="old").to_stage == "archived"
    assert registry.get_model(versions[0]).stage == "archived"
    with pytest.raises(InvalidTransition):
        registry.promote_model(versions[0], "staging")


@pytest.mark.feature("RBK-01", "RBK-02")
def test_production_goes_back(registry, versions):
    to_production(registry, *versions)
    back = registry.rollback_model("fraud", reason="errors", deprecate=False)
    assert (back.version, back.replaced, back.stage) == (versions[0], versions[1], "production")
    assert [registry.get_model(version_id).stage for version_id in versions] == ["production", "archived"]
    forward = registry.rollback_model(versions[0], "0.1.1", deprecate=False)
    assert (forward.version, forward.replaced) == (versions[1], versions[0])
    for target in (1, versions[0], registry.get_model(versions[0]), "fraud/0.1.0"):
        assert registry.rollback_model("fraud", target, deprecate=False).version == versions[0]
        registry.rollback_model("fraud", versions[1], deprecate=False)


def test_a_rollback_that_leads_nowhere(registry, versions, weights):
    other = registry.register_model(weights, "other")
    with pytest.raises(VersionNotFound, match="no earlier version"):
        registry.rollback_model("fraud")
    to_production(registry, versions[0])
    for arguments, error in (
        (("fraud", "9.9.9"), VersionNotFound),
        (("fraud", other), VersionNotFound),
        (("fraud", "0.1.0"), Conflict),
        (("fraud", 1.5), InvalidReference),
        (("nobody",), ModelNotFound),
    ):
        with pytest.raises(error):
            registry.rollback_model(*arguments)
    with pytest.raises(InvalidStage):
        registry.rollback_model("fraud", stage="nowhere")
    assert registry.get_model("fraud/production") == versions[0]


def test_a_deprecated_version_is_passed_over(registry, versions):
    marked = registry.deprecate_model(versions[1], "leaks labels")
    assert (marked.deprecated, marked.deprecation_reason) == (True, "leaks labels")
    assert registry.get_model("fraud/^0.1") == versions[0]
    registry.promote_model(versions[1], "staging")
    with pytest.raises(Conflict, match="deprecated"):
        registry.promote_model(versions[1], "production")


@pytest.mark.feature("REG-14")
def test_a_version_is_deleted_and_gone(registry, versions):
    gone = registry.delete_model(versions[0])
    assert (gone.name, gone.versions) == ("fraud", ["0.1.0"])
    for reference in (versions[0], "fraud/0.1.0", "fraud/1"):
        with pytest.raises(VersionNotFound):
            registry.get_model(reference)
    assert registry.list_models() == [versions[1]]
    with pytest.raises(VersionNotFound):
        registry.delete_model(versions[0])


@pytest.mark.feature("REG-14")
def test_what_is_held_is_deleted_by_force_only(registry, versions, weights):
    registry.set_alias("fraud", "champion", versions[0])
    child = registry.register_model(weights, "child", parent=versions[0])
    with pytest.raises(InUse) as caught:
        registry.delete_model(versions[0])
    assert caught.value.details["holders"] == [
        {"kind": "alias", "name": "champion"},
        {"kind": "child", "name": "child/0.1.0"},
    ]
    assert registry.get_model("fraud@champion") == versions[0]
    assert registry.delete_model(versions[0], force=True).versions == ["0.1.0"]
    assert registry.list_aliases("fraud") == []
    assert registry.get_model(child).parent_id == versions[0]
    with pytest.raises(InvalidRequest, match="force"):
        registry.delete_model(versions[1], "yes")


def test_a_model_goes_with_its_versions(registry, versions, weights):
    with pytest.raises(InUse):
        registry.delete_model("fraud")
    gone = registry.delete_model("fraud", force=True)
    assert sorted(gone.versions) == ["0.1.0", "0.1.1"]
    assert (registry.models(), registry.list_models()) == ([], [])
    with pytest.raises(ModelNotFound):
        registry.describe_model("fraud")
