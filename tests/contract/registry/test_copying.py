"""Copying a version: to another model, where no byte moves, and to another registry, where every byte is proven."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelyard import ModelRegistry
from modelyard.domain.stages import ModelStage
from modelyard.errors import Conflict, InvalidRequest, ModelNotFound, VersionExists

FACTS = {
    "description": "flags card payments",
    "metrics": {"accuracy": 0.93},
    "hyperparams": {"depth": 3},
    "tags": {"team": "risk"},
    "training_run_id": "run-7",
    "data_lineage": {"dataset": "payments", "version": 3},
    "input_schema": {"amount": "float64"},
    "extra": {"note": "kept"},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder whose only file lies deeper, so that its path has to survive."""
    path = tmp_path / "model" / "inner"
    path.mkdir(parents=True)
    (path / "weights.bin").write_bytes(b"weights" * 100)
    return path.parent


@pytest.fixture
def original(registry, folder):
    """A version with everything that a copy takes along, and with a stage and an alias that it does not."""
    made = registry.register_model(folder, "fraud", "1.4.2", label="beta", **FACTS)
    registry.promote_model(made, "staging")
    registry.set_alias("fraud", "champion", made)
    return registry.get_model(made)


def same(copy, original) -> None:
    """Assert that a copy has all that it should, and where it comes from."""
    for name in ("digest", "model_hash", "files", "label", "description", "metrics", "hyperparameters", "tags"):
        assert getattr(copy, name) == getattr(original, name), name
    for name in ("training_run_id", "data_lineage", "input_schema", "version"):
        assert getattr(copy, name) == getattr(original, name), name
    assert copy.extra == {
        "note": "kept",
        "copied_from": {
            "model": "fraud",
            "number": 1,
            "version": "1.4.2",
            "version_id": original.id,
            "digest": original.digest,
        },
    }
    assert (copy.stage, copy.aliases) == (ModelStage.DEVELOPMENT, [])


@pytest.mark.feature("EXP-28")
@pytest.mark.every_way
def test_a_copy_within_a_registry_shares_the_files_and_leads_back_to_its_original(registry, original):
    made = registry.copy_version("fraud@champion", name="fraud-eu")
    assert made.copied
    copy = registry.get_model("fraud-eu/1.4.2")
    same(copy, original)
    assert copy.parent_id == original.id
    stats = registry.get_registry_stats()
    assert stats["total_size_bytes"] == 2 * stats["stored_size_bytes"]
    assert registry.copy_version(original, name="fraud-eu", version="2.0.0").version.version == "2.0.0"


@pytest.mark.feature("EXP-28")
def test_a_copy_to_another_registry_has_the_same_digest(registry, original, tmp_path):
    told: list[int] = []
    with ModelRegistry(tmp_path / "other") as other:
        made = registry.copy_version("fraud/1", to=other, progress=told.append)
        assert made.copied
        same(other.get_model("fraud/1.4.2"), original)
        assert sum(told) == 2 * original.model_size_bytes
        assert all(not found.damage for found in other.verify("fraud/1.4.2"))
    by_path = registry.copy_version("fraud/1", to=tmp_path / "other", name="copied").version
    assert (by_path.name, by_path.digest) == ("copied", original.digest)


@pytest.mark.feature("EXP-28")
def test_repeating_a_copy_changes_nothing(registry, original, tmp_path):
    first = registry.copy_version(original, name="fraud-eu")
    again = registry.copy_version(original, name="fraud-eu")
    assert (again.copied, again.version) == (False, first.version)
    with ModelRegistry(tmp_path / "other") as other:
        made = registry.copy_version(original, to=other)
        before = len(other.get_history())
        again = registry.copy_version(original, to=other)
        assert (again.copied, again.version.id) == (False, made.version.id)
        assert len(other.get_history()) == before


@pytest.mark.feature("EXP-28")
def test_other_content_under_the_number_is_refused_here_and_elsewhere(registry, original, weights, tmp_path):
    registry.register_model(weights, "fraud-eu", "1.4.2")
    with pytest.raises(VersionExists, match="other content"):
        registry.copy_version(original, name="fraud-eu")
    with ModelRegistry(tmp_path / "other") as other:
        other.register_model(weights, "fraud", "1.4.2")
        with pytest.raises(VersionExists, match="other content"):
            registry.copy_version(original, to=other)


def test_aliases_come_along_where_they_are_asked_for_and_are_taken_from_nobody(registry, original, weights, tmp_path):
    registry.copy_version(original, name="fraud-eu", with_aliases=True)
    assert registry.get_model("fraud-eu@champion").version == "1.4.2"
    with ModelRegistry(tmp_path / "other") as other:
        mine = other.register_model(weights, "fraud", "0.9.0")
        other.set_alias("fraud", "champion", mine)
        with pytest.raises(Conflict, match="champion of fraud points to another version"):
            registry.copy_version(original, to=other, with_aliases=True)
        assert other.get_model("fraud@champion") == mine
        assert other.get_model("fraud/1.4.2").digest == original.digest


def test_a_copy_has_a_parent_where_the_parent_was_copied(registry, original, weights, tmp_path):
    child = registry.register_model(weights, "fraud", "1.5.0", parent=original)
    with ModelRegistry(tmp_path / "other") as other:
        assert registry.copy_version(child, to=other, name="alone").version.parent_id is None
        parent = registry.copy_version(original, to=other).version
        assert registry.copy_version(child, to=other).version.parent_id == parent.id


def test_a_version_without_files_is_copied_too(registry, tmp_path):
    made = registry.register_version("gemini", "1.0.0", create=True, description="hosted")
    original = registry.get_model(made)
    assert registry.copy_version(made, name="llm").version.provider == original.provider
    with ModelRegistry(tmp_path / "other") as other:
        copy = registry.copy_version(made, to=other).version
        assert (copy.provider, copy.description, copy.files) == (original.provider, "hosted", [])


def test_a_copy_needs_a_place_of_its_own(registry, original):
    with pytest.raises(InvalidRequest, match="copy of itself"):
        registry.copy_version(original, name="fraud")
    with pytest.raises(InvalidRequest, match="where to"):
        registry.copy_version(original)
    with pytest.raises(ModelNotFound):
        registry.copy_version("nobody/1", name="fraud-eu")
