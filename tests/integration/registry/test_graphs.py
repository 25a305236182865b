"""Stage graphs of one's own on real databases: environments, changes, rollbacks, what a graph may not lose."""

from __future__ import annotations

from typing import Any

import pytest

from components.asking import Asking
from components.yards import open_caller
from modelyard import DeprecatedVersionWarning, ModelRegistry
from modelyard.bootstrap import EmbeddedCaller
from modelyard.errors import (
    Conflict,
    InUse,
    InvalidConfig,
    InvalidStage,
    InvalidTransition,
    PreconditionFailed,
    VersionNotFound,
)

WORLD: dict[str, Any] = {
    "initial": "development",
    "exclusive": ["production", "eu-production", "us-production"],
    "environments": {"eu": ["eu-production"], "us": ["us-production"]},
    "moves": {
        "development": ["staging", "rejected", "archived"],
        "staging": ["production", "eu-production", "us-production", "rejected", "archived"],
        "production": ["archived"],
        "eu-production": ["archived"],
        "us-production": ["archived"],
        "rejected": [],
        "archived": [],
    },
}


@pytest.fixture
def registry(caller: EmbeddedCaller) -> ModelRegistry:
    """A registry of three versions in staging."""
    opened = Asking(caller)
    for version in ("1.0.0", "1.1.0", "2.0.0"):
        opened.register_version("fraud", version, create=True)
        opened.promote_model(f"fraud/{version}", "staging")
    return opened


@pytest.mark.feature("STG-02")
def test_one_version_stands_in_several_environments(registry):
    registry.set_stage_graph(WORLD)
    registry.promote_model("fraud/1.0.0", "eu-production")
    record = registry.promote_model("fraud/1.0.0", "us-production").version
    assert (record.stage, record.environments, record.deployed) == (
        "staging",
        {"eu": "eu-production", "us": "us-production"},
        True,
    )
    assert registry.get_model("fraud/eu-production").version == "1.0.0"
    assert [one.version for one in registry.list_models(stage="us-production")] == ["1.0.0"]
    assert [one.version for one in registry.search_models("fraud", stage="us-production")] == ["1.0.0"]
    registry.create_model("churn")
    assert [one.name for one in registry.models(stage="us-production")] == ["fraud"]
    assert registry.models(stage="us-production", owner="ana") == registry.models(stage="rejected") == []
    assert registry.get_latest_version("fraud", stage="eu-production") == record
    assert registry.describe_model("fraud").stages["eu-production"] == "1.0.0"

    moved = registry.promote_model("fraud/1.1.0", "eu-production")
    assert moved.archived == [record.id]
    assert registry.get_model("fraud/1.0.0").environments == {"us": "us-production"}
    assert registry.get_model("fraud/1.0.0").stage == "staging"
    with pytest.raises(InUse, match="us-production"):
        registry.delete_model("fraud/1.0.0")

    back = registry.rollback_model("fraud", stage="eu-production", reason="errors doubled")
    assert (back.version.version, back.replaced) == ("1.0.0", moved.version.id)
    left = registry.get_model("fraud/1.1.0")
    assert (left.environments, left.deprecated, left.successor) == ({}, True, "fraud/1.0.0")

    archived = registry.archive_model("fraud/1.0.0").version
    assert (archived.stage, archived.environments) == ("archived", {})
    kinds = [event.type for event in registry.get_history("fraud/1.0.0")]
    assert kinds.count("version.withdrawn") == 3


def test_making_room_elsewhere_leaves_an_environment_alone(registry):
    registry.set_stage_graph(WORLD)
    registry.promote_model("fraud/1.0.0", "eu-production")
    registry.promote_model("fraud/1.0.0", "production")
    registry.promote_model("fraud/1.1.0", "production")
    old = registry.get_model("fraud/1.0.0")
    assert (old.stage, old.environments) == ("archived", {"eu": "eu-production"})
    # It is needed in the other environment only, so it may come back to production.
    assert registry.rollback_model("fraud").version.environments == {"eu": "eu-production"}


@pytest.mark.feature("STG-02")
def test_a_model_may_have_a_graph_of_its_own(registry):
    registry.register_version("churn", "1.0.0", create=True)
    shadow = {"initial": "shadow", "moves": {"shadow": ["live"], "live": []}}
    before = registry.stage_graph("churn")
    assert (before.own, before.document) == (False, registry.stage_graph().document)
    with pytest.raises(InUse, match=r"development \(1 of churn\)"):
        registry.set_stage_graph(shadow, "churn")
    registry.delete_model("churn/1.0.0")
    assert registry.set_stage_graph(shadow, "churn", dry_run=True).revision == 0
    assert not registry.stage_graph("churn").own
    assert registry.set_stage_graph(shadow, "churn").revision == 1
    registry.register_version("churn", "2.0.0")
    assert registry.get_model("churn/2.0.0").stage == "shadow"
    assert registry.promote_model("churn/2.0.0", "live").version.stage == "live"
    assert registry.get_model("churn/live").version == "2.0.0"
    assert [one.version for one in registry.list_models(stage="live")] == ["2.0.0"]
    with pytest.raises(InvalidStage):
        registry.promote_model("fraud/1.0.0", "live")
    with pytest.raises(InvalidTransition):
        registry.promote_model("churn/2.0.0", "shadow")
    with pytest.raises(InUse, match="live"):
        registry.reset_stage_graph("churn")
    registry.delete_model("churn/2.0.0")
    assert not registry.reset_stage_graph("churn").own
    assert [event.type for event in registry.get_history("churn")][-1] == "graph.removed"


def test_a_graph_change_is_one_event_and_none_where_nothing_changes(registry):
    def events():
        return [event for event in registry.get_history() if event.type == "graph.changed"]

    assert registry.set_stage_graph(WORLD, dry_run=True).changes["stages_added"] == ["eu-production", "us-production"]
    assert events() == []
    first = registry.set_stage_graph(WORLD)
    assert (first.own, first.revision, first.dry_run) == (True, 1, False)
    assert registry.set_stage_graph(WORLD).revision == 1
    assert [(event.model, event.data["document"]["initial"]) for event in events()] == [("", "development")]
    with pytest.raises(PreconditionFailed):
        registry.set_stage_graph({**WORLD, "exclusive": ["production"]}, if_match=0)
    with pytest.raises(InvalidConfig, match="no path leads"):
        registry.set_stage_graph({**WORLD, "moves": {**WORLD["moves"], "mars": []}})


def test_a_stage_in_use_cannot_vanish_or_change_its_nature(registry):
    registry.set_stage_graph(WORLD)
    registry.promote_model("fraud/1.0.0", "eu-production")
    for changed in ({}, {"eu": ["eu-production"], "us": ["us-production", "staging"]}):
        with pytest.raises(InUse) as refused:
            registry.set_stage_graph({**WORLD, "environments": changed})
        assert refused.value.details["holders"][0]["model"] == "fraud"


def test_an_environment_with_versions_in_it_cannot_be_renamed(registry):
    registry.set_stage_graph(WORLD)
    registry.promote_model("fraud/1.0.0", "eu-production")
    renamed = {**WORLD, "environments": {"europe": ["eu-production"], "us": ["us-production"]}}
    with pytest.raises(InUse, match="eu-production"):
        registry.set_stage_graph(renamed)


def test_a_registry_opens_whatever_its_graph_is(caller, tmp_path):
    registry = Asking(caller)
    registry.set_stage_graph({"initial": "dev", "moves": {"dev": ["live"], "live": []}})
    url = caller.yard.database.url.render_as_string(hide_password=False)
    with open_caller(tmp_path / "registry", url) as again:
        opened = Asking(again)
        assert opened.get_model(opened.register_version("m", create=True)).stage == "dev"
        opened.promote_model("m/1", "live")
        opened.register_version("m")
        with pytest.raises(Conflict, match="no stage archived"):
            opened.promote_model("m/2", "live", archive_previous=True)


def test_a_rollback_of_a_stage_of_many_moves_one(registry):
    registry.update_model_stage("fraud/1.0.0", "archived")
    back = registry.rollback_model("fraud/2.0.0", "1.0.0", stage="staging")
    assert (back.replaced, back.left) == (registry.get_model("fraud/2.0.0").id, [back.replaced])
    assert [registry.get_model(f"fraud/{v}").stage for v in ("1.0.0", "1.1.0", "2.0.0")] == [
        "staging",
        "staging",
        "archived",
    ]


def test_a_rejected_version_does_not_come_back(registry):
    registry.set_stage_graph(WORLD)
    registry.promote_model("fraud/1.0.0", "eu-production")
    registry.promote_model("fraud/1.0.0", "rejected")
    registry.promote_model("fraud/1.1.0", "eu-production")
    with pytest.raises(VersionNotFound, match="no earlier version"):
        registry.rollback_model("fraud", stage="eu-production")
    with pytest.raises(Conflict, match="rejected"):
        registry.rollback_model("fraud", "1.0.0", stage="eu-production")


@pytest.mark.feature("RBK-10", "VER-15")
def test_a_rollback_deprecates_what_it_leaves_unless_it_was_not_at_fault(registry):
    registry.promote_model("fraud/1.0.0", "production")
    registry.promote_model("fraud/1.1.0", "production")
    registry.rollback_model("fraud", reason="errors doubled")
    faulty = registry.get_model("fraud/1.1.0")
    assert (faulty.deprecated, faulty.successor, faulty.stage) == (True, "fraud/1.0.0", "archived")
    assert "errors doubled" in faulty.deprecation_reason
    with pytest.raises(Conflict, match="deprecated"):
        registry.rollback_model("fraud", "1.1.0")
    with pytest.warns(DeprecatedVersionWarning, match="errors doubled; use fraud/1.0.0"):
        assert registry.resolve("fraud/1.1.0").successor == "fraud/1.0.0"
    assert not registry.deprecate_model("fraud/1.1.0", undo=True).deprecated
    registry.rollback_model("fraud", "1.1.0", deprecate=False)
    assert not registry.get_model("fraud/1.0.0").deprecated
    with pytest.raises(Conflict, match="not deprecated"):
        registry.deprecate_model("fraud/1.0.0", undo=True)


def test_a_successor_is_a_version_of_the_model_and_another_one(registry):
    record = registry.deprecate_model("fraud/1.0.0", "leaks labels", successor="2.0.0")
    assert (record.deprecation_reason, record.successor) == ("leaks labels", "fraud/2.0.0")
    with pytest.raises(ValueError, match="own successor"):
        registry.deprecate_model("fraud/1.0.0", "x", successor="1.0.0")
    with pytest.raises(LookupError):
        registry.deprecate_model("fraud/1.0.0", "x", successor="9.0.0")
