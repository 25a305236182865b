"""Rename a model: what comes along, what does not, and what the past says; the same wherever the registry is."""

from __future__ import annotations

import pytest

from modelyard import InvalidName, ModelExists, ModelNotFound, PreconditionFailed

REQUIREMENTS = {"min_accuracy": 0.8}


@pytest.fixture
def fraud(registry, weights):
    """A model with a version in production, an alias and a tag."""
    version = registry.register_model(weights, "fraud", metrics={"accuracy": 0.9}, tags={"team": "risk"})
    registry.promote_model(version, "staging")
    registry.promote_model(version, "production")
    registry.set_alias("fraud", "champion", version)
    return version


@pytest.mark.feature("EXP-23")
def test_everything_of_its_own_comes_along(registry, fraud, tmp_path):
    before = registry.get_model(fraud)
    renamed = registry.rename_model("fraud", "card fraud")
    after = registry.get_model("card fraud@champion")
    assert (renamed.name, renamed.versions, renamed.aliases) == ("card fraud", 1, {"champion": after.version})
    assert (after.id, after.number, after.stage, after.tags) == (before.id, 1, "production", {"team": "risk"})
    assert [found.name for found in registry.search_models("card")] == ["card fraud"]
    assert registry.download_model("card fraud/production", tmp_path / "files")
    with pytest.raises(ModelNotFound):
        registry.describe_model("fraud")


def test_the_old_name_is_free_at_once_and_counts_anew(registry, fraud, weights):
    registry.rename_model("fraud", "card fraud")
    newcomer = registry.get_model(registry.register_model(weights, "fraud"))
    assert newcomer.number == 1
    assert newcomer.id != fraud


def test_a_moment_before_knows_the_model_by_its_old_name(registry, fraud):
    moment = registry.get_model(fraud).updated_at
    registry.rename_model("fraud", "card fraud")
    then = registry.get_model("fraud/production", as_of=moment)
    assert (then.id, then.name) == (fraud, "fraud")
    with pytest.raises(ModelNotFound):
        registry.get_model("card fraud/production", as_of=moment)


def test_the_record_of_events_stays_whole(registry, fraud):
    registry.rename_model("fraud", "card fraud")
    registry.rename_model("card fraud", "fraud")
    kinds = [event.type for event in registry.events(name="fraud")]
    assert kinds.count("model.renamed") == 2
    assert registry.verify_record().sound


def test_a_name_that_is_taken_or_cannot_be_changes_nothing(registry, fraud):
    registry.create_model("churn")
    with pytest.raises(ModelExists, match="churn"):
        registry.rename_model("fraud", "churn")
    with pytest.raises(InvalidName):
        registry.rename_model("fraud", "a/b")
    with pytest.raises(ModelNotFound):
        registry.rename_model("nothing", "something")
    with pytest.raises(PreconditionFailed):
        registry.rename_model("fraud", "x", if_match=99)
    assert registry.describe_model("fraud").revision == registry.rename_model("fraud", "fraud").revision
